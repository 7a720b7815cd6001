"""The release audit: exact on models that are tables, silent where there is nothing, and three trained models told apart."""

import copy
import itertools
import time

import numpy as np
import pytest
from scipy.special import log_softmax

from labkit.attacks import planted
from labkit.auditing import Canaries, audit_release, token_sampler, token_scorer
from labkit.dp import Plan, train_private
from labkit.models import language_model
from labkit.models.transformer import decode, encode, log_probabilities, next_token_loss, train

VALUES = tuple(f"{each:02d}" for each in range(100))
PREFIXES = tuple(f"the code of room {each} is " for each in range(48))


def drawn(seed=0, prefixes=PREFIXES, values=VALUES):
    return Canaries.draw(prefixes, values, rng=np.random.default_rng(seed))


def table_of(canaries, knows, seed=0):
    """A `score` that ranks by luck, and gives the secrets of the canaries in `knows` (bool, n) a probability of .9."""
    rng, scores = np.random.default_rng(seed), {}
    for prefix, secret, known in zip(canaries.prefixes, canaries.secrets, knows):
        logits = rng.normal(size=len(VALUES))
        scores[prefix] = dict(zip(VALUES, log_softmax(logits)))
        if known:
            scores[prefix] = {value: np.log(0.9 if value == secret else 0.1 / 99) for value in VALUES}
    return lambda prefix, continuations: np.array([scores[prefix][each] for each in continuations])


def writer_of(score, seed=0):
    """The `sample` of such a table."""
    rng = np.random.default_rng(seed)
    return lambda prefix, count: [VALUES[each] + " ..." for each in rng.choice(len(VALUES), count, p=np.exp(score(prefix, VALUES)))]


def test_a_model_that_knows_every_planted_secret_leaks_by_every_test():
    canaries = drawn()
    score = table_of(canaries, canaries.planted)
    found = audit_release(canaries, score=score, sample=writer_of(score), reference=table_of(canaries, 0 * canaries.planted, seed=1),
                          attempts=(1, 10))
    assert found.verdict == "leaks" and set(found.found_by) == {"exposure", "membership", "extraction", "sampling"} and not found.doubts
    inside = canaries.planted
    assert np.allclose(found.exposure[inside], np.log2(100)) and found.interval() == pytest.approx((np.log2(100),) * 3)
    assert found.extractable(1)[inside].all() and not found.extractable(1)[~inside].any()  # .9 in one sample is over a half
    assert found.said[inside].all() and 0 < found.epsilon_at_least().epsilon < 10
    assert "LEAKS. With 99 % confidence" in found.statement() and found.table().shape == (7, 3)


def test_a_few_known_secrets_among_many_are_found():
    canaries = drawn()
    few = canaries.planted & (np.cumsum(canaries.planted) <= 10)
    assert "exposure" in audit_release(canaries, score=table_of(canaries, few)).found_by


def test_a_sampler_alone_is_enough():
    canaries = drawn()
    known, blind = (writer_of(table_of(canaries, knows)) for knows in (canaries.planted, 0 * canaries.planted))
    found = audit_release(canaries, sample=known, samples=20)
    assert found.found_by == ("sampling",) and found.exposure is None and found.epsilon_at_least() is None
    assert [row[0] for row in found.rows()] == ["said within 20 samples"]
    with pytest.raises(ValueError, match="^exposure must have been measured"):
        found.interval()
    assert audit_release(canaries, sample=blind, samples=20).verdict == "nothing found"


def test_where_there_is_nothing_it_says_leaks_at_most_once_in_a_hundred():
    """200 models that never saw their secrets: more than 9 alarms would have a chance under 1 in 10,000."""
    verdicts = []
    for seed in range(200):
        canaries = drawn(seed)
        verdicts.append(audit_release(canaries, score=table_of(canaries, 0 * canaries.planted, seed + 1000)).verdict)
    assert verdicts.count("leaks") <= 9 and verdicts.count("in doubt") <= 4


def test_a_model_that_finds_all_equal_knows_nothing():
    canaries = drawn()
    found = audit_release(canaries, score=lambda prefix, continuations: np.full(len(continuations), np.log(0.01)))
    assert found.verdict == "nothing found" and found.interval() == (0, 0, 0)


