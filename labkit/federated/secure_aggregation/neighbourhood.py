"""How many neighbours are enough: the degree and threshold of a secure sum in which each client masks with a few others."""

import math

from labkit import validate

__all__ = ["fewest_neighbours"]


def fewest_neighbours(clients, *, colluding=0.02, dropping=0.05, unsafe=2.0**-40, aborting=2.0**-20):
    """(degree, threshold, c): the smallest degree that keeps both promises, for neighbours drawn at random.

    colluding: share of all clients who may work for the server; but with probability `unsafe`, nobody has more than c of
               them as neighbours, and 2 threshold > degree + 1 + c + 1: what `Agreement` demands for a server that lies.
    dropping:  share of all clients who may drop out; but with probability `aborting`, everybody keeps a threshold.
    Raises ValueError when no degree will do: then let everybody mask with all others (degree None).
    Both are union bounds over hypergeometric draws. Conditions as in Bell and others, CCS 2020, for the circle of `Agreement`.
    """
    from scipy.stats import hypergeom  # half a second to load

    clients = validate.integer(clients=clients, at_least=3)
    many, late = (math.ceil(validate.probability(**{name: share}) * clients) for name, share in
                  [("colluding", colluding), ("dropping", dropping)])
    validate.probability(unsafe=unsafe), validate.probability(aborting=aborting)
    for degree in range(2, clients - 1, 2):
        close = next(c for c in range(degree + 1) if clients * hypergeom.sf(c, clients - 1, many, degree) <= unsafe)
        threshold = (degree + 2 + close) // 2 + 1
        if clients * hypergeom.cdf(threshold - 1, clients, clients - late, degree + 1) <= aborting:
            return degree, threshold, close
    raise ValueError(f"clients must be more for few neighbours to do with {colluding:g} colluding and {dropping:g} dropping out, got {clients}")
