"""Membership inference: right where it must succeed, blind where it must fail, and the shadow models are what they say."""

import time

import numpy as np
import pytest
import torch
from scipy import special, stats
from sklearn.metrics import roc_auc_score, roc_curve

from labkit import datasets, dp
from labkit.attacks import shadows
from labkit.attacks.membership import Roc, lira, log_odds, loss_threshold, roc
from labkit.attacks.shadows import train_shadows
from labkit.dp.auditing.gaussian import most_true_positives

MODELS, RECORDS, STEPS, DELTA = 64, 500, 40, 1e-3


def records(seed=0):
    """500 digits, a tenth of them mislabelled; which are; and which records each of 64 models has, each by its own coin."""
    rng, data = np.random.default_rng(seed), datasets.digits()
    rows = rng.choice(len(data), RECORDS, replace=False)
    X, y, flipped = data.X[rows] - 0.5, data.y[rows].copy(), rng.random(RECORDS) < 0.1
    y[flipped] = (y[flipped] + rng.integers(1, 10, flipped.sum())) % 10
    return X, y, flipped, rng.random((MODELS, RECORDS)) < 0.5


def attacked(**training):
    X, y, flipped, members = records()
    began = time.process_time()
    trained = train_shadows(X, y, members, classes=10, **training)
    logits = trained.logits(X)
    scores = lira(log_odds(logits, y), members)
    return {"lira": roc(scores, members), "loss": roc(loss_threshold(logits, y), members), "seconds": time.process_time() - began,
            "flipped": roc(scores[:, flipped], members[:, flipped]), "scores": scores, "members": members}


@pytest.fixture(scope="module")
def overfitted():
    return attacked()


def private(epsilon):
    noise = dp.noise_multiplier_for(epsilon=epsilon, delta=DELTA, sample_rate=1.0, steps=STEPS)
    return attacked(steps=STEPS, learning_rate=1.0, momentum=0.5, max_grad_norm=1.0, noise_multiplier=noise), STEPS**0.5 / noise


def test_it_finds_members_of_an_overfitted_model(overfitted):
    assert overfitted["lira"].auc > 0.75
    assert overfitted["lira"].true_positives_at(0.01) > 0.15 and overfitted["lira"].true_positives_at(0.001) > 0.05
    assert overfitted["flipped"].auc > 0.98  # whoever is mislabelled can only be known by heart


def test_the_loss_alone_looks_good_on_average_and_finds_nobody_for_sure(overfitted):
    assert overfitted["loss"].auc > 0.6
    assert overfitted["loss"].true_positives_at(0.01) < 0.03


def test_64_shadows_take_less_than_10_seconds(overfitted):
    assert overfitted["seconds"] < 10  # of processor time, on one thread


def test_it_fails_against_differential_privacy_and_stays_under_the_ceiling():
    for epsilon, most_auc in [(8, 0.7), (2, 0.57), (0.5, 0.53)]:
        found, mu = private(epsilon)
        assert found["lira"].auc < most_auc
        rates = np.array([0.001, 0.01, 0.1, 0.5])
        reached = [found["lira"].true_positives_at(rate) for rate in rates]
        # 16,000 non-members: chance adds less than 5 standard errors of the false-positive rate
        slack = 5 * np.sqrt(rates * (1 - rates) / 16_000)
        assert (reached <= most_true_positives(rates + slack, mu=mu) + 5 * np.sqrt(0.25 / 16_000)).all()


def test_it_fails_where_there_is_nothing_to_find(overfitted):
    """The same scores against coins that the models never saw: AUC 0.5, within 5 of its standard errors (1 / sqrt(12 x 16,000))."""
    other = np.random.default_rng(1).random(overfitted["members"].shape) < 0.5
    assert abs(roc(overfitted["scores"], other).auc - 0.5) < 5 / np.sqrt(12 * 16_000)
    untrained = np.random.default_rng(2).normal(size=other.shape)
    assert abs(roc(lira(untrained, other), other).auc - 0.5) < 5 / np.sqrt(12 * 16_000)


# --- the parts


def test_roc_is_scikit_learns():
    rng = np.random.default_rng(3)
    members = rng.random(2000) < 0.3
    scores = np.round(members + rng.normal(size=2000), 1)  # with ties
    ours, (false, true, _) = roc(scores, members), roc_curve(members, scores, drop_intermediate=False)
    assert ours.false_positives == pytest.approx(false) and ours.true_positives == pytest.approx(true)
    assert ours.auc == pytest.approx(roc_auc_score(members, scores))
    assert ours.true_positives_at(0.2) == pytest.approx(np.interp(0.2, false, true))