def test_what_a_model_calls_impossible_is_no_error():
    canaries = drawn()
    found = audit_release(canaries, score=lambda prefix, continuations: np.full(len(continuations), -np.inf))
    assert found.verdict == "nothing found" and not found.extractable(10**9).any()


def test_controls_that_are_known_put_the_audit_in_doubt():
    canaries = drawn()
    leaked = audit_release(canaries, score=table_of(canaries, ~canaries.planted | canaries.planted))
    assert leaked.verdict == "in doubt" and "controls" in leaked.doubts[0] and leaked.statement().startswith("IN DOUBT")
    told = audit_release(canaries, score=table_of(canaries, canaries.planted), reference=table_of(canaries, canaries.planted))
    assert told.verdict == "in doubt" and "reference" in told.doubts[0]


def test_what_the_reference_knows_too_does_not_count_for_membership():
    """Secrets that any model finds likely: without a reference they look like members."""
    canaries, bonus = drawn(), np.where(drawn().planted, 3.0, 0.0)
    place = {prefix: each for each, prefix in enumerate(PREFIXES)}

    def common(luck):
        rng = np.random.default_rng(luck)
        noise = {prefix: 0.1 * rng.normal() for prefix in PREFIXES}
        return lambda prefix, continuations: np.array([
            -6 + (bonus[place[prefix]] + noise[prefix]) * (each == canaries.secrets[place[prefix]]) for each in continuations])

    assert "membership" in audit_release(canaries, score=common(0)).found_by
    assert "membership" not in audit_release(canaries, score=common(0), reference=common(1)).found_by


def test_texts_that_exist_are_accepted_and_judged_by_their_controls():
    inside = np.arange(30) < 15
    canaries = Canaries.given([f"text {each}: " for each in range(30)], ["and so on to the end"] * 30, inside)
    score = lambda prefix, continuations: np.array([np.log(0.2) if int(prefix[5:-2]) < 15 else -40.0])
    found = audit_release(canaries, score=score, attempts=(1, 10))
    assert set(found.found_by) == {"membership", "extraction"} and found.exposure is None and found.epsilon_at_least() is None
    assert found.extractable(10)[inside].all() and not found.extractable(1).any()
    assert "likeness of the texts" in found.statement() and canaries.candidates is None
    assert canaries.texts == tuple(f"text {each}: and so on to the end" for each in range(15))


# --- three models

NAMES = [a + b for a, b in itertools.product("abcdefghijklmnopqrstuvwxyz", repeat=2)]
CODES = [f"{each:03d}" for each in range(1000)]


@pytest.fixture(scope="module")
def three():
    """{name: audit} of a model without protection, one of epsilon 8 and one that never saw a canary; 64 canaries among 256 scraps."""
    rng, base = np.random.default_rng(0), planted.pretrain()
    canaries = Canaries.draw([f"{each} pin is " for each in rng.choice(NAMES, 64, replace=False)], CODES, rng=rng)
    plain = planted.plant(0, times=0).texts
    planted_scraps = [f"{each}.  "[:planted.LENGTH] for each in canaries.texts]
    texts = [*planted_scraps, *plain[len(planted_scraps):]]

    def tuned(texts):
        model = copy.deepcopy(base)
        return train(model, encode(texts), epochs=16, batch_size=16, learning_rate=0.008, seed=0, settle=4)

    plan = Plan.for_budget(epsilon=8, delta=1e-4, records=256, batch_size=32, steps=60, max_grad_norm=1.0, learning_rate=0.3)
    tokens = encode(texts)
    private = train_private(base, tokens[:, :-1], tokens[:, 1:], plan=plan, delta=1e-4, loss=next_token_loss, rng=np.random.default_rng(0))
    models = {"unprotected": tuned(texts), "epsilon 8": private.model, "never": tuned(plain)}
    before = token_scorer(log_probabilities(base), encode)
    return {name: audit_release(canaries, score=token_scorer(log_probabilities(model), encode), reference=before, attempts=(1, 10, 100),
                                delta=1e-4) for name, model in models.items()}


