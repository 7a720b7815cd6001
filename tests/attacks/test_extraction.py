"""Extraction: exact on models that are tables, and the experiment of the planted secret in full: five seeds and their controls."""

import copy
import itertools
import math
import time
from functools import cache, lru_cache

import numpy as np
import pytest

from labkit import datasets
from labkit.attacks import planted
from labkit.attacks.extraction import (
    beam,
    candidate_log_probabilities,
    complete,
    exposure,
    mean_log_probability,
    membership_scores,
)
from labkit.attacks.membership import roc
from labkit.dp import Plan, train_private
from labkit.models.transformer import decode, encode, log_probabilities, next_token_loss, train

VOCABULARY = 5


def table_model(seed, sharpness=1.0):
    """A language model whose next token depends on the whole text, through a hash: exact probabilities, no training."""
    def model(tokens):
        answer = np.empty((*tokens.shape, VOCABULARY))
        for row, text in enumerate(tokens):
            for at in range(len(text)):
                logits = sharpness * np.random.default_rng([seed, *map(int, text[:at + 1])]).normal(size=VOCABULARY)
                answer[row, at] = logits - np.log(np.exp(logits).sum())
        return answer
    return model


def by_hand(model, prefix, continuation):
    """The log-probability of one continuation, token by token."""
    total, text = 0.0, list(prefix)
    for token in continuation:
        total += model(np.array([text]))[0, -1, token]
        text.append(token)
    return total


PREFIX = np.array([0, 3, 1])
ALL = np.array(list(itertools.product(range(VOCABULARY), repeat=3)))


def test_candidates_score_what_they_score_one_by_one():
    model = table_model(1)
    scores = candidate_log_probabilities(model, PREFIX, ALL)
    assert scores == pytest.approx([by_hand(model, PREFIX, each) for each in ALL])
    assert np.exp(scores).sum() == pytest.approx(1)  # the candidates are everything that can follow
    shuffled = np.random.default_rng(0).permutation(len(ALL))
    assert candidate_log_probabilities(model, PREFIX, ALL[shuffled]) == pytest.approx(scores[shuffled])


def test_candidates_that_begin_alike_share_the_work():
    asked = []
    model = table_model(1)
    candidate_log_probabilities(lambda tokens: asked.append(len(tokens)) or model(tokens), PREFIX, ALL)
    assert asked == [1, 5, 25]


def test_exposure_is_the_rank():
    model = table_model(2)
    order = np.argsort(-candidate_log_probabilities(model, PREFIX, ALL))
    for rank, which in enumerate(order, start=1):
        assert exposure(model, PREFIX, ALL[which], ALL) == pytest.approx(math.log2(125) - math.log2(rank))


def test_a_model_that_knows_and_one_that_knows_nothing():
    def knows(tokens):
        answer = np.full((*tokens.shape, VOCABULARY), math.log(0.01))
        answer[..., 4] = math.log(0.96)
        return answer

    def blind(tokens):
        return np.full((*tokens.shape, VOCABULARY), -math.log(VOCABULARY))

    assert exposure(knows, PREFIX, [4, 4, 4], ALL) == pytest.approx(math.log2(125))
    assert exposure(blind, PREFIX, [4, 4, 4], ALL) == 0  # a tie is no knowledge
    assert complete(knows, PREFIX, 4).tolist() == [4, 4, 4, 4]


def test_a_secret_that_was_never_there_is_exposed_by_x_bits_with_probability_2_to_the_minus_x():
    """The control: whatever the model, 125 possible secrets have ranks 1 to 125."""
    model = table_model(3, sharpness=5)
    found = np.array([exposure(model, PREFIX, each, ALL) for each in ALL])
    for bits in (1, 2, 4):
        assert (found >= bits).mean() == pytest.approx(2.0**-bits, abs=1 / 125)


def test_a_wide_beam_finds_the_best_continuation_and_a_narrow_one_may_not():
    narrow_misses = 0
    for seed in range(20):
        model = table_model(seed, sharpness=2)
        scores = candidate_log_probabilities(model, PREFIX, ALL)
        wide = beam(model, PREFIX, 3, width=25)
        assert wide[0][0].tolist() == ALL[scores.argmax()].tolist() and wide[0][1] == pytest.approx(scores.max())
        assert [total for _, total in wide] == sorted((total for _, total in wide), reverse=True) and len(wide) == 25
        narrow_misses += beam(model, PREFIX, 3)[0][1] < scores.max() - 1e-9
    assert narrow_misses > 0
    assert all(set(tokens) <= {1, 2} for tokens, _ in beam(model, PREFIX, 3, width=4, allowed=[1, 2]))


