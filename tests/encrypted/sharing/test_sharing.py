import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from labkit.encrypted.sharing import field
from labkit.encrypted.sharing.field import PRIME, decode, encode, from_bytes, to_bytes, uniform
from labkit.encrypted.sharing.sums import (
    RoundLedger,
    ShareAdder,
    reconstruct,
    shamir_reconstruct,
    shamir_share,
    shamir_sum,
    share,
)
from labkit.shamir import weights_at

FEW = settings(max_examples=50, deadline=None)
WHOLE = st.integers(-(2**80), 2**80)
NAN, INF = float("nan"), float("inf")
# Chi-square tests below use fixed seeds where the code takes one; the level 1e-5 is what a fresh seed, or the operating
# system's randomness, fails by chance.
LEVEL = 1e-5


# The field

@pytest.mark.parametrize("prime", [3, 5, 97, 997, 2**31 - 1, PRIME])
def test_primes_are_known(prime):
    assert field.is_odd_prime(prime)


@pytest.mark.parametrize("number", [0, 1, 2, 4, 9, 91, 561, 2**31 + 1, 3215031751, PRIME - 2])
def test_composites_are_known(number):
    assert not field.is_odd_prime(number)


@pytest.mark.parametrize("rng", [None, np.random.default_rng(1)])
def test_uniform_elements_are_uniform(rng):
    # modulo 5, where `bits % 5` without drawing again would make 0, 1 and 2 twice as likely
    drawn = uniform((20_000,), 5, rng)
    assert chisquare(np.bincount(drawn.astype(int), minlength=5)).pvalue > LEVEL


def test_uniform_takes_the_operating_systems_randomness():
    assert (uniform((4,)) != uniform((4,))).all()  # equal by chance: 4 / PRIME


@FEW
@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.integers(0, 30))
def test_fixed_point_is_right_to_half_a_step(numbers, fraction_bits):
    there = decode(encode(numbers, fraction_bits=fraction_bits), fraction_bits=fraction_bits)
    assert np.abs(there - numbers).max() <= 0.5 / 2**fraction_bits + 1e-9


def test_fixed_point_overflow_is_refused():
    room = (PRIME - 1) / 2 / 2**20
    assert decode(encode([-room * 0.999])) == pytest.approx(-room * 0.999)
    with pytest.raises(ValueError, match="numbers must be at most .* in size"):
        encode([room * 1.001])
    with pytest.raises(ValueError, match="largest must be at most"):
        encode([1.0], largest=room * 1.001)


def test_the_limits_are_exact_where_floats_round_onto_them():
    with pytest.raises(ValueError, match="largest must be at most"):
        encode([0.5], largest=2.0**40)
    for number in (2.0**40, -(2.0**40)):
        with pytest.raises(ValueError, match="numbers must be at most .* in size"):
            encode([number])
    with pytest.raises(ValueError, match="largest must be at most .* overflow"):
        shamir_sum([[2.0**39], [2.0**39]], 2, largest=2.0**39, ledger=RoundLedger())
    below = np.nextafter(2.0**39, 0)
    assert shamir_sum([[below], [below]], 2, largest=below, ledger=RoundLedger())[0] == pytest.approx(2.0**40)


@pytest.mark.parametrize("values", [[-1], [PRIME], np.array([2**70], dtype=object), "a", [1.5], [True], []])
def test_only_field_elements_become_bytes(values):
    with pytest.raises(ValueError, match="values must be"):
        to_bytes(values)


def test_without_the_check_an_overflow_would_change_the_sign():
    assert decode(field.elements([round(1.1e12 * 2**20)]))[0] < 0


@FEW
@given(st.lists(st.integers(0, PRIME - 1), min_size=1, max_size=9))
def test_bytes_there_and_back(values):
    message = to_bytes(field.elements(values))
    assert len(message) == 8 * len(values) and from_bytes(message, (len(values),)).tolist() == values