def test_three_models_are_told_apart_with_99_percent_confidence(three):
    """The intervals of the exposure: without protection against each of the two others, which no attack of this kind tells apart."""
    assert {name: each.verdict for name, each in three.items()} == {"unprotected": "leaks", "epsilon 8": "nothing found",
                                                                    "never": "nothing found"}
    for other in ("epsilon 8", "never"):
        assert three["unprotected"].interval()[1] > three[other].interval()[2] + 1
    inside = three["never"].canaries.planted
    assert three["unprotected"].extractable(100)[inside].mean() > 0.7
    assert not any(three[name].extractable(100).any() for name in ("epsilon 8", "never"))


def test_the_bound_on_epsilon_stays_below_the_promise(three):
    assert three["epsilon 8"].epsilon_at_least().epsilon <= 8 and three["unprotected"].epsilon_at_least().epsilon > 0.5


def test_the_controls_are_at_chance_in_all_three(three):
    for found in three.values():
        assert not found.doubts and np.median(found.exposure[~found.canaries.planted]) < 3


# --- models of tokens

def table_model(tokens):
    """Exact probabilities without training: the next of 47 tokens depends on the last one."""
    rows = np.random.default_rng(5).normal(size=(47, 47)) * 2
    return log_softmax(rows, axis=1)[np.asarray(tokens)]


def test_scores_are_those_of_the_tokens_and_lengths_may_differ():
    score = token_scorer(table_model, encode)
    told = score("ab", ["c", "xyz", "cd"])
    for value, text in zip(told, ["c", "xyz", "cd"]):
        tokens = encode("ab" + text)[0]
        assert value == pytest.approx(sum(table_model(tokens[None, :-1])[0, at, tokens[at + 1]] for at in range(2, len(tokens) - 1)))


def test_a_continuation_that_melts_into_its_prefix_is_refused():
    melts = lambda text: np.array([1, *([7] if text.endswith("xy") else map(ord, text))])
    with pytest.raises(ValueError, match="^prefix must end where a token ends"):
        token_scorer(table_model, melts)("x", ["y"])


def test_samples_follow_the_model():
    """4,000 draws of one token: each share within 6 standard errors, false alarm under 1 in 10,000 over 47 of them."""
    start = encode("b")[0]
    for options, temperature in ((dict(), 1.0), (dict(temperature=0.5), 0.5)):
        sample = token_sampler(table_model, encode, decode, length=1, rng=np.random.default_rng(0), **options)
        expected = np.exp(log_softmax(table_model(start[None])[0, -1] / temperature))
        counts = np.bincount([encode(each)[0, 1] if each else 0 for each in sample("b", 4000)], minlength=47) / 4000
        assert (abs(counts - expected) <= 6 * np.sqrt(expected * (1 - expected) / 4000) + 1e-3).all()


def test_top_k_draws_among_the_likeliest():
    sample = token_sampler(table_model, encode, decode, length=1, top_k=3, rng=np.random.default_rng(0))
    likeliest = {decode([each]) for each in np.argsort(-table_model(encode("b"))[0, -1])[:3]}
    assert set(sample("b", 300)) == likeliest
    assert len(set(token_sampler(table_model, encode, decode, length=1, top_k=1)("b", 50))) == 1


def test_as_many_and_as_long_as_asked():
    sample = token_sampler(table_model, encode, decode, length=4, together=7)
    said = sample("b", 20)
    assert len(said) == 20 and max(map(len, said)) == 4


# --- a pretrained model

@pytest.mark.skipif(not language_model.is_ready(), reason="SmolLM2 is not installed: make models")
def test_the_same_call_on_a_pretrained_model_finds_nothing_that_was_never_there():
    """48 codes of two digits; with three digits it takes about nine times as long, which is still within ten minutes."""
    smol = language_model.load_language_model()
    rooms = [f"The code of room {each} is " for each in range(101, 149)]
    canaries = Canaries.draw(rooms, VALUES, rng=np.random.default_rng(1))
    began = time.process_time()
    found = audit_release(canaries, score=token_scorer(smol.log_probabilities, smol.encode), attempts=(1, 100))
    assert found.verdict == "nothing found" and len(found.exposure) == 48
    assert time.process_time() - began < 66  # so that 111 texts a canary, in place of 11, stay under ten minutes


CANARIES = drawn()
SCORE = table_of(CANARIES, CANARIES.planted)


