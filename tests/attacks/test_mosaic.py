"""A mosaic of few symbols is read; one that carries nothing, or is drowned in noise, is not."""

import numpy as np
import pytest

from labkit.attacks.mosaic import mosaic, read_mosaic

GLYPHS = np.random.default_rng(0).integers(0, 256, (10, 12, 6)).astype(float)


def test_averages_by_hand():
    assert mosaic([[1, 2, 3], [3, 4, 5]], 2).tolist() == [[2.5, 4.0]]
    assert mosaic([[1, 2], [3, 4], [10, 20]], 2).tolist() == [[2.5], [15.0]]
    assert np.array_equal(mosaic(GLYPHS[0], 1), GLYPHS[0])


@pytest.mark.parametrize("block", [1, 3, 4, 6])
def test_every_text_is_read_through_squares_as_wide_as_a_symbol(block):
    rng = np.random.default_rng(1)
    for _ in range(10):
        text = rng.integers(0, 10, 5)
        seen = np.round(mosaic(np.concatenate(GLYPHS[text], axis=1), block))
        assert read_mosaic(seen, GLYPHS, block=block, length=5) == list(text)


def test_one_square_for_all_is_not_read():
    """Of 20 texts of 5 digits, a right guess has a chance of 1 in 5,000."""
    rng = np.random.default_rng(2)
    right = 0
    for _ in range(20):
        text = rng.integers(0, 10, 5)
        seen = np.round(mosaic(np.concatenate(GLYPHS[text], axis=1), 100))
        right += read_mosaic(seen, GLYPHS, block=100, length=5) == list(text)
    assert right == 0


def test_noise_drowns_it_and_its_mean_over_frames_does_not():
    rng = np.random.default_rng(3)
    text = rng.integers(0, 10, 5)
    exact = mosaic(np.concatenate(GLYPHS[text], axis=1), 3)
    frames = exact + rng.normal(0, 300, (3000, *exact.shape))
    assert read_mosaic(frames[0], GLYPHS, block=3, length=5) != list(text)
    assert read_mosaic(frames.mean(axis=0), GLYPHS, block=3, length=5) == list(text)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="seen must be a mosaic of 2 x 5 squares"):
        read_mosaic(np.zeros((2, 4)), GLYPHS, block=6, length=5)
    for wrong in ({"block": 0}, {"length": 0}, {"beam": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            read_mosaic(np.zeros((2, 5)), GLYPHS, **{"block": 6, "length": 5} | wrong)
