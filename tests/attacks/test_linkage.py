"""Each attack on a target where it must succeed, and on one where it must fail."""

import numpy as np
import pandas as pd
import pytest

from labkit.anonymity import Numbers, Tree, classes, generalise, mondrian, suppress_rare
from labkit.anonymity.people import HIERARCHIES, simulated_people
from labkit.attacks.linkage import (
    confirmed,
    down_code,
    intersect,
    link,
    possible_values,
    read_off,
    rule_out,
    success,
)

PLAN = {"age": Numbers(20, 60, bands=(10,)), "sex": Tree(["F", "M"])}
TARGETS = pd.DataFrame({"age": [25, 45, 55], "sex": ["F", "M", "M"]}, index=["ann", "ben", "cal"])


def release(*rows):
    return pd.DataFrame(rows, columns=["age", "sex", "ill"])


# Three classes: one where all have flu, one with three illnesses, one exact row.
MIXED = release(
    ("20 to 30", "F", "flu"),
    ("20 to 30", "F", "flu"),
    ("40 to 50", "*", "flu"),
    ("40 to 50", "*", "gout"),
    ("40 to 50", "*", "cold"),
    (55, "M", "gout"),
)


@pytest.fixture(scope="module")
def people():
    return simulated_people(0)


# --- joining with a register ---


def test_link_succeeds_on_exact_columns_and_is_right(people):
    hospital = people.sample(2000, random_state=1)
    found = link(hospital.drop(columns="name"), people, ["birth_date", "sex", "post_code"])
    assert len(found) > 0.9 * len(hospital)
    assert (found["release_row"] == found["register_row"]).all()
    named = people.loc[found["register_row"], "name"].to_numpy()
    assert (named == hospital.loc[found["release_row"], "name"].to_numpy()).all()


def test_link_fails_when_nobody_is_alone(people):
    hospital = people.sample(2000, random_state=1)
    assert link(hospital, people, ["sex"]).empty
    coarse = generalise(people, HIERARCHIES, {"age": 2, "post_code": 3})
    safe = suppress_rare(coarse, ["age", "sex", "post_code"], 10)
    assert link(safe.loc[safe.index.intersection(hospital.index)], coarse, ["age", "sex", "post_code"]).empty


def test_link_by_hand():
    register = pd.DataFrame({"name": list("abcd"), "age": [1, 1, 2, 3], "sex": list("FFMM")}, index=[10, 11, 12, 13])
    hidden = pd.DataFrame({"age": [2, 1, 3, 9], "sex": list("MFMM")})
    assert link(hidden, register, ["age", "sex"]).to_numpy().tolist() == [[0, 12], [2, 13]]


# --- what could this person have? ---


def test_possible_values_by_hand():
    seen = possible_values(MIXED, PLAN, TARGETS, "ill")
    assert list(seen.columns) == ["cold", "flu", "gout"] and list(seen.index) == ["ann", "ben", "cal"]
    assert seen.to_numpy().tolist() == [[0, 2, 0], [1, 1, 1], [0, 0, 1]]


def test_a_person_outside_every_class_could_have_nothing():
    nobody = pd.DataFrame({"age": [35], "sex": ["F"]})
    seen = possible_values(MIXED, PLAN, nobody, "ill")
    assert (seen.to_numpy() == 0).all() and read_off(seen).tolist() == [None]


def test_everyone_is_in_their_own_class(people):
    """In a Mondrian release the classes do not overlap: the rows that fit a person are exactly that person's class."""
    some = people.iloc[:1500]
    made = mondrian(some, HIERARCHIES, k=5)
    seen = possible_values(made.table, HIERARCHIES, some, "diagnosis")
    counts = pd.crosstab(made.classes, some["diagnosis"].to_numpy())
    assert (seen.to_numpy() == counts.to_numpy()[made.classes]).all()


def test_homogeneity_succeeds_where_a_class_agrees_and_fails_where_it_differs():
    answers = read_off(possible_values(MIXED, PLAN, TARGETS, "ill"))
    assert answers["ann"] == "flu" and answers["ben"] is None and answers["cal"] == "gout"


def test_homogeneity_on_adult_and_its_end_by_l_diversity(people):
    some = people.iloc[:4000]
    quasi = some[list(HIERARCHIES)]
    plain = mondrian(some, HIERARCHIES, k=10).table
    diverse = mondrian(some, HIERARCHIES, k=10, sensitive="income", l=2).table
    told = read_off(possible_values(plain, HIERARCHIES, quasi, "income"))
    assert success(told, some["income"]) > 0.2
    assert (told.dropna() == some.loc[told.dropna().index, "income"]).all(), "whatever is read off is true"
    assert read_off(possible_values(diverse, HIERARCHIES, quasi, "income")).isna().all()


