"""The transformer: it looks back and never ahead, Opacus accepts it, and its gradients per example are right."""

import copy

import numpy as np
import pytest
import torch
from opacus.grad_sample import GradSampleModule
from opacus.validators import ModuleValidator
from torch.nn.functional import scaled_dot_product_attention

from labkit.dp.training.dp_sgd import per_example_gradients
from labkit.models.transformer import (
    ALPHABET,
    START,
    VOCABULARY,
    DecoderBlock,
    Transformer,
    decode,
    encode,
    log_probabilities,
    next_token_loss,
    simplify,
    train,
)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Transformer(12)


def some_tokens(rows=5, columns=12, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, VOCABULARY, (rows, columns)))


def test_about_57_thousand_parameters(model):
    assert 55_000 < sum(each.numel() for each in model.parameters()) < 60_000


def test_it_never_looks_ahead(model):
    tokens = some_tokens()
    changed = tokens.clone()
    changed[:, 7:] = (changed[:, 7:] + 1) % VOCABULARY
    before, after = model(tokens), model(changed)
    assert torch.allclose(before[:, :7], after[:, :7], atol=1e-6)
    assert (before[:, 7:] - after[:, 7:]).abs().amax(-1).min() > 1e-3


def test_it_looks_back_and_knows_the_order(model):
    tokens = some_tokens()
    first_changed, swapped = tokens.clone(), tokens.clone()
    first_changed[:, 0] = (tokens[:, 0] + 1) % VOCABULARY
    swapped[:, [0, 1]] = tokens[:, [1, 0]]
    assert (tokens[:, 0] != tokens[:, 1]).all()
    for other in (first_changed, swapped):
        assert (model(tokens)[:, -1] - model(other)[:, -1]).abs().amax(-1).min() > 1e-5


def test_attention_is_torchs():
    torch.manual_seed(1)
    block, x = DecoderBlock(64, 4), torch.randn(3, 9, 64)
    split = block.queries_keys_values(x).view(3, 9, 3, 4, 16).permute(2, 0, 3, 1, 4)
    theirs = scaled_dot_product_attention(*split, is_causal=True).transpose(1, 2).reshape(3, 9, 64)
    assert torch.allclose(block.attention(x), block.out(theirs), atol=1e-5)


def test_opacus_finds_nothing_to_object_to(model):
    assert ModuleValidator.validate(model, strict=False) == []


def gradients_of_opacus(model, tokens):
    wrapped = GradSampleModule(copy.deepcopy(model), loss_reduction="sum")
    next_token_loss(wrapped(tokens[:, :-1]), tokens[:, 1:]).mul(len(tokens)).backward()
    return {name: each.grad_sample for name, each in wrapped._module.named_parameters()}


def test_each_examples_gradient_is_its_own(model):
    """By Opacus' hooks, by torch.func as labkit.dp uses it, and one example at a time."""
    tokens = some_tokens()
    of_opacus = gradients_of_opacus(model, tokens)
    parameters = dict(model.named_parameters())
    of_labkit = per_example_gradients(model, next_token_loss)(parameters, tokens[:, :-1], tokens[:, 1:])
    for row in range(len(tokens)):
        alone = torch.autograd.grad(next_token_loss(model(tokens[row:row + 1, :-1]), tokens[row:row + 1, 1:]), parameters.values())
        for name, expected in zip(parameters, alone):
            assert torch.allclose(of_opacus[name][row], expected, atol=1e-5), name
            assert torch.allclose(of_labkit[name][row], expected, atol=1e-5), name


def test_shared_positions_would_be_caught():
    """The broken twin: positions broadcast over the batch, as most transformers have them."""
    class Broadcast(Transformer):
        def forward(self, tokens):
            positions = self.position(torch.arange(tokens.shape[1]))
            return self.logits(self.last(self.blocks(self.token(tokens) + positions)))

    twin, tokens = Broadcast(12), some_tokens()
    assert gradients_of_opacus(twin, tokens)["position.weight"].shape[0] != len(tokens)


def test_it_learns_and_the_seed_decides(model):
    tokens = encode(["the cat sat", "a dog stood"] * 8)
    before = next_token_loss(model(torch.from_numpy(tokens[:, :-1])), torch.from_numpy(tokens[:, 1:])).item()
    twins = [train(copy.deepcopy(model), tokens, epochs=20, batch_size=4, learning_rate=0.01, seed=seed) for seed in (3, 3, 4)]
    after = next_token_loss(twins[0](torch.from_numpy(tokens[:, :-1])), torch.from_numpy(tokens[:, 1:])).item()
    assert before > 3 and after < 0.3  # half a nat a text is unavoidable: which of the two it will be
    weights = [torch.cat([each.flatten() for each in twin.parameters()]) for twin in twins]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    assert train(model, tokens, epochs=2, batch_size=4, learning_rate=0.01, seed=0, after_epoch=lambda epoch, _: epoch) == [0, 1, 2]


