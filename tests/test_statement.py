"""Statements: what they say is what the account says, and where an assumption is not met nothing is said."""

import json
import math

import numpy as np
import pytest
import torch
from dp_accounting import dp_event

from labkit import dp, statement
from labkit.dp.accounting.groups import epsilon_of_group
from labkit.federated.privacy.user_level import UserLevelDP
from labkit.statement import NotStated

PLAN = dp.Plan(sample_rate=0.05, batch_size=50, steps=60, noise_multiplier=1.2, max_grad_norm=1.0, learning_rate=1.0)
GOOD = dict(delta=1e-5, unit="record", batches="poisson", reused=False, tuning="none")

SAID = {}


def budget(*prices, **limits):
    made = dp.Budget(**{"epsilon": 3, **limits})
    for number, price in enumerate(prices):
        made.spend(f"count {number}", price)
    return made


def of_budget(made, **changes):
    return made.statement(**{"unit": "record", "reused": False, "tuning": "none", "records": 1000} | changes)


SITUATIONS = {
    "shuffled batches": (dict(batches="shuffled"), "batches were shuffled, and the account assumes Poisson"),
    "batches of a fixed size": (dict(batches="fixed size"), "assumes Poisson"),
    "all records in a sampled plan": (dict(batches="all"), "that epsilon is too low"),
    "delta above 1/n": (dict(delta=1.1e-3), "not below 1/n = 0.001"),
    "delta of 1/n": (dict(delta=1e-3), "not below 1/n"),
    "fewer records than the plan says": (dict(delta=1e-4, records=500, reused=True), "used elsewhere"),
    "reuse of data": (dict(reused=True), "epsilons add up over all that is released"),
    "reuse unknown": (dict(reused=None), "is open"),
    "no unit": (dict(unit=None), "unit of privacy is unknown"),
    "unknown unit": (dict(unit="unknown"), "unit of privacy is unknown"),
    "records of a patient": (dict(unit="patient"), "nobody has said how many records a patient has"),
    "tuning unpaid": (dict(tuning="unpaid"), "tuned on these data and that is not paid for"),
    "tuning unknown": (dict(tuning=None), "is open"),
    "paid inside one training": (dict(tuning="paid"), "holds no tries"),
}


@pytest.mark.parametrize("change, words", SITUATIONS.values(), ids=SITUATIONS)
def test_a_plan_refuses_to_speak(change, words):
    with_all_well = SAID["plan"] = SAID.get("plan") or PLAN.statement(**GOOD)
    assert with_all_well.epsilon > 0
    with pytest.raises(NotStated, match=words):
        PLAN.statement(**GOOD | change)


@pytest.mark.parametrize("change, words", [
    (dict(unit="?"), "unknown"), (dict(unit="patient"), "how many records"), (dict(unit="patient", records_per_unit=3), "no promise to a patient"),
    (dict(reused=True), "elsewhere"), (dict(tuning="unpaid"), "not paid"), (dict(tuning="tuned a bit"), "is open")])
def test_a_budget_refuses_to_speak(change, words):
    assert of_budget(budget(0.5)).epsilon == 0.5
    with pytest.raises(NotStated, match=words):
        of_budget(budget(0.5), **change)


def test_a_budget_says_nothing_about_nothing_nor_with_a_delta_that_nobody_can_judge():
    with pytest.raises(NotStated, match="nothing was released"):
        of_budget(budget())
    with_delta = budget((0.5, 1e-6), delta=1e-5)
    with pytest.raises(NotStated, match="number of records is unknown"):
        of_budget(with_delta, records=None)
    with pytest.raises(NotStated, match="not below 1/n"):
        of_budget(with_delta, records=100_000)
    with pytest.raises(NotStated, match="the tries are not in it"):
        of_budget(budget(0.5), tuning="paid")
    assert "in this epsilon" in of_budget(budget(0.5, 0.5), tuning="paid").tuning


def test_a_statement_says_what_the_account_says():
    said = PLAN.statement(**GOOD)
    assert said.epsilon == PLAN.epsilon(1e-5) and said.accountant == "pld" and said.relation == "add or remove one record"
    assert said.records == 1000 and said.delta_times_records == pytest.approx(0.01) and said.releases == 60
    assert said.attacker_even == pytest.approx(dp.best_attack(PLAN.event)) and "Poisson" in said.sampling
    assert said.settings == {"noise_multiplier": 1.2, "sample_rate": 0.05, "steps": 60, "max_grad_norm": 1.0}
    assert "a person with more than one record" in said.not_covered
    assert PLAN.statement(**GOOD | {"accountant": "rdp"}).epsilon == PLAN.epsilon(1e-5, "rdp") > said.epsilon


def test_text_markdown_and_json_hold_every_field():
    said = PLAN.statement(**GOOD)
    fields = json.loads(said.json())
    assert set(fields) == set(statement.Statement.__dataclass_fields__) and fields["epsilon"] == said.epsilon
    for words in (said.text(), said.markdown()):
        for part in ("one record", "add or remove", f"{statement.up(said.epsilon):.4g}", "1e-05", "0.01", "pld", "Poisson", "60 in all",
                     "50:50", "1 in 1,000", "tuned", "not", "copies of the data elsewhere"):
            assert part in words, part
    assert said.markdown().count("\n") == len(said.rows()) + 2