def test_a_perfect_a_blind_and_a_reversed_attack():
    members = np.array([True, True, False, False])
    assert roc([3, 2, 1, 0], members).auc == 1
    assert roc([1, 1, 1, 1], members).auc == 0.5
    assert roc([0, 1, 2, 3], members).auc == 0
    assert Roc(np.array([0, 1.0]), np.array([0, 1.0])).true_positives_at(0.3) == pytest.approx(0.3)


def test_log_odds_and_loss_agree_with_scipy():
    rng = np.random.default_rng(4)
    logits, y = 30 * rng.normal(size=(5, 20, 7)), rng.integers(0, 7, 20)
    p = special.log_softmax(logits, axis=-1)[:, np.arange(20), y]
    assert loss_threshold(logits, y) == pytest.approx(p, rel=1e-9, abs=1e-9)
    moderate = logits / 10
    q = special.softmax(moderate, axis=-1)[:, np.arange(20), y]
    assert log_odds(moderate, y) == pytest.approx(np.log(q / (1 - q)), rel=1e-6)
    assert np.isfinite(log_odds(1000 * logits, y)).all()


def test_lira_is_the_formula():
    rng = np.random.default_rng(5)
    members = rng.random((20, 6)) < 0.5
    sureness = rng.normal(size=(20, 6)) + 2 * members + 1000
    scores = lira(sureness, members)
    for target in range(20):
        for record in range(6):
            others = np.arange(20) != target
            held, out = (sureness[others & (members[:, record] == has), record] for has in (True, False))
            expected = (stats.norm.logpdf(sureness[target, record], held.mean(), held.std() + 1e-6)
                        - stats.norm.logpdf(sureness[target, record], out.mean(), out.std() + 1e-6))
            assert scores[target, record] == pytest.approx(expected, rel=1e-6, abs=1e-6)


# --- the shadow models


def small():
    rng = np.random.default_rng(6)
    return rng.normal(size=(12, 5)).astype(np.float32), rng.integers(0, 3, 12), rng.random((4, 12)) < 0.5


@pytest.mark.parametrize("max_grad_norm", [None, 0.7])
def test_the_stacked_gradient_is_autograds(max_grad_norm):
    X, y, members = small()
    weights = train_shadows(X, y, members, classes=3, hidden=6, steps=3, seed=1).weights
    targets = torch.nn.functional.one_hot(torch.from_numpy(y), 3).float()
    sums = shadows._gradient_sums(weights, torch.from_numpy(X), targets, torch.from_numpy(members), max_grad_norm)
    for model in range(4):
        total = [torch.zeros_like(each[model]) for each in weights]
        for record in np.flatnonzero(members[model]):
            own = [each[model].clone().requires_grad_() for each in weights]
            hidden = torch.relu(torch.from_numpy(X[record]) @ own[0] + own[1])
            loss = torch.nn.functional.cross_entropy((hidden @ own[2] + own[3])[None], torch.from_numpy(y[record:record + 1]))
            gradient = torch.autograd.grad(loss, own)
            norm = torch.sqrt(sum(each.square().sum() for each in gradient))
            factor = 1 if max_grad_norm is None else min(1.0, max_grad_norm / float(norm))
            for part, each in zip(total, gradient):
                part += factor * each
        for part, each in zip(total, sums):
            assert torch.allclose(part, each[model], atol=1e-5)


def test_a_record_that_nobody_has_changes_nothing():
    X, y, members = small()
    members[:, 0] = False
    changed = X.copy()
    changed[0] = 99
    for one, other in zip(train_shadows(X, y, members, classes=3, steps=5).weights,
                          train_shadows(changed, y, members, classes=3, steps=5).weights):
        assert torch.equal(one, other)


def test_a_record_that_overflows_counts_as_zero():
    X, y, members = small()
    members[:, 0] = True
    without = members.copy()
    without[:, 0] = False
    X[0] = 1e30
    for one, other in zip(train_shadows(X, y, members, classes=3, steps=3, max_grad_norm=1).weights,
                          train_shadows(X, y, without, classes=3, steps=3, max_grad_norm=1).weights):
        assert one.isfinite().all() and torch.allclose(one, other, atol=1e-6)


