"""Private fine-tuning through Opacus: the step that the plan says, its noise, its guarantee audited, a broken twin caught."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from opacus import PrivacyEngine
from torch import nn

from labkit.dp import Audit, gaussian_bound, train_private
from labkit.dp.training.dp_sgd import Plan
from labkit.models.blocks import Classifier, Embeddings, EncoderBlock
from labkit.protection import finetuning
from labkit.protection.adapters import add_lora
from labkit.protection.finetuning import (
    accuracy,
    classifier,
    cost_of,
    fine_tune,
    fine_tune_without_privacy,
    records_for,
)

PLAN = Plan(sample_rate=1.0, batch_size=120, steps=4, noise_multiplier=1e-6, max_grad_norm=0.5, learning_rate=0.5, momentum=0.5)
WAYS = ["LoRA", "last block", "whole model"]


def small_parts():
    """An encoder of one block, 32 columns and 40 words."""
    torch.manual_seed(0)
    block = EncoderBlock(width=32, heads=4, inner=64)
    return [Embeddings(width=32, words=40, places=8), block]


def small(way):
    """A block of 32 columns, with the trainable part of this way and a head; "whole model" has the embeddings below."""
    parts = small_parts()
    if way == "LoRA":
        add_lora(parts[1], names=("query", "value"), rank=2, alpha=4.0)
    return Classifier(parts if way == "whole model" else parts[1:], width=32, scale=4.0)


@pytest.fixture(scope="module")
def records():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 6, 32)).astype(np.float32)
    X[:60, 4:] = 0  # shorter texts
    return X, (X[:, 0, 0] > 0).astype(np.int64)


@pytest.fixture(scope="module")
def tokens():
    rng = np.random.default_rng(1)
    ids = rng.integers(1, 40, size=(120, 6))
    ids[:60, 4:] = 0
    return ids, (ids[:, 0] > 20).astype(np.int64)


def vector(model):
    return torch.cat([each.detach().flatten() for each in model.parameters()])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", ["hooks", "ghost"])
@pytest.mark.parametrize("together", [50, 500])
def test_it_is_the_same_step_as_the_readable_one(records, tokens, way, mode, together):
    """Against `labkit.dp.train_private`, on whole batches and with next to no noise: per-example clipping, sum, divisor, momentum."""
    records = (tokens[0].astype(np.float32), tokens[1]) if way == "whole model" else records
    tuned = fine_tune(small(way), *records, plan=PLAN, delta=1e-3, seed=1, mode=mode, together=together)
    ours = train_private(small(way), torch.tensor(records[0]), records[1], plan=PLAN, delta=1e-3, rng=np.random.default_rng(0))
    assert torch.allclose(vector(tuned.model), vector(ours.model), atol=1e-5)
    assert not torch.allclose(vector(tuned.model), vector(small(way)), atol=1e-3)  # it can fail
    assert tuned.epsilon == ours.epsilon and tuned.delta == 1e-3 and tuned.accountant == "pld"
    assert not tuned.model.training


@pytest.mark.parametrize("mode", ["hooks", "ghost"])
def test_every_weight_gets_noise_of_the_stated_size(records, mode):
    """9,000 weights, noise 1,000 times what the clipped sum can be: the deviation is right to 4 % (over 5 standard errors)."""
    plan = dataclasses.replace(PLAN, steps=1, noise_multiplier=1e5, max_grad_norm=0.01, learning_rate=1.0)
    tuned = fine_tune(small("last block"), *records, plan=plan, delta=1e-3, seed=2, mode=mode, together=32)
    moved = (vector(tuned.model) - vector(small("last block"))).numpy() * plan.batch_size / (1e5 * 0.01)
    assert abs(moved.std() - 1) < 0.04 and abs(moved.mean()) < 0.055
    assert abs((np.abs(moved) < 1).mean() - 0.6827) < 0.025  # and it is Gaussian


def test_batches_are_coin_tosses(records):
    """With a rate of one half and a clip that every record reaches, the step sizes follow the number of records drawn."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    nn.init.zeros_(model[1].weight)
    X, y = np.tile(np.float32([30, 0]), (120, 1)), np.zeros(120, int)
    plan = dataclasses.replace(PLAN, sample_rate=0.5, batch_size=60, steps=1, learning_rate=1.0, max_grad_norm=1.0, momentum=0.0)
    drawn = [60 * fine_tune(model, X, y, plan=plan, delta=1e-3, seed=seed).model[1].weight.detach().norm().item() for seed in range(60)]
    assert np.allclose(drawn, np.round(drawn), atol=1e-3)  # whole numbers of records of length exactly 1
    assert abs(np.mean(drawn) - 60) < 4 and 3 < np.std(drawn) < 9  # binomial: 60 and 5.5; over 5 standard errors


