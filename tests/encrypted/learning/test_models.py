import numpy as np
import pytest

from labkit import datasets
from labkit.encrypted.ckks.planning import plan
from labkit.encrypted.learning.models import ScoringClient, ScoringServer, largest_score
from labkit.encrypted.parties import MessageLedger, join, split

WEIGHTS, BIAS = np.array([0.5, -2.0, 0.0, 3.0]), 0.25
NAN, INF = float("nan"), float("inf")


@pytest.fixture(scope="module")
def client():
    return ScoringClient(plan(depth=1, largest=largest_score(WEIGHTS, BIAS)))


@pytest.fixture(scope="module")
def server(client):
    return ScoringServer(WEIGHTS, BIAS, client.public_bytes())


@pytest.mark.parametrize("rows", [1, 5, 4096])
def test_scores_equal_the_plain_ones(client, server, rows):
    X = np.random.default_rng(rows).uniform(0, 1, (rows, 4))
    scores = client.scores(server.answer(client.request(X)))
    np.testing.assert_allclose(scores, X @ WEIGHTS + BIAS, atol=1e-5)


def test_every_patient_gets_the_plain_label():
    train, test = datasets.breast_cancer().split(0.2, seed=0)
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=5000).fit(train.X, train.y)
    weights, bias = model.coef_[0], model.intercept_[0]
    client = ScoringClient(plan(depth=1, largest=largest_score(weights, bias)))
    server = ScoringServer(weights, bias, client.public_bytes())
    scores = client.scores(server.answer(client.request(test.X)))
    assert ((scores > 0) == model.predict(test.X)).all()
    assert np.abs(scores - model.decision_function(test.X)).max() < 1e-4


def test_only_bytes_cross_and_the_server_cannot_read_them(client, server):
    request = client.request(np.full((3, 4), 0.5))
    assert isinstance(request, bytes) and len(split(request)) == 4
    assert isinstance(server.answer(request), bytes)
    assert not server.server.context.has_secret_key()


def test_another_client_s_request_is_refused(server):
    stranger = ScoringClient(plan(depth=1))
    with pytest.raises(ValueError, match="got one for another"):
        server.answer(stranger.request(np.ones((1, 4))))


def test_a_model_too_large_for_the_plan_is_refused(client):
    server = ScoringServer(WEIGHTS * 1e6, BIAS, client.public_bytes())
    with pytest.raises(ValueError, match="wrap around"):
        server.answer(client.request(np.ones((1, 4))))


def test_largest_score_covers_every_input():
    largest = largest_score(WEIGHTS, BIAS, input_bound=2.0)
    assert largest == 16.0  # 2 * 5.5 + 0.25, up to a power of two
    corners = np.array(np.meshgrid(*[[-2, 2]] * 4)).reshape(4, -1).T
    assert np.abs(corners @ WEIGHTS + BIAS).max() <= largest
    assert largest_score([0.01], 0) == 1.0


@pytest.mark.parametrize("X, name", [([[NAN] * 4], "X"), ([[INF] * 4], "X"), ([], "X"), ([1.0, 2.0], "X"), (None, "X"),
                                     ([["a"] * 4], "X"), ([[1.5] * 4], "values"), (np.zeros((5000, 4)), "X")])
def test_bad_records(client, X, name):
    with pytest.raises(ValueError, match=f"{name} must be|{name} must have"):
        client.request(X)


@pytest.mark.parametrize("arguments, name", [
    (([NAN], 0), "weights"), (([0.0, 0.0], 0), "weights"), (([], 0), "weights"), (([[1.0]], 0), "weights"),
    (("ab", 0), "weights"), (([1.0], NAN), "bias"), (([1.0], None), "bias"), (([1.0], [1.0]), "bias")])
def test_bad_models(client, arguments, name):
    with pytest.raises(ValueError, match=f"{name} must"):
        ScoringServer(*arguments, client.public_bytes())
    with pytest.raises(ValueError, match=f"{name} must"):
        largest_score(*arguments)


@pytest.mark.parametrize("bad", [0, -1, NAN, INF, "1"])
def test_bad_input_bounds(client, bad):
    with pytest.raises(ValueError, match="bound must be positive"):
        client.request(np.ones((1, 4)), input_bound=bad)
    with pytest.raises(ValueError, match="input_bound must be positive"):
        largest_score([1.0], 0, input_bound=bad)


def test_bad_requests(client, server):
    request = client.request(np.ones((1, 4)))
    for bad in (None, b"", "text", request[:-1], request + b"x", b"\xff" * 50):
        with pytest.raises(ValueError, match="message must"):
            server.answer(bad)
    with pytest.raises(ValueError, match="request must hold 4 features"):
        server.answer(join(split(request)[:3]))
    with pytest.raises(ValueError, match="request must hold 4 features"):
        server.answer(join([]))


def test_join_and_split():
    for messages in ([], [b""], [b"a", b"", b"ccc" * 100]):
        assert split(join(messages)) == messages
    for bad in (b"a", None, ["text"], [b"a", 1], 7):
        with pytest.raises(ValueError, match="messages must be"):
            join(bad)


def test_the_ledger_keeps_what_each_party_saw():
    ledger = MessageLedger()
    assert ledger.send("client", "server", "keys", b"12345") == b"12345"
    ledger.send("server", "client", "scores", b"123")
    assert ledger.seen_by("server") == [("keys", b"12345")]
    assert (ledger.total("server"), ledger.total("client"), ledger.total("nobody")) == (5, 3, 0)
    assert str(ledger).splitlines()[0].split() == ["client", "->", "server", "keys", "5", "bytes"]
    assert str(MessageLedger()) == ""
    for bad in ("text", None, [1], np.ones(2)):
        with pytest.raises(ValueError, match="share no objects"):
            ledger.send("client", "server", "data", bad)


def test_probabilities_through_a_polynomial():
    from labkit.encrypted.learning.sigmoid import fitted_sigmoid, identity

    weights, curve = np.array([1.0, -2.0, 0.0, 0.5]), fitted_sigmoid(4.0)
    client = ScoringClient(plan(depth=4, precision_bits=10, largest=4.0))
    server = ScoringServer(weights, 0.25, client.public_bytes(), curve=curve)
    X = np.random.default_rng(8).uniform(0, 1, (6, 4))
    z = X @ weights + 0.25
    answers = client.scores(server.answer(client.request(X)))
    np.testing.assert_allclose(answers, curve(z / 4) + 0.5, atol=1e-3)
    np.testing.assert_allclose(answers, 1 / (1 + np.exp(-z)), atol=curve.error + 1e-3)
    with pytest.raises(ValueError, match="curve must be fitted to scores up to 3.75"):
        ScoringServer(weights, 0.25, client.public_bytes(), curve=identity(3.0))
    with pytest.raises(ValueError, match="curve must be None or"):
        ScoringServer(weights, 0.25, client.public_bytes(), curve=lambda z: z)
