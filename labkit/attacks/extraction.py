"""Get training text out of a language model.

Everything here treats the model as a function, so that it serves a tiny transformer as well as a large pretrained one:

    language_model(tokens) -> log_probabilities

    tokens             int array (batch, time) of token ids; all texts of a batch have one length.
    log_probabilities  float array (batch, time, vocabulary): at position t the natural logs of the probabilities of the token after
                       tokens[:, t], given tokens[:, :t + 1]. Each row sums to 1 after exponentiating.

`labkit.models.transformer.log_probabilities(model)` and `LanguageModel.log_probabilities` in `labkit.models.language_model` are such.

`exposure` measures how much better a planted secret does than chance (Carlini, Liu, Erlingsson, Kos, Song, "The Secret Sharer", USENIX
Security 2019); `complete` and `beam` prompt with a prefix and read on (Carlini et al., "Extracting Training Data from Large Language
Models", USENIX Security 2021); `membership_scores` compares perplexities with a reference model, as the latter does.
"""

import math

import numpy as np

from labkit import validate

MOST_TOKENS = 60_000  # handed to the model at once: bounds memory, whatever the number of candidates


def candidate_log_probabilities(model, prefix, candidates):
    """The log-probability of each continuation of `prefix`: array (n,), in nats.

    model:       a language model, see the module's text.
    prefix:      token ids, at least one.
    candidates:  int array (n, k): n continuations of k tokens. Those that begin alike share the work: all 10,000 codes of four
                 digits cost 1,111 texts.
    Raises ValueError for arguments of another form, or a model whose answer is none.
    """
    prefix, candidates = _tokens(1, prefix=prefix), _tokens(2, candidates=candidates)
    total = np.zeros(len(candidates))
    for depth in range(candidates.shape[1]):
        heads, which = np.unique(candidates[:, :depth], axis=0, return_inverse=True)
        which = which.reshape(-1) if depth else np.zeros(len(candidates), int)
        heads = heads if depth else np.zeros((1, 0), int)
        texts = np.concatenate([np.broadcast_to(prefix, (len(heads), len(prefix))), heads], axis=1)
        chunk = max(1, MOST_TOKENS // texts.shape[1])
        next_token = np.concatenate([_ask(model, texts[at:at + chunk])[:, -1] for at in range(0, len(texts), chunk)])
        if candidates[:, depth].max() >= next_token.shape[1]:
            raise ValueError(f"candidates must be below the model's vocabulary ({next_token.shape[1]}), got {candidates.max()}")
        total += next_token[which, candidates[:, depth]]
    return total


def exposure(model, prefix, secret, candidates):
    """How exposed a secret is, in bits: log2(number of candidates) - log2(rank of the secret among them).

    model, prefix, candidates: as for `candidate_log_probabilities`; the candidates are all values that the secret might have had.
    secret:  int array (k,), one of the candidates.
    Returns a float from 0 (the last guess) to log2(n) (the first). A candidate exactly as probable as the secret counts as guessed
    before it. A secret drawn at random that the model never saw reaches x bits with probability 2^-x at most, whatever the model.
    Raises ValueError for a secret that is not among the candidates, and fewer than two of them.
    """
    secret, candidates = _tokens(1, secret=secret), _tokens(2, candidates=candidates)
    if len(np.unique(candidates, axis=0)) < len(candidates) or len(candidates) < 2:
        raise ValueError(f"candidates must be two or more, each once, got {len(candidates)}")
    if candidates.shape[1] != len(secret) or not (mine := (candidates == secret).all(axis=1)).any():
        raise ValueError(f"secret must be one of the candidates, got {len(secret)} tokens that are none of them")
    scores = candidate_log_probabilities(model, prefix, candidates)
    rank = int((scores >= scores[mine][0]).sum())
    return math.log2(len(candidates)) - math.log2(rank)


def beam(model, prefix, length, *, width=1, allowed=None):
    """The most probable continuations that a beam search finds, best first: a list of `width` (tokens, log-probability) or fewer.

    length:   tokens to add, >= 1. width: continuations kept at each step, >= 1; 1 is greedy decoding.
    allowed:  token ids to choose from; None for all.
    """
    prefix, length = _tokens(1, prefix=prefix), validate.integer(length=length, at_least=1)
    width = validate.integer(width=width, at_least=1)
    allowed = None if allowed is None else _tokens(1, allowed=allowed)
    texts, totals = prefix[None], np.zeros(1)
    for _ in range(length):
        scores = totals[:, None] + _ask(model, texts)[:, -1]
        choice = np.arange(scores.shape[1]) if allowed is None else allowed
        flat = scores[:, choice].ravel()
        best = np.argsort(-flat, kind="stable")[:width]
        row, column = np.divmod(best, len(choice))
        texts, totals = np.concatenate([texts[row], choice[column][:, None]], axis=1), flat[best]
    return [(text[len(prefix):], float(total)) for text, total in zip(texts, totals)]


def complete(model, prefix, length):
    """What the model says after `prefix`, always taking the likeliest token (greedy decoding): int array (length,)."""
    return beam(model, prefix, length)[0][0]


def mean_log_probability(model, tokens):
    """How well a model predicts each text: array (n,), the mean log-probability of its tokens from the second on, in nats.

    tokens:  int array (n, time), time >= 2. The perplexity of a text is exp(-mean_log_probability).
    """
    tokens = _tokens(2, tokens=tokens)
    if tokens.shape[1] < 2:
        raise ValueError(f"tokens must be at least 2 a text, got {tokens.shape[1]}")
    chunk, means = max(1, MOST_TOKENS // tokens.shape[1]), []
    for at in range(0, len(tokens), chunk):
        part = tokens[at:at + chunk]
        told = np.take_along_axis(_ask(model, part[:, :-1]), part[:, 1:, None], axis=2)[..., 0]
        means.append(told.mean(axis=1))
    return np.concatenate(means)


def membership_scores(model, tokens, reference=None):
    """Was this text in the training set? One score a text, higher for "yes": array (n,).

    Without a reference: the mean log-probability (low perplexity looks like a member). With one, a language model that did not see the
    texts: by how much `model` finds each text likelier than the reference does, so that easy texts do not crowd the top.
    Judge the scores by `labkit.attacks.membership.roc`.
    """
    scores = mean_log_probability(model, tokens)
    return scores if reference is None else scores - mean_log_probability(reference, tokens)


def _ask(model, texts):
    if not callable(model):
        raise ValueError(f"model must be a function of token ids, got {model!r}")
    answer = np.asarray(model(texts))
    if answer.ndim != 3 or answer.shape[:2] != texts.shape:
        raise ValueError(f"model must answer with the shape {texts.shape} and a vocabulary, got {answer.shape}")
    if np.isnan(answer).any() or answer.max() > 1e-4:
        raise ValueError("model must answer with log-probabilities, got NaN or numbers above 0: logits need a log_softmax")
    return answer


def _tokens(ndim, **argument):
    ((name, _),) = argument.items()
    values = validate.array(**argument, ndim=ndim)
    if values.dtype.kind not in "iu" or values.min() < 0:
        raise ValueError(f"{name} must hold token ids, whole numbers from 0, got {values.ravel()[:5]!r} ...")
    return values