def test_background_knowledge_succeeds_by_striking_values_and_fails_against_enough_diversity():
    seen = possible_values(MIXED, PLAN, TARGETS, "ill")
    assert read_off(rule_out(seen, ["flu", "cold"]))["ben"] == "gout"
    assert read_off(rule_out(seen, ["flu"]))["ben"] is None
    own = rule_out(seen, lambda who: ["gout", "cold"] if who == "ben" else [])
    assert read_off(own)["ben"] == "flu" and read_off(own)["ann"] == "flu"
    assert seen.loc["ben"].tolist() == [1, 1, 1], "the argument is left alone"


def test_background_on_adult_needs_as_many_facts_as_l(people):
    """With l different values in a class, l - 2 facts leave at least two: the attack fails; without l it does not."""
    some = people.iloc[:4000]
    quasi, common = some[list(HIERARCHIES)], ["injury", "depression"]
    plain = mondrian(some, HIERARCHIES, k=4).table
    diverse = mondrian(some, HIERARCHIES, k=4, sensitive="diagnosis", l=4).table
    innocent = ~some["diagnosis"].isin(common)
    for shown, succeeds in [(plain, True), (diverse, False)]:
        answers = read_off(rule_out(possible_values(shown, HIERARCHIES, quasi[innocent], "diagnosis"), common))
        assert (success(answers, some.loc[innocent, "diagnosis"]) > 0.01) == succeeds
        assert not succeeds or (answers.dropna() == some.loc[answers.dropna().index, "diagnosis"]).all()


# --- two releases ---


def test_two_releases_succeed_where_one_fails_and_the_same_release_twice_does_not(people):
    shared, first, second = people.iloc[:500], people.iloc[:6000], pd.concat([people.iloc[:500], people.iloc[6000:11_500]])
    target, truth = shared[list(HIERARCHIES)], shared["diagnosis"]
    seen = [
        possible_values(mondrian(each, HIERARCHIES, k=4).table, HIERARCHIES, target, "diagnosis") for each in (first, second)
    ]
    alone = [success(read_off(each), truth) for each in seen]
    together = read_off(intersect(*seen))
    assert max(alone) < 0.01 and success(together, truth) > 0.1
    assert (together.dropna() == truth.loc[together.dropna().index]).all()
    assert success(read_off(intersect(seen[0], seen[0])), truth) == alone[0]


def test_intersect_by_hand():
    one = pd.DataFrame({"flu": [2, 1], "cold": [1, 0]}, index=["ann", "ben"])
    two = pd.DataFrame({"cold": [3, 1], "gout": [1, 1]}, index=["ann", "ben"])
    both = intersect(one, two)
    assert (
        list(both.columns) == ["cold", "flu", "gout"]
        and both.loc["ann"].tolist() == [1, 0, 0]
        and both.loc["ben"].tolist() == [0, 0, 0]
    )
    assert read_off(both).tolist() == ["cold", None]


def test_success_counts_right_answers_among_all_targets():
    truth = pd.Series(["flu", "cold", "gout", "flu"], index=list("abcd"))
    answers = pd.Series(["flu", None, "flu", "flu"], index=list("abcd"), dtype=object)
    assert success(answers, truth) == 0.5
    assert success(answers.iloc[:1], truth) == 0.25


# --- down-coding ---


def test_down_coding_is_certain_for_a_minimal_release(people):
    some = people.iloc[:4000]
    for k in (2, 10):
        shown = mondrian(some, HIERARCHIES, k=k).table
        asserted = down_code(shown, HIERARCHIES)
        assert len(asserted) > 100 and confirmed(asserted, shown, some, HIERARCHIES).all()
        narrower = [
            HIERARCHIES[name].penalty(*HIERARCHIES[name].span(value))
            for name, value in zip(asserted["column"], asserted["value"])
        ]
        before = shown.assign(number=classes(shown, list(HIERARCHIES))).drop_duplicates("number").set_index("number")
        wider = [
            HIERARCHIES[name].penalty(*HIERARCHIES[name].span(before.loc[which, name]))
            for which, name in zip(asserted["class"], asserted["column"])
        ]
        assert (np.array(narrower) < np.array(wider)).all(), "every assertion says more than the release did"


def test_down_coding_fails_on_bands_fixed_in_advance():
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"age": rng.integers(20, 60, 60), "sex": rng.choice(["F", "M"], 60)})
    fixed = generalise(table, PLAN, {"age": 1})
    asserted = down_code(fixed, PLAN)
    right = confirmed(asserted, fixed, table, PLAN)
    # About 7 people a class, ten ages a band: an end of the band is somebody's age about half of the time.
    assert len(right) == 16 and 0.1 < right.mean() < 0.9


