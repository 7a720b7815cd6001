"""The differentially private release: its noise, its epsilon (audited, with broken twins), and what it keeps."""

import numpy as np
import pytest
from scipy import stats

from labkit.anonymity import synthetic
from labkit.anonymity.synthetic import noisy_tables, synthetic_rows
from labkit.dp import audit, geometric

SIZES, LABELS = [3, 2, 4], 2
PERSON, PERSON_LABEL = [1, 0, 2], 1
rng = np.random.default_rng(5)
FEATURES = np.column_stack([rng.integers(0, size, 40) for size in SIZES])
LABEL = rng.integers(0, LABELS, 40)
WITH = (np.vstack([FEATURES, PERSON]), np.append(LABEL, PERSON_LABEL))
WITHOUT = (FEATURES, LABEL)
# A correct mechanism is called broken once in 10,000 audits: by the confidence.
SURE, RUNS = 0.9999, 6000


def exact(features, label):
    tables = [np.zeros((size, LABELS), dtype=int) for size in SIZES]
    for row, value in zip(features, label):
        for table, code in zip(tables, row):
            table[code, value] += 1
    return tables


def the_persons_cells(tables):
    return float(sum(table[code, PERSON_LABEL] for table, code in zip(tables, PERSON)))


class Pool:
    """The geometric mechanism, with its noise drawn for all runs at once: a call costs a tenth."""

    def __init__(self):
        self.generator, self.noise = np.random.default_rng(11), {}

    def __call__(self, value, *, sensitivity, epsilon, rng=None):
        waiting = self.noise.get((sensitivity, epsilon), np.empty(0, dtype=int))
        if len(waiting) < len(value):
            waiting = geometric(np.zeros(200_000, dtype=int), sensitivity=sensitivity, epsilon=epsilon, rng=self.generator)
        self.noise[sensitivity, epsilon] = waiting[len(value) :]
        return value + waiting[: len(value)]


def audited(score=the_persons_cells):
    return audit(lambda data: noisy_tables(*data, SIZES, LABELS, epsilon=1.0), WITH, WITHOUT, runs=RUNS, score=score)


def test_counts_are_right_before_the_noise(monkeypatch):
    monkeypatch.setattr(synthetic, "geometric", lambda value, **_: value)
    for ours, theirs in zip(noisy_tables(FEATURES, LABEL, SIZES, LABELS, epsilon=1), exact(FEATURES, LABEL)):
        assert (ours == theirs).all()


def test_one_person_moves_the_answer_by_the_sensitivity(monkeypatch):
    seen = {}
    monkeypatch.setattr(synthetic, "geometric", lambda value, **claim: seen.update(claim) or value)
    tables = [
        np.concatenate([each.ravel() for each in noisy_tables(*data, SIZES, LABELS, epsilon=1)]) for data in (WITH, WITHOUT)
    ]
    assert np.abs(tables[0] - tables[1]).sum() == seen["sensitivity"] == len(SIZES)


def test_noise_is_discrete_laplace_of_the_right_width():
    generator, epsilon = np.random.default_rng(3), 1.5
    truth = np.concatenate([each.ravel() for each in exact(FEATURES, LABEL)])
    noise = np.concatenate(
        [
            np.concatenate(
                [each.ravel() for each in noisy_tables(FEATURES, LABEL, SIZES, LABELS, epsilon=epsilon, rng=generator)]
            )
            - truth
            for _ in range(400)
        ]
    )
    ratio = np.exp(-epsilon / len(SIZES))
    edges = np.arange(-8, 9)
    expected = (1 - ratio) / (1 + ratio) * ratio ** np.abs(edges)
    tail = (1 - expected.sum()) / 2
    counts = [np.sum(noise < -8), *(np.sum(noise == edge) for edge in edges), np.sum(noise > 8)]
    # Fails by chance once in 10,000 seeds.
    assert stats.chisquare(counts, np.array([tail, *expected, tail]) * len(noise)).pvalue > 1e-4


def test_the_audit_does_not_refute_epsilon(monkeypatch):
    monkeypatch.setattr(synthetic, "geometric", Pool())
    assert 0.1 < audited().epsilon_lower_bound(confidence=SURE) <= 1.0, "it should see something, and no more than claimed"