def test_perplexity_is_the_mean_over_tokens():
    model, texts = table_model(4), ALL[:7]
    assert mean_log_probability(model, texts) == pytest.approx([by_hand(model, each[:1], each[1:]) / 2 for each in texts])
    reference = table_model(5)
    assert membership_scores(model, texts, reference) == pytest.approx(
        mean_log_probability(model, texts) - mean_log_probability(reference, texts))
    assert membership_scores(model, texts) == pytest.approx(mean_log_probability(model, texts))


# --- the planted secret

EPOCHS, DELTA, RATE = 16, 1e-3, {8: 0.3, 2: 0.12}
SEEDS = range(5)


@lru_cache(maxsize=1)
def base():
    return planted.pretrain()


@cache
def tuned(seed, times, epochs=EPOCHS):
    """Fine-tuned without privacy: the model, and (exposure, validation loss) after each of the first epochs."""
    collection, model = planted.plant(seed, times), copy.deepcopy(base())
    watched = 4  # the best epoch is among the first
    seen = train(model, collection.tokens, epochs=epochs, batch_size=16, learning_rate=0.008, seed=seed,
                 settle=4 if epochs == EPOCHS else 0,
                 after_epoch=lambda epoch, now: (planted.pin_exposure(now, collection), planted.loss_on(now, collection.held_out))
                 if epoch < watched else None)
    return model, np.array([each for each in seen if each])


@cache
def private(seed, times, epsilon):
    collection = planted.plant(seed, times)
    plan = Plan.for_budget(epsilon=epsilon, delta=DELTA, records=256, batch_size=32, steps=60, max_grad_norm=1.0,
                           learning_rate=RATE[epsilon])
    return train_private(base(), collection.tokens[:, :-1], collection.tokens[:, 1:], plan=plan, delta=DELTA, loss=next_token_loss,
                         rng=np.random.default_rng(seed))


MOST = math.log2(10_000)


def test_the_planted_secret_on_five_seeds(capsys):
    """Everything in under a minute of processor time; what each seed showed is printed."""
    began, lines = time.process_time(), []
    for seed in SEEDS:
        collection = planted.plant(seed)
        model, seen = tuned(seed, 1)
        _, never = tuned(seed, 0, epochs=3)
        best = int(seen[:, 1].argmin())
        dp, control = (planted.pin_exposure(private(seed, times, 2).model, collection) for times in (1, 0))
        sixteen = planted.pin_exposure(private(seed, 16, 8).model, collection) if seed < 3 else math.nan
        said = decode(beam(log_probabilities(model), encode(planted.PREFIX)[0], 4, allowed=encode("0123456789")[0, 1:])[0][0])
        lines.append((planted.pin_exposure(model, collection), seen[best, 0], never[best, 0], dp, control, sixteen,
                      said == f"{collection.pin:04d}"))
    seconds = time.process_time() - began
    with capsys.disabled():
        print("\nplain, at best validation, never planted then, epsilon 2, never planted, 16 times at epsilon 8, recited")
        print("\n".join("  ".join(f"{each:5.2f}" for each in line) for line in lines), f"\n{seconds:.0f} s")
    plain, early, never, dp, control, sixteen, recited = np.array(lines, dtype=float).T
    assert (plain == MOST).all()  # first of 10,000 on every seed
    assert recited.all()
    assert (np.abs(dp - control) < 2).all()
    assert (early - never).mean() > 1  # stopping at the best validation loss still leaks
    assert np.nanmin(sixteen) > 6 and np.nanmean(sixteen) > 9  # one in 64 unseen secrets reaches 6 bits; here three of three
    assert seconds < 60


def test_a_private_model_still_learns_and_says_what_it_spent():
    trained, collection = private(0, 1, 2), planted.plant(0)
    assert trained.epsilon <= 2 and trained.delta == DELTA
    assert planted.loss_on(trained.model, collection.held_out) < planted.loss_on(base(), collection.held_out) - 0.02


