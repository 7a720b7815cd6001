"""Secure aggregation: a server learns the sum of its clients' vectors, and of each vector nothing else.

    agreement    what all agree on beforehand: how many clients, the threshold, who masks with whom
    neighbourhood  how few neighbours will do
    fixed_point  real numbers as whole numbers modulo 2^k, with room for the sum
    masks        keys between two clients, and masks grown from them
    shares       a secret key in pieces, of which a threshold gives it back
    client       one of the clients, in five rounds; speaks bytes only
    server       the server, in the same five rounds
    protocol     both run against each other on one machine, with drop-outs
    step         the same as a step of a federated pipeline (needs torch)

Source: Bonawitz, Ivanov, Kreuter, Marcedone, McMahan, Patel, Ramage, Segal, Seth, "Practical secure aggregation for
privacy-preserving machine learning", CCS 2017; with few neighbours per client: Bell, Bonawitz, Gascon, Lepoint,
Raykova, "Secure single-server aggregation with (poly)logarithmic overhead", CCS 2020.

Clients vouch for the list of survivors before they reveal anything, so that a server may lie about it (`agreement`
says what that takes of the threshold, and proves it); it needs clients who know each other's identities.

For teaching: not reviewed, and not safe against somebody who measures running times.
"""

from labkit.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
