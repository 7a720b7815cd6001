"""The audit table: every mechanism that labkit ships, and every broken one of the zoo, claimed epsilon against measured.

    pytest -s tests/dp/auditing/test_audit_table.py       or       python -m tests.dp.test_audit_table

Each bound holds with 99.99 % confidence: a mechanism that keeps its claim is called broken once in 10,000 seeds, and the seeds
are fixed. Each shipped mechanism is also run with its noise scaled by 0.8, patched in from outside, and must then be caught.
"""

import functools
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from unittest.mock import patch

import numpy as np
import pytest
import torch

from labkit import dp
from labkit.attacks import shadows
from labkit.dp.auditing.bounds import Audit, audit
from labkit.dp.auditing.gaussian import gaussian_bound
from labkit.dp.mechanisms import histogram, objective, quantile, selection, sparse_vector, voting
from labkit.dp.mechanisms import numeric as mechanisms
from labkit.dp.mechanisms import randomised_response as responses
from labkit.dp.training import curve
from labkit.dp.training import dp_sgd as training
from labkit.dp.zoo import CONFIDENCE, ZOO
from tests.dp.mechanisms.test_objective import log_density

SCALE = 0.8
ADD, REPLACE = "one added or removed", "one replaced"


def seeded():
    return np.random.default_rng(31)


# --- mechanisms that add noise to an answer


def additive(mechanism, runs, change=1, **claim):
    """One person moves the answer by `change`, which is the declared sensitivity."""
    rng = seeded()

    def run(answer, runs):
        return mechanism(np.full(runs, answer), sensitivity=change, rng=rng, **claim)

    return audit(run, 40 + change, 40, runs=runs, batched=True)


def clamped(runs):
    rng, hours = seeded(), np.array([38, 40, 35, 168])

    def run(rows, runs):
        return dp.laplace(np.full(runs, dp.clamp(rows, low=0, high=60).sum()), sensitivity=60, epsilon=1, rng=rng)

    return audit(run, hours, hours[:3], runs=runs, batched=True)


def clipped(runs):
    """A sum of vectors in the direction in which the person is far out."""
    rng, rows = seeded(), np.array([[0.1, 0.2], [0.3, -0.2], [30.0, 40.0]])

    def run(rows, runs):
        total = np.tile(dp.clip(rows, max_grad_norm=1).sum(axis=0), (runs, 1))
        return dp.gaussian(total, sensitivity=1, epsilon=4, delta=1e-5, rng=rng) @ [0.6, 0.8]

    return audit(run, rows, rows[:2], runs=runs, batched=True)


# --- mechanisms that choose


def response(runs):
    rng = seeded()
    return audit(lambda truth, runs: dp.randomised_response(np.full(runs, truth), epsilon=1, categories=3, rng=rng), 1, 0,
                 runs=runs, batched=True)


def picked(mechanism, runs, candidates, epsilon):
    """One candidate gains by one while all the others lose one, as one person may do to scores of sensitivity 1."""
    rng = seeded()
    ahead, behind = np.eye(1, candidates, dtype=int)[0], 1 - np.eye(1, candidates, dtype=int)[0]
    return audit(lambda scores: mechanism(scores, sensitivity=1, epsilon=epsilon, rng=rng), ahead, behind, runs=runs,
                 score=lambda choice: choice == 0)


def streams(runs):
    """Four questions whose answers fall by one and a fifth whose answer grows: silent four times, then speaking."""
    rng = seeded()

    def run(answers, runs):
        said = dp.above_threshold(np.tile(answers, (runs, 1)), threshold=0, epsilon=4, rng=rng)
        return (said == [0, 0, 0, 0, 1]).all(axis=1)

    return audit(run, [-1, -1, -1, -1, 0], [0, 0, 0, 0, -1], runs=runs, batched=True)


# --- histograms, quantiles, votes: each run has bins, or questions, of its own


def bin_by_bin(runs):
    """A person joins the 20 of a bin."""
    rng, bins = seeded(), np.arange(runs)
    return audit(lambda people, runs: dp.private_histogram(np.repeat(bins, people), bins=bins, epsilon=1, rng=rng), 21, 20,
                 runs=runs, batched=True)