@pytest.mark.parametrize("message, words", [
    (b"", "8 bytes"), (bytes(7), "8 bytes"), (bytes(16), "8 bytes"), (None, "8 bytes"), ("12345678", "8 bytes"),
    (b"\xff" * 8, "damaged"), (PRIME.to_bytes(8, "little"), "damaged")])
def test_damaged_bytes_are_refused(message, words):
    with pytest.raises(ValueError, match=words):
        from_bytes(message, (1,))


# Sharing

@FEW
@given(WHOLE, st.integers(2, 9))
def test_additive_shares_give_the_secret(secret, parties):
    assert reconstruct(share(secret, parties)) == secret % PRIME


@FEW
@given(st.lists(WHOLE, min_size=1, max_size=5), st.data())
def test_any_threshold_of_shamir_shares_give_the_secret(secrets, data):
    parties = data.draw(st.integers(1, 8))
    threshold = data.draw(st.integers(1, parties))
    pieces = shamir_share(secrets, parties, threshold)
    chosen = data.draw(st.permutations(list(pieces)))[:data.draw(st.integers(threshold, parties))]
    found = shamir_reconstruct({point: pieces[point] for point in chosen}, threshold)
    assert found.tolist() == [each % PRIME for each in secrets]


@FEW
@given(WHOLE, WHOLE, st.integers(-(2**40), 2**40))
def test_sums_and_public_multiples_of_shares(a, b, k):
    both = zip(shamir_share(a, 5, 3).items(), shamir_share(b, 5, 3).items())
    combined = {point: (x + k * y) % PRIME for (point, x), (_, y) in both}
    assert shamir_reconstruct(combined, 3) == (a + k * b) % PRIME


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("secret", [0, 3])
def test_each_additive_share_is_uniform(secret, which):
    pieces = share(np.full(20_000, secret), 3, prime=7, rng=np.random.default_rng(5))
    assert chisquare(np.bincount(pieces[which].astype(int), minlength=7)).pvalue > LEVEL


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_all_but_one_additive_shares_are_jointly_uniform(missing):
    pieces = share(np.full(30_000, 4), 3, prime=5, rng=np.random.default_rng(6))
    first, second = (pieces[place].astype(int) for place in range(3) if place != missing)
    assert chisquare(np.bincount(5 * first + second, minlength=25)).pvalue > LEVEL


@pytest.mark.parametrize("pair", list(itertools.combinations(range(1, 5), 2)))
@pytest.mark.parametrize("secret", [0, 2])
def test_any_two_shares_below_threshold_three_are_jointly_uniform(secret, pair):
    # uniform on all 25 cells whatever the secret: hence independent of it
    pieces = shamir_share(np.full(30_000, secret), 4, 3, prime=5, rng=np.random.default_rng(7))
    first, second = (pieces[point].astype(int) for point in pair)
    assert chisquare(np.bincount(5 * first + second, minlength=25)).pvalue > LEVEL


def test_the_uniformity_test_sees_a_broken_sharing():
    # the twin: coefficients drawn from 0 ... 3 instead of 0 ... 4
    rng = np.random.default_rng(8)
    broken = (2 + rng.integers(0, 4, 20_000)) % 5
    assert chisquare(np.bincount(broken, minlength=5)).pvalue < LEVEL


def test_counted_out_every_secret_fits_two_of_three_shares_equally_often():
    # exact, not statistical: all polynomials of degree 2 modulo 7 through two given points, by secret
    seen = {1: 3, 4: 6}
    fits = [s for s, a, b in itertools.product(range(7), repeat=3)
            if all((s + a * x + b * x * x) % 7 == y for x, y in seen.items())]
    assert sorted(fits) == list(range(7))


def test_lagrange_weights_find_any_point():
    def f(x):
        return (5 + 3 * x + 8 * x * x) % 97

    points = [2, 5, 11]
    assert all(sum(w * f(x) for w, x in zip(weights_at(at, tuple(points), 97), points)) % 97 == f(at) for at in range(97))


