"""Networks of squares, in the clear and under encryption."""

import numpy as np
import pytest

from labkit import datasets
from labkit.encrypted.ckks import wire
from labkit.encrypted.ckks.planning import plan
from labkit.encrypted.ckks.roles import PUBLIC_HEADER
from labkit.encrypted.ckks.vector import ciphertext_in
from labkit.encrypted.learning.inference import NetworkClient, NetworkServer
from labkit.encrypted.learning.networks import SquareNetwork, convolution, dense, network_plan, train
from labkit.encrypted.parties import join, split

NAN, INF = float("nan"), float("inf")
RNG = np.random.default_rng(1)
TINY = SquareNetwork(RNG.normal(0, 1, (4, 3)), RNG.normal(0, 1, 3), RNG.normal(0, 1, (3, 2)), RNG.normal(0, 1, 2))


@pytest.fixture(scope="module")
def pictures():
    known, new = datasets.digits().split(0.2, seed=0)
    return known, new


@pytest.fixture(scope="module")
def mlp(pictures):
    return train(pictures[0].X, pictures[0].y, dense(64, 32), classes=10)


@pytest.fixture(scope="module")
def client():
    return NetworkClient(network_plan(TINY))


@pytest.fixture(scope="module")
def server(client):
    return NetworkServer(TINY, client.public_bytes())


@pytest.fixture(scope="module")
def alone():
    client = NetworkClient(network_plan(TINY, alone=True))
    server = NetworkServer(TINY, client.public_bytes())
    server.take_rotation_keys(client.rotation_keys(4))
    return client, server


def test_scores_are_what_the_formula_says():
    x = np.array([[0.1, 0.2, 0.3, 0.4]])
    hidden = [(x[0] @ TINY.weights1[:, u] + TINY.bias1[u]) ** 2 for u in range(3)]
    expected = [sum(h * w for h, w in zip(hidden, TINY.weights2[:, c])) + TINY.bias2[c] for c in range(2)]
    np.testing.assert_allclose(TINY.scores(x)[0], expected)


def test_bounds_cover_every_corner_and_are_reached():
    corners = np.array(np.meshgrid(*[[0, 1]] * 4)).reshape(4, -1).T
    hidden = np.abs(corners @ TINY.weights1 + TINY.bias1)
    np.testing.assert_allclose(hidden.max(axis=0), TINY.hidden_bounds)
    assert np.abs(TINY.scores(corners)).max() <= TINY.largest and np.log2(TINY.largest) % 1 == 0


def test_a_convolution_is_a_layer_with_shared_weights():
    shared = convolution(4, kernel=2, stride=2, channels=3)
    assert shared.shape == (16, 12) and set(np.unique(shared)) == set(range(-1, 12))
    kernels = np.arange(1.0, 13).reshape(3, 2, 2)
    weights = np.where(shared >= 0, kernels.ravel()[shared], 0)
    picture = RNG.normal(size=(4, 4))
    expected = [(picture[top : top + 2, left : left + 2] * kernel).sum() for kernel in kernels for top in (0, 2) for left in (0, 2)]
    np.testing.assert_allclose(picture.ravel() @ weights, expected)


def test_training_learns_and_keeps_weights_shared(pictures, mlp):
    known, new = pictures
    assert (mlp.scores(new.X).argmax(1) == new.y).mean() > 0.94
    shared = convolution(8, kernel=3, stride=2, channels=4)
    cnn = train(known.X, known.y, shared, classes=10)
    assert (cnn.scores(new.X).argmax(1) == new.y).mean() > 0.9
    for weight in range(36):
        assert len(set(cnn.weights1[shared == weight])) == 1
    assert not cnn.weights1[shared < 0].any()


def test_a_trained_gradient_is_a_gradient():
    """One tiny step of training must lower the loss; the opposite sign would raise it."""
    X, y = RNG.uniform(0, 1, (200, 4)), RNG.integers(0, 2, 200)

    def loss(network):
        scores = network.scores(X)
        return (np.log(np.exp(scores).sum(1)) - scores[range(200), y]).mean()

    losses = [loss(train(X, y, dense(4, 3), classes=2, epochs=epochs, batch_size=200, learning_rate=1e-3)) for epochs in (1, 20, 60)]
    assert losses[0] > losses[1] > losses[2]


