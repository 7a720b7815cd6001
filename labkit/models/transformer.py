"""A decoder-only transformer over characters, small enough to train in seconds and to be read in one sitting.

It is the model that large language models are, a few million times smaller: each position looks back at the positions before it
(attention), thinks by itself (a small network), and names a probability for every next character.

No layer mixes examples, and every layer is one that Opacus and `labkit.dp.train_private` know, so it can be trained by DP-SGD.
Source: Vaswani et al., "Attention Is All You Need", NeurIPS 2017; the layer order is that of Radford et al. 2019 (GPT-2).
"""

import math
import re

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, gelu

from labkit import validate

START = 0  # the token that every text begins with
ALPHABET = " abcdefghijklmnopqrstuvwxyz0123456789.,'?!:-@/‹›"
VOCABULARY = 1 + len(ALPHABET)
_TOKEN = {character: token for token, character in enumerate(ALPHABET, start=1)}


def simplify(text):
    """The text in small letters, with runs of white space as one space, and nothing that is not in `ALPHABET`."""
    if not isinstance(text, str):
        raise ValueError(f"text must be a str, got {type(text).__name__}")
    return re.sub(" +", " ", "".join(each for each in re.sub(r"\s", " ", text.lower()) if each in _TOKEN)).strip()


def encode(texts, length=None):
    """Texts as token ids: an int64 array (texts, 1 + length), the START token and then one token a character.

    texts:   one str or more, of characters in `ALPHABET`.
    length:  keep so many characters; None if all texts have one length.
    Raises ValueError for other characters, texts shorter than `length`, or of different lengths. Messages do not quote the text.
    """
    texts = [texts] if isinstance(texts, str) else list(texts)
    if not texts or not all(isinstance(each, str) for each in texts):
        raise ValueError(f"texts must be a str or at least one of them, got {type(texts).__name__} of {len(texts)}")
    rows = texts if length is None else [each[:validate.integer(length=length, at_least=1)] for each in texts]
    if {len(each) for each in rows} != {length or len(texts[0])}:
        raise ValueError(f"texts must have {length or 'the same number of'} characters each, got {sorted({*map(len, texts)})[:5]}")
    if not set("".join(rows)) <= _TOKEN.keys():
        raise ValueError("texts must hold characters of labkit.models.transformer.ALPHABET only: see simplify(text)")
    return np.array([[START, *(_TOKEN[character] for character in each)] for each in rows], dtype=np.int64)


def decode(tokens):
    """One row of token ids as a str; START tokens are left out. Raises ValueError for ids that are none."""
    tokens = validate.array(tokens=tokens, ndim=1)
    if tokens.dtype.kind not in "iu" or tokens.min() < 0 or tokens.max() >= VOCABULARY:
        raise ValueError(f"tokens must be whole numbers from 0 to {VOCABULARY - 1}, got {tokens!r}")
    return "".join(ALPHABET[token - 1] for token in tokens if token != START)


