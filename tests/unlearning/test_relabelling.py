"""Random labels: of the erased only, all classes alike; and decoys of the secret's form."""

import numpy as np
import pytest
from scipy.stats import chisquare

from labkit.unlearning import decoys, random_labels


def seeded():
    return np.random.default_rng(152)


def test_only_the_erased_get_labels_by_lot():
    y = np.arange(1000) % 7
    erased = np.arange(1000) < 300
    new = random_labels(y, erased, classes=7, rng=seeded())
    assert (new[~erased] == y[~erased]).all() and 200 < (new[erased] != y[erased]).sum() < 300


def test_all_classes_are_alike_whatever_the_old_label():
    """Chi-square; a right draw fails once in a million."""
    new = random_labels(np.zeros(50_000, int), np.ones(50_000, bool), classes=5, rng=seeded())
    assert chisquare(np.bincount(new, minlength=5)).pvalue > 1e-6


def test_decoys_have_the_form_of_the_secret():
    texts = decoys("my pin is ", digits=4, count=500, rng=seeded(), end=".")
    numbers = [int(text.removeprefix("my pin is ").removesuffix(".")) for text in texts]
    assert len(texts) == 500 and {len(text) for text in texts} == {15} and min(numbers) < 1000 and len(set(numbers)) > 450
    assert chisquare(np.bincount(np.array(decoys("", digits=1, count=20_000, rng=seeded()), int), minlength=10)).pvalue > 1e-6


@pytest.mark.parametrize("name, bad", [("y", [0, 3]), ("y", [0.5, 1]), ("y", []), ("erased", [1, 0]), ("erased", [True]), ("classes", 1),
                                       ("rng", None), ("rng", 3)])
def test_bad_arguments_are_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=name):
        random_labels(**{"y": [0, 1], "erased": [True, False], "classes": 3, "rng": seeded(), name: bad})


@pytest.mark.parametrize("name, bad", [("prefix", 3), ("end", None), ("digits", 0), ("digits", 19), ("count", 0), ("rng", 3)])
def test_bad_arguments_of_decoys_are_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=name):
        decoys(**{"prefix": "pin ", "digits": 2, "count": 2, "rng": seeded(), name: bad})