def test_all_digits_in_one_request(pictures, mlp):
    _, new = pictures
    client = NetworkClient(network_plan(mlp))
    server = NetworkServer(mlp, client.public_bytes())
    request = client.request(new.X)
    scores = client.scores(server.answer(request))
    plain = mlp.scores(new.X)
    assert (scores.argmax(1) == plain.argmax(1)).all() and np.abs(scores - plain).max() < 1e-4
    shared = convolution(8, kernel=3, stride=2, channels=4)
    cnn = train(pictures[0].X, pictures[0].y, shared, classes=10, epochs=20)
    answers = client.scores(NetworkServer(cnn, client.public_bytes()).answer(request))  # the same request
    assert (answers.argmax(1) == cnn.scores(new.X).argmax(1)).all()


def test_one_digit_alone(pictures, mlp):
    _, new = pictures
    client = NetworkClient(network_plan(mlp, alone=True))
    server = NetworkServer(mlp, client.public_bytes())
    server.take_rotation_keys(client.rotation_keys(64))
    plain = mlp.scores(new.X[:5])
    for picture, expected in zip(new.X[:5], plain):
        reply = server.answer_alone(client.request_alone(picture))
        np.testing.assert_allclose(client.scores_alone(reply, 10), expected, atol=1e-3)
        everything = client.client.decrypt(reply).reshape(-1, 128)  # nothing of the hidden units may stand in the other slots
        assert np.abs(everything - everything[0]).max() < 1e-3 and np.abs(everything[:, 10:]).max() < 1e-3


@pytest.mark.parametrize("rows", [1, 7, 4096])
def test_scores_equal_the_plain_ones(client, server, rows):
    X = np.random.default_rng(rows).uniform(0, 1, (rows, 4))
    np.testing.assert_allclose(client.scores(server.answer(client.request(X))), TINY.scores(X), atol=1e-4)


def test_alone_equals_the_plain_scores(alone):
    client, server = alone
    for x in (np.zeros(4), np.ones(4), np.array([0.1, 0.9, 0.3, 0.5])):
        scores = client.scores_alone(server.answer_alone(client.request_alone(x)), 2)
        np.testing.assert_allclose(scores, TINY.scores(x[None])[0], atol=1e-3)


def test_no_secret_key_in_what_the_client_sends(client, server):
    import tenseal

    keys, messages = client.public_bytes(), split(client.request(np.full((3, 4), 0.5)))

    def opened(public_bytes):
        context = tenseal.context_from(wire.unchecked(public_bytes)[PUBLIC_HEADER.size :])
        return tenseal.ckks_vector_from(context, ciphertext_in(messages[0])).decrypt()

    with pytest.raises(ValueError, match="secret_key"):
        opened(keys)
    careless = wire.checked(keys[: PUBLIC_HEADER.size] + client.client.context.serialize(save_secret_key=True))
    np.testing.assert_allclose(opened(careless), 0.5, atol=1e-4)  # the control: this trick does work when a key is there
    with pytest.raises(ValueError, match="must not hold a secret key"):
        NetworkServer(TINY, careless)


def test_plans():
    for flag in (False, True):
        used, allowed = network_plan(TINY, alone=flag).security()
        assert used <= allowed
    huge = SquareNetwork(TINY.weights1 * 1e4, TINY.bias1, TINY.weights2, TINY.bias2)
    with pytest.raises(ValueError, match="poly_modulus_degree must be larger"):
        network_plan(huge, poly_modulus_degree=4096)
    with pytest.raises(ValueError, match="network must be"):
        network_plan(None)
    for bad in (1, None, "yes"):
        with pytest.raises(ValueError, match="alone must be"):
            network_plan(TINY, alone=bad)
    with pytest.raises(ValueError, match="poly_modulus_degree must be"):
        network_plan(TINY, poly_modulus_degree=1000)


ONES = np.ones