@pytest.mark.parametrize("n, rate", [(5001, 1 / 100), (5000, 0.013), (120, 0.7)])
def test_batches_are_drawn_at_the_rate_that_is_accounted(monkeypatch, n, rate):
    """Opacus would draw at one over a whole number of batches that it counts itself: 1/99 where 1/100 was accounted."""
    made = []
    real = PrivacyEngine.make_private

    def spied(self, **options):
        parts = real(self, **options)
        made.append(parts[-1].batch_sampler)
        return parts

    monkeypatch.setattr(PrivacyEngine, "make_private", spied)
    X, y = np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32), np.arange(n) % 2
    plan = dataclasses.replace(PLAN, sample_rate=rate, batch_size=rate * n, steps=3)
    tuned = fine_tune(nn.Linear(3, 2), X, y, plan=plan, delta=1e-5, seed=0)
    assert made[0].sample_rate == rate and made[0].num_samples == n
    assert tuned.epsilon == plan.epsilon(1e-5)


def test_without_a_seed_no_two_runs_share_their_noise(records):
    a, b = (fine_tune(small("LoRA"), *records, plan=dataclasses.replace(PLAN, noise_multiplier=1.0), delta=1e-3).model
            for _ in range(2))
    assert not torch.equal(vector(a), vector(b))


CANARIES = 4000
ONE_STEP = Plan.for_budget(epsilon=4.0, delta=1e-4, records=2000, batch_size=2000, steps=1, max_grad_norm=1.0, learning_rate=1.0)


def pulls_of_canaries(seed):
    """One private step at epsilon 4 (delta 1e-4) on some 2,000 records, each with a weight of its own to pull at.

    Half of 4,000 canaries are in. Noise is independent for every weight, so a single run shows the mechanism 4,000 times, at the
    most that one record can do to it. Returns an Audit: what stands at the canaries' weights.
    """
    inside = np.random.default_rng(seed).random(CANARIES) < 0.5
    model = nn.Sequential(nn.Flatten(), nn.Linear(CANARIES, 2, bias=False))
    nn.init.zeros_(model[1].weight)
    X = 50 * np.eye(CANARIES, dtype=np.float32)[inside]
    tuned = fine_tune(model, X, np.zeros(len(X), int), plan=ONE_STEP, delta=1e-4, seed=seed, together=500)
    pulls = tuned.model[1].weight.detach().numpy()
    return Audit(*((pulls[0] - pulls[1])[each] for each in (inside, ~inside)))


def test_the_audit_finds_no_more_than_epsilon_and_not_much_less():
    """Read as Gaussian hills at 99.99 %: a correct mechanism exceeds its epsilon for one seed in 10,000."""
    found = gaussian_bound(pulls_of_canaries(seed=1), delta=1e-4, confidence=0.9999).epsilon
    assert 2 < found <= 4


@pytest.mark.parametrize("field, factor", [("noise_multiplier", 0.5), ("max_grad_norm", 2.0)])
def test_the_audit_catches_a_twin_with_half_the_noise(monkeypatch, field, factor):
    """The twin accounts for one noise and adds half of it, or clips at twice the stated line (its noise stays what it was)."""
    whole = finetuning._with_opacus

    def broken(model, X, y, plan, *rest):
        changed = dataclasses.replace(plan, **{field: getattr(plan, field) * factor})
        if field == "max_grad_norm":
            changed = dataclasses.replace(changed, noise_multiplier=plan.noise_multiplier / factor)
        whole(model, X, y, changed, *rest)

    monkeypatch.setattr(finetuning, "_with_opacus", broken)
    assert gaussian_bound(pulls_of_canaries(seed=1), delta=1e-4, confidence=0.9999).epsilon > 5


