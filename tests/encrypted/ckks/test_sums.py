import numpy as np
import pytest

from labkit.encrypted.ckks.planning import plan
from labkit.encrypted.ckks.roles import CKKSClient
from labkit.encrypted.ckks.sums import inner_product, weighted_sum

NAN, INF = float("nan"), float("inf")
WEIGHTS = [0.5, 0.0, -2.0, 3.0]


@pytest.fixture(scope="module")
def client():
    return CKKSClient(plan(depth=2, precision_bits=14, largest=64.0), shadow=True)


@pytest.fixture(scope="module")
def stranger():
    return CKKSClient(plan(depth=2, precision_bits=14, largest=64.0))


@pytest.fixture(scope="module")
def table():
    return np.random.default_rng(3).uniform(-1, 1, (4, 16))


def encrypted(client, table):
    return [client.encrypt(row, bound=1) for row in table]


def test_a_weighted_sum_equals_products_and_sums(client, table):
    vectors = encrypted(client, table)
    total = weighted_sum(vectors, WEIGHTS, bias=0.25)
    exact = np.array(WEIGHTS) @ table + 0.25
    assert (total.level, total.bound, len(total)) == (1, 5.75, 16)
    assert np.abs(client.decrypt(total) - exact).max() <= total.error_bound < 1e-5
    np.testing.assert_allclose(total.shadow, exact)
    again = weighted_sum([total], [0.1]) + vectors[0]  # the result takes part in further operations
    assert again.level == 2 and np.abs(client.decrypt(again) - exact * 0.1 - table[0]).max() <= again.error_bound


def test_it_works_at_the_second_level_too(client, table):
    vectors = [each * 1.0 for each in encrypted(client, table)]
    total = weighted_sum(vectors, WEIGHTS)
    assert total.level == 2 and np.abs(client.decrypt(total) - np.array(WEIGHTS) @ table).max() <= total.error_bound


def test_it_is_rounded_less_than_products_one_by_one(client, table):
    vectors = encrypted(client, table)
    one_by_one = vectors[0] * 0.5 + vectors[2] * -2.0 + vectors[3] * 3.0
    assert weighted_sum(vectors, WEIGHTS).error_bound < one_by_one.error_bound


def test_an_inner_product_equals_products_and_sums(client, table):
    vectors = encrypted(client, table)
    deeper = [each * 0.5 for each in vectors]
    for xs, ys, level, factor in [(vectors, vectors, 1, 1.0), (vectors, deeper, 2, 0.5), (deeper, vectors, 2, 0.5)]:
        product = inner_product(xs, ys)
        exact = factor * (table**2).sum(axis=0)
        assert product.level == level
        assert np.abs(client.decrypt(product) - exact).max() <= product.error_bound < 1e-4
        np.testing.assert_allclose(product.shadow, exact)


def test_results_travel(client, table):
    total = weighted_sum(encrypted(client, table), WEIGHTS)
    np.testing.assert_allclose(client.decrypt(client.load(total.to_bytes())), np.array(WEIGHTS) @ table, atol=1e-5)


def test_no_level_left_no_room_left(client, table):
    spent = [each * 1.0 * 1.0 for each in encrypted(client, table)]
    with pytest.raises(ValueError, match="no multiplication is left"):
        weighted_sum(spent, WEIGHTS)
    with pytest.raises(ValueError, match="no multiplication is left"):
        inner_product(spent, spent)
    with pytest.raises(ValueError, match="would wrap around"):
        weighted_sum(encrypted(client, table), np.array(WEIGHTS) * 1e15)


def test_a_sum_that_needs_no_key_is_refused(client, table):
    x = encrypted(client, table)[0]
    with pytest.raises(ValueError, match="known without a key"):
        weighted_sum([x, x], [1.0, -1.0])


@pytest.mark.parametrize("weights", [[], [0.0] * 4, [NAN] * 4, [INF, 1, 1, 1], [1.0] * 3, "abcd", None, [[1.0] * 4], [1e-30] * 4])
def test_bad_weights(client, table, weights):
    with pytest.raises(ValueError, match="weights must|vectors and weights must"):
        weighted_sum(encrypted(client, table), weights)


@pytest.mark.parametrize("bias", [NAN, INF, None, "1", [1.0]])
def test_bad_bias(client, table, bias):
    with pytest.raises(ValueError, match="bias must"):
        weighted_sum(encrypted(client, table), WEIGHTS, bias)


@pytest.mark.parametrize("vectors", [[], None, [1.0], "abc", 5])
def test_bad_vectors(client, vectors):
    with pytest.raises(ValueError, match="vectors must be a list"):
        weighted_sum(vectors, [1.0])
    with pytest.raises(ValueError, match="xs must be a list"):
        inner_product(vectors, vectors)


def test_vectors_that_do_not_fit_each_other(client, stranger, table):
    x = client.encrypt(table[0], bound=1)
    for other in (x * 1.0, client.encrypt([1.0], bound=1), stranger.encrypt(table[0], bound=1)):
        with pytest.raises(ValueError, match="vectors must have one party"):
            weighted_sum([x, other], [1.0, 1.0])
    with pytest.raises(ValueError, match="xs and ys must have the same length"):
        inner_product([x], [x, x])
    with pytest.raises(ValueError, match="other must"):
        inner_product([x], [client.encrypt([1.0], bound=1)])
