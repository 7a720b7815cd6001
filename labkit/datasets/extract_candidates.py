"""Candidate reviews: 192 sentences about films that no private record had a part in, and where the encoder puts them.

SmolLM2 (`labkit.models.language_model`) continues 32 neutral beginnings, "The acting is", until it has six whole sentences for each.
Nobody's data go in but those that the public model was trained on.

Run by `python -m labkit.datasets.extract`, or alone, to compare with the shipped files, in about five minutes:

    python -m labkit.datasets.extract_candidates

Tokens are drawn from a fixed seed and from logits in 32 bits, so that another processor, whose logits differ in the seventh digit,
draws the same but for a few sentences. The points are rounded to bytes as in `extract_embeddings`.
"""

import sys

from labkit.datasets.candidates import FILES
from labkit.datasets.extract_cases import require
from labkit.datasets.extract_embeddings import codes_of
from labkit.datasets.extract_spam import EXPLICIT

PROMPT = "Short film review: "
SUBJECTS = ("acting", "plot", "comedy", "drama", "film", "movie", "story", "direction")
VERBS = ("is", "feels", "never", "makes")
EACH = 6  # sentences for a beginning
TOGETHER = 24  # continuations drawn at once
LONGEST = 20  # tokens of one; what has not ended by then is thrown away
SAMPLING = dict(do_sample=True, temperature=0.9, top_k=100)
LEAST_WORDS = 6
SEED = 142


def beginnings():
    """The 32 beginnings, in order."""
    return [f"The {subject} {verb}" for subject in SUBJECTS for verb in VERBS]


def whole_sentence(text):
    """The first sentence of a text; None where it does not end or is short, and where names, figures or marks are in it."""
    text = " ".join(text.split("\n")[0].split())
    end = min((place for mark in ".!?" if (place := text.find(mark)) >= 0), default=-1)
    sentence = text[:end + 1]
    named = any(word[:1].isupper() and word.strip(",;:.!?'").split("'")[0] != "I" for word in sentence.split()[1:])
    plain = all(each.isalpha() or each in " ,;:'-.!?" for each in sentence) and sentence.isascii() and not EXPLICIT.search(sentence)
    return sentence if plain and not named and len(sentence.split()) >= LEAST_WORDS else None


def continuations(smol, model, text):
    """TOGETHER continuations of a text, each a str that begins with the text less its prompt."""
    import torch

    prompt = torch.from_numpy(smol.encode(text))[None].expand(TOGETHER, -1)
    with torch.inference_mode():
        said = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=LONGEST,
                              pad_token_id=smol.tokenizer.eos_token_id, **SAMPLING)
    return [smol.decode(row).removeprefix(PROMPT) for row in said.numpy()]


def written_for(smol, number, beginning, kept=()):
    """EACH whole sentences that begin so, a list of str, none of them in `kept`; `number` is the beginning's, from 1.

    smol: a LanguageModel, whose weights are turned into 32 bits.
    """
    import torch

    from labkit.threads import torch_threads

    model, mine = smol.model.float(), []
    with torch_threads(1), torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED + number)  # so that a token drawn otherwise on another processor changes one beginning's sentences only
        while len(mine) < EACH:
            found = map(whole_sentence, continuations(smol, model, PROMPT + beginning))
            mine = list(dict.fromkeys([*mine, *(each for each in found if each and each not in kept)]))
    return mine[:EACH]


def sentences():
    """The 192 candidates, a list of str: EACH for a beginning, all different."""
    from labkit.models.language_model import load_language_model

    smol, kept = load_language_model(), []
    for number, beginning in enumerate(beginnings(), start=1):
        kept += written_for(smol, number, beginning, kept)
        print(f"candidate reviews: {number} of {len(beginnings())} beginnings", file=sys.stderr, flush=True)
    return kept


def files_of(packed_rows, packed_array):
    """{file name: content} of the candidates and of their points."""
    texts = sentences()
    require(len(set(texts)) == EACH * len(beginnings()), "192 different candidate reviews")
    codes = codes_of(texts)
    require(codes.shape == (192, 384) and abs(codes).max() < 127, "192 points of 384 numbers, none cut off")
    begun = [each for each in beginnings() for _ in range(EACH)]
    return dict(zip(FILES, (packed_rows(("beginning", "text"), zip(begun, texts)), packed_array(codes))))


def main():
    """Make the candidates again and say whether they are the shipped ones. Returns the exit code."""
    from labkit.datasets.extract import packed_array, packed_rows
    from labkit.datasets.files import read

    same = {name: content == read(name) for name, content in files_of(packed_rows, packed_array).items()}
    for name, agrees in same.items():
        print(f"{name}: {'as shipped' if agrees else 'differs from the shipped file'}")
    return 0 if all(same.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