def test_the_four_ways_train_what_they_say():
    parts = [Embeddings(), *(EncoderBlock() for _ in range(6))]
    counts = {}
    for way in finetuning.WAYS:
        model = classifier(way, parts, seed=0, rank=4)
        counts[way] = sum(each.numel() for each in model.parameters() if each.requires_grad)
        again = classifier(way, parts, seed=0, rank=4)
        assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters()))
    block, bottom = 1_774_464 - 384, 384 * (30_522 + 512 + 2 + 2)
    assert counts == {"head": 770, "LoRA": 770 + 4 * 4 * 384, "last block": 770 + block, "whole model": 770 + 6 * block + bottom}
    assert not any(each.requires_grad is False for part in parts for each in part.parameters())  # what was given is not changed


def test_each_way_is_trained_on_what_the_parts_below_it_make(tokens):
    """With the same head, all four answer alike before training: nothing is left out and nothing done twice."""
    parts, ids = small_parts(), tokens[0]
    models = {way: Classifier({"head": [], "whole model": parts}.get(way, parts[1:]), width=32, scale=4.0) for way in finetuning.WAYS}
    nn.init.normal_(models["head"].head.weight)
    answers = []
    for way, model in models.items():
        model.head.load_state_dict(models["head"].head.state_dict())
        answers.append(model(records_for(way, ids, parts)))
    assert all(torch.allclose(answers[0], each, atol=1e-5) for each in answers[1:]) and answers[0].std() > 0.1
    assert records_for("head", ids, parts).shape == (120, 1, 32) and records_for("LoRA", ids, parts).shape == (120, 6, 32)
    assert torch.equal(records_for("whole model", ids, parts), torch.from_numpy(ids))


def test_padding_counts_for_nothing(tokens):
    parts, ids = small_parts(), tokens[0]
    longer = np.concatenate([ids, np.zeros((120, 2), int)], axis=1)
    for way in ("head", "whole model"):
        model = classifier(way, parts, seed=0, scale=4.0)
        model = Classifier(model.blocks, width=32, scale=4.0)
        nn.init.normal_(model.head.weight)
        assert torch.allclose(model(records_for(way, ids, parts)), model(records_for(way, longer, parts)), atol=1e-5)


def test_without_privacy_it_learns_and_says_so(records):
    plan = dataclasses.replace(PLAN, sample_rate=0.5, batch_size=60, steps=120)
    before = vector(small("LoRA"))
    model = small("LoRA")
    tuned = fine_tune_without_privacy(model, *records, plan=plan, seed=0)
    assert tuned.epsilon == math.inf and torch.equal(vector(model), before)
    assert accuracy(tuned.model, *map(torch.tensor, records)) > 0.8  # always one answer: about one half
    again = fine_tune_without_privacy(model, *records, plan=plan, seed=0)
    assert torch.equal(vector(again.model), vector(tuned.model))