@pytest.mark.parametrize("parts, name", [
    ((ONES((2, 2)) * NAN, ONES(2), ONES((2, 2)), ONES(2)), "weights1"), ((ONES(2), ONES(2), ONES((2, 2)), ONES(2)), "weights1"),
    ((ONES((2, 2)), ONES(3), ONES((2, 2)), ONES(2)), "bias1"), ((ONES((2, 2)), [INF, 1], ONES((2, 2)), ONES(2)), "bias1"),
    ((ONES((2, 2)), ONES(2), ONES((3, 2)), ONES(2)), "weights2"), ((ONES((2, 2)), ONES(2), ONES((2, 2)), ONES(1)), "bias2"),
    ((np.zeros((2, 2)), ONES(2), ONES((2, 2)), ONES(2)), "weights1"), ((ONES((2, 2)), ONES(2), [[1, 0], [1, 0]], ONES(2)), "weights2"),
    (("ab", ONES(2), ONES((2, 2)), ONES(2)), "weights1"), ((ONES((2, 2)), None, ONES((2, 2)), ONES(2)), "bias1")])
def test_bad_networks(parts, name):
    with pytest.raises(ValueError, match=f"{name} must"):
        SquareNetwork(*parts)


X, Y = np.full((6, 4), 0.5), np.array([0, 1, 0, 1, 0, 1])


@pytest.mark.parametrize("change, name", [
    ({"X": X * NAN}, "X"), ({"X": []}, "X"), ({"y": Y[:3]}, "X and y"), ({"y": Y + 1}, "y"), ({"y": Y * 0.5}, "y"), ({"y": -Y}, "y"),
    ({"classes": 1}, "classes"), ({"classes": 2.0}, "classes"), ({"epochs": 0}, "epochs"), ({"learning_rate": 0}, "learning_rate"),
    ({"learning_rate": INF}, "learning_rate"), ({"batch_size": 0}, "batch_size"), ({"seed": -1}, "seed"), ({"shared": dense(5, 3)}, "shared"),
    ({"shared": dense(4, 3) * 1.0}, "shared"), ({"shared": dense(4, 3) - 2}, "shared"), ({"shared": None}, "shared")])
def test_bad_training(change, name):
    with pytest.raises(ValueError, match=f"{name} must"):
        train(**({"X": X, "y": Y, "shared": dense(4, 3), "classes": 2} | change))


@pytest.mark.parametrize("call, name", [
    (lambda: dense(0, 3), "inputs"), (lambda: dense(3, 1.5), "hidden"), (lambda: convolution(0, 1, 1, 1), "side"),
    (lambda: convolution(4, 5, 1, 1), "kernel"), (lambda: convolution(4, 2, 0, 1), "stride"), (lambda: convolution(4, 2, 1, -1), "channels")])
def test_bad_shapes(call, name):
    with pytest.raises(ValueError, match=f"{name} must be"):
        call()


@pytest.mark.parametrize("X", [[[NAN] * 4], [[INF] * 4], [], [1.0, 2.0], None, [["a"] * 4], [[1.5] * 4], [[-0.1] * 4], np.zeros((5000, 4))])
def test_bad_records(client, X):
    with pytest.raises(ValueError, match="X must"):
        client.request(X)


@pytest.mark.parametrize("x", [[NAN] * 4, [], None, [0.5] * 3, [[0.5] * 4], [2.0] * 4])
def test_bad_single_records(alone, x):
    with pytest.raises(ValueError, match="[xX] must"):
        alone[0].request_alone(x)


def test_requests_that_do_not_fit(client, server, alone):
    with pytest.raises(ValueError, match="request must hold 4 features"):
        server.answer(join(split(client.request(X))[:3]))
    with pytest.raises(ValueError, match="request must hold 4 numbers"):
        alone[1].answer_alone(alone[0].request_alone([0.5] * 8))
    with pytest.raises(ValueError, match="took rotation keys"):
        server.answer_alone(client.request_alone([0.5] * 4))
    with pytest.raises(ValueError, match="X must have 4 columns"):
        TINY.scores(np.ones((1, 5)))
    with pytest.raises(ValueError, match="network must be"):
        NetworkServer(None, client.public_bytes())
    for bad in (0, 3, 10**6, None):
        with pytest.raises(ValueError, match="inputs must be"):
            client.rotation_keys(bad)
    stranger = NetworkClient(plan(depth=3))
    with pytest.raises(ValueError, match="got one for another"):
        server.answer(stranger.request(X))
