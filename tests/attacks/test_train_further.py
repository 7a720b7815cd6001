"""Going on with stacked networks: the same as autograd would for each alone."""

import numpy as np
import pytest
import torch

from labkit.attacks.shadows import Shadows, train_further, train_shadows


@pytest.fixture(scope="module")
def trained():
    rng = np.random.default_rng(155)
    X, y, members = rng.normal(size=(30, 5)), rng.integers(0, 3, 30), rng.random((4, 30)) < 0.5
    return X, y, members, train_shadows(X, y, members, classes=3, hidden=8, steps=20, seed=0)


def by_hand(weights, X, y, steps, learning_rate, momentum, sign):
    """One network by autograd and torch's own SGD."""
    weights = [each.clone().requires_grad_(True) for each in weights]
    optimiser = torch.optim.SGD(weights, lr=learning_rate, momentum=momentum)
    X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
    for _ in range(steps):
        W1, b1, W2, b2 = weights
        optimiser.zero_grad()
        (sign * torch.nn.functional.cross_entropy(torch.relu(X @ W1 + b1) @ W2 + b2, y)).backward()
        optimiser.step()
    return weights


@pytest.mark.parametrize("ascend", [False, True])
def test_each_network_goes_where_it_would_go_alone(trained, ascend):
    X, y, members, start = trained
    members = members.copy()
    members[2] = False
    before = [each.clone() for each in start.weights]
    ours = train_further(start, X, y, members, steps=5, learning_rate=0.1, ascend=ascend)
    assert all(torch.equal(a, b) for a, b in zip(before, start.weights))
    assert all(torch.equal(a[2], b[2]) for a, b in zip(before, ours.weights))  # without a record it stays
    for model in (0, 1, 3):
        rows = members[model]
        alone = by_hand([each[model] for each in start.weights], X[rows], y[rows], 5, 0.1, 0.9, sign=-1 if ascend else 1)
        assert all(torch.allclose(a, b[model], atol=1e-5) for a, b in zip(alone, ours.weights))


def test_one_step_up_undoes_one_small_step_down(trained):
    X, y, members, start = trained
    down = train_further(start, X, y, members, steps=1, learning_rate=1e-3)
    up = train_further(start, X, y, members, steps=1, learning_rate=1e-3, ascend=True)
    for a, b, c in zip(start.weights, down.weights, up.weights):
        assert torch.allclose((b + c) / 2, a, atol=1e-6)


@pytest.mark.parametrize("name, bad", [
    ("shadows", "networks"), ("X", [1.0]), ("targets", np.full(30, 3)), ("targets", np.zeros(30)), ("members", np.ones((4, 30))),
    ("members", np.ones((3, 30), bool)), ("members", np.ones((4, 29), bool)), ("steps", 0), ("learning_rate", 0), ("momentum", 1.0),
    ("momentum", -1)])
def test_bad_arguments_are_refused_by_name(trained, name, bad):
    X, y, members, start = trained
    with pytest.raises(ValueError, match=name):
        train_further(**{"shadows": start, "X": X, "targets": y, "members": members, "steps": 1, "learning_rate": 0.1, name: bad})
    assert isinstance(start, Shadows)