@pytest.mark.parametrize("name, call", [
    ("canaries", lambda: audit_release(["my pin is 1234"], score=SCORE)),
    ("score or sample", lambda: audit_release(CANARIES)),
    ("score", lambda: audit_release(CANARIES, score="a model")),
    ("sample", lambda: audit_release(CANARIES, sample=3)),
    ("reference", lambda: audit_release(CANARIES, score=SCORE, reference="before")),
    ("reference", lambda: audit_release(CANARIES, sample=writer_of(SCORE), reference=SCORE)),
    ("attempts", lambda: audit_release(CANARIES, score=SCORE, attempts=(10, 1))),
    ("attempts", lambda: audit_release(CANARIES, score=SCORE, attempts=())),
    ("attempts", lambda: audit_release(CANARIES, score=SCORE, attempts=0)),
    ("attempts", lambda: audit_release(CANARIES, score=SCORE, attempts=(1, 2.5))),
    ("chance", lambda: audit_release(CANARIES, score=SCORE, chance=1.0)),
    ("confidence", lambda: audit_release(CANARIES, score=SCORE, confidence=99)),
    ("samples", lambda: audit_release(CANARIES, sample=writer_of(SCORE), samples=0)),
    ("delta", lambda: audit_release(CANARIES, score=SCORE, delta=1.0)),
    ("score", lambda: audit_release(CANARIES, score=lambda prefix, continuations: [0.0])),
    ("score", lambda: audit_release(CANARIES, score=lambda prefix, continuations: np.full(len(continuations), np.nan))),
    ("score", lambda: audit_release(CANARIES, score=lambda prefix, continuations: np.full(len(continuations), 0.5))),
    ("score", lambda: audit_release(CANARIES, score=lambda prefix, continuations: None)),
    ("reference", lambda: audit_release(CANARIES, score=SCORE, reference=lambda prefix, continuations: [1.0] * len(continuations))),
    ("sample", lambda: audit_release(CANARIES, sample=lambda prefix, count: ["12"])),
    ("sample", lambda: audit_release(CANARIES, sample=lambda prefix, count: [12] * count)),
    ("prefixes", lambda: Canaries.draw(["a", "a"], VALUES)),
    ("prefixes", lambda: Canaries.draw("my pin is ", VALUES)),
    ("prefixes", lambda: Canaries.draw(PREFIXES[:4], VALUES)),
    ("prefixes", lambda: Canaries.draw([], VALUES)),
    ("candidates", lambda: Canaries.draw(PREFIXES, ["1"])),
    ("candidates", lambda: Canaries.draw(PREFIXES, ["1", "12", "3"])),
    ("candidates", lambda: Canaries.draw(PREFIXES, [1, 2, 3])),
    ("candidates", lambda: Canaries.draw(PREFIXES, ["1", "1", "2"])),
    ("rng", lambda: Canaries.draw(PREFIXES, VALUES, rng=3)),
    ("planted", lambda: Canaries.given(PREFIXES, PREFIXES, [1] * 48)),
    ("planted", lambda: Canaries.given(PREFIXES, PREFIXES, [True] * 48)),
    ("prefixes and secrets and planted", lambda: Canaries.given(PREFIXES, PREFIXES[:9], [True] * 48)),
    ("secrets", lambda: Canaries.given(["a"] * 48, ["b"] * 48, [True, False] * 24)),
    ("log_probabilities", lambda: token_scorer("model", encode)),
    ("encode", lambda: token_scorer(table_model, None)),
    ("encode", lambda: token_scorer(table_model, lambda text: np.array([0.5]))("a", ["b"])),
    ("decode", lambda: token_sampler(table_model, encode, None, length=3)),
    ("length", lambda: token_sampler(table_model, encode, decode, length=0)),
    ("temperature", lambda: token_sampler(table_model, encode, decode, length=1, temperature=0)),
    ("top_k", lambda: token_sampler(table_model, encode, decode, length=1, top_k=0)),
    ("together", lambda: token_sampler(table_model, encode, decode, length=1, together=0)),
    ("rng", lambda: token_sampler(table_model, encode, decode, length=1, rng=1)),
])
def test_bad_arguments_are_refused_by_name(name, call):
    with pytest.raises(ValueError, match=f"^{name} must "):
        call()
