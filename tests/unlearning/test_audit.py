"""The erasure audit: sees what is left, sees nothing where nothing is, and where the crude attack is fooled it is not."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from labkit.attacks.extraction import exposure
from labkit.attacks.shadows import train_further, train_shadows
from labkit.unlearning import audit_erasure, random_labels, rank_exposure, two_sided_exposure


def seeded():
    return np.random.default_rng(153)


def outcome(left, *, models=64, records=40, rng=None):
    """Logits of two classes: each record has a hardness of its own, and `left` is what remains, for each record, of having had it."""
    rng = rng or seeded()
    had = rng.random((models, records)) < 0.5
    sureness = 3 * rng.normal(size=records) + rng.normal(size=(models, records)) + had * left
    return np.stack([sureness, np.zeros_like(sureness)], axis=-1), np.zeros(records, int), had


def test_what_is_left_is_seen_and_hardness_hides_it_from_the_crude_attack():
    found = audit_erasure(*outcome(1.5))
    assert found.caught and found.per_record.auc > 0.75 and found.crude.auc < 0.7


def test_a_record_painted_over_is_caught_though_crudely_it_looks_unknown():
    """Half of the erased records are surer than never met, half less: the mean is that of strangers."""
    left = np.where(np.arange(40) % 2, 2.0, -2.0)
    found = audit_erasure(*outcome(left))
    assert abs(found.crude.auc - 0.5) < 0.1 and found.per_record.auc > 0.8 and found.caught and "still there" in str(found)


def test_false_alarms_are_as_rare_as_stated():
    """60 audits of nothing: none may cry (each does once in 10,000; with this seed none does). Their AUCs have the stated spread: 60 of them
    tell it to within a tenth, so that a ratio beyond 1.45 is rarer than one in 10,000."""
    found = [audit_erasure(*outcome(0.0, models=32, records=20, rng=rng)) for rng in np.random.default_rng(0).spawn(60)]
    assert not any(each.caught for each in found) and "not seen" in str(found[0])
    spread, told = np.std([each.per_record.auc for each in found]), np.mean([each.luck for each in found])
    assert 0.65 < told / spread < 1.45


def test_the_model_from_before_shows_what_the_model_after_does_not():
    logits, y, had = outcome(0.0)
    before = logits.copy()
    before[..., 0] += 2.0 * had
    found = audit_erasure(logits, y, had, before=before)
    assert not found.caught and found.difference.auc > 0.99 and "from before" in str(found)
    assert audit_erasure(logits, y, had).difference is None


@pytest.fixture(scope="module")
def digits():
    """32 networks of 300 digits, of which 12 in 40 candidates bear a wrong label; the networks, and how they were trained."""
    rng, (X, y) = seeded(), load_digits(return_X_y=True)
    rows = rng.permutation(len(X))[:300]
    X, y = X[rows] / 16, y[rows].copy()
    wrong = rng.random(300) < 0.1
    y[wrong] = (y[wrong] + rng.integers(1, 10, wrong.sum())) % 10
    members, asked = rng.random((32, 300)) < 0.5, np.arange(300) < 40
    return X, y, members, asked, train_shadows(X, y, members, classes=10, seed=1)


def judged(networks, digits):
    X, y, members, asked, full = digits
    return audit_erasure(networks.logits(X[:40]), y[:40], members[:, :40], before=full.logits(X[:40]))


def test_real_networks_retrained_pass_and_are_betrayed_by_the_old_ones(digits):
    """The audit's luck is about .02: a right procedure is accused once in 10,000 seeds."""
    X, y, members, asked, _ = digits
    found = judged(train_shadows(X, y, members & ~asked, classes=10, seed=2), digits)
    assert not found.caught and found.difference.auc > 0.65


def test_real_networks_with_nothing_done_or_random_labels_are_caught(digits):
    X, y, members, asked, full = digits
    painted = train_further(full, X, random_labels(y, asked, classes=10, rng=seeded()), members, steps=15, learning_rate=0.2)
    nothing, relabelled = judged(full, digits), judged(painted, digits)
    assert nothing.caught and relabelled.caught and relabelled.crude.auc < 0.55 < 0.65 < relabelled.per_record.auc


# --- exposure from both ends


def test_the_exposure_of_scores_is_that_of_the_model():
    table = np.log(seeded().dirichlet(np.ones(10), size=1))

    def model(tokens):
        return np.broadcast_to(table[:, None], (*tokens.shape, 10))

    candidates = np.arange(10)[:, None]
    for mine in range(10):
        assert rank_exposure(table[0], mine) == pytest.approx(exposure(model, np.array([0]), np.array([mine]), candidates))


def test_exposure_has_its_ends_and_ties_count_against_the_secret():
    assert rank_exposure(np.arange(8), 7) == 3 and rank_exposure(np.arange(8), 0) == 0 and rank_exposure(np.ones(8), 3) == 0
    assert two_sided_exposure(np.arange(8), 0) == two_sided_exposure(np.arange(8), 7) == 2
    assert two_sided_exposure(np.arange(8), 3) == two_sided_exposure(np.ones(8), 3) == 0


@pytest.mark.parametrize("n", [2, 7, 100, 10_000])
def test_a_secret_by_lot_reaches_x_bits_from_both_ends_with_probability_two_to_the_minus_x_at_most(n):
    """Exactly: over all n places that it can have."""
    scores = np.arange(n)
    both = np.array([two_sided_exposure(scores, mine) for mine in range(n)])
    for bits in (0.5, 1, 2, 3, 5.5, 12):
        assert (both >= bits).sum() <= n * 2**-bits


@pytest.mark.parametrize("scores, mine, name", [([1.0], 0, "scores"), ([], 0, "scores"), ([[1, 2]], 0, "scores"),
                                                ([1, float("nan")], 0, "scores"),
                                                ([1, 2], 2, "mine"), ([1, 2], -1, "mine"), ([1, 2], 0.5, "mine")])
def test_bad_scores_are_refused_by_name(scores, mine, name):
    for measure in (rank_exposure, two_sided_exposure):
        with pytest.raises(ValueError, match=name):
            measure(scores, mine)


def test_bad_outcomes_are_refused_by_name():
    logits, y, had = outcome(1.0, models=30, records=4)
    for name, arguments in [("logits", (logits[0, 0], y, had)), ("y", (logits, y + 9, had)), ("logits", (logits, y[:2], had)),
                            ("members", (logits, y, had[:, :3])),
                            ("members", (logits, y, np.ones_like(had)))]:
        with pytest.raises(ValueError, match=name):
            audit_erasure(*arguments)
    with pytest.raises(ValueError, match="before"):
        audit_erasure(logits, y, had, before=logits[:5])
