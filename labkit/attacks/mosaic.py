"""A number plate behind a mosaic: coarse grey squares still fit one number and no other.

The attacker does not sharpen the picture. He pictures every number himself, coarsens it in the same way, and looks which one
fits; digit by digit, keeping the best few beginnings (beam search), so that seven digits take hundreds of trials, not ten million.

Source: Hill, Zhou, Saul, Shacham, "On the (in)effectiveness of mosaicing and blurring as tools for document redaction", PoPETs 2016.
"""

import numpy as np

from labkit import validate

__all__ = ["mosaic", "read_mosaic"]


def mosaic(picture, block):
    """Average a picture (height x width) over squares of `block` pixels, from the upper left; what is cut off at the edges counts
    as smaller squares. Returns one number a square."""
    picture = validate.array(picture=picture, ndim=2).astype(float)
    block = validate.integer(block=block, at_least=1)
    down, across = np.arange(0, picture.shape[0], block), np.arange(0, picture.shape[1], block)
    sums = np.add.reduceat(np.add.reduceat(picture, down, axis=0), across, axis=1)
    heights = np.diff(np.append(down, picture.shape[0]))
    widths = np.diff(np.append(across, picture.shape[1]))
    return sums / np.outer(heights, widths)


def read_mosaic(seen, glyphs, *, block, length, beam=10):
    """The text whose mosaic fits `seen` best, as a list of symbol numbers.

    seen:    what was published, as `mosaic` returns it (noise on it is welcome).
    glyphs:  symbols x height x width: how each symbol looks; a text is its symbols side by side.
    block:   side of the squares in pixels; length: number of symbols; beam: beginnings kept after each symbol.
    Raises ValueError where `seen` has not the shape of a mosaic of such a text.
    """
    glyphs = validate.array(glyphs=glyphs, ndim=3).astype(float)
    seen = validate.array(seen=seen, ndim=2).astype(float)
    block, length = validate.integer(block=block, at_least=1), validate.integer(length=length, at_least=1)
    beam = validate.integer(beam=beam, at_least=1)
    height, width = glyphs.shape[1:]
    shape = -(-height // block), -(-width * length // block)
    if seen.shape != shape:
        raise ValueError(f"seen must be a mosaic of {shape[0]} x {shape[1]} squares, got {seen.shape[0]} x {seen.shape[1]}")
    beginnings = [[]]
    for place in range(1, length + 1):
        grown = [[*start, symbol] for start in beginnings for symbol in range(len(glyphs))]
        complete = width * place // block if place < length else shape[1]  # squares that no later symbol can change
        misfit = []
        for text in grown:
            picture = np.concatenate([glyphs[symbol] for symbol in text], axis=1)
            misfit.append(((mosaic(picture, block)[:, :complete] - seen[:, :complete]) ** 2).sum())
        beginnings = [grown[index] for index in np.argsort(misfit, kind="stable")[:beam]]
    return beginnings[0]