def moved(runs):
    """A person moves from the first bin to the second, of two with 10 people together."""
    rng = seeded()

    def run(in_first, runs):
        values = (2 * np.arange(runs)[:, None] + (np.arange(10) >= in_first)).ravel()
        told = dp.private_histogram(values, bins=np.arange(2 * runs), epsilon=2, relation="replace one record", rng=rng)
        told = told.reshape(runs, 2)
        return (told[:, 0] >= 6) & (told[:, 1] <= 4)

    return audit(run, 6, 5, runs=runs, batched=True)


def listed(runs):
    """A person joins the 20 of a bin that nobody knew of; a bin that is not shown counts as 0."""
    rng = seeded()

    def run(people, runs):
        told = dp.thresholded_histogram(np.repeat(np.arange(runs), people), epsilon=1, delta=1e-3, rng=rng)
        return [told.get(each, 0) for each in range(runs)]

    return audit(run, 21, 20, runs=runs, batched=True)


def ranked(runs):
    """One of 14 people moves from the bottom to the top: ranks below the median get farther from it, ranks above it nearer."""
    rng = seeded()

    def run(at_bottom, runs):
        places = np.array([0] * at_bottom + [900] * 4 + [10_000] * (10 - at_bottom))
        starts, lengths, scores = quantile.stretches(places, 10_001, 0.5)
        sums = quantile.cumulative_weights(lengths, scores, Fraction(1, 2))
        return np.array([quantile.draw(starts, lengths, sums, rng) for _ in range(runs)]) < 900

    return audit(run, 5, 4, runs=runs, batched=True)


def voted(runs):
    """One of 11 teachers votes for the first candidate of two, or for the second: whose lead is one vote, either way."""
    rng, sigma = seeded(), dp.vote_sigma(epsilon=2, delta=1e-5, questions=1)

    def run(ones, runs):
        return dp.noisy_vote(np.tile(np.arange(11) < ones, (runs, 1)).astype(int), candidates=2, sigma=sigma, rng=rng)

    return audit(run, 6, 5, runs=runs, batched=True)