def test_what_is_printed_is_never_less_than_what_is_true():
    for value in (0.123449, 1.0, 2.00049, 9.9999, 12.3401, 99.99999):
        assert value * (1 - 1e-9) <= float(f"{statement.up(value):.4g}") <= value * 1.002


def test_several_records_of_one_person_are_accounted_for_together():
    said = PLAN.statement(**GOOD | {"unit": "patient", "records_per_unit": 4})
    exact = epsilon_of_group(noise_multiplier=1.2, sample_rate=0.05, steps=60, delta=1e-5, count=4)
    assert said.epsilon == exact > PLAN.epsilon(1e-5) and said.relation == "add or remove one patient, with up to 4 records"
    assert PLAN.statement(**GOOD | {"unit": "patient", "records_per_unit": 1}).epsilon == PLAN.epsilon(1e-5)


def test_a_training_states_itself():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)).astype(np.float32), rng.integers(0, 2, 200)
    plan = dp.Plan(sample_rate=0.1, batch_size=20, steps=5, noise_multiplier=1.0, max_grad_norm=1.0, learning_rate=1.0)
    run = dp.train_private(torch.nn.Linear(3, 2), X, y, plan=plan, delta=1e-4, accountant="rdp", rng=rng)
    said = run.statement(unit="record", reused=False, tuning="none")
    assert (said.epsilon, said.delta, said.accountant, said.records) == (run.epsilon, run.delta, "rdp", 200)
    for change in (dict(tuning="unpaid"), dict(reused=True), dict(unit=None)):
        with pytest.raises(NotStated):
            run.statement(**{"unit": "record", "reused": False, "tuning": "none"} | change)
    plain = dp.train_without_privacy(torch.nn.Linear(3, 2), X, y, plan=plan, rng=rng)
    with pytest.raises(NotStated, match="without privacy"):
        plain.statement(unit="record", reused=False, tuning="none")


def test_a_federated_plan_states_itself_to_users():
    plan = UserLevelDP.for_budget(epsilon=2, delta=1e-5, users=3000, cohort=300, rounds=10, max_grad_norm=0.5)
    said = plan.statement(users=3000, delta=1e-5, reused=False, tuning="none")
    assert said.unit == "user" and said.epsilon <= 2 and "user" in said.relation and said.releases == 10
    with pytest.raises(NotStated, match="1/n"):
        plan.statement(users=3000, delta=1e-3, reused=False, tuning="none")
    with pytest.raises(NotStated, match="shuffled"):
        plan.statement(users=3000, delta=1e-5, reused=False, tuning="none", batches="shuffled")


@pytest.mark.parametrize("epsilon, delta", [(0.5, 0.0), (2.0, 1e-5), (6.0, 1e-3)])
def test_the_attacker_in_the_statement_is_the_best_against_the_worst_mechanism(epsilon, delta):
    """The mechanism that reaches (epsilon, delta): it tells outright with chance delta, else answers by randomised response. Of rules that
    accuse on some of its four answers, none does better than stated, and one reaches it."""
    said = statement.state(unit="record", relation="add or remove one record", epsilon=epsilon, delta=delta, records=900, accountant="pld",
                           sampling="none", released=["an answer"], releases=1, tuning="none", reused=False)
    yes = (1 - delta) / (1 + math.exp(-epsilon))
    present, absent = np.array([delta, yes, 1 - delta - yes, 0]), np.array([0, 1 - delta - yes, yes, delta])
    even, rare = 0.0, 0.0
    for part in np.ndindex(11, 11):  # accuse always on the telling answer, on the others with these chances
        rule = np.array([1, part[0] / 10, part[1] / 10, 0])
        found, false = present @ rule, absent @ rule
        even = max(even, (found + 1 - false) / 2)
        if found >= statement.ACCUSED:
            rare = max(rare, found / (found + 999 * false))
    assert even <= said.attacker_even + 1e-12 and even == pytest.approx(said.attacker_even, rel=1e-9)
    assert rare <= said.attacker_rare + 1e-12 and (delta or rare == pytest.approx(said.attacker_rare, rel=1e-9))


def test_bad_numbers_are_refused_by_name():
    facts = dict(unit="record", relation="add or remove one record", epsilon=1.0, delta=0.0, records=None, accountant="pld", sampling="none",
                 released=["x"], releases=1, tuning="none", reused=False)
    assert statement.state(**facts).delta_times_records == 0
    for change, name in [(dict(delta=1.0), "delta"), (dict(delta=-1), "delta"), (dict(epsilon=0), "epsilon"), (dict(records=0), "records"),
                         (dict(unit="patient", records_per_unit=0), "records_per_unit")]:
        with pytest.raises(ValueError, match=name):
            statement.state(**facts | change)
    with pytest.raises(NotStated, match="without privacy"):
        statement.state(**facts | dict(epsilon=math.inf))


def test_one_gaussian_event_states_its_own_best_attacker():
    event = dp_event.GaussianDpEvent(1.0)
    said = of_budget(budget(event, epsilon=9, delta=1e-5))
    assert said.attacker_even == pytest.approx(dp.best_attack(event))
    assert said.attacker_even < (math.exp(said.epsilon) + 1e-5) / (1 + math.exp(said.epsilon))
