"""Features of oriented gradients: against a slow version, what they ignore and what they see, and that images do not mix."""

import numpy as np
import pytest

from labkit import datasets
from labkit.models.oriented_gradients import AT_ONCE, gradient_features, straighten


def some(count):
    return datasets.mnist().X[:count].reshape(-1, 28, 28)


def slow(image, bins, cells):
    """Pixel by pixel, tile by tile."""
    padded, kernel = np.pad(image, 4).astype(float), np.array([1, 2, 1]) / 4
    smooth = np.array([np.convolve(row, kernel, "valid") for row in padded])
    smooth = np.array([np.convolve(row, kernel, "valid") for row in smooth.T]).T
    counts, step = np.zeros((bins, cells, cells)), 32 / (cells + 1)
    tiles = np.maximum(0, 1 - np.abs(np.arange(32) - (step * np.arange(1, cells + 1) - 0.5)[:, None]) / step)
    tiles /= tiles.sum(axis=1, keepdims=True)
    for i in range(32):
        for j in range(32):
            across = smooth[i + 1, j + 2] - smooth[i + 1, j]
            down = smooth[i + 2, j + 1] - smooth[i, j + 1]
            way, strength = np.arctan2(down, across) * bins / (2 * np.pi) % bins, np.hypot(down, across)
            place = np.outer(tiles[:, i], tiles[:, j])
            counts[int(way) % bins] += (1 - way % 1) * strength * place
            counts[(int(way) + 1) % bins] += way % 1 * strength * place
    row = np.sqrt(counts).ravel()
    row /= np.linalg.norm(row)
    row = np.append(row - row.mean(), 0.3)
    return row / np.linalg.norm(row)


@pytest.mark.parametrize("bins, cells", [(12, 7), (2, 1), (5, 3), (9, 4)])
def test_they_are_the_slow_ones(bins, cells):
    images = some(2)
    expected = [slow(image, bins, cells) for image in images]
    rows = gradient_features(images, bins=bins, cells=cells, straight=False)
    assert rows.dtype == np.float32 and rows == pytest.approx(np.array(expected), abs=1e-4)


def test_an_image_has_the_same_row_in_any_company():
    """No privacy is spent because no image enters another's row."""
    images = some(AT_ONCE + 7)
    rows = gradient_features(images)
    shuffled = np.random.default_rng(0).permutation(len(images))
    assert gradient_features(images[shuffled]) == pytest.approx(rows[shuffled], abs=1e-5)
    assert gradient_features(images[:1]) == pytest.approx(rows[:1], abs=1e-5)
    assert rows.shape == (len(images), 589) and np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(images)), abs=1e-5)


def test_straightening_centres_and_sets_upright():
    images = straighten(some(200))
    place, ink = np.arange(28), images.sum(axis=(1, 2))
    across = (images.sum(axis=1) * place).sum(axis=1) / ink
    down = (images.sum(axis=2) * place).sum(axis=1) / ink
    slant = np.einsum("nij,ni,nj->n", images, place - down[:, None], place - across[:, None]) / ink
    before = some(200)
    middle = [(before.sum(axis=axis) * place).sum(axis=1) / before.sum(axis=(1, 2)) for axis in (2, 1)]
    leaning = np.einsum("nij,ni,nj->n", before, place - middle[0][:, None], place - middle[1][:, None]) / before.sum(axis=(1, 2))
    assert np.abs(across - 13.5).max() < 1 and np.abs(down - 13.5).max() < 1
    assert np.abs(slant).mean() < 0.15 * np.abs(leaning).mean()


def test_straightening_undoes_a_shift_and_a_slant():
    one = np.zeros((1, 28, 28))
    one[0, 6:22, 13:15] = 1
    shifted, slanted = np.roll(one, (3, -4), axis=(1, 2)), one.copy()
    for row in range(28):
        slanted[0, row] = np.roll(one[0, row], round((14 - row) / 3))
    upright = straighten(one)
    assert straighten(shifted) == pytest.approx(upright, abs=1e-5)
    overlap = [(straighten(slanted) * upright).sum(), (slanted * one).sum()] / np.sqrt((one**2).sum() * (slanted**2).sum())
    assert overlap[0] > overlap[1] + 0.2


def test_a_blank_image_stays_blank_and_has_a_row():
    blank = np.zeros((2, 28, 28))
    assert not straighten(blank).any()
    rows = gradient_features(blank)
    assert np.isfinite(rows).all() and rows[0, -1] == pytest.approx(1)


def test_other_sizes_and_types_are_welcome_and_inputs_stay_as_they_are():
    digits = datasets.digits().X[:5].reshape(-1, 8, 8)
    assert gradient_features(digits, cells=3).shape == (5, 109)
    assert straighten(np.ones((1, 10, 20), int)).shape == (1, 10, 20)
    images = some(3).copy()
    before = images.copy()
    gradient_features(images), straighten(images)
    assert np.array_equal(images, before)


def test_a_direction_and_its_opposite_are_told_apart():
    """Ink that begins at the left edge of a bar, and ink that ends there."""
    left, right = np.zeros((2, 28, 28))
    left[:, 14:], right[:, :14] = 1, 1
    rows = gradient_features(np.stack([left, right]), bins=4, cells=1, straight=False)[:, :4]
    assert rows[0].argmax() != rows[1].argmax()


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("name, bad", [
    *[("images", bad) for bad in ([], np.zeros((28, 28)), np.zeros((1, 7, 28)), np.full((1, 8, 8), NAN), np.full((1, 8, 8), INF),
                                  np.full((1, 8, 8), 1.5), np.full((1, 8, 8), -0.1), None, "text")],
    *[("bins", bad) for bad in (0, 1, -1, 2.5, NAN, None)],
    *[("cells", bad) for bad in (0, -1, 2.5, NAN, None)],
])
def test_bad_arguments_are_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=name):
        gradient_features(**{"images": np.zeros((1, 8, 8)), name: bad})
    if name == "images":
        with pytest.raises(ValueError, match=name):
            straighten(bad)


def test_bytes_are_the_same_images():
    images = datasets.mnist().images[:AT_ONCE + 3]
    numbers = images / np.float32(255)
    assert np.array_equal(gradient_features(images), gradient_features(numbers))
    assert np.array_equal(straighten(images), straighten(numbers))
