"""Model theft: it works with answers and fails with lots; the counter counts; linear models are solved exactly."""

import math

import numpy as np
import pytest
import torch

from labkit import datasets
from labkit.attacks.theft import BudgetSpent, Interface, agreement, solve_softmax, steal
from labkit.models import mlp, softmax_regression
from labkit.models.fitting import fit, logits_of, probabilities_of

DIGITS = datasets.digits()
OTHERS, FRESH = DIGITS.X[600:1200], DIGITS.X[1200:]


def blank(seed=0):
    torch.manual_seed(seed)
    return mlp(64, 32, 10)


@pytest.fixture(scope="module")
def victim():
    return fit(blank(), DIGITS.X[:600], DIGITS.y[:600], steps=200, learning_rate=0.01)


def copy_of(interface, count=600):
    return steal(interface, blank(1), OTHERS[:count], steps=200, learning_rate=0.01)


@pytest.mark.parametrize("shown", [{}, {"decimals": 1}, {"decimals": 0}, {"answer": "label"}])
def test_a_copy_agrees_whatever_is_shown(victim, shown):
    assert agreement(copy_of(Interface(victim, **shown)), victim, FRESH) > 0.8


def test_more_questions_make_a_better_copy(victim):
    few, many = (agreement(copy_of(Interface(victim), count), victim, FRESH) for count in (20, 600))
    assert many > few + 0.1


def test_answers_by_lot_make_no_copy(victim):
    class ByLot(Interface):
        def ask(self, X):
            return np.random.default_rng(0).integers(0, 10, len(super().ask(X)))

    assert agreement(copy_of(ByLot(victim)), victim, FRESH) < 0.3


def test_the_budget_is_kept(victim):
    counter = Interface(victim, budget=50)
    copy_of(counter)
    assert counter.asked == 50
    with pytest.raises(BudgetSpent, match="50"):
        copy_of(counter)
    with pytest.raises(BudgetSpent, match="50 of 50"):
        counter.ask(OTHERS[:1])
    assert counter.asked == 50  # a refused question is not counted
    fresh = Interface(victim, budget=3)
    with pytest.raises(BudgetSpent):
        fresh.ask(OTHERS[:4])
    assert fresh.ask(OTHERS[:3]).shape == (3, 10)


def test_what_is_shown(victim):
    exact = probabilities_of(victim, OTHERS[:9])
    assert np.array_equal(Interface(victim).ask(OTHERS[:9]), exact)
    assert np.array_equal(Interface(victim, decimals=2).ask(OTHERS[:9]), exact.round(2))
    assert np.array_equal(Interface(victim, answer="label").ask(OTHERS[:9]), exact.argmax(axis=1))


def test_a_linear_model_is_solved_from_one_question_more_than_features():
    torch.manual_seed(1)
    model = torch.nn.Linear(64, 10)
    counter = Interface(model)
    weights, biases = solve_softmax(counter, 64)
    assert counter.asked == 65
    assert np.abs(weights - (model.weight - model.weight[:1]).detach().numpy()).max() < 1e-5
    assert np.abs(biases - (model.bias - model.bias[:1]).detach().numpy()).max() < 1e-5
    rough, _ = solve_softmax(Interface(model, decimals=2), 64)
    assert np.abs(rough - weights).max() > 0.01


def test_nothing_is_solved_from_labels_or_zeros():
    model = fit(softmax_regression(64, 10), DIGITS.X[:600], DIGITS.y[:600], steps=200, learning_rate=0.1)
    with pytest.raises(ValueError, match="probabilities"):
        solve_softmax(Interface(model, answer="label"), 64)
    with pytest.raises(ValueError, match="above 0"):
        solve_softmax(Interface(model, decimals=0), 64)


def test_agreement():
    one, other = blank(1), blank(2)
    assert agreement(one, one, FRESH) == 1
    assert agreement(one, other, FRESH) == (logits_of(one, FRESH).argmax(1) == logits_of(other, FRESH).argmax(1)).mean()


@pytest.mark.parametrize("call, name", [
    *[(lambda bad=bad: Interface(blank(), answer=bad), "answer") for bad in ("all", None, 1)],
    *[(lambda bad=bad: Interface(blank(), decimals=bad), "decimals") for bad in (-1, 1.5, "2")],
    *[(lambda bad=bad: Interface(blank(), budget=bad), "budget") for bad in (0, -1, 1.5, math.inf)],
    *[(lambda bad=bad: Interface(blank()).ask(bad), "X") for bad in ([], [[math.nan] * 64], OTHERS[0], None)],
    *[(lambda bad=bad: steal(Interface(blank()), blank(), bad, steps=1), "X") for bad in ([], OTHERS[0], None)],
    *[(lambda bad=bad: steal(Interface(blank()), blank(), OTHERS, steps=bad), "steps") for bad in (0, -1, 1.5)],
    *[(lambda bad=bad: solve_softmax(Interface(blank()), bad), "features") for bad in (0, -1, 1.5)],
    *[(lambda bad=bad: agreement(blank(), blank(), bad), "X") for bad in ([], [[math.inf] * 64])],
])
def test_bad_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=name):
        call()