def test_the_noise_has_the_spread_that_it_says():
    X, y = np.zeros((2, 50), np.float32), np.array([0, 1])
    nobody = np.zeros((40, 2), bool)
    quiet, noisy = (train_shadows(X, y, nobody, classes=2, steps=1, learning_rate=1, max_grad_norm=3.0, noise_multiplier=noise, seed=2)
                    for noise in (0, 2.0))
    change = torch.cat([(a - b).flatten() for a, b in zip(quiet.weights, noisy.weights)])
    assert change.std().item() == pytest.approx(6.0, rel=0.02)  # 130,000 draws: 10 standard errors
    assert abs(change.mean().item()) < 0.1


def test_the_seed_decides_and_threads_are_put_back():
    X, y, members = small()
    before = torch.get_num_threads()
    made = [train_shadows(X, y, members, classes=3, steps=2, max_grad_norm=1, noise_multiplier=1, seed=seed).logits(X) for seed in (1, 1, 2)]
    assert (made[0] == made[1]).all() and (made[0] != made[2]).any() and made[0].shape == (4, 12, 3)
    assert torch.get_num_threads() == before


# --- arguments

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("name, change", [
    *[("X", dict(X=bad)) for bad in ([], None, [1, 2], "X", [[NAN]] * 12, [[INF]] * 12)],
    *[("y", dict(y=bad)) for bad in ([], None, [0.5] * 12, [-1] * 12, [3] * 12, [0, 1], "y")],
    *[("members", dict(members=bad)) for bad in ([], None, [[1] * 12], [[True] * 11], [True] * 12, "all")],
    *[("classes", dict(classes=bad)) for bad in (0, 1, 2.5, None, NAN)],
    *[(name, {name: bad}) for name in ("hidden", "steps") for bad in (0, -1, 1.5, None, NAN)],
    *[("learning_rate", dict(learning_rate=bad)) for bad in (0, -1, NAN, INF, None)],
    *[("momentum", dict(momentum=bad)) for bad in (-0.1, 1, NAN, INF, None)],
    *[("max_grad_norm", dict(max_grad_norm=bad)) for bad in (0, -1, NAN, INF, "big")],
    ("max_grad_norm", dict(noise_multiplier=1.0)),
    *[("noise_multiplier", dict(max_grad_norm=1.0, noise_multiplier=bad)) for bad in (-1, NAN, INF, None, "much")],
    *[("seed", dict(seed=bad)) for bad in (-1, 1.5, None, NAN)],
])
def test_bad_training_is_refused_by_name(name, change):
    X, y, members = small()
    arguments = {"X": X, "y": y, "members": members, "classes": 3, **change}
    with pytest.raises(ValueError, match=name):
        train_shadows(arguments.pop("X"), arguments.pop("y"), arguments.pop("members"), **arguments)


@pytest.mark.parametrize("bad", [[], None, [1, 2], [[1, 2]], [[NAN] * 5]])
def test_bad_records_for_logits_are_refused(bad):
    X, y, members = small()
    with pytest.raises(ValueError, match="X"):
        train_shadows(X, y, members, classes=3, steps=1).logits(bad)


MEMBERS = np.array([[True, False]] * 4 + [[False, True]] * 4)


@pytest.mark.parametrize("name, call", [
    *[("scores", lambda bad=bad: roc(bad, MEMBERS)) for bad in ([], None, [NAN], "scores", [1, 2])],
    *[("members", lambda bad=bad: roc([1, 2], bad)) for bad in ([], None, [1, 0], [True, True], [False, False], [True], "all")],
    *[("sureness", lambda bad=bad: lira(bad, MEMBERS)) for bad in ([], None, [[NAN]], "all", np.zeros((8, 3)))],
    ("sureness", lambda: lira(np.zeros(8), MEMBERS[:, 0])),
    ("members", lambda: lira(np.zeros((6, 2)), MEMBERS[1:7])), ("members", lambda: lira(np.zeros((8, 2)), MEMBERS.astype(int))),
    *[("logits", lambda bad=bad: log_odds(bad, [0, 1])) for bad in ([], None, [0, 1], [[NAN, 1]] * 2, [[1], [1]], np.zeros((3, 4)))],
    *[("y", lambda bad=bad: loss_threshold(np.zeros((2, 3)), bad)) for bad in ([], None, [0.5, 1], [-1, 0], [0, 3], "labels")],
    *[("false_positives", lambda bad=bad: roc([1, 0], [True, False]).true_positives_at(bad)) for bad in (0, -1, 1.5, NAN, None)],
])
def test_bad_arguments_are_refused_by_name(name, call):
    with pytest.raises(ValueError, match=name):
        call()