@pytest.mark.parametrize(
    "mistake", ["forgets that a person is in every table", "a third of the noise", "no noise on the last table"]
)
def test_the_audit_catches_broken_twins(monkeypatch, mistake):
    right = Pool()

    def forgets(value, *, sensitivity, epsilon, rng):
        return right(value, sensitivity=1, epsilon=epsilon)

    def third(value, *, sensitivity, epsilon, rng):
        return right(value, sensitivity=sensitivity, epsilon=3 * epsilon)

    def spares(value, *, sensitivity, epsilon, rng):
        last = SIZES[-1] * LABELS
        return np.concatenate([right(value, sensitivity=sensitivity, epsilon=epsilon)[:-last], value[-last:]])

    broken = {
        "forgets that a person is in every table": forgets,
        "a third of the noise": third,
        "no noise on the last table": spares,
    }
    monkeypatch.setattr(synthetic, "geometric", broken[mistake])
    last_cell = (
        (lambda tables: float(tables[-1][PERSON[-1], PERSON_LABEL])) if broken[mistake] is spares else the_persons_cells
    )
    assert audited(last_cell).epsilon_lower_bound(confidence=SURE) > 1.0


def test_synthetic_rows_follow_the_tables():
    generator = np.random.default_rng(8)
    label = generator.integers(0, 2, 20_000)
    features = np.column_stack(
        [np.where(generator.random(20_000) < 0.8, label, 1 - label), generator.integers(0, 3, 20_000)]
    )
    tables = noisy_tables(features, label, [2, 3], 2, epsilon=5, rng=generator)
    made, made_label = synthetic_rows(tables, 20_000, generator)
    assert made.shape == (20_000, 2) and made_label.shape == (20_000,)
    # Shares of 20,000 draws are within 0.02 of the truth save once in 10,000,000; the noise moves them by less than 0.001.
    assert abs(made_label.mean() - label.mean()) < 0.02
    assert abs((made[:, 0] == made_label).mean() - 0.8) < 0.02
    assert abs((made[:, 1] == 2).mean() - 1 / 3) < 0.02


def test_synthetic_rows_survive_tables_of_pure_noise():
    tables = [np.array([[-3, -1], [-2, -5]]), np.array([[0, 0], [0, 4]])]
    made, label = synthetic_rows(tables, 100, np.random.default_rng(0))
    assert set(made.ravel()) <= {0, 1} and set(label) <= {0, 1}


def test_synthetic_rows_see_only_the_tables():
    """Two data sets with the same noisy tables give the same synthetic rows: nothing else of the data gets through."""
    tables = [np.array([[5, 2], [1, 9]])]
    first, second = (synthetic_rows(tables, 50, np.random.default_rng(4)) for _ in range(2))
    assert (first[0] == second[0]).all() and (first[1] == second[1]).all()


GOOD = dict(features=FEATURES, label=LABEL, sizes=SIZES, label_size=LABELS, epsilon=1.0)


@pytest.mark.parametrize(
    "change, named",
    [
        (dict(features=None), "features"),
        (dict(features=FEATURES[0]), "features"),
        (dict(features=FEATURES[:0]), "features"),
        (dict(features=FEATURES + 9), "features"),
        (dict(features=FEATURES - 1), "features"),
        (dict(features=FEATURES * 1.0), "features"),
        (dict(features=np.full((40, 3), np.nan)), "features"),
        (dict(label=LABEL[:5]), "features and label"),
        (dict(label=LABEL + 2), "label"),
        (dict(label=None), "label"),
        (dict(sizes=[3, 2]), "sizes"),
        (dict(sizes=[3, 2, 0]), "sizes"),
        (dict(sizes=[3, 2, 4.0]), "sizes"),
        (dict(sizes=3), "sizes"),
        (dict(label_size=1), "label_size"),
        (dict(label_size=2.0), "label_size"),
        (dict(epsilon=0), "epsilon"),
        (dict(epsilon=-1), "epsilon"),
        (dict(epsilon=float("nan")), "epsilon"),
        (dict(epsilon=float("inf")), "epsilon"),
        (dict(rng=3), "rng"),
    ],
)
def test_bad_arguments(change, named):
    with pytest.raises(ValueError, match=f"^{named} must"):
        noisy_tables(**(GOOD | change))


@pytest.mark.parametrize(
    "change, named",
    [
        (dict(rows=0), "rows"),
        (dict(rows=2.5), "rows"),
        (dict(rng=None), "rng"),
        (dict(rng=3), "rng"),
        (dict(tables=[]), "tables"),
        (dict(tables=None), "tables"),
        (dict(tables=[np.zeros(3)]), "tables"),
        (dict(tables=[np.ones((2, 2)), np.ones((2, 3))]), "tables"),
        (dict(tables=[np.array([[1, np.nan]])]), "tables"),
    ],
)
def test_bad_rows(change, named):
    good = dict(tables=[np.array([[1, 2], [3, 4]])], rows=5, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=f"^{named} must"):
        synthetic_rows(**(good | change))
