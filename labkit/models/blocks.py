"""A text encoder of the BERT family in plain PyTorch: short enough to be read, and free of anything that Opacus cannot handle.

    ids -> Embeddings -> EncoderBlock -> ... -> EncoderBlock -> mean over the tokens -> head

`labkit.models.encoder` fills these modules with the weights of MiniLM; fresh ones are random. Dropout is left out.

Source: Devlin, Chang, Lee, Toutanova, "BERT", NAACL 2019.
"""

import torch
from torch import nn

WIDTH, HEADS, INNER, LAYERS = 384, 12, 1536, 6
WORDS, PLACES = 30_522, 512
NO_TOKEN = 0  # the number that fills up a short text


class Embeddings(nn.Module):
    """The bottom of BERT: a point for each token, from what it is and where it stands. (B, T) -> (B, T, width).

    The numbers of tokens may come as floats, as `fine_tune` hands them on. Where NO_TOKEN stands, the row is zero.
    """

    def __init__(self, width=WIDTH, words=WORDS, places=PLACES):
        super().__init__()
        self.words, self.places, self.segments = (nn.Embedding(count, width) for count in (words, places, 2))
        self.norm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, ids):
        ids = ids.long()
        place = torch.arange(ids.shape[1], device=ids.device).repeat(len(ids), 1)  # not expand: Opacus wants them in a row
        x = self.norm(self.words(ids) + self.places(place) + self.segments(torch.zeros_like(ids)))
        return x * (ids != NO_TOKEN)[..., None]


class EncoderBlock(nn.Module):
    """One layer of BERT: tokens look at each other, then each is worked on by itself. (B, T, width) -> (B, T, width).

    A row of zeros is padding: nothing looks at it, and it stays zero.
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

    (B, T, width) -> (B, classes). With no blocks it is the head alone, on states that came out of the last layer. With Embeddings as
    the first of the blocks it takes tokens, (B, T).
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


Block = EncoderBlock  # its name in version 0.1
