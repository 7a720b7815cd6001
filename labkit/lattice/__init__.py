"""The lattices under ML-KEM and CKKS: small instances of learning with errors (LWE), and what solves them.

Who knows `A` and `b = A s + e (mod q)`, with a small error `e`, is asked for the small secret `s`. `lwe` makes such
problems and writes each as a lattice in which the answer is the shortest vector; `reduction` looks for it; `hardness`
says how large the search would have to be for dimensions that no machine can try.
"""

from labkit.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
