"""Adversarial training: it withstands the attack it trained against, and a population trains as its members would alone."""

import math
from functools import partial

import numpy as np
import pytest
import torch

from labkit import datasets
from labkit.attacks.evasion import pgd, random_noise
from labkit.attacks.membership import loss_threshold, roc
from labkit.models import mlp
from labkit.models.fitting import accuracy, fit, logits_of
from labkit.protection import train_adversarially, train_population

DIGITS = datasets.digits()
X, Y = DIGITS.X[:1200], DIGITS.y[:1200]
FRESH, ANSWERS = DIGITS.X[1200:1500], DIGITS.y[1200:1500]
SETTINGS = {"steps": 200, "learning_rate": 0.01}
SPARRING = partial(pgd, epsilon=0.15, steps=2, step_size=0.12)


def blank():
    torch.manual_seed(0)
    return mlp(64, 64, 10)


def under_attack(model):
    return accuracy(model, pgd(model, FRESH, ANSWERS, epsilon=0.15), ANSWERS)


def test_it_withstands_the_attack_and_training_on_noise_does_not():
    robust = train_adversarially(blank(), X, Y, attack=SPARRING, **SETTINGS)
    plain = fit(blank(), X, Y, **SETTINGS)
    rng = np.random.default_rng(0)
    noisy = train_adversarially(blank(), X, Y, attack=lambda model, x, y: random_noise(x, epsilon=0.15, rng=rng), **SETTINGS)
    assert under_attack(plain) < 0.2 and under_attack(robust) > 0.45
    assert under_attack(noisy) < under_attack(robust) - 0.2  # the control: noise of the same size is no sparring
    assert accuracy(robust, FRESH, ANSWERS) > accuracy(plain, FRESH, ANSWERS) - 0.08


@pytest.fixture(scope="module")
def members():
    return np.argsort(np.random.default_rng(1).random((6, 200)), axis=0) < 3


def test_a_population_trains_as_each_would_alone(members):
    attack = partial(pgd, epsilon=0.1, steps=2)
    together = train_population(X[:200], Y[:200], members, classes=10, steps=5, attack=attack)
    start = train_population(X[:200], Y[:200], members, classes=10, steps=1, learning_rate=1e-12)
    alone, rows = start.member(2), members[2]
    optimiser = torch.optim.SGD(alone.parameters(), 0.5, momentum=0.9)
    for _ in range(5):
        inputs = torch.from_numpy(attack(alone, X[:200][rows], Y[:200][rows]))
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(alone(inputs), torch.from_numpy(Y[:200][rows])).backward()
        optimiser.step()
    assert np.abs(logits_of(alone, FRESH) - together.logits(FRESH)[2]).max() < 1e-3
    assert np.allclose(logits_of(together.member(4), FRESH), together.logits(FRESH)[4], atol=1e-5)


def test_pupils_learn_from_probabilities(members):
    teachers = train_population(X[:200], Y[:200], members, classes=10)
    answers = np.exp(teachers.logits(X[200:600]))
    answers /= answers.sum(axis=2, keepdims=True)
    pupils = train_population(X[200:600], answers, np.ones((6, 400), bool), classes=10, hidden=16)
    agree = pupils.logits(FRESH).argmax(axis=2) == teachers.logits(FRESH).argmax(axis=2)
    assert agree.mean() > 0.85


def test_members_are_found_by_their_loss_only_where_they_were_trained_on(members):
    population = train_population(X[:200], Y[:200], members, classes=10, steps=150)
    scores = loss_threshold(population.logits(X[:200]), Y[:200])
    assert roc(scores, members).auc > 0.55
    strangers = np.argsort(np.random.default_rng(2).random((6, 200)), axis=0) < 3
    assert abs(roc(scores, strangers).auc - 0.5) < 0.09  # 1,200 pairs, deviation 0.017: five of them


MEMBERS = np.ones((2, 5), bool)


@pytest.mark.parametrize("name, bad", [
    *[("X", bad) for bad in ([], X[0], X[:5] * math.nan, None)],
    *[("y", bad) for bad in (Y[:4], Y[:5].astype(float), np.full(5, 10), np.full((2, 5, 10), 0.5), None)],
    *[("members", bad) for bad in (MEMBERS[:, :4], MEMBERS.astype(int), ~MEMBERS, MEMBERS[0])],
    *[("classes", bad) for bad in (0, 1, 2.5)], *[("attack", bad) for bad in (5, "pgd")],
    *[("hidden", bad) for bad in (0, -1, 1.5)], *[("steps", bad) for bad in (0, -1, 1.5)],
    *[("learning_rate", bad) for bad in (0, -1, math.nan)], *[("momentum", bad) for bad in (-0.1, 1, math.nan)],
    *[("seed", bad) for bad in (-1, 0.5)],
])
def test_bad_arguments_are_named(name, bad):
    arguments = {"X": X[:5], "y": Y[:5], "members": MEMBERS, "classes": 10, "steps": 1, name: bad}
    with pytest.raises(ValueError, match=name):
        train_population(**arguments)


@pytest.mark.parametrize("bad", [None, 5, "pgd"])
def test_a_bad_attack_is_named(bad):
    with pytest.raises(ValueError, match="attack"):
        train_adversarially(blank(), X, Y, attack=bad, steps=1)


def test_bad_questions_to_a_population_are_named(members):
    population = train_population(X[:200], Y[:200], members, classes=10, steps=1)
    for bad in (X[0], X[:, :9], [], None):
        with pytest.raises(ValueError, match="X"):
            population.logits(bad)
    for bad in (-1, 6, 1.5):
        with pytest.raises(ValueError, match="number"):
            population.member(bad)