def test_a_changed_share_is_seen_beyond_the_threshold_only():
    pieces = shamir_share([7, 8], 5, 3)
    pieces[2] = (pieces[2] + np.array([0, 1], object)) % PRIME
    with pytest.raises(ValueError, match="one polynomial of degree 2"):
        shamir_reconstruct(pieces, 3)
    assert shamir_reconstruct({point: pieces[point] for point in (1, 2, 3)}, 3).tolist() != [7, 8]
    assert shamir_reconstruct({point: pieces[point] for point in (1, 3, 4, 5)}, 3).tolist() == [7, 8]


@pytest.mark.parametrize("call, words", [
    (lambda: share(1, 1), "parties"), (lambda: share(1, 2.0), "parties"), (lambda: share(1.5, 2), "values"),
    (lambda: share([], 2), "values"), (lambda: share(NAN, 2), "values"), (lambda: share(None, 2), "values"),
    (lambda: share(True, 2), "values"), (lambda: share(["1"], 2), "values"), (lambda: share(1, 2, rng=7), "rng"),
    (lambda: share(1, 2, prime=15), "prime"), (lambda: share(1, 2, prime=2), "prime"),
    (lambda: share(1, 2, prime=2**89 - 1), "prime"), (lambda: share(1, 2, prime="7"), "prime"),
    (lambda: reconstruct([]), "shares"), (lambda: reconstruct([1]), "shares"), (lambda: reconstruct(5), "shares"),
    (lambda: reconstruct([[1, 2], [1]]), "shape"), (lambda: reconstruct([1.5, 2]), "shares"),
    (lambda: shamir_share(1, 0, 1), "parties"), (lambda: shamir_share(1, 3, 4), "threshold"),
    (lambda: shamir_share(1, 3, 0), "threshold"), (lambda: shamir_share(1, 7, 2, prime=7), "parties"),
    (lambda: shamir_share(NAN, 3, 2), "values"), (lambda: shamir_share(1, 3, True), "threshold"),
    (lambda: shamir_reconstruct({1: 5}, 2), "at least 2 shares, got 1"),
    (lambda: shamir_reconstruct([1, 2], 2), "shares must be a dict"), (lambda: shamir_reconstruct({}, 1), "shares"),
    (lambda: shamir_reconstruct({0: 5, 1: 3}, 2), "point"), (lambda: shamir_reconstruct({1: [1, 2], 2: [3]}, 2), "shape"),
    (lambda: shamir_reconstruct({1: 5}, 0), "threshold"),
    (lambda: encode([NAN]), "numbers"), (lambda: encode([INF]), "numbers"), (lambda: encode([]), "numbers"),
    (lambda: encode(["a"]), "numbers"), (lambda: encode([1], fraction_bits=-1), "fraction_bits"),
    (lambda: encode([1], fraction_bits=57), "fraction_bits"), (lambda: encode([1], largest=0), "largest"),
    (lambda: encode([3], largest=2), "numbers"), (lambda: decode([1.5]), "values"),
    (lambda: decode([1], fraction_bits=99), "fraction_bits"),
])
def test_bad_arguments(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# The sum that nobody shows

@FEW
@given(st.integers(2, 7), st.data())
def test_the_sum_is_right_in_two_rounds(parties, data):
    threshold = data.draw(st.integers(1, parties))
    numbers = np.array(data.draw(st.lists(st.tuples(*[st.floats(-900, 900)] * 2), min_size=parties, max_size=parties)))
    ledger = RoundLedger()
    found = shamir_sum(numbers, threshold, largest=1000, ledger=ledger)
    assert found == pytest.approx(numbers.sum(axis=0), abs=parties / 2**20)
    assert ledger.rounds == 2 and ledger.bytes_sent == 2 * parties * (parties - 1) * 2 * 8


def adders(numbers, threshold):
    people = {place: ShareAdder(place, len(numbers), threshold, largest=1000) for place in range(1, len(numbers) + 1)}
    for place, person in people.items():
        for to, message in person.deal([numbers[place - 1]]).items():
            people[to].receive(place, message)
    return people


def test_threshold_many_subtotals_suffice_when_others_are_gone():
    people = adders([1, 2, 3, 4, 5], 3)
    assert people[4].total({place: people[place].subtotal() for place in (2, 4, 5)}) == [15]
    with pytest.raises(ValueError, match="at least 3 shares, got 2"):
        people[4].total({place: people[place].subtotal() for place in (2, 4)})


def test_a_coalition_reads_a_number_from_threshold_shares_and_not_from_fewer():
    people = adders([100, 2, 3, 4, 5], 3)
    shares_of_1 = {place: people[place].received[1] for place in (2, 3, 4)}
    assert decode(shamir_reconstruct(shares_of_1, 3)) == 100
    del shares_of_1[4]
    # with a guess for the third share anything may come out: right by chance once in 2^61
    assert decode(shamir_reconstruct({**shares_of_1, 4: uniform((1,))}, 3)) != 100


def test_a_liar_is_caught_beyond_the_threshold():
    people = adders([10, 20, 30, 40], 2)
    aloud = {place: person.subtotal() for place, person in people.items()}
    assert people[1].total(aloud) == [100]
    lie = to_bytes((from_bytes(aloud[3], (1,)) + 1) % PRIME)
    with pytest.raises(ValueError, match="changed"):
        people[1].total({**aloud, 3: lie})


@pytest.mark.parametrize("call, words", [
    (lambda: ShareAdder(0, 3, 2, largest=1), "place"), (lambda: ShareAdder(4, 3, 2, largest=1), "place"),
    (lambda: ShareAdder(1, 1, 1, largest=1), "parties"), (lambda: ShareAdder(1, 3, 4, largest=1), "threshold"),
    (lambda: ShareAdder(1, 3, 2, largest=NAN), "largest"), (lambda: ShareAdder(1, 3, 2, largest=-1), "largest"),
    (lambda: ShareAdder(1, 3, 2, largest=1e12), "the sum would overflow"), (lambda: ShareAdder(1, 3, 2, largest=1, length=0), "length"),
    (lambda: ShareAdder(1, 3, 2, largest=1, fraction_bits=0.5), "fraction_bits"), (lambda: ShareAdder(1, 3, 2, largest=1, rng=1), "rng"),
    (lambda: ShareAdder(1, 3, 2, largest=1).deal([2.0]), "numbers must be at most 1"),
    (lambda: ShareAdder(1, 3, 2, largest=1).deal([NAN]), "numbers"), (lambda: ShareAdder(1, 3, 2, largest=1).deal([0, 1]), "length 1"),
    (lambda: ShareAdder(1, 3, 2, largest=1).receive(2, b"short"), "message"),
    (lambda: ShareAdder(1, 3, 2, largest=1).receive(9, bytes(8)), "dealer"),
    (lambda: ShareAdder(1, 3, 2, largest=1).subtotal(), "subtotal needs a share from each"),
    (lambda: ShareAdder(1, 3, 2, largest=1).total([bytes(8)]), "subtotals"),
    (lambda: shamir_sum([1.0, 2.0], 2, largest=9, ledger=RoundLedger()), "numbers"),
    (lambda: shamir_sum([[1.0], [NAN]], 2, largest=9, ledger=RoundLedger()), "numbers"),
    (lambda: shamir_sum([[1.0], [2.0]], 3, largest=9, ledger=RoundLedger()), "threshold"),
    (lambda: shamir_sum([[1.0], [2.0]], 2, largest=9, ledger=None), "ledger"),
    (lambda: RoundLedger().exchange("x", {}), "messages"), (lambda: RoundLedger().exchange("x", {(1, 2): [3]}), "bytes"),
])
def test_bad_arguments_of_the_sum(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_nobody_deals_twice():
    person = ShareAdder(1, 3, 2, largest=1)
    person.receive(2, bytes(8))
    with pytest.raises(ValueError, match="got 2 again"):
        person.receive(2, bytes(8))
