"""Stripping a mask whose seed is too short: try every seed, keep the one under which the numbers look like numbers.

A mask modulo 2^32 is only as secret as what it grows from. Flower 1.41 agrees on 256-bit keys, and then folds each to 32
bits, by exclusive or, as the seed of a Mersenne Twister (`pseudo_rand_gen`; its issue 7522). `weak_mask` does the same.
`labkit.federated.secure_aggregation.masks.expand` is the repair: ChaCha20 under all 256 bits.
"""

import numpy as np

from labkit import validate

FAR = 397  # the Mersenne Twister's first output needs its first, second and 398th word of state
CHUNK = 2**15  # seeds at a time: small enough for the processor's cache


def folded(key, bits=32):
    """The seed that a key becomes: the exclusive or of its 4-byte pieces, cut to the lowest `bits`."""
    bits = validate.integer(bits=bits, at_least=1, at_most=32)
    if not isinstance(key, bytes) or not key or len(key) % 4:
        raise ValueError(f"key must be bytes, a positive multiple of 4 of them, got {key!r:.50}")
    return int(np.bitwise_xor.reduce(np.frombuffer(key, "<u4"))) & (2**bits - 1)


def weak_mask(key, length, bits=32):
    """`length` numbers from 0 to 2^32 - 2 (the top one never comes: that too is Flower's), uint32, from a folded key."""
    length = validate.integer(length=length, at_least=1)
    return np.random.RandomState(folded(key, bits)).randint(0, 2**32 - 1, length, dtype=np.int64).astype(np.uint32)


def first_numbers(seeds, count):
    """The first `count` numbers of the Mersenne Twister for many 32-bit seeds at once: shape (count, seeds).

    Source: Matsumoto, Nishimura, "Mersenne twister", ACM TOMACS 1998, with the seeding of its 2002 version.
    """
    count = validate.integer(count=count, at_least=1, at_most=FAR // 2)
    state = validate.array(seeds=seeds, ndim=1).astype(np.uint32)
    near, far = [state], []
    for step in range(1, FAR + count):
        state = (state ^ (state >> np.uint32(30))) * np.uint32(1812433253) + np.uint32(step)
        if step <= count:
            near.append(state)
        if step >= FAR:
            far.append(state)
    numbers = np.empty((count, len(state)), np.uint32)
    for each in range(count):
        mixed = (near[each] & np.uint32(2**31)) | (near[each + 1] & np.uint32(2**31 - 1))
        word = far[each] ^ (mixed >> np.uint32(1)) ^ (mixed & np.uint32(1)) * np.uint32(0x9908B0DF)
        word ^= word >> np.uint32(11)
        word ^= (word << np.uint32(7)) & np.uint32(0x9D2C5680)
        word ^= (word << np.uint32(15)) & np.uint32(0xEFC60000)
        numbers[each] = word ^ (word >> np.uint32(18))
    return numbers


def find_seed(masked, *, largest, bits, sign=1):
    """The seed of the mask in `masked`, or None: every seed below 2^bits is tried.

    masked:  a client's vector plus (sign = 1) or minus (sign = -1) a weak mask, modulo 2^32, uint32.
    largest: the client's whole numbers are known to be no larger than this, below 2^31: what the attacker recognises.
    A wrong seed passes for all n numbers with probability about ((2 largest + 1) / 2^32)^n. Raises ValueError when
    `masked` is so short that wrong seeds would be expected to pass.
    """
    bits = validate.integer(bits=bits, at_least=1, at_most=32)
    largest = validate.integer(largest=largest, at_least=0, at_most=2**31 - 1)
    validate.one_of(sign=sign, options=[1, -1])
    masked = validate.array(masked=masked, ndim=1)
    if masked.dtype != np.uint32:
        raise ValueError(f"masked must be of type uint32, got {masked.dtype}")
    if 2.0**bits * ((2 * largest + 1) / 2**32) ** len(masked) > 0.01:
        raise ValueError(f"masked must be long enough to tell right seeds from wrong ones, got {len(masked)} numbers")
    looked_at, offset = min(3, len(masked)), np.uint32(largest)
    for start in range(0, 2**bits, CHUNK):
        seeds = np.arange(start, min(start + CHUNK, 2**bits), dtype=np.uint32)
        passing = True
        for place, numbers in enumerate(first_numbers(seeds, looked_at)):
            fits = (masked[place] - numbers if sign == 1 else masked[place] + numbers) + offset <= np.uint32(2 * largest)
            passing = passing & fits
        for seed in seeds[passing]:
            mask = np.random.RandomState(int(seed)).randint(0, 2**32 - 1, len(masked), dtype=np.int64).astype(np.uint32)
            if ((masked - mask if sign == 1 else masked + mask) + offset <= np.uint32(2 * largest)).all():
                return int(seed)
    return None
