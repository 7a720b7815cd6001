import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from labkit.encrypted.parties import join, split
from labkit.encrypted.sharing import field
from labkit.encrypted.sharing.field import PRIME, decode, from_bytes
from labkit.encrypted.sharing.sums import RoundLedger, reconstruct
from labkit.encrypted.sharing.triples import Multiplier, deal_triple, error_bound, secure_scores

FEW = settings(max_examples=30, deadline=None)
NAN, INF = float("nan"), float("inf")


def pair(rows, columns, triple=None, **settings):
    triple = triple or deal_triple(rows, columns)
    return [Multiplier(number, rows, columns, mine, **{"score_bound": 256, **settings}) for number, mine in enumerate(triple)]


def opened_matrix(X, weights, triple):
    """D = X - A, which both parties see."""
    clinic, company = pair(*X.shape, triple)
    company.take_matrix(clinic.give_matrix(X))
    clinic.take_model(company.give_model(weights))
    return reconstruct([from_bytes(split(each.opening())[0], X.shape) for each in (clinic, company)])


def test_a_triple_is_a_product_of_random_factors():
    left, right = (split(each) for each in deal_triple(3, 4))
    A, b, c = (reconstruct([from_bytes(x, shape), from_bytes(y, shape)])
               for x, y, shape in zip(left, right, [(3, 4), (4,), (3,)]))
    assert (A @ b % PRIME == c).all()


@FEW
@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 2**32), st.sampled_from([8, 16, 20, 24]))
def test_scores_are_those_of_the_plain_model(rows, columns, seed, fraction_bits):
    rng = np.random.default_rng(seed)
    X, weights, bias = rng.uniform(-1, 1, (rows, columns)), rng.normal(0, 4, columns), rng.normal()
    found = secure_scores(X, weights, bias, ledger=RoundLedger(), score_bound=256, fraction_bits=fraction_bits)
    # floats carry 53 bits: their own rounding is far below 1e-10
    assert np.abs(found - X @ weights - bias).max() <= error_bound(weights, fraction_bits=fraction_bits) + 1e-10


def test_the_ledger_counts_bytes_and_rounds():
    ledger = RoundLedger()
    secure_scores(np.full((5, 3), 0.5), [1, 2, 3], 0.0, ledger=ledger, score_bound=8)
    assert ledger.rounds == 3
    online = sum(len(message) for sender, *_, message in ledger.entries if sender != "dealer")
    framing = 2 * (4 + 2 * 8)
    assert online == 8 * (3 * 5 * 3 + 3 * 3 + 5) + framing
    assert {sender for sender, *_ in ledger.entries} == {"dealer", "clinic", "company"}
    assert not [what for sender, to, what, _ in ledger.entries if to == "dealer"]  # the dealer sees nothing


def test_what_a_party_sees_is_uniform():
    # every element that the company receives, reduced to 16 classes by its top bits, for one constant secret; a
    # chi-square test at 1e-5, on the operating system's randomness: it fails once in 100,000 runs
    ledger = RoundLedger()
    secure_scores(np.full((400, 4), 0.25), [1, 1, 1, 1], 0.0, ledger=ledger, score_bound=8)
    for what in ("share of input", "opening"):
        (message,) = [each for name, each in ledger.seen_by("company") if name == what]
        first = message if what == "share of input" else split(message)[0]
        top = from_bytes(first, (1600,)).astype(np.int64) >> 57
        assert chisquare(np.bincount(top, minlength=16)).pvalue > 1e-5


def test_a_triple_used_twice_leaks_the_difference_and_a_fresh_one_does_not():
    rng = np.random.default_rng(3)
    first, second, weights = rng.uniform(0, 1, (1, 6)), rng.uniform(0, 1, (1, 6)), np.ones(6)
    once = deal_triple(1, 6)
    leak = decode((opened_matrix(second, weights, once) - opened_matrix(first, weights, once)) % PRIME)
    assert np.abs(leak - (second - first)).max() < 2e-6
    noise = decode((opened_matrix(second, weights, deal_triple(1, 6)) - opened_matrix(first, weights, once)) % PRIME)
    assert (np.abs(noise) > 1).all()  # one of six is within 1 with probability below 2^-37


def test_a_second_opening_is_refused():
    clinic, company = pair(2, 3)
    company.take_matrix(clinic.give_matrix(np.zeros((2, 3))))
    clinic.take_model(company.give_model(np.ones(3)))
    clinic.opening()
    with pytest.raises(ValueError, match="triple must be used once"):
        clinic.opening()


def test_overflow_is_refused_before_any_work():
    most = (PRIME - 1) / 2 / 4**20
    with pytest.raises(ValueError, match="the scores would overflow"):
        pair(1, 2, score_bound=most)
    clinic, company = pair(1, 2, score_bound=10)
    with pytest.raises(ValueError, match="score_bound must cover"):
        company.give_model([6.0, 5.0])
    with pytest.raises(ValueError, match="score_bound must cover"):
        company.give_model([6.0, 3.0], bias=2.0)