def perturbed(points):
    """How much likelier some weights are on a neighbour: from the exact density, no sampling. All records but one pull the weights
    to where a record and its opposite both pull as hard as they may; and there, a random term that points along their difference."""
    others, near = np.tile([0.0, -0.1], (3500, 1)), np.array([np.cos(0.3), np.sin(0.3)])
    X, other = np.vstack([others, near]), np.vstack([others, near * [-1, 1]])
    noise = objective.noise_for(epsilon=4, records=len(X), strength=5 / len(X))
    w = np.stack(np.meshgrid(np.linspace(-1, 1, points // 50), np.linspace(-20, -5, 50)), axis=-1).reshape(-1, 2)
    return float((log_density(X, np.ones(len(X)), w, noise) - log_density(other, np.ones(len(X)), w, noise)).max())


# --- training: canaries that share no parameter are independent runs of one and the same game


def trained(runs, plan):
    """A linear loss: each record pushes one weight of its own, far beyond the clipping norm, and the noise on it is its own."""
    members, weights = np.arange(2 * runs) % 2 == 0, []
    for part in np.array_split(members, runs // 1000):
        model = torch.nn.Linear(len(part), 1, bias=False)
        torch.nn.init.zeros_(model.weight)
        rows = 3 * np.eye(len(part), dtype=np.float32)[part]
        result = training.train_private(model, rows, np.zeros(len(rows), int), plan=plan, delta=1e-9,
                                        loss=lambda outputs, _: -outputs.sum(), rng=np.random.default_rng(len(weights)))
        weights.append(result.model.weight.detach().numpy()[0])
    weights = np.concatenate(weights)
    return Audit(weights[members], weights[~members])


FULL = training.Plan(sample_rate=1.0, batch_size=1, steps=5, noise_multiplier=2.0, max_grad_norm=1.0, learning_rate=1.0)
SAMPLED = training.Plan(sample_rate=0.5, batch_size=1, steps=1, noise_multiplier=0.7, max_grad_norm=1.0, learning_rate=1.0)


def stacked(runs):
    """The models behind `privacy_accuracy_curve`: each canary pushes its class up and the other down."""
    seeds, members = runs // 500, np.arange(1000) % 2 == 0
    plan = training.Plan(sample_rate=1.0, batch_size=100, steps=3, noise_multiplier=1.5, max_grad_norm=0.5, learning_rate=1e-2)
    rows = np.eye(len(members), dtype=np.float32)[members]
    weights = curve.train_stacked(rows, np.zeros(len(rows), np.int64), 2, [plan], seeded().spawn(seeds))[0].numpy()
    scores = weights[:, 0] - weights[:, 1]
    return Audit(scores[:, members].ravel(), scores[:, ~members].ravel())


def shadowed(runs, noise=1.5, steps=3):
    """Thousands of tiny networks; the auditor knows where each starts, and so which way the canary pushes it."""
    X, y = np.array([[0.0, 0.0], [1.0, 0.5]], np.float32), np.array([0, 1])
    setting = dict(classes=2, hidden=2, steps=steps, learning_rate=0.1, momentum=0.0, max_grad_norm=0.02)

    def weights(noise, present, seed):
        members = np.column_stack([np.ones(runs, bool), np.full(runs, present)])
        made = shadows.train_shadows(X, y, members, noise_multiplier=noise, seed=seed, **setting).weights
        return np.concatenate([each.flatten(1) if each.ndim == 3 else each for each in made], axis=1).astype(float)

    scores = {}
    for present, seed in [(True, 1), (False, 2)]:
        without = weights(0.0, False, seed)
        push = weights(0.0, True, seed) - without
        scores[present] = ((weights(noise, present, seed) - without) * push).sum(axis=1) / np.linalg.norm(push, axis=1)
    return Audit(scores[True], scores[False])


# --- the same with less noise


class Quieter:
    """A numpy Generator whose noise is scaled."""

    def __init__(self, rng):
        self.rng = rng

    def laplace(self, **how):
        return SCALE * self.rng.laplace(**how)

    def normal(self, **how):
        return SCALE * self.rng.normal(**how)


def quieter_generator():
    return patch.object(mechanisms, "_generator", lambda rng: Quieter(rng))


def quieter_sampler(module, name):
    original = getattr(module, name)

    def sample(*, count, rng, **width):
        return original(count=count, rng=rng, **{key: Fraction(value) * Fraction(4, 5) for key, value in width.items()})

    return patch.object(module, name, sample)


def quieter_coins():
    """Coins of exp(-g) for a g that is a fourth too large: the truth comes up too often."""
    original = responses.exact_fraction
    return patch.object(responses, "exact_fraction",
                        lambda **given: original(**given) * (Fraction(5, 4) if "epsilon" in given else 1))


def quieter_choices():
    """Weights exp(-g) for a g that is a fourth too large: the best candidates come up too often."""
    original = selection._unit
    return patch.object(selection, "_unit", lambda epsilon, sensitivity: original(epsilon, sensitivity) * Fraction(5, 4))


def quieter_sum(module):
    original = module.add_noise
    return patch.object(module, "add_noise", lambda total, sigma, source: original(total, SCALE * sigma, source))


def quieter_weights():
    original = quantile.cumulative_weights
    return patch.object(quantile, "cumulative_weights", lambda lengths, scores, half: original(lengths, scores, half * Fraction(5, 4)))


def quieter_votes():
    original = voting._noise
    return patch.object(voting, "_noise", lambda sigma, *rest: original(SCALE * sigma, *rest))


def quieter_terms():
    original = objective.noise_for
    return patch.object(objective, "noise_for", lambda **given: replace(original(**given), scale=SCALE * original(**given).scale))


def quieter_draws():
    original = curve._draw

    def draw(*arguments):
        batch, noise = original(*arguments)
        return batch, SCALE * noise

    return patch.object(curve, "_draw", draw)


# --- the table


@dataclass(frozen=True)
class Row:
    """A shipped mechanism: what it claims, how it is audited, how its noise is scaled, and how blind the audit is."""

    names: tuple  # of labkit.dp that this row audits
    epsilon: float
    delta: float
    relation: str
    runs: int
    make: Callable  # runs -> Audit
    weaken: Callable  # () -> context manager
    least: float  # the audit must find at least this share of the claim: else it proves nothing at all
    gaussian: bool = False
    thresholds: object = "split"
    exact: bool = False  # `make` compares exact densities at so many outcomes, and gives the bound itself

    def __hash__(self):
        return hash((self.names, self.delta, self.gaussian))


def row(names, epsilon, delta, relation, runs, make, weaken, least, **how):
    return Row(tuple(names.split()), epsilon, delta, relation, runs, make, weaken, least, **how)


def plan_claim(plan, delta):
    return plan.epsilon(delta), delta, ADD


SHADOW_CLAIM = dp.epsilon_spent(noise_multiplier=1.5, sample_rate=1.0, steps=3, delta=1e-5), 1e-5, ADD
SHIPPED = {
    "laplace": row("laplace", 1, 0, ADD, 60_000, lambda runs: additive(dp.laplace, runs, epsilon=1), quieter_generator, 0.85),
    "geometric": row("geometric sample_discrete_laplace", 1, 0, ADD, 60_000, lambda runs: additive(dp.geometric, runs, epsilon=1),
                     lambda: quieter_sampler(mechanisms, "sample_discrete_laplace"), 0.85),
    "gaussian": row("gaussian", 1, 0.05, ADD, 60_000, lambda runs: additive(dp.gaussian, runs, epsilon=1, delta=0.05),
                    quieter_generator, 0.7),
    "gaussian, read as such": row("gaussian", 4, 1e-5, ADD, 40_000,
                                  lambda runs: additive(dp.gaussian, runs, epsilon=4, delta=1e-5), quieter_generator, 0.8,
                                  gaussian=True),
    "discrete_gaussian": row("discrete_gaussian sample_discrete_gaussian", 4, 1e-5, ADD, 40_000,
                             lambda runs: additive(dp.discrete_gaussian, runs, change=10, epsilon=4, delta=1e-5),
                             lambda: quieter_sampler(mechanisms, "sample_discrete_gaussian"), 0.7, gaussian=True),
    "clamp, then laplace": row("clamp", 1, 0, ADD, 60_000, clamped, quieter_generator, 0.85),
    "clip, then gaussian": row("clip", 4, 1e-5, ADD, 40_000, clipped, quieter_generator, 0.8, gaussian=True),
    "randomised_response": row("randomised_response", 1, 0, REPLACE, 60_000, response, quieter_coins, 0.85),
    "exponential": row("exponential", 3, 0, REPLACE, 60_000, lambda runs: picked(dp.exponential, runs, 30, 3), quieter_choices, 0.7,
                       thresholds=[1]),
    "report_noisy_max": row("report_noisy_max", 1, 0, REPLACE, 12_000, lambda runs: picked(dp.report_noisy_max, runs, 6, 1),
                            quieter_choices, 0.7, thresholds=[1]),
    "sparse vector": row("above_threshold SparseVector", 4, 0, REPLACE, 60_000, streams,
                         lambda: quieter_sampler(sparse_vector, "sample_discrete_laplace"), 0.8, thresholds=[1]),
    "private_histogram": row("private_histogram", 1, 0, ADD, 60_000, bin_by_bin,
                             lambda: quieter_sampler(histogram, "sample_discrete_laplace"), 0.85),
    "private_histogram, replaced": row("private_histogram", 2, 0, REPLACE, 60_000, moved,
                                       lambda: quieter_sampler(histogram, "sample_discrete_laplace"), 0.8, thresholds=[1]),
    "thresholded_histogram": row("thresholded_histogram release_threshold", 1, 1e-3, ADD, 60_000, listed,
                                 lambda: quieter_sampler(histogram, "sample_discrete_laplace"), 0.8),
    "private_quantile": row("private_quantile", 1, 0, REPLACE, 70_000, ranked, quieter_weights, 0.7, thresholds=[1]),
    "noisy_vote": row("noisy_vote vote_sigma", 2, 1e-5, REPLACE, 40_000, voted, quieter_votes, 0.8, gaussian=True),
    "objective_perturbation": row("objective_perturbation", 4, 0, REPLACE, 2_000, perturbed, quieter_terms, 0.8, exact=True),
    "train_private": row("train_private", *plan_claim(FULL, 1e-5), 8_000, lambda runs: trained(runs, FULL),
                         lambda: quieter_sum(training), 0.75, gaussian=True),
    "train_private, sampled": row("train_private", *plan_claim(SAMPLED, 0.1), 20_000, lambda runs: trained(runs, SAMPLED),
                                  lambda: quieter_sum(training), 0.6),
    "privacy_accuracy_curve": row("privacy_accuracy_curve", dp.epsilon_spent(noise_multiplier=1.5, sample_rate=1.0, steps=3, delta=1e-5),
                                  1e-5, ADD, 8_000, stacked, quieter_draws, 0.7, gaussian=True),
    "train_shadows": row("train_shadows", *SHADOW_CLAIM, 6_000, shadowed, lambda: quieter_sum(shadows), 0.7, gaussian=True),
}

# What labkit.dp offers that draws no noise of its own: whoever adds a name puts it here, or a row above.
NO_NOISE = set("""Audit audit gaussian_bound gaussian_mu gaussian_epsilon most_true_positives one_run_bound sensitivity_at_least
    gaussian_sigma gaussian_delta discrete_gaussian_sigma estimated_shares epsilon_spent noise_multiplier_for epsilon_of dp_sgd_event
    best_attack Budget BudgetExceeded Plan train_without_privacy vote_counts vote_event ExpectedError accountant_used bounded clamped_sum
    epsilon_for_error error_of event_of_all""".split())
# Audited beside their other tests: tests/dp/mechanisms/test_survival.py; OpenDP's noise, tests/dp/test_own_table.py;
# tests/dp/training/test_by_user.py.
NO_NOISE |= {"private_life_table", "OwnTable", "train_private_by_user"}


@functools.cache
def measured(name, weak=False):
    """The lower bound on epsilon that the audit of a shipped mechanism finds."""
    each = SHIPPED[name]
    with each.weaken() if weak else _nothing():
        tested = each.make(each.runs)
    if each.exact:
        return tested
    if each.gaussian:
        return gaussian_bound(tested, delta=each.delta, confidence=CONFIDENCE).epsilon
    return tested.epsilon_lower_bound(delta=each.delta, confidence=CONFIDENCE, thresholds=each.thresholds)


@contextmanager
def _nothing():
    yield


def table():
    """Both tables, as text."""
    lines = [f"Measured: a lower bound on epsilon, with {100 * CONFIDENCE:g} % confidence.", "",
             f"{'shipped':27} {'neighbours':20} {'runs':>11} {'delta':>7} {'claimed':>8} {'measured':>9} {'with 0.8 of its noise':>22}"]
    for name, each in SHIPPED.items():
        runs = "densities" if each.exact else f"2 x {each.runs:,}"
        lines.append(f"{name:27} {each.relation:20} {runs:>11} {each.delta:7g} {each.epsilon:8.2f} {measured(name):9.2f} "
                     f"{measured(name, weak=True):22.2f}")
    lines += ["", f"{'zoo':48} {'runs':>10} {'delta':>7} {'claimed':>8} {'measured':>9} {'repaired':>9}   a setting that hides it: "
              "claimed, measured"]
    for name, each in ZOO.items():
        repaired = "" if each.private else f"{each.measure(repaired=True).epsilon:9.2f}"
        hidden = "" if each.overlook is None else f"{each.overlook.epsilon:g}, {each.measure(overlook=True).epsilon:.2f}"
        runs = "one run" if each.look.reading == "one run" else f"2 x {each.look.runs:,}"
        lines.append(f"{name:48} {runs:>10} {each.look.delta:7g} {each.look.epsilon:8.2f} {each.measure().epsilon:9.2f} "
                     f"{repaired or 'private':>9}   {hidden or '(it keeps its claim)'}")
    return "\n".join(lines)


@pytest.mark.parametrize("name", SHIPPED)
def test_no_shipped_mechanism_loses_more_than_it_claims(name):
    each = SHIPPED[name]
    assert each.least * each.epsilon < measured(name) <= each.epsilon


@pytest.mark.parametrize("name", SHIPPED)
def test_noise_scaled_by_0_8_is_caught(name):
    assert measured(name, weak=True) > SHIPPED[name].epsilon


def test_every_mechanism_of_labkit_dp_has_a_row():
    audited = {name for each in SHIPPED.values() for name in each.names}
    missing = set(dp.__all__) - audited - NO_NOISE
    assert not missing, f"labkit.dp offers {sorted(missing)}: audit them in SHIPPED, or say in NO_NOISE that they add none"


@pytest.mark.parametrize("name", [name for name, each in ZOO.items() if not each.private])
def test_every_broken_mechanism_is_caught_where_the_lab_looks_and_missed_beside_it(name):
    cage = ZOO[name]
    assert cage.measure().epsilon > cage.look.epsilon
    assert cage.measure(overlook=True).epsilon <= cage.overlook.epsilon


def test_the_tables_are_printed(capsys):
    with capsys.disabled():
        print("\n\n" + table())


if __name__ == "__main__":
    print(table())
