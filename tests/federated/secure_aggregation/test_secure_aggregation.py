"""The secure sum is exact whoever drops out, aborts beyond the threshold, and shows the server noise."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from labkit.federated.secure_aggregation import Aborted, Agreement, make_identities, masks, secure_sum, signed

LEVEL = 1e-5  # chi-square tests are seeded; this is how often a fresh seed would fail by chance


def agreement_of(clients, length=3, *, threshold=None, degree=None, bits=32):
    holders = clients if degree is None else degree + 1
    least = (holders + (degree is not None)) // 2 + 1
    return Agreement(clients, threshold or least, length, bits, degree, session=b"a fixed session!")


@st.composite
def sums(draw):
    clients = draw(st.integers(2, 16))
    threshold = draw(st.integers(clients // 2 + 1, clients))
    most = clients - max(2, threshold)
    silent = draw(st.lists(st.integers(0, clients - 1), max_size=most, unique=True))
    rounds = {each: draw(st.integers(1, 5)) for each in silent}
    return clients, draw(st.integers(1, 40)), threshold, draw(st.sampled_from([8, 17, 32, 33, 64])), rounds


@settings(max_examples=40, deadline=None)
@given(sums(), st.integers(0, 2**32))
@example((2, 1, 2, 32, {}), 0)
@example((100, 5, 51, 32, {each: 1 + each % 5 for each in range(49)}), 1)
@example((10, 1, 6, 64, {1: 1, 2: 2, 3: 4, 4: 5}), 2)
def test_exact_for_drop_outs_in_every_round_up_to_the_threshold(setting, seed):
    clients, length, threshold, bits, drop_outs = setting
    rng = np.random.default_rng(seed)
    vectors = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (clients, length), dtype=np.int64, endpoint=False)
    outcome = secure_sum(vectors, agreement_of(clients, length, threshold=threshold, bits=bits), drop_outs=drop_outs, rng=rng)
    assert outcome.included == [each for each in range(clients) if drop_outs.get(each, 4) > 3]
    expected = sum(int(2**bits) + vectors[each].astype(object) for each in outcome.included) % 2**bits
    assert outcome.total.tolist() == expected.tolist()


def test_exact_for_a_million_parameters_with_drop_outs():
    vectors = np.random.default_rng(0).integers(-(2**20), 2**20, (4, 10**6))
    outcome = secure_sum(vectors, agreement_of(4, 10**6, threshold=3), drop_outs={2: 3})
    assert (signed(outcome.total, 32) == vectors[[0, 1, 3]].sum(axis=0)).all()
    assert len(outcome.sent[0][2]) == 4 * 10**6  # four bytes a number: masks add none


@settings(max_examples=25, deadline=None)
@given(st.integers(4, 14), st.data())
def test_beyond_the_threshold_it_aborts_and_says_in_which_round(clients, data):
    threshold = data.draw(st.integers(clients // 2 + 1, clients - 1))
    number = data.draw(st.integers(1, 5))
    silent = data.draw(st.permutations(range(clients)))[:clients - threshold + 1]
    with pytest.raises(Aborted, match=f"round {number} .*{threshold - 1} of {clients} clients answered, at least {threshold}"):
        secure_sum(np.ones((clients, 2), int), agreement_of(clients, 2, threshold=threshold), drop_outs=dict.fromkeys(silent, number))


def test_drop_outs_in_different_rounds_add_up():
    with pytest.raises(Aborted, match=r"round 5 \(unmask\): 5 of 10 clients answered, at least 6"):
        secure_sum(np.ones((10, 1), int), agreement_of(10, 1), drop_outs={0: 1, 1: 2, 2: 3, 3: 4, 4: 5})


@pytest.mark.parametrize("clients, degree", [(9, 6), (30, 6), (100, 10)])
def test_few_neighbours_are_exact_too(clients, degree):
    vectors = np.arange(clients * 4).reshape(clients, 4)
    outcome = secure_sum(vectors, agreement_of(clients, 4, degree=degree), drop_outs={0: 3, clients // 2: 5}, rng=np.random.default_rng(1))
    assert (outcome.total == vectors[1:].sum(axis=0)).all()


def test_few_neighbours_abort_when_one_client_s_neighbours_are_gone():
    agreement = agreement_of(30, 1, degree=6)
    gone = agreement.neighbours(5)[:4]
    with pytest.raises(Aborted, match="of those who hold"):
        secure_sum(np.ones((30, 1), int), agreement, drop_outs=dict.fromkeys(gone, 4))


def test_with_few_neighbours_any_drop_outs_end_in_the_exact_sum_of_the_rest_or_in_none():
    rng, opened = np.random.default_rng(8), 0
    for _ in range(30):
        drop_outs = {int(each): int(rng.integers(1, 6)) for each in rng.permutation(40)[:rng.integers(1, 7)]}
        try:
            outcome = secure_sum(2 ** np.arange(40)[:, None], agreement_of(40, 1, degree=10, bits=64), drop_outs=drop_outs)
        except Aborted:
            continue
        opened += 1
        assert int(outcome.total[0]) == sum(2**each for each in outcome.included)
        assert set(outcome.included) <= {each for each in range(40) if drop_outs.get(each, 4) > 3}
    assert 5 < opened


@pytest.mark.parametrize("clients, degree", [(3, 2), (9, 4), (40, 8)])
def test_the_graph_is_regular_symmetric_and_connected(clients, degree):
    agreement = agreement_of(clients, degree=degree)
    near = {each: set(agreement.neighbours(each)) for each in range(clients)}
    assert all(len(others) == degree and each not in others for each, others in near.items())
    assert all(each in near[other] for each, others in near.items() for other in others)
    reached, fresh = {0}, {0}
    while fresh:
        fresh = set.union(*(near[each] for each in fresh)) - reached
        reached |= fresh
    assert len(reached) == clients
    assert agreement_of(40, degree=8).neighbours(3) == agreement_of(40, degree=8).neighbours(3)
    assert any(Agreement(40, 6, 1, 32, 8, session=bytes(16)).neighbours(each) != agreement_of(40, degree=8).neighbours(each)
               for each in range(40))


def test_signed_keys_give_the_same_sum():
    vectors = np.arange(20).reshape(5, 4)
    outcome = secure_sum(vectors, agreement_of(5, 4), identities=make_identities(5), drop_outs={1: 3})
    assert (outcome.total == vectors[[0, 2, 3, 4]].sum(axis=0)).all()


# What the server sees

def masked_bytes(value, bits=32):
    return b"".join(secure_sum(np.full((3, 2000), value), agreement_of(3, 2000, bits=bits), rng=np.random.default_rng(seed)).sent[1][2]
                    for seed in range(10))


@pytest.mark.parametrize("value", [0, 1, -1, 2**31 - 1])
def test_each_byte_of_the_server_s_view_is_uniform_whatever_is_inside(value):
    counts = np.bincount(np.frombuffer(masked_bytes(value), np.uint8), minlength=256)
    assert chisquare(counts).pvalue > LEVEL


def test_values_and_pairs_of_neighbouring_values_are_uniform():
    numbers = np.frombuffer(masked_bytes(7, bits=8), np.uint8)
    pairs = 16 * (numbers[:-1:2] >> 4).astype(int) + (numbers[1::2] >> 4)
    assert chisquare(np.bincount(numbers, minlength=256)).pvalue > LEVEL
    assert chisquare(np.bincount(pairs, minlength=256)).pvalue > LEVEL


def test_two_views_of_the_same_vector_share_nothing():
    agreement = agreement_of(3, 1000)
    one, other = (np.frombuffer(secure_sum(np.zeros((3, 1000), int), agreement).sent[0][2], "<u4") for _ in range(2))
    assert (one == other).sum() <= 2  # equal by chance: 1000 / 2^32 for one number


def test_the_uniformity_test_sees_a_broken_mask():
    # the twin: masks that leave the top two bits of each number alone
    numbers = masks.expand(bytes(32), 60_000, 30)
    assert chisquare(np.bincount(numbers.view(np.uint8), minlength=256)).pvalue < LEVEL


@pytest.mark.parametrize("bits", [8, 12, 31, 32, 40, 64])
def test_expanded_masks_are_uniform_in_their_top_bits(bits):
    numbers = masks.expand(b"k" * 32, 50_000, bits)
    assert numbers.max() < 2**bits
    assert chisquare(np.bincount((numbers >> (bits - 6)).astype(int), minlength=64)).pvalue > LEVEL


@pytest.mark.parametrize("bits", [8, 12, 32, 40, 64])
def test_packing_there_and_back(bits):
    numbers = masks.expand(b"p" * 32, 100, bits)
    message = masks.pack(numbers, bits)
    assert len(message) == 100 * -(-bits // 8) and (masks.unpack(message, bits) == numbers).all()
