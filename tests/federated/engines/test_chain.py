"""Gradients by hand against torch's own, and which models they are for."""

import numpy as np
import pytest
import torch
from torch import nn

from labkit.federated import FedAvg, FedProx, simulate, vector_of
from labkit.federated.engines.chain import ELEMENTWISE, Chain, is_chain

CASES = {f"{kind.__name__}": [nn.Linear(6, 5), kind(), nn.Linear(5, 4, bias=False), kind(), nn.Linear(4, 3)] for kind in ELEMENTWISE}
CASES |= {"one layer": [nn.Linear(6, 3)], "function first": [nn.Tanh(), nn.Linear(6, 3)], "function last": [nn.Linear(6, 3), nn.ELU()],
          "flatten": [nn.Flatten(), nn.Linear(6, 4), nn.ReLU(), nn.Flatten(), nn.Linear(4, 3)]}


def losses(name):
    return {"cross-entropy": (nn.functional.cross_entropy, torch.randint(0, 3, (4, 7))),
            "squares": (nn.functional.mse_loss, torch.randn(4, 7, 3).double())}[name]


@pytest.mark.parametrize("loss", ["cross-entropy", "squares"])
@pytest.mark.parametrize("case", CASES)
def test_gradients_are_those_of_autograd(case, loss):
    torch.manual_seed(0)
    model = nn.Sequential(*CASES[case]).double()
    assert is_chain(model)
    function, y = losses(loss)
    shape = (4, 7, 2, 3) if case == "flatten" else (4, 7, 6)
    x, weights = torch.randn(shape).double(), torch.rand(4, 7, 1).double()
    vectors = torch.randn(4, len(vector_of(model))).double()
    chain = Chain(model, function)
    found = torch.full_like(vectors, torch.nan)  # what was there must not matter
    chain.add_gradient(chain.views(vectors), chain.views(found), x, y, weights, keep=0, scale=1)
    stepped = vectors.clone()
    chain.add_gradient(chain.views(stepped), chain.views(stepped), x, y, weights, keep=1, scale=-0.3)
    for client in range(4):
        nn.utils.vector_to_parameters(vectors[client], model.parameters())
        value = function(model(x[client]), y[client], reduction="none").reshape(7, -1).mean(1)
        gradients = torch.autograd.grad((value * weights[client, :, 0]).sum(), list(model.parameters()))
        expected = torch.cat([each.reshape(-1) for each in gradients])
        assert torch.allclose(found[client], expected, rtol=1e-10, atol=1e-12)
        assert torch.allclose(stepped[client], vectors[client] - 0.3 * expected, rtol=1e-10, atol=1e-12)


shared, frozen = nn.Linear(3, 3), nn.Linear(3, 3).requires_grad_(False)


@pytest.mark.parametrize("model", [
    nn.Linear(3, 3), nn.Sequential(nn.Linear(3, 3), nn.Dropout()), nn.Sequential(shared, shared), nn.Sequential(frozen, nn.Linear(3, 3)),
    nn.Sequential(nn.Conv1d(1, 1, 1)), nn.Sequential(nn.Sequential(nn.Linear(3, 3))), nn.Sequential(nn.Flatten(0), nn.Linear(3, 3))])
def test_other_models_are_left_to_autograd(model):
    assert not is_chain(model)


def test_records_that_are_not_rows_need_a_flatten_first():
    images = torch.zeros(5, 2, 3)
    assert not is_chain(nn.Sequential(nn.Linear(3, 3)), images)
    assert is_chain(nn.Sequential(nn.Flatten(), nn.Linear(6, 3)), images)
    x, y = np.random.default_rng(0).random((8, 2, 3), dtype=np.float32), np.zeros((8, 2), dtype=np.float32)
    for strategy in (FedAvg(), FedProx()):  # a linear layer over the last of two axes still works, by the general way
        runs = [simulate(nn.Sequential(nn.Linear(3, 1), nn.Flatten()), [(x, y)] * 2, strategy, rounds=1, learning_rate=0.1, engine=engine,
                         loss=nn.functional.mse_loss, seed=0).engine for engine in ("stacked", "lean")]
        assert runs == ["stacked", "lean"]