def test_down_coding_by_hand():
    shown = release(("20 to 30", "F", "flu"), ("20 to 30", "F", "flu"), ("40", "*", "flu"), ("40", "*", "gout"))
    asserted = down_code(shown, PLAN)
    assert asserted.to_numpy().tolist() == [[0, "age", "20"], [0, "age", "30"], [1, "sex", "F"], [1, "sex", "M"]]
    truth = pd.DataFrame({"age": [20, 29, 40, 40], "sex": ["F", "F", "M", "F"]})
    assert confirmed(asserted, shown, truth, PLAN).tolist() == [True, False, True, True]
    assert down_code(release((20, "F", "flu")), PLAN).empty
    assert confirmed(down_code(release((20, "F", "flu")), PLAN), release((20, "F", "flu")), truth, PLAN).tolist() == []


# --- bad arguments ---


@pytest.mark.parametrize(
    "change, named",
    [
        (dict(release=None), "table"),
        (dict(register=None), "table"),
        (dict(on=[]), "quasi_identifiers"),
        (dict(on=["size"]), "quasi_identifiers"),
        (dict(on="age"), "quasi_identifiers"),
        (dict(on=[float("nan")]), "quasi_identifiers"),
        (dict(register=TARGETS[["age"]]), "quasi_identifiers"),
    ],
)
def test_bad_links(change, named):
    with pytest.raises(ValueError, match=f"^{named} must"):
        link(**(dict(release=MIXED, register=TARGETS, on=["age", "sex"]) | change))


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(release=None), "^table must"),
        (dict(release=MIXED.iloc[:0]), "^table must"),
        (dict(hierarchies=None), "^hierarchies must"),
        (dict(hierarchies={}), "^hierarchies must"),
        (dict(hierarchies={"age": [1]}), "^hierarchies must"),
        (dict(hierarchies={"size": PLAN["age"]}), "^quasi_identifiers must"),
        (dict(targets=None), "^table must"),
        (dict(targets=TARGETS[["age"]]), "^quasi_identifiers must"),
        (dict(targets=TARGETS.assign(age=10)), "^values must"),
        (dict(targets=TARGETS.assign(age=np.nan)), "^table must have no gaps"),
        (dict(sensitive="size"), "^sensitive must"),
        (dict(sensitive=None), "^sensitive must"),
        (dict(sensitive="age"), "^quasi_identifiers must"),
        (dict(release=MIXED.assign(age="10 to 15")), "^label must"),
    ],
)
def test_bad_possible_values(change, message):
    with pytest.raises(ValueError, match=message):
        possible_values(**(dict(release=MIXED, hierarchies=PLAN, targets=TARGETS, sensitive="ill") | change))


@pytest.mark.parametrize("bad", [None, [], "counts", pd.DataFrame()])
def test_bad_counts(bad):
    good = possible_values(MIXED, PLAN, TARGETS, "ill")
    for call in (read_off, lambda it: rule_out(it, []), lambda it: intersect(it, good)):
        with pytest.raises(ValueError, match="^(possible|first) must be what possible_values returns"):
            call(bad)
    with pytest.raises(ValueError, match="^second must be what possible_values returns"):
        intersect(good, bad)


def test_bad_exclusions_and_pairs():
    good = possible_values(MIXED, PLAN, TARGETS, "ill")
    for bad in (["plague"], "flu", None, 3, lambda who: ["plague"], lambda who: "flu"):
        with pytest.raises(ValueError, match="^excluded must"):
            rule_out(good, bad)
    with pytest.raises(ValueError, match="^first and second must have the same targets"):
        intersect(good, good.iloc[::-1])


@pytest.mark.parametrize(
    "answers, truth, named",
    [
        (None, TARGETS["sex"], "answers"),
        ([1], TARGETS["sex"], "answers"),
        (TARGETS["sex"], None, "truth"),
        (TARGETS["sex"], TARGETS["sex"].iloc[:0], "truth"),
    ],
)
def test_bad_success(answers, truth, named):
    with pytest.raises(ValueError, match=f"^{named} must be a"):
        success(answers, truth)


def test_bad_down_coding():
    for call in (down_code, lambda it, plan: confirmed(down_code(MIXED, PLAN), it, TARGETS, plan)):
        with pytest.raises(ValueError, match="^table must"):
            call(None, PLAN)
        with pytest.raises(ValueError, match="^hierarchies must"):
            call(MIXED, None)
    with pytest.raises(ValueError, match="^table must hold the rows of the release"):
        confirmed(down_code(MIXED, PLAN), MIXED, TARGETS, PLAN)


def test_sensitive_values_of_several_types_are_told_apart():
    rows = pd.DataFrame({"age": ["20 to 29"] * 3, "ill": [1, "flu", 1]})
    found = possible_values(rows, {"age": Numbers(0, 99)}, pd.DataFrame({"age": [25]}), "ill")
    assert found[1].tolist() == [2] and found["flu"].tolist() == [1]


def test_a_register_in_another_form_is_refused_in_words():
    with pytest.raises(ValueError, match="^register must have 'age' in the form that release has it in"):
        link(pd.DataFrame({"age": ["30"]}), pd.DataFrame({"age": [30], "name": ["Ann"]}), ["age"])
