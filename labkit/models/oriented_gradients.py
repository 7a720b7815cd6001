"""Handmade features for handwritten digits: straighten the image, then count edges by direction and place.

A private model learns little per step, so what it need not learn is a gift. Which way a stroke runs, and roughly where, is known to
matter for reading; so is that writing may lean, or be large, without changing what it says. Features that know this leave only a
linear model to learn (Tramer and Boneh, ICLR 2021).

Everything here looks at one image at a time, and at no constant that was computed from other people's images. So it costs no privacy.

    rows = gradient_features(images)      # (n, 28, 28) to (n, 589), each row of length 1

Sources: LeCun, Bottou, Bengio, Haffner, Proc. IEEE 1998 (deslanting); Dalal, Triggs, CVPR 2005 (histograms of oriented gradients).
"""

import math

import numpy as np
import torch

from labkit import validate
from labkit.threads import torch_threads

AT_ONCE = 250  # images: what is computed on the way then fits a processor's cache
SPREAD = 5.5, 4.0  # of a straightened digit's ink, down and across, in pixels of a 28 x 28 image: chosen by eye
LARGEST = 1.6  # factor by which an image is magnified or reduced at most
MARGIN = 2  # of empty pixels around the image, so that strokes at its edge count
CONSTANT = 0.3  # appended to each row, beside features of length at most 1


def gradient_features(images, *, bins=12, cells=7, straight=True):
    """Rows for a linear model.

    images:    array (n, height, width) of numbers from 0 (paper) to 1 (ink), or of bytes (uint8) from 0 to 255; at least
               8 x 8.
    bins:      directions that are told apart, 2 or more; cells: places along each side, 1 or more.
    straight:  straighten each image first.
    Returns a float32 array (n, bins * cells^2 + 1): square roots of the counts, less their mean, and a constant; length 1 per row.
    Raises ValueError for arguments out of range.
    """
    images, bins, cells = _checked(images), validate.integer(bins=bins, at_least=2), validate.integer(cells=cells, at_least=1)
    rows = np.empty((len(images), bins * cells**2 + 1), np.float32)
    with torch_threads(1), torch.no_grad():
        for start in range(0, len(images), AT_ONCE):
            part = _numbers(images[start:start + AT_ONCE])
            part = _straightened(part) if straight else part
            counts = torch.nn.functional.normalize(_directions(part, bins, cells).sqrt().flatten(1))
            counts = torch.cat([counts - counts.mean(1, keepdim=True), torch.full((len(part), 1), CONSTANT)], 1)
            rows[start:start + AT_ONCE] = torch.nn.functional.normalize(counts).numpy()
    return rows


def straighten(images):
    """Centre each image's ink, slant it upright and bring it to one size: float32 array of the same shape (n, height, width),
    numbers from 0 to 1 whether it got these or bytes.

    The ink's centre and its spread down and across decide; each image by itself. Blank images stay blank.
    """
    images = _numbers(_checked(images))
    with torch_threads(1), torch.no_grad():
        return torch.cat([_straightened(part) for part in images.split(AT_ONCE)]).numpy()


def _straightened(x):
    n, height, width = x.shape
    down, across = torch.arange(height, dtype=x.dtype), torch.arange(width, dtype=x.dtype)
    by_row, by_column = x.sum(2), x.sum(1)
    ink = by_row.sum(1).clamp_min(1e-6)
    middle_down, middle_across = by_row @ down / ink, by_column @ across / ink
    spread_down = (by_row @ down**2 / ink - middle_down**2).clamp_min(1e-3)
    spread_across = by_column @ across**2 / ink - middle_across**2
    together = ((x @ across) @ down[:, None]).squeeze(1) / ink - middle_down * middle_across
    slant = together / spread_down
    upright = (spread_across - slant**2 * spread_down).clamp_min(1)  # what is left across once the slant is taken out
    scale = [(spread.sqrt() / (wanted * side / 28)).clamp(1 / LARGEST, LARGEST)
             for spread, wanted, side in [(spread_down, SPREAD[0], height), (upright, SPREAD[1], width)]]
    # row i, column j of the result comes from here in the image (its middle is 0, its edges -1 and 1)
    rows = (down - (height - 1) / 2)[None, :, None] * scale[0][:, None, None]
    columns = (across - (width - 1) / 2) * scale[1][:, None, None] + slant[:, None, None] * rows + middle_across[:, None, None]
    rows = (rows + middle_down[:, None, None]).expand(n, height, width)
    grid = torch.stack([columns * 2 / (width - 1) - 1, rows * 2 / (height - 1) - 1], -1)
    return torch.nn.functional.grid_sample(x[:, None], grid, align_corners=True)[:, 0]


def _directions(x, bins, cells):
    """Edge strength by direction and place: (n, height, width) to (n, bins, cells, cells)."""
    x = _blurred(_blurred(torch.nn.functional.pad(x, [MARGIN + 2] * 4)).transpose(1, 2)).transpose(1, 2)
    across, down = x[:, 1:-1, 2:] - x[:, 1:-1, :-2], x[:, 2:, 1:-1] - x[:, :-2, 1:-1]
    n, height, width = across.shape
    strength = torch.hypot(across, down)
    turn = torch.atan2(down, across).mul_(bins / (2 * math.pi))
    lower = turn.floor()
    share = turn.sub_(lower).mul_(strength)  # shared out between the two nearest directions
    first = lower.to(torch.int64).flatten(1)[:, None]
    first.add_(first < 0, alpha=bins)
    second = (first + 1).mul_(first < bins - 1)
    pixels = torch.zeros(n, bins, height * width)
    pixels.scatter_(1, first, (strength - share).flatten(1)[:, None]).scatter_(1, second, share.flatten(1)[:, None])
    by_column = pixels.unflatten(2, (height, width)) @ _overlapping(width, cells).T
    return (by_column.transpose(2, 3) @ _overlapping(height, cells).T).transpose(2, 3)


def _blurred(x):
    """Each row smoothed by (1, 2, 1) / 4; two columns shorter."""
    return x[:, :, 1:-1] / 2 + (x[:, :, :-2] + x[:, :, 2:]) / 4


def _overlapping(side, cells):
    """Weights (cells, side) of cells that overlap like roof tiles: each falls off to nothing at its neighbours' middles."""
    step = side / (cells + 1)
    middles = step * torch.arange(1, cells + 1) - 0.5
    weights = (1 - (torch.arange(side) - middles[:, None]).abs() / step).clamp_min(0)
    return weights / weights.sum(1, keepdim=True)


def _checked(images):
    images = validate.array(images=images, ndim=3)
    if min(images.shape[1:]) < 8:
        raise ValueError(f"images must be at least 8 x 8 pixels, got {images.shape[1]} x {images.shape[2]}")
    if images.dtype != np.uint8 and (images.min() < 0 or images.max() > 1):
        raise ValueError(f"images must hold numbers from 0 to 1, got {images.min():.3g} to {images.max():.3g}")
    return images


def _numbers(images):
    """A float32 tensor of numbers from 0 to 1."""
    numbers = torch.tensor(images, dtype=torch.float32)
    return numbers.div_(255) if images.dtype == np.uint8 else numbers
