"""The budget refuses before it answers, forgets nothing, and never lets a sequence of releases overdraw."""

import math
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from dp_accounting import dp_event
from dp_accounting.pld import common, privacy_loss_distribution
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.dp import Budget, BudgetExceeded, laplace, objective_perturbation, private_histogram
from labkit.dp.accounting.epsilon import dp_sgd_event, epsilon_of
from labkit.dp.mechanisms.sparse_vector import above_threshold
from labkit.dp.relations import ADD_OR_REMOVE, REPLACE


def test_pure_epsilons_add_up_to_the_limit_exactly():
    for parts in [[0.1] * 10, [0.3, 0.3, 0.3, 0.1], [1 / 3] * 3, [1.0]]:
        budget = Budget(epsilon=1)
        for each in parts:
            budget.spend("query", each)
        assert budget.spent == pytest.approx(1)
        with pytest.raises(BudgetExceeded):
            budget.spend("one more", 1e-6)


def test_a_refusal_answers_nothing_and_changes_nothing():
    budget, calls = Budget(epsilon=1, delta=1e-5), []
    budget.spend("first", 0.8)
    before = budget.spends, budget.spent, repr(budget)
    with pytest.raises(BudgetExceeded, match="'count' would bring the spending to epsilon 1.* of 1 .*nothing was answered"):
        budget.ask(lambda **named: calls.append(named), epsilon=0.3, label="count")
    assert calls == [] and (budget.spends, budget.spent, repr(budget)) == before
    budget.spend("still fits", 0.2)


def test_ask_charges_what_the_mechanism_is_told_to_spend():
    budget = Budget(epsilon=1, delta=1e-5)
    assert isinstance(float(budget.ask(laplace, 40, sensitivity=1, epsilon=0.25)), float)
    assert budget.spends[0].label == "laplace" and budget.spends[0].price == (0.25, 0.0)
    budget.ask(lambda epsilon, delta: None, epsilon=0.1, delta=1e-6, label="noisy")
    assert budget.spends[1].price == (0.1, 1e-6)
    assert budget.ask(max, 3, 4, price=dp_event.GaussianDpEvent(30.0)) == 4
    with pytest.raises(ValueError, match="^price must be given"):
        budget.ask(max, 3, 4)


def test_a_mechanism_that_fails_stays_charged():
    budget = Budget(epsilon=1)
    with pytest.raises(ZeroDivisionError):
        budget.ask(lambda epsilon: 1 / 0, epsilon=0.5)
    assert budget.spent == 0.5


@pytest.mark.parametrize("accountant", ["pld", "rdp"])
def test_events_compose_as_dp_accounting_composes_them(accountant):
    budget = Budget(epsilon=3, delta=1e-5, accountant=accountant)
    events = [dp_sgd_event(noise_multiplier=4.0, sample_rate=0.1, steps=100), dp_event.GaussianDpEvent(8.0),
              dp_event.LaplaceDpEvent(5.0)]
    for each in events:
        budget.spend("release", each)
    together = epsilon_of(dp_event.ComposedDpEvent(events), delta=1e-5, accountant=accountant)
    assert budget.spent == pytest.approx(together, rel=1e-3)


def test_composition_is_better_than_adding_for_many_small_prices():
    for accountant, at_least in [("pld", 600), ("rdp", 500)]:  # adding would stop at 100
        budget, released = Budget(epsilon=1, delta=1e-5, accountant=accountant), 0
        with pytest.raises(BudgetExceeded):
            while True:
                budget.spend("query", 0.01)
                released += 1
        assert released >= at_least and budget.spent <= 1


@pytest.mark.parametrize("accountant", ["pld", "rdp"])
def test_deltas_of_pairs_count(accountant):
    budget = Budget(epsilon=5, delta=1e-5, accountant=accountant)
    for _ in range(2):
        budget.spend("pair", (0.1, 4e-6))
    with pytest.raises(BudgetExceeded):
        budget.spend("pair", (0.1, 4e-6))
    assert len(budget.spends) == 2