def test_the_learning_rate_settles_and_not_before(model):
    def steps_of(settle):
        weights = train(copy.deepcopy(model), encode(["the cat", "a dog s"] * 4), epochs=6, batch_size=8, learning_rate=0.01, seed=0,
                        settle=settle, after_epoch=lambda _, now: now.logits.weight.detach().clone())
        return [float((b - a).norm()) for a, b in zip(weights, weights[1:])]

    constant, settling = steps_of(0), steps_of(3)
    assert settling[:3] == constant[:3]  # the same until three epochs before the end
    assert settling[5] < 0.6 * constant[5]  # the last step has a third of the rate


def test_log_probabilities_are_normalised_and_those_of_the_logits(model):
    tokens = some_tokens()
    told = log_probabilities(model)(tokens.numpy())
    assert told.shape == (5, 12, VOCABULARY) and np.allclose(np.exp(told).sum(-1), 1)
    assert np.allclose(told, model(tokens).log_softmax(-1).detach().numpy(), atol=1e-6)


def test_text_to_tokens_and_back():
    assert simplify("  My PIN\n\tis — 4921!  é ") == "my pin is 4921!"
    texts = [ALPHABET, ALPHABET[::-1]]
    tokens = encode(texts)
    assert tokens.shape == (2, 1 + len(ALPHABET)) and (tokens[:, 0] == START).all() and tokens.max() == VOCABULARY - 1
    assert [decode(each) for each in tokens] == texts
    assert encode(["abcd", "xyz"], length=3).tolist() == encode(["abc", "xyz"]).tolist() and encode("abc").shape == (1, 4)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("name, call", [
    *[("context", lambda bad=bad: Transformer(bad)) for bad in (0, -1, 1.5, None, NAN, INF)],
    *[(name, lambda name=name, bad=bad: Transformer(4, **{name: bad})) for name in ("heads", "layers", "width") for bad in (0, -1, 1.5, NAN)],
    *[("vocabulary", lambda bad=bad: Transformer(4, vocabulary=bad)) for bad in (0, 1, None, NAN)],
    ("width", lambda: Transformer(4, width=10, heads=4)), ("tokens", lambda: Transformer(4)(torch.zeros(1, 5, dtype=torch.int64))),
    *[("text", lambda bad=bad: simplify(bad)) for bad in (None, 3, b"a")],
    *[("texts", lambda bad=bad: encode(bad)) for bad in ([], ["a", "bc"], ["A"], ["é"], [None], [1])],
    ("texts", lambda: encode(["abc"], length=4)), *[("length", lambda bad=bad: encode(["abc"], length=bad)) for bad in (0, -1, 1.5, NAN)],
    *[("tokens", lambda bad=bad: decode(bad)) for bad in ([], [VOCABULARY], [-1], [0.5], [[1]], "a")],
    *[("model", lambda bad=bad: log_probabilities(bad)) for bad in (None, 3, len)],
    *[(name, lambda name=name, bad=bad: train(Transformer(4), [[0, 1]], **{**dict(epochs=1, batch_size=1, learning_rate=1, seed=0), name: bad}))
      for name in ("epochs", "batch_size", "learning_rate") for bad in (0, -1, NAN, INF, None)],
    *[("settle", lambda bad=bad: train(Transformer(4), [[0, 1]], epochs=2, batch_size=1, learning_rate=1, seed=0, settle=bad))
      for bad in (-1, 3, 0.5, NAN, None)],
    *[("seed", lambda bad=bad: train(Transformer(4), [[0, 1]], epochs=1, batch_size=1, learning_rate=1, seed=bad)) for bad in (-1, None)],
    *[("tokens", lambda bad=bad: train(Transformer(4), bad, epochs=1, batch_size=1, learning_rate=1, seed=0)) for bad in ([], [1], None)],
])
def test_bad_arguments_are_refused_by_name(name, call):
    with pytest.raises(ValueError, match=f"^{name} must"):
        call()


def test_messages_do_not_quote_the_text():
    with pytest.raises(ValueError) as caught:
        encode(["my pin is 4921 Ä"])
    assert "4921" not in str(caught.value)