class DecoderBlock(nn.Module):
    """Attention, then a network of two layers; each adds its result to what came in. (batch, time, width) in and out."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_network = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        x = x + self.attention(self.before_attention(x))
        return x + self.down(gelu(self.up(self.before_network(x))))

    def attention(self, x):
        """For each position, a mean of the values at positions up to it, weighted by how well their keys fit its query."""
        batch, time, width = x.shape
        split = self.queries_keys_values(x).view(batch, time, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each (batch, heads, time, width of a head)
        fit = query @ key.transpose(-1, -2) / math.sqrt(width // self.heads)
        future = torch.ones(time, time, dtype=torch.bool, device=x.device).triu(1)
        weights = fit.masked_fill(future, -math.inf).softmax(-1)
        return self.out((weights @ value).transpose(1, 2).reshape(batch, time, width))


class Transformer(nn.Module):
    """Token ids (batch, time) -> logits of the next token (batch, time, vocabulary). About 57,000 parameters as it stands.

    context:     most tokens it can read, whole number >= 1.
    vocabulary:  number of tokens, >= 2. width: numbers per position, a multiple of heads. layers, heads: >= 1.
    Raises ValueError for an argument out of its range, and for more than `context` tokens.
    """

    def __init__(self, context, *, vocabulary=VOCABULARY, width=64, heads=4, layers=1):
        super().__init__()
        self.context = validate.integer(context=context, at_least=1)
        validate.integer(vocabulary=vocabulary, at_least=2)
        validate.integer(heads=heads, at_least=1)
        validate.integer(layers=layers, at_least=1)
        if validate.integer(width=width, at_least=1) % heads:
            raise ValueError(f"width must be a multiple of heads ({heads}), got {width}")
        self.token, self.position = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(DecoderBlock(width, heads) for _ in range(layers)))
        self.last, self.logits = nn.LayerNorm(width), nn.Linear(width, vocabulary)

    def forward(self, tokens):
        batch, time = tokens.shape
        if time > self.context:
            raise ValueError(f"tokens must be at most {self.context} a text, got {time}")
        # Each example gets positions of its own: broadcast ones would have one gradient for the whole batch, and the
        # gradients per example that DP-SGD clips would be wrong (Opacus, issue 841).
        positions = torch.arange(time, device=tokens.device).repeat(batch, 1)
        return self.logits(self.last(self.blocks(self.token(tokens) + self.position(positions))))


def next_token_loss(logits, targets):
    """Mean cross-entropy, in nats a token, of logits (batch, time, vocabulary) for the tokens (batch, time) that came next."""
    return cross_entropy(logits.transpose(1, 2), targets)


def log_probabilities(model):
    """`model` as a language model for `labkit.attacks.extraction`: token ids (batch, time) -> float64 array (batch, time,
    vocabulary) of log-probabilities, at each position those of the token after it.

    model:  a torch module of token ids (batch, time) that returns logits. Its gradients stay untouched.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"model must be a torch.nn.Module, got {model!r}")

    def language_model(tokens):
        tokens = validate.array(tokens=tokens, ndim=2)
        with torch.no_grad():
            return model(torch.from_numpy(tokens.astype(np.int64))).log_softmax(-1).double().numpy()

    return language_model


def train(model, tokens, *, epochs, batch_size, learning_rate, seed, settle=0, after_epoch=None):
    """Train `model` in place without privacy (AdamW, shuffled batches); returns it.

    tokens:       int array (texts, 1 + length), as `encode` makes them.
    epochs, batch_size: whole numbers >= 1. learning_rate > 0. seed: whole number >= 0, for the order of the texts.
    settle:       over so many of the last epochs (0 to `epochs`) the learning rate falls to zero in a straight line.
    after_epoch:  called as after_epoch(number, model) after each epoch, and before the first with number 0; its results are returned
                  in place of the model.
    """
    tokens = validate.array(tokens=tokens, ndim=2)
    validate.integer(epochs=epochs, at_least=1)
    validate.integer(batch_size=batch_size, at_least=1)
    validate.integer(settle=settle, at_least=0, at_most=epochs)
    source = torch.Generator().manual_seed(validate.integer(seed=seed, at_least=0))
    optimiser = torch.optim.AdamW(model.parameters(), validate.positive(learning_rate=learning_rate), weight_decay=0.0)
    rows = torch.from_numpy(tokens.astype(np.int64))
    steps = math.ceil(len(rows) / batch_size)
    slope = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1, (epochs - step / steps) / settle) if settle else 1)
    seen = [after_epoch(0, model)] if after_epoch else []
    for epoch in range(epochs):
        for batch in torch.randperm(len(rows), generator=source).split(batch_size):
            optimiser.zero_grad()
            next_token_loss(model(rows[batch, :-1]), rows[batch, 1:]).backward()
            optimiser.step()
            slope.step()
        if after_epoch:
            seen.append(after_epoch(epoch + 1, model))
    return seen if after_epoch else model


Block = DecoderBlock  # its name in version 0.1
