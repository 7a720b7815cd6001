"""Adversarial examples: they fool an ordinary model, agree with a library, stay in their budget; and aimless noise does not fool."""

import math
from functools import partial

import numpy as np
import pytest
import torch

from labkit import datasets
from labkit.attacks.evasion import _loss_gradient, fgsm, pgd, random_noise, square_attack
from labkit.models import mlp
from labkit.models.fitting import accuracy, fit, probabilities_of

DIGITS = datasets.digits()
X, Y = DIGITS.X[1200:1400], DIGITS.y[1200:1400]
EPSILON = 0.2  # of the grey scale; 8 x 8 pixels need more than 28 x 28


@pytest.fixture(scope="module")
def victim():
    torch.manual_seed(0)
    return fit(mlp(64, 64, 10), DIGITS.X[:1200], DIGITS.y[:1200], steps=300, learning_rate=0.01)


@pytest.fixture(scope="module")
def toolbox(victim):
    from art.estimators.classification import PyTorchClassifier

    return PyTorchClassifier(victim, loss=torch.nn.CrossEntropyLoss(), input_shape=(64,), nb_classes=10, clip_values=(0, 1),
                             device_type="cpu")


def test_fgsm_agrees_with_the_toolbox(victim, toolbox):
    from art.attacks.evasion import FastGradientMethod

    theirs = FastGradientMethod(toolbox, eps=EPSILON).generate(X, np.eye(10)[Y])
    assert np.abs(fgsm(victim, X, Y, epsilon=EPSILON) - theirs).max() < 1e-6


def test_pgd_agrees_with_the_toolbox(victim, toolbox):
    """The same steps from the same start; a gradient of nearly 0 may take either sign, so one pixel in a thousand may differ."""
    from art.attacks.evasion import ProjectedGradientDescent

    theirs = ProjectedGradientDescent(toolbox, eps=EPSILON, eps_step=0.03, max_iter=10, num_random_init=0,
                                      verbose=False).generate(X, np.eye(10)[Y])
    ours = pgd(victim, X, Y, epsilon=EPSILON, steps=10, step_size=0.03)
    assert np.mean(np.abs(ours - theirs) < 1e-5) > 0.999
    assert accuracy(victim, ours, Y) == pytest.approx(accuracy(victim, theirs, Y), abs=0.01)


def test_attacks_fool_an_ordinary_model_and_noise_of_their_size_does_not(victim):
    assert accuracy(victim, X, Y) > 0.9
    assert accuracy(victim, pgd(victim, X, Y, epsilon=EPSILON), Y) < 0.05
    assert accuracy(victim, fgsm(victim, X, Y, epsilon=EPSILON), Y) < 0.25
    asked = square_attack(partial(probabilities_of, victim), X, Y, epsilon=EPSILON, queries=200, rng=np.random.default_rng(0))
    assert accuracy(victim, asked, Y) < 0.3
    assert accuracy(victim, random_noise(X, epsilon=EPSILON, rng=np.random.default_rng(0)), Y) > 0.75


def test_attacks_fail_where_there_is_nothing_to_follow(victim):
    """A model that does not look at its input; and an attack with a budget far below a grey level."""
    deaf = torch.nn.Linear(64, 10)
    torch.nn.init.zeros_(deaf.weight)
    before = accuracy(deaf, X, Y)
    for attack in (pgd, fgsm):
        assert accuracy(deaf, attack(deaf, X, Y, epsilon=EPSILON), Y) == before
        assert accuracy(victim, attack(victim, X, Y, epsilon=1e-4), Y) > accuracy(victim, X, Y) - 0.02


@pytest.mark.parametrize("attack", [
    fgsm, pgd, partial(pgd, random_start=True, rng=np.random.default_rng(1)), partial(pgd, step_size=1.0),
    lambda model, *args, **options: square_attack(partial(probabilities_of, model), *args, queries=20, **options),
    lambda model, images, labels, **options: random_noise(images, **options),
])
def test_attacks_stay_in_their_budget_and_in_the_picture(victim, attack):
    changed = attack(victim, X[:40], Y[:40], epsilon=0.13)
    assert np.abs(changed - X[:40]).max() <= 0.13 + 1e-6 and changed.min() >= 0 and changed.max() <= 1
    assert changed.shape == (40, 64) and changed.dtype == np.float32


def test_more_steps_are_stronger_and_a_random_start_differs(victim):
    weak, strong = (accuracy(victim, pgd(victim, X, Y, epsilon=0.1, steps=steps), Y) for steps in (1, 20))
    assert strong <= weak
    starts = [pgd(victim, X[:5], Y[:5], epsilon=0.1, steps=1, random_start=True, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(starts[0], starts[1]) and not np.array_equal(starts[0], starts[2])


def test_the_gradient_is_that_of_the_loss(victim):
    """By finite differences in double precision."""
    precise = torch.nn.Sequential(*victim).double()
    try:
        x, y, nudge = X[:1].astype(float), Y[:1], 1e-6

        def loss(inputs):
            return torch.nn.functional.cross_entropy(precise(torch.from_numpy(inputs)), torch.tensor(y)).item()

        by_hand = [(loss(x + nudge * np.eye(64)[[k]]) - loss(x - nudge * np.eye(64)[[k]])) / (2 * nudge) for k in range(0, 64, 9)]
        assert np.allclose(_loss_gradient(precise, x, y)[0, ::9], by_hand, atol=1e-5)
    finally:
        victim.float()


def test_the_square_attack_only_asks_and_counts_its_questions():
    calls = []

    def predict(inputs):
        calls.append(len(inputs))
        return np.eye(10)[np.zeros(len(inputs), int)]

    square_attack(predict, X[:6], Y[:6], epsilon=0.1, queries=13, rng=np.random.default_rng(0))
    assert calls == [6] * 13


CALLS = {"fgsm": lambda model, **kw: fgsm(model, kw.pop("X", X), kw.pop("y", Y), **kw),
         "pgd": lambda model, **kw: pgd(model, kw.pop("X", X), kw.pop("y", Y), **kw),
         "square": lambda model, **kw: square_attack(partial(probabilities_of, model), kw.pop("X", X), kw.pop("y", Y),
                                                     **{"queries": 2, **kw}),
         "noise": lambda model, **kw: random_noise(kw.pop("X", X), **{key: kw[key] for key in kw if key != "y"})}


@pytest.mark.parametrize("which, name, bad", [
    *[(which, "epsilon", bad) for which in CALLS for bad in (0, -1, math.nan, math.inf, None)],
    *[(which, "X", bad) for which in CALLS for bad in ([], X + 1, X - 1, np.full((200, 64), math.nan), X[0], None)],
    *[(which, "high", bad) for which in CALLS for bad in (0.0, -1, math.nan)],
    *[(which, "y", bad) for which in ("fgsm", "pgd", "square") for bad in (Y[:3], Y.astype(float), -Y - 1, None)],
    *[("pgd", "steps", bad) for bad in (0, -1, 1.5)], *[("pgd", "step_size", bad) for bad in (0, -1, math.inf)],
    *[("square", "queries", bad) for bad in (0, -1, 1.5)], ("square", "X", X[:, :63]),
    *[(which, "rng", 7) for which in ("pgd", "square", "noise")],
])
def test_bad_arguments_are_named(victim, which, name, bad):
    with pytest.raises(ValueError, match=name):
        CALLS[which](victim, **{"epsilon": 0.1, name: bad})


def test_the_square_attack_needs_a_function():
    with pytest.raises(ValueError, match="predict"):
        square_attack("ask", X, Y, epsilon=0.1, queries=2)