def test_the_largest_score_that_is_allowed_comes_out_right():
    most = (PRIME - 1) / 2 / 4**20 * 0.99
    found = secure_scores([[1.0], [-1.0]], [most], 0.0, ledger=RoundLedger(), score_bound=most)
    assert found == pytest.approx([most, -most])


def test_steps_out_of_order_are_refused():
    clinic, company = pair(1, 1)
    for step, words in [(clinic.opening, "needs a share of both"), (lambda: clinic.score_share(b""), "own opening first"),
                        (lambda: clinic.scores(bytes(8)), "score_share")]:
        with pytest.raises(ValueError, match=words):
            step()


def damaged_opening():
    clinic, company = pair(1, 1)
    company.take_matrix(clinic.give_matrix([[1.0]]))
    clinic.take_model(company.give_model([1.0]))
    clinic.opening()
    clinic.score_share(company.opening()[:-1])


@pytest.mark.parametrize("call, words", [
    (lambda: deal_triple(0, 1), "rows"), (lambda: deal_triple(1, 2.0), "columns"), (lambda: deal_triple(1, 1, rng=3), "rng"),
    (lambda: Multiplier(2, 1, 1, deal_triple(1, 1)[0], score_bound=1), "number"),
    (lambda: Multiplier(0, 1, 2, deal_triple(1, 1)[0], score_bound=1), "message"),
    (lambda: Multiplier(0, 1, 1, b"nonsense", score_bound=1), "message"),
    (lambda: Multiplier(0, 1, 1, join([bytes(8)] * 2), score_bound=1), "3 arrays, got 2"),
    (lambda: pair(1, 1, score_bound=NAN), "score_bound"), (lambda: pair(1, 1, score_bound=0), "score_bound"),
    (lambda: pair(1, 1, input_bound=INF), "input_bound"), (lambda: pair(1, 1, fraction_bits=29), "fraction_bits"),
    (lambda: pair(1, 1)[0].give_matrix([[2.0]]), "X must be at most 1"), (lambda: pair(1, 1)[0].give_matrix([[NAN]]), "X"),
    (lambda: pair(1, 1)[0].give_matrix([1.0]), "X"), (lambda: pair(1, 1)[0].give_matrix([[1.0, 1.0]]), "shape"),
    (lambda: pair(1, 1)[1].give_model([1, 2]), "weights must have 1"), (lambda: pair(1, 1)[1].give_model([INF]), "weights"),
    (lambda: pair(1, 1)[1].give_model([1], bias=NAN), "bias"), (lambda: pair(1, 1)[0].take_matrix(b""), "message"),
    (lambda: pair(1, 1)[0].take_model([1]), "message"), (damaged_opening, "message"),
    (lambda: secure_scores([[1.0]], [1.0], 0, ledger=[], score_bound=9), "ledger"),
    (lambda: secure_scores([[]], [1.0], 0, ledger=RoundLedger(), score_bound=9), "X"),
    (lambda: error_bound([]), "weights"), (lambda: error_bound([1], input_bound=-1), "input_bound"),
    (lambda: error_bound([1], fraction_bits=99), "fraction_bits"),
])
def test_bad_arguments(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_elements_never_reach_the_size_where_products_overflow():
    big = field.elements([PRIME - 1, PRIME - 2])
    assert (big * big % PRIME).tolist() == [1, 4]


def test_a_second_answer_would_show_the_weights_and_is_refused():
    """A clinic that asks twice, with openings of its own making: without the refusal it solves for the company's weights."""
    weights, rows, columns = np.array([0.5, -1.25, 2.0]), 3, 3
    triples = deal_triple(rows, columns)
    clinic, company = (Multiplier(number, rows, columns, triple, score_bound=8.0) for number, triple in enumerate(triples))
    company.take_matrix(clinic.give_matrix(np.zeros((rows, columns))))
    clinic.take_model(company.give_model(weights))
    mine, theirs = clinic.opening(), company.opening()
    first = field.from_bytes(company.score_share(mine), (rows,))
    D, e = (field.from_bytes(each, shape) for each, shape in zip(split(mine), [(rows, columns), (columns,)]))
    moved = join([field.to_bytes((D + np.eye(rows, columns, dtype=int).astype(object)) % field.PRIME), field.to_bytes(e)])
    with pytest.raises(ValueError, match="score_share must be asked once"):
        company.score_share(moved)
    del company.result  # the broken twin
    b_of_company = (field.from_bytes(company.score_share(moved), (rows,)) - first) % field.PRIME
    (_, b_of_clinic, _), (_, e_of_company) = clinic.triple, [field.from_bytes(each, shape) for each, shape in
                                                             zip(split(theirs), [(rows, columns), (columns,)])]
    stolen = field.decode((e + e_of_company + b_of_clinic + b_of_company) % field.PRIME)
    np.testing.assert_allclose(stolen, weights, atol=1e-6)