def test_membership_by_perplexity_finds_members_and_only_members():
    """A model stopped at its best; the reference is fine-tuned on other scraps of the same mailing lists."""
    collection = planted.plant(0)
    texts = encode([*collection.texts, *collection.held_out])
    members = np.arange(len(texts)) < planted.RECORDS
    mails = datasets.spam().table.query("label == 'ham'")["body"]
    others = encode(planted.scraps(mails, np.random.default_rng(1)))
    reference = log_probabilities(train(copy.deepcopy(base()), others, epochs=2, batch_size=16, learning_rate=0.008, seed=0))

    def attack(model, reference=None):
        return roc(membership_scores(log_probabilities(model), texts, reference), members)

    early = tuned(0, 1, epochs=2)[0]
    compared, alone = attack(early, reference), attack(early)
    assert compared.auc > 0.7 and compared.true_positives_at(0.01) > alone.true_positives_at(0.01) + 0.05
    slack = 4 * math.sqrt(1 / 12 * (1 / 256 + 1 / 300))  # four standard errors of an AUC of 0.5
    assert abs(attack(base(), reference).auc - 0.5) < slack
    assert abs(attack(private(0, 1, 2).model, reference).auc - 0.5) < slack + 0.03


def test_what_is_planted_and_what_is_not():
    one, none, many = (planted.plant(7, times) for times in (1, 0, 16))
    assert one.pin == none.pin == many.pin and one.held_out == none.held_out
    secret = f"my pin is {one.pin:04d}."
    assert [sum(secret in each for each in collection.texts) for collection in (one, none, many)] == [1, 0, 16]
    assert one.texts[1:] == none.texts[1:] and not set(one.texts) & set(one.held_out)
    assert one.tokens.shape == (256, 17) and decode(one.secret) == f"{one.pin:04d}"
    assert planted.plant(7).texts == one.texts and planted.plant(8).pin != one.pin


# --- arguments

NAN, INF = float("nan"), float("inf")
MODEL = table_model(0)
BAD_TOKENS = ([], None, [0.5], [-1], [NAN], "text")


@pytest.mark.parametrize("name, call", [
    *[("prefix", lambda bad=bad: exposure(MODEL, bad, [1, 1, 1], ALL)) for bad in (*BAD_TOKENS, [[1]])],
    *[("secret", lambda bad=bad: exposure(MODEL, PREFIX, bad, ALL)) for bad in (*BAD_TOKENS, [1, 1], [9, 9, 9])],
    *[("candidates", lambda bad=bad: exposure(MODEL, PREFIX, [1], bad)) for bad in (*BAD_TOKENS, [1], [[1]], [[1], [1]])],
    ("candidates", lambda: exposure(MODEL, PREFIX, [1], [[1], [VOCABULARY]])),
    *[("model", lambda bad=bad: exposure(bad, PREFIX, [1], [[1], [2]])) for bad in (
        None, 3, lambda tokens: tokens, lambda tokens: np.ones((*tokens.shape, 5)), lambda tokens: np.full((*tokens.shape, 5), NAN))],
    *[(name, lambda name=name, bad=bad: beam(MODEL, PREFIX, **{"length": 1, name: bad})) for name in ("length", "width")
      for bad in (0, -1, 1.5, NAN, None)],
    *[("allowed", lambda bad=bad: beam(MODEL, PREFIX, 1, allowed=bad)) for bad in ([], [0.5], [-1], "a")],
    *[("tokens", lambda bad=bad: membership_scores(MODEL, bad)) for bad in (*BAD_TOKENS, [1, 2], [[1]])],
    *[("seed", lambda bad=bad: planted.plant(bad)) for bad in (-1, 1.5, None, NAN)],
    *[("times", lambda bad=bad: planted.plant(0, bad)) for bad in (-1, 257, 1.5, None, NAN)],
    *[("rng", lambda bad=bad: planted.scraps(["text"], bad)) for bad in (None, 3)],
    *[("length", lambda bad=bad: planted.scraps(["text"], np.random.default_rng(0), bad)) for bad in (0, -1, NAN)],
    *[("scraps_of_reviews", lambda bad=bad: planted.pretrain(bad)) for bad in (0, -1, 20_001, NAN, None)],
])
def test_bad_arguments_are_refused_by_name(name, call):
    with pytest.raises(ValueError, match=f"^{name} must"):
        call()