def test_a_budget_without_delta_takes_no_gaussian_and_an_unbounded_release_is_refused():
    with pytest.raises(BudgetExceeded):
        Budget(epsilon=100).spend("gaussian", dp_event.GaussianDpEvent(50.0))
    with pytest.raises(BudgetExceeded):
        Budget(epsilon=100, delta=1e-5).spend("plain", dp_event.NonPrivateDpEvent())
    with pytest.raises(BudgetExceeded):  # composing this price would need a grid of a billion points
        Budget(epsilon=1, delta=1e-5).spend("huge", 1e5)


def exact_total(prices, delta):
    """Composition of pairs straight from dp_accounting, or the plain sum, whichever is less."""
    total = privacy_loss_distribution.identity()
    for price in prices:
        total = total.compose(privacy_loss_distribution.from_privacy_parameters(common.DifferentialPrivacyParameters(*price)))
    fits = math.fsum(each for _, each in prices) <= delta * (1 + 1e-9)
    return min(math.fsum(each for each, _ in prices) if fits else math.inf, total.get_epsilon_for_delta(delta))


@settings(max_examples=60, deadline=None)
@given(prices=st.lists(st.tuples(st.floats(0.001, 1.5), st.sampled_from([0.0, 1e-7, 3e-6])), min_size=1, max_size=12),
       limit=st.floats(0.05, 3))
def test_no_sequence_of_releases_overdraws_and_none_is_refused_in_vain(prices, limit):
    budget, delta = Budget(epsilon=limit, delta=1e-5), 1e-5
    for price in prices:
        before = [each.price for each in budget.spends]
        try:
            budget.spend("release", price)
        except BudgetExceeded:
            assert [each.price for each in budget.spends] == before
            assert exact_total([*before, price], delta) > limit
        else:
            assert [each.price for each in budget.spends] == [*before, price]
        assert exact_total([each.price for each in budget.spends], delta) <= limit * (1 + 1e-9)


def test_threads_cannot_overdraw_together():
    budget = Budget(epsilon=1)

    def try_to_spend(_):
        try:
            budget.spend("query", 0.1)
        except BudgetExceeded:
            return 0
        return 1

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(try_to_spend, range(64))) == 10
    assert len(budget.spends) == 10


def test_the_table_shows_every_release_and_the_total():
    budget = Budget(epsilon=2, delta=1e-5)
    assert "together: epsilon 0 of 2 at delta 1e-05 (pld; add or remove one record)" in repr(budget)
    budget.spend("income <median>", 0.5)
    budget.spend("training", dp_sgd_event(noise_multiplier=8.0, sample_rate=0.1, steps=100))
    text = repr(budget)
    assert "income <median>" in text and "training" in text and "0.5" in text
    assert "<b>" not in budget._repr_html_() and "income &lt;median&gt;" in budget._repr_html_()
    assert budget._repr_html_().count("<tr>") == 4
    for _ in range(30):
        budget.spend("small", 0.001)
    assert "(12 earlier)" in repr(budget) and len(repr(budget).splitlines()) == 25


LIMITS = [(dict(epsilon=each), "epsilon") for each in [0, -1, math.nan, math.inf, "1", None]]
LIMITS += [(dict(delta=each), "delta") for each in [-1e-5, 1, 2, math.nan, "0", None]]
LIMITS += [(dict(accountant="moments"), "accountant"), (dict(accountant=None), "accountant")]


@pytest.mark.parametrize("wrong, name", LIMITS)
def test_the_budget_refuses_bad_limits(wrong, name):
    with pytest.raises(ValueError, match=f"^{name} must be"):
        Budget(**(dict(epsilon=1.0, delta=1e-5) | wrong))


PRICES = [(each, "epsilon") for each in [0, -0.1, math.nan, math.inf, "0.1", None, (0.0, 1e-6), (None, 0.0)]]
PRICES += [((0.1, each), "delta") for each in [-1e-6, 1.0, math.nan, "0"]] + [((0.1,), "price"), ((0.1, 0, 0), "price")]


