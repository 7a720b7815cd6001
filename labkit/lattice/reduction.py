"""Lattice reduction: make a basis short, first cheaply (LLL), then block by block at a price exponential in the block.

LLL is FLINT's. The search within a block visits every combination of basis vectors that could be shorter than the
first; `nodes` counts the visits, which no processor changes, so costs can be compared between machines.
Sources: Lenstra, Lenstra, Lovasz, Mathematische Annalen 261, 1982. Schnorr and Euchner, Mathematical Programming 66,
1994 (blocks, and the order of the search); Gama, Nguyen, Regev, EUROCRYPT 2010 (the search without recursion).
"""

import math
from dataclasses import dataclass

import numpy as np

from labkit import validate
from labkit.lattice.lwe import answer_in, embedding


@dataclass(frozen=True)
class LatticeSearch:
    """How a search for the secret went.

    secret:      (n,) whole numbers, or None where it was not found.
    block_size:  the block with which it ended; 2 is LLL alone.
    nodes:       combinations of vectors that were visited in blocks.
    """

    secret: np.ndarray | None
    block_size: int
    nodes: int


def lll(basis):
    """The basis (rows, whole numbers) with short and nearly orthogonal rows, as an int64 array; rows that depend on
    others are left out. ValueError for what is no matrix of whole numbers, or where a result does not fit."""
    from flint import fmpz_mat

    values = validate.array(basis=basis, ndim=2)
    if values.dtype.kind not in "iu":
        raise ValueError(f"basis must hold whole numbers, got {values.dtype}")
    reduced = np.array(fmpz_mat(values.tolist()).lll().tolist(), dtype=object)
    if max(abs(int(each)) for each in reduced.flat) >= 2**62:
        raise ValueError("basis must have a reduced form of entries below 2**62")
    reduced = reduced.astype(np.int64)
    return reduced[np.any(reduced != 0, axis=1)]


def gram_schmidt(basis):
    """(lengths, mu): the squared lengths of the rows once made orthogonal to those before, and the shares taken off."""
    triangle = np.linalg.qr(np.asarray(basis, dtype=float).T, mode="r")
    diagonal = np.diag(triangle)
    return diagonal**2, (triangle / diagonal[:, None]).T


def shortest_in(lengths, mu, radius, most_nodes=math.inf):
    """The shortest combination of a block, of squared length below `radius`, by visiting all that could be.

    lengths, mu:  the block's part of `gram_schmidt`.
    most_nodes:   stop after so many visits with what was found until then.
    Returns (coefficients or None, visits).
    """
    size = len(lengths)
    lengths, shares = [float(each) for each in lengths], mu.T.tolist()  # lists: single numbers are faster out of them
    centres, found, nodes = [[0.0] * size for _ in range(size + 1)], None, 0
    stale, partial = list(range(size + 1)), [0.0] * (size + 1)
    value, centre, step = [0] * size, [0.0] * size, [0] * size
    value[0], top, at = 1, 0, 0
    while True:
        off = value[at] - centre[at]
        partial[at] = partial[at + 1] + off * off * lengths[at]
        nodes += 1
        if partial[at] < radius and nodes <= most_nodes:
            if at:
                at -= 1
                stale[at] = max(stale[at], stale[at + 1])
                mine = shares[at]
                for row in range(stale[at], at, -1):  # only what changed since this place was last visited
                    centres[row][at] = centres[row + 1][at] - value[row] * mine[row]
                centre[at] = centres[at + 1][at]
                value[at], step[at] = round(centre[at]), 1
                continue
            radius, found = partial[0] * (1 - 1e-9), value.copy()
        at += 1
        if at == size or nodes > most_nodes:
            return found, nodes
        stale[at] = at
        if at >= top:
            top = at
            value[at] += 1
        else:  # the next nearest whole number, on the other side of the centre
            value[at] += step[at] if value[at] <= centre[at] else -step[at]
            step[at] += 1


def block_reduce(basis, block_size, *, tours=8, most_nodes=math.inf, until=None):
    """Reduce a basis block by block: in each window of `block_size` rows, put the shortest combination first.

    basis:       as `lll` gives it.  block_size: 3 or more rows.  tours: how often the windows run through it, at most.
    most_nodes:  stop after so many visits in all.
    until:       None, or a function of the basis; stop as soon as it gives something else than None.
    Returns (basis, visits).
    """
    block_size = validate.integer(block_size=block_size, at_least=3)
    spent = 0
    for _ in range(validate.integer(tours=tours, at_least=1)):
        changed = False
        for start in range(len(basis) - 2):
            lengths, mu = gram_schmidt(basis[:start + block_size])
            window = slice(start, start + block_size)
            radius = min(0.99, 1.2 * _expected_shortest(lengths[window]) / lengths[start]) * lengths[start]
            found, nodes = shortest_in(lengths[window], mu[window, window], radius, most_nodes - spent)
            spent += nodes
            if found is not None:
                shorter = np.asarray(found) @ basis[window]
                basis = lll(np.vstack([basis[:start], shorter, basis[start:]]))
                changed = True
                if until is not None and until(basis) is not None:
                    return basis, spent
            if spent > most_nodes:
                return basis, spent
        if not changed:
            break
    return basis, spent


def _expected_shortest(lengths):
    """The squared length of the shortest vector that a random lattice of this volume has (the Gaussian heuristic)."""
    size = len(lengths)
    log_ball = size / 2 * math.log(math.pi) - math.lgamma(size / 2 + 1)
    return math.exp(float(np.log(lengths).sum()) / size - 2 * log_ball / size)


def solve(problem, *, block_sizes=(10, 14, 18, 22, 26, 30), tours=8, most_nodes=2_000_000):
    """Look for the secret with LLL, then with larger and larger blocks: a `LatticeSearch`.

    problem:      of `labkit.lattice.lwe`.  block_sizes: which blocks after LLL, growing; none for LLL alone.
    tours, most_nodes:  as for `block_reduce`; the nodes are for all blocks together.
    """
    basis, spent = lll(embedding(problem)), 0
    secret = answer_in(basis, problem)
    block_size = 2
    for block_size in block_sizes if secret is None else ():
        basis, nodes = block_reduce(basis, block_size, tours=tours, most_nodes=most_nodes - spent,
                                    until=lambda rows: answer_in(rows, problem))
        spent += nodes
        secret = answer_in(basis, problem)
        if secret is not None or spent > most_nodes:
            break
    return LatticeSearch(secret, block_size if secret is not None or block_sizes else 2, spent)
