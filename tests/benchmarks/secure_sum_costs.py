"""What a client pays so that the server learns only a sum: secure aggregation against CKKS, BFV and Paillier, in one run.

    python tests/benchmarks/secure_sum_costs.py [numbers]

Each side adds the vectors of ten clients, `numbers` whole numbers each (100,000 by default), and its sum is checked. Processor
milliseconds and bytes are those of one client: all it computes, all it sends. Best of several rounds, sides alternating, so
that a busy machine hurts all alike. Paillier runs on 16 numbers, and is multiplied up; the table says so.
Not counted: making the keys of the encryption schemes (once for many sums), and adding and decrypting at the server.
"""

import secrets
import sys
import time

import numpy as np
import tenseal as ts

from labkit.encrypted import paillier
from labkit.federated.secure_aggregation import Agreement, secure_sum

CLIENTS, ROUNDS, FEW = 10, 3, 16


def masks(vectors, degree=None):
    holders = CLIENTS if degree is None else degree + 1
    threshold = holders // 2 + (1 if degree is None else 2)  # the least that a lying server is refused at, nobody colluding
    outcome = secure_sum(vectors, Agreement(CLIENTS, threshold, vectors.shape[1], degree=degree))
    assert (outcome.total == vectors.sum(axis=0)).all()
    return float(np.median(list(outcome.seconds.values()))), sum(map(len, outcome.sent[0]))


class Packed:
    """BFV or CKKS: many numbers to a ciphertext, one key for all clients."""

    def __init__(self, scheme):
        if scheme == "CKKS":
            self.context = ts.context(ts.SCHEME_TYPE.CKKS, 4096, coeff_mod_bit_sizes=[54, 55], n_threads=1)
            self.context.global_scale, self.slots, self.make, self.error = 2.0**30, 2048, ts.ckks_vector, 0.01
        else:
            self.context = ts.context(ts.SCHEME_TYPE.BFV, 4096, plain_modulus=786433, n_threads=1)
            self.slots, self.make, self.error = 4096, ts.bfv_vector, 0

    def __call__(self, vectors):
        seconds, sizes, sums = [], [], None
        for vector in vectors:
            began = time.process_time()
            sent = [self.make(self.context, vector[at:at + self.slots].tolist()) for at in range(0, len(vector), self.slots)]
            size = sum(len(each.serialize()) for each in sent)
            seconds.append(time.process_time() - began)
            sizes.append(size)
            sums = sent if sums is None else [a + b for a, b in zip(sums, sent)]
        found = np.concatenate([each.decrypt() for each in sums])
        assert np.abs(found - vectors.sum(axis=0)).max() <= self.error
        return float(np.median(seconds)), sizes[0]


class OneByOne:
    """Paillier with a key of 2,048 bits, one number to a ciphertext, on FEW numbers."""

    def __init__(self):
        self.p, self.q = paillier.random_prime(1024), paillier.random_prime(1024)
        self.key = paillier.PublicKey(self.p * self.q)

    def __call__(self, vectors):
        began = time.process_time()
        sent = [self.key.encrypt(int(number)) for number in vectors[0, :FEW]]
        seconds = time.process_time() - began
        assert [paillier.decrypt(each, self.p, self.q) for each in sent] == vectors[0, :FEW].tolist()
        times = vectors.shape[1] / FEW
        return seconds * times, round(512 * FEW * times)


def compare(numbers=100_000, rounds=ROUNDS):
    """{side: (seconds, bytes) of one client}, the best of `rounds`."""
    rng = np.random.default_rng(secrets.randbits(32))
    vectors = rng.integers(0, 1000, (CLIENTS, numbers))
    sides = {"secure aggregation, all": masks, "secure aggregation, 4 neighbours": lambda each: masks(each, 4),
             "BFV 4096": Packed("BFV"), "CKKS 4096 [54, 55]": Packed("CKKS"), "Paillier 2048, multiplied up": OneByOne()}
    best = {}
    for _ in range(rounds):
        for name, side in sides.items():
            seconds, size = side(vectors)
            best[name] = (min(seconds, best.get(name, (np.inf,))[0]), size)
    return best


def main():
    numbers = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    best = compare(numbers)
    print(f"{CLIENTS} clients, {numbers:,} numbers each: one client's processor time and bytes sent\n")
    print(f"{'':36}{'ms':>14}{'kB':>12}{'bytes a number':>17}")
    for name, (seconds, size) in best.items():
        print(f"{name:36}{1000 * seconds:14,.1f}{size / 1000:12,.0f}{size / numbers:17.2f}")
    ours, others = best["secure aggregation, all"], [each for name, each in best.items() if not name.startswith("secure")]
    ahead = all(ours[0] < seconds and ours[1] < size for seconds, size in others)
    print("\nsecure aggregation is cheapest in both" if ahead else "\nsecure aggregation is NOT cheapest in both")
    return 0 if ahead else 1


if __name__ == "__main__":
    sys.exit(main())