def test_privacy_is_repeatable_by_seed_and_moves_no_global_state(records):
    plan = dataclasses.replace(PLAN, sample_rate=0.5, batch_size=60, noise_multiplier=1.0)
    model = small("LoRA")
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    a, b, c = (fine_tune(model, *records, plan=plan, delta=1e-3, seed=seed).model for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(vector(a), vector(b)) and not torch.equal(vector(a), vector(c))


class Keeps(nn.Module):
    """A classifier that keeps what it saw where no buffer is."""

    def __init__(self):
        super().__init__()
        self.layer, self.last, self.all = nn.Linear(32, 2), None, []

    def forward(self, x):
        self.last = x
        self.all.append(x)
        return self.layer(x.mean(1))


def test_no_record_comes_back_in_the_model(records):
    given = Keeps()
    for trained in (fine_tune(given, *records, plan=PLAN, delta=1e-3, seed=0), fine_tune_without_privacy(given, *records, plan=PLAN, seed=0)):
        assert trained.model.last is None and trained.model.all == [] and given.all == [] and not trained.model.training
        assert all(set(vars(each)) <= {"_backward_hooks"} and each.grad is None for each in trained.model.parameters())


def test_costs_are_measured():
    result, seconds, megabytes = cost_of(lambda: len(np.ones(20_000_000).tobytes()))
    assert result == 160_000_000 and 0 < seconds < 30
    assert megabytes is None or 100 < megabytes < 700


BAD_MODEL = nn.Sequential(nn.Flatten(), nn.Linear(192, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


@pytest.mark.parametrize("changed, message", [
    ({"model": "bert"}, "model must be a torch.nn.Module, got 'bert'"), ({"model": None}, "model must be a torch.nn.Module"),
    ({"model": BAD_MODEL}, "model must be one that Opacus can train, got"),
    ({"model": nn.Linear(4, 2).requires_grad_(False)}, "model must "),
    ({"X": []}, "X must be a non-empty array"), ({"X": np.full((120, 6, 32), np.nan)}, "X must be a non-empty array of finite"),
    ({"X": np.zeros((119, 6, 32))}, "X and y must have the same length"),
    ({"y": np.full(120, -1)}, "y must hold whole numbers from 0"), ({"y": np.full(120, 0.5)}, "y must hold whole numbers"),
    ({"y": np.full(120, np.inf)}, "y must be a non-empty array of finite"),
    ({"plan": None}, "plan must be a labkit.dp.training.dp_sgd.Plan"),
    ({"plan": dataclasses.replace(PLAN, sample_rate=0.1)}, "plan must have 50 or more examples in an expected batch"),
    ({"delta": 0}, "delta must be strictly between 0 and 1"), ({"delta": 0.01}, "delta must be below 1 / 120"),
    ({"delta": float("nan")}, "delta must be"), ({"seed": -1}, "seed must be a whole number"), ({"seed": 1.5}, "seed must be a whole number"),
    ({"mode": "ew"}, "mode must be one of 'hooks', 'ghost'"), ({"together": 0}, "together must be a whole number, at least 1"),
])
def test_bad_arguments_are_refused_before_any_work(records, monkeypatch, changed, message):
    monkeypatch.setattr(finetuning, "_with_opacus", lambda *_: pytest.fail("it began to train"))
    arguments = {"model": small("LoRA"), "X": records[0], "y": records[1], "plan": PLAN, "delta": 1e-3, "seed": 0} | changed
    with pytest.raises(ValueError, match=f"^{message}"):
        fine_tune(arguments.pop("model"), arguments.pop("X"), arguments.pop("y"), **arguments)


@pytest.mark.parametrize("call, message", [
    (lambda: classifier("heads", small_parts(), seed=0), "way must be one of 'head', 'LoRA', 'last block', 'whole model', got 'heads'"),
    (lambda: classifier("LoRA", small_parts(), seed=-1), "seed must be a whole number"),
    (lambda: classifier("LoRA", small_parts(), seed=0, rank=0), "rank must be a whole number, at least 1"),
    (lambda: records_for("all", np.ones((1, 2), int), small_parts()), "way must be one of"),
    (lambda: records_for("head", np.ones(2, int), small_parts()), "ids must be a non-empty array of finite numbers with 2"),
    (lambda: records_for("head", np.full((1, 2), np.nan), small_parts()), "ids must be a non-empty array of finite numbers"),
    (lambda: records_for("LoRA", np.zeros((0, 2), int), small_parts()), "ids must be a non-empty array"),
    (lambda: records_for("LoRA", [[3, -1]], small_parts()), "ids must be whole numbers from 0 to 39, got -1"),
    (lambda: records_for("whole model", [[3, 40]], small_parts()), "ids must be whole numbers from 0 to 39, got 40"),
    (lambda: records_for("whole model", [[3, 0.5]], small_parts()), "ids must be whole numbers from 0 to 39, got 0.5"),
    (lambda: records_for("head", np.ones((1, 9), int), small_parts()), "ids must have at most 8 tokens a text, got 9"),
])
def test_ways_and_states_are_checked(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


def test_a_part_that_does_not_move_is_an_error(records):
    model = small("LoRA")
    model.unused = nn.Parameter(torch.ones(2))
    with pytest.raises(RuntimeError, match="did not move 1 of .* trainable weights: unused"):
        fine_tune_without_privacy(model, *records, plan=PLAN, seed=0)
