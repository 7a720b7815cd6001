"""The pretrained encoder: refused in words when it is missing or another, pooled as its card says; its block in plain PyTorch."""

import importlib.metadata
import importlib.util
import os
import socket

import numpy as np
import pytest
import torch

from labkit.models import encoder
from labkit.models.blocks import NO_TOKEN, Classifier, Embeddings, EncoderBlock, pooled
from labkit.models.encoder import ModelMissing

needs_model = pytest.mark.skipif(not encoder.is_installed(), reason="the pretrained encoder is not installed: make models")
TEXTS = ["A warm, funny film.", "Dull.", "The plot of this thriller makes no sense whatsoever, and nobody in it seems to mind."]


@pytest.fixture
def forget():
    encoder.load_encoder.cache_clear()
    yield
    encoder.load_encoder.cache_clear()


def test_without_the_package_a_sentence_says_what_to_do(monkeypatch, forget):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", missing)
    assert not encoder.is_installed()
    with pytest.raises(ModelMissing, match="not installed: `make models` installs it"):
        encoder.load_encoder()


def test_without_the_library_that_reads_it(monkeypatch, forget):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "transformers" else found(name))
    assert not encoder.is_installed()
    with pytest.raises(ModelMissing, match="make models"):
        encoder.load_encoder()


@pytest.mark.parametrize("listed", [None, []])
def test_a_package_without_its_weights(monkeypatch, forget, listed):
    monkeypatch.setattr(importlib.metadata, "files", lambda name: listed)
    assert not encoder.is_installed()


@needs_model
def test_other_weights_are_refused_before_they_are_read(monkeypatch, forget, tmp_path):
    other = tmp_path / encoder.WEIGHTS
    other.write_bytes(b"not the weights that we know")
    monkeypatch.setattr(encoder, "_weights", lambda: other)
    with pytest.raises(ModelMissing, match="not those that the labs were tested with .SHA-256 .*, not 53aa51172d14"):
        encoder.load_encoder()


@needs_model
def test_loading_uses_no_network_and_leaves_the_environment_alone(monkeypatch, forget):
    def refuse(*_):
        raise OSError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    ours = ("HF_HUB_OFFLINE", "TOKENIZERS_PARALLELISM")
    monkeypatch.setenv(ours[0], "0")
    monkeypatch.delenv(ours[1], raising=False)
    loaded = encoder.load_encoder()
    assert [os.environ.get(name) for name in ours] == ["0", None]
    assert encoder.load_encoder() is loaded
    assert sum(each.numel() for each in loaded.bert.parameters()) == 22_713_216
    assert not any(each.requires_grad for each in loaded.bert.parameters())


@needs_model
def test_the_mean_over_the_tokens_of_each_text_scaled_to_length_1():
    """The model card's recipe, done by hand for one text at a time: no padding, no batch."""
    loaded = encoder.load_encoder()
    made = loaded.embed(TEXTS)
    assert made.shape == (3, 384) and made.dtype == np.float32
    for text, row in zip(TEXTS, made):
        with torch.no_grad():
            states = loaded.bert(**loaded.tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        mean = states.mean(0)
        assert np.allclose(row, (mean / mean.norm()).numpy(), atol=1e-5)


@needs_model
def test_the_parts_can_be_read_from_the_file_alone():
    """The same weights as through the library that runs the model."""
    pairs = list(zip(encoder.pretrained_parts(), encoder.load_encoder().parts(), strict=True))
    assert len(pairs) == 7
    for ours, theirs in pairs:
        assert ours.state_dict().keys() == theirs.state_dict().keys()
        assert all(torch.equal(each, theirs.state_dict()[name]) for name, each in ours.state_dict().items())


@needs_model
def test_like_meaning_lies_close():
    a, b, c = encoder.load_encoder().embed(["The film bored me.", "I found this movie tedious.", "A cat sleeps on the roof."])
    assert a @ b > 0.45 > 0.2 > a @ c


@needs_model
def test_tokens_through_the_parts_lead_to_the_embedding():
    """Seven plain modules against the library's model."""
    loaded = encoder.load_encoder()
    ids, parts = loaded.token_ids(TEXTS, longest=24), loaded.parts()
    assert ids.shape == (3, 24) and (loaded.count_tokens(TEXTS) == (ids != NO_TOKEN).sum(1)).all()
    with torch.no_grad():
        made = pooled(torch.nn.Sequential(*parts)(torch.from_numpy(ids))).numpy()
    assert len(parts) == 7 and np.allclose(made, loaded.embed(TEXTS), atol=1e-5)
    cut = loaded.token_ids(TEXTS, longest=4)
    assert cut.shape == (3, 4) and (cut != NO_TOKEN).all()  # every one of them has four tokens
    assert all(each.requires_grad for part in parts for each in part.parameters())
    with torch.no_grad():
        parts[0].words.weight.zero_()  # a copy: the encoder stays as it is
    assert np.allclose(made, loaded.embed(TEXTS), atol=1e-5)


@needs_model
def test_progress_is_told(capsys):
    told = []
    encoder.load_encoder().embed(TEXTS, progress=lambda done, all_of: told.append((done, all_of)))
    assert told == [(3, 3)]


def twin_of(block):
    """The same layer by PyTorch: an oracle for ours."""
    twin = torch.nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, activation="gelu", layer_norm_eps=1e-12, batch_first=True)
    with torch.no_grad():
        three = (block.query, block.key, block.value)
        twin.self_attn.in_proj_weight.copy_(torch.cat([each.weight for each in three]))
        twin.self_attn.in_proj_bias.copy_(torch.cat([each.bias for each in three]))
    for theirs, ours in [(twin.self_attn.out_proj, block.out), (twin.linear1, block.up), (twin.linear2, block.down),
                         (twin.norm1, block.first_norm), (twin.norm2, block.second_norm)]:
        theirs.load_state_dict(ours.state_dict())
    return twin.train()