@pytest.mark.parametrize("price, name", PRICES)
def test_bad_prices_are_refused_and_cost_nothing(price, name):
    budget = Budget(epsilon=1, delta=1e-5)
    with pytest.raises(ValueError, match=f"^{name} must be") as refused:
        budget.spend("query", price)
    assert not isinstance(refused.value, BudgetExceeded) and budget.spends == ()


def test_bad_labels_and_mechanisms_are_refused():
    budget = Budget(epsilon=1)
    for label in ["", "  ", None, 3]:
        with pytest.raises(ValueError, match="^label must be"):
            budget.spend(label, 0.1)
    with pytest.raises(ValueError, match="^mechanism must be"):
        budget.ask(3, epsilon=0.1)
    assert budget.spends == ()


def test_prices_carry_their_relation_and_relations_do_not_mix():
    X, y = [[1.0], [0.5], [0.2]], [1, -1, 1]
    budget = Budget(epsilon=5)
    budget.ask(objective_perturbation, X, y, epsilon=1.0, strength=0.1)
    assert budget.relation == budget.spends[0].relation == REPLACE and f"; {REPLACE})" in repr(budget)
    with pytest.raises(ValueError, match="different neighbouring relations do not add up"):
        budget.spend("a count", 0.1)
    with pytest.raises(ValueError, match="relation must be the budget's"):
        budget.ask(private_histogram, [1], bins=[1], epsilon=0.1, relation=ADD_OR_REMOVE)
    budget.ask(private_histogram, [1], bins=[1], epsilon=0.1, relation=REPLACE)
    budget.ask(laplace, 3.0, sensitivity=2, epsilon=0.1, relation=REPLACE)  # not passed on: laplace holds for any
    assert len(budget.spends) == 3

    ordinary = Budget(epsilon=5)
    ordinary.spend("a count", 0.1)
    with pytest.raises(ValueError, match="'objective_perturbation'"):
        ordinary.ask(objective_perturbation, X, y, epsilon=1.0, strength=0.1)
    assert len(ordinary.spends) == 1 and ordinary.spent == pytest.approx(0.1)


def test_a_budget_keeps_the_relation_that_it_was_given():
    users = Budget(epsilon=3, delta=1e-6, relation="add or remove one user")
    users.spend("round", dp_sgd_event(noise_multiplier=8.0, sample_rate=0.1, steps=10))
    assert users.spends[0].relation == "add or remove one user" and "add or remove one user" in repr(users)
    with pytest.raises(ValueError, match="^relation must be the budget's"):
        users.spend("count", 0.1, relation=ADD_OR_REMOVE)
    with pytest.raises(ValueError, match="^relation must be .* for Poisson samples"):
        Budget(epsilon=3, delta=1e-6, relation=REPLACE).spend("round", dp_sgd_event(noise_multiplier=8.0, sample_rate=0.1, steps=10))
    for bad in ("", 3, ["replace"]):
        with pytest.raises(ValueError, match="^relation must be"):
            Budget(epsilon=1, relation=bad)
        with pytest.raises(ValueError, match="^relation must be"):
            Budget(epsilon=1).spend("count", 0.1, relation=bad)


def test_a_prepared_mechanism_is_charged_like_one_called_in_full():
    """functools.partial hides arguments from the call, and must not hide them from the price."""
    budget = Budget(epsilon=10)
    answers = [[0, 1]] * 4
    for mechanism in (partial(above_threshold, answers, threshold=5), partial(partial(above_threshold, threshold=5), answers)):
        before = budget.spent
        budget.ask(mechanism, epsilon=1)
        assert budget.spent - before == pytest.approx(4)
    with pytest.raises(BudgetExceeded):
        budget.ask(partial(above_threshold, answers, threshold=5, epsilon=1))
    replaced = Budget(epsilon=9)
    replaced.ask(partial(objective_perturbation, [[1.0], [0.5]], [1, -1], strength=0.1), epsilon=1)
    replaced.ask(partial(private_histogram, [1], bins=[1], relation=REPLACE), epsilon=1)
    assert replaced.relation == REPLACE and [each.label for each in replaced.spends] == ["objective_perturbation", "private_histogram"]