def padded(seed=0):
    torch.manual_seed(seed)
    x = torch.randn(5, 7, 32)
    x[1, 4:] = 0
    x[2, 1:] = 0
    return x


def test_a_block_is_pytorchs_encoder_layer():
    torch.manual_seed(0)
    block, x = EncoderBlock(width=32, heads=4, inner=64), padded()
    padding = (x == 0).all(-1)
    theirs = twin_of(block)(x, src_key_padding_mask=padding)
    assert torch.allclose(block(x)[~padding], theirs[~padding], atol=1e-5)


def test_the_bias_of_the_keys_changes_no_answer():
    """Which is why fine-tuning leaves it alone."""
    torch.manual_seed(0)
    block, x = EncoderBlock(width=32, heads=4, inner=64), padded()
    before = block(x)
    torch.nn.init.normal_(block.key.bias)
    assert torch.allclose(block(x), before, atol=1e-5)
    torch.nn.init.normal_(block.query.bias)
    assert not torch.allclose(block(x), before, atol=1e-3)


def test_padding_changes_nothing_and_stays_zero():
    torch.manual_seed(0)
    block, x = EncoderBlock(width=32, heads=4, inner=64), padded()
    longer = torch.cat([x, torch.zeros(5, 3, 32)], dim=1)
    assert torch.allclose(block(longer)[:, :7], block(x), atol=1e-6)
    assert (block(longer)[:, 7:] == 0).all()
    assert torch.allclose(pooled(block(longer)), pooled(block(x)), atol=1e-6)
    alone = torch.stack([block(x[row : row + 1])[0] for row in range(5)])
    assert torch.allclose(alone, block(x), atol=1e-6)  # no example sees another


def test_a_classifier_starts_undecided_and_pools_to_its_scale():
    torch.manual_seed(0)
    model = Classifier([EncoderBlock(width=32, heads=4, inner=64)], classes=3, width=32, scale=8.0)
    assert (model(padded()) == 0).all()
    assert torch.allclose((model.scale * pooled(padded())).norm(dim=1), torch.full((5,), 8.0))


def test_embeddings_tell_place_and_word_apart_and_leave_padding_zero():
    torch.manual_seed(0)
    made = Embeddings(width=8, words=10, places=5)(torch.tensor([[3.0, 3.0, 0.0], [4.0, 3.0, 0.0]]))
    assert made.shape == (2, 3, 8) and (made[:, 2] == 0).all() and (made[:, :2] != 0).all()
    assert torch.equal(made[0, 1], made[1, 1]) and not torch.allclose(made[0, 0], made[0, 1]) and not torch.allclose(made[0, 0], made[1, 0])
    assert torch.allclose(made[:, :2].mean(-1), torch.zeros(2, 2), atol=1e-6)  # normalised


@needs_model
@pytest.mark.parametrize("texts", ["one text", [], ["fine", ""], ["fine", "  "], [1, 2], [None], ("a", float("nan"))])
def test_texts_are_checked(texts):
    loaded = encoder.load_encoder()
    for method in (loaded.embed, loaded.count_tokens, lambda each: loaded.token_ids(each, longest=8)):
        with pytest.raises(ValueError, match="^texts must be a non-empty sequence of texts, none of them empty, got"):
            method(texts)


@needs_model
@pytest.mark.parametrize("longest", [1, 257, 8.5, None, float("nan"), "8", True])
def test_lengths_are_checked(longest):
    with pytest.raises(ValueError, match="^longest must be a whole number"):
        encoder.load_encoder().token_ids(TEXTS, longest=longest)
