"""Whom a search brings, and what shared word statistics tell."""

import numpy as np
import pytest

from labkit import datasets
from labkit.serving import KeywordIndex, SharedStore, bait_score

MAILS = [body[:1500] for body in datasets.spam().table.query("label == 'ham'")["body"] if len(body) > 200][:400]
OWNERS = np.arange(400) % 40
QUESTIONS = [" ".join(mail.split()[3:9]) for mail in MAILS[::10]]


@pytest.fixture(scope="module")
def store():
    return SharedStore(MAILS, OWNERS, dimensions=64)


def brought(store, filtered):
    return [store.search(question, asker=7, filtered=filtered) for question in QUESTIONS]


def test_without_a_filter_nearly_all_that_comes_is_others(store):
    assert np.mean([(OWNERS[each] != 7).mean() for each in brought(store, "none")]) > 0.9


def test_with_a_filter_nothing_of_others_comes(store):
    for filtered in ("after", "before"):
        assert all((OWNERS[each] == 7).all() for each in brought(store, filtered))


def test_filtering_after_the_search_costs_nearly_all_answers(store):
    assert sum(map(len, brought(store, "after"))) < 0.15 * sum(map(len, brought(store, "before")))
    assert all(len(each) == 5 for each in brought(store, "before"))


def test_the_filter_before_brings_the_best_of_ones_own(store):
    everything = store.search(QUESTIONS[0], asker=7, filtered="none", count=len(MAILS))
    mine = [each for each in everything if OWNERS[each] == 7]
    assert store.search(QUESTIONS[0], asker=7, filtered="before").tolist() == mine[:5]


def test_a_text_is_found_by_its_own_words(store):
    found = [row in store.search(MAILS[row], asker=OWNERS[row], count=1) for row in range(0, 400, 20)]
    assert np.mean(found) == 1.0


@pytest.mark.parametrize("statistics, told", [("shared", True), ("own", False)])
def test_the_bait_tells_a_strangers_word_where_the_statistics_are_shared(statistics, told):
    index = KeywordIndex(statistics=statistics)
    for owner, mail in zip(OWNERS, MAILS):
        index.add(int(owner), mail)
    index.add(1, "my diagnosis is psittacosis")
    there, nowhere = bait_score(index, 7, "psittacosis"), bait_score(index, 7, "sisocattisp")
    assert (there < nowhere - 1e-6) if told else there == nowhere


def test_the_bait_leaves_no_trace():
    index = KeywordIndex(statistics="shared")
    index.add(1, "a letter about a loan")
    first = bait_score(index, 2, "loan")
    assert all(bait_score(index, 2, "loan") == first for _ in range(3))


def test_scores_are_those_of_scikit_learn():
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = ["red apple", "green apple pie", "blue sky", "red bicycle lamp"]
    index = KeywordIndex(statistics="own")
    numbers = [index.add("me", text) for text in texts]
    words = TfidfVectorizer(binary=True).fit(texts)
    weights, asked = words.transform(texts), words.transform(["red apple sky"])
    for number, expected in zip(numbers, (weights @ asked.T).toarray().ravel()):
        assert index.score("red apple sky", number, asker="me") == pytest.approx(expected)


def test_somebody_elses_text_has_no_score():
    index = KeywordIndex()
    number = index.add("you", "a secret")
    for each in (number, number + 1):
        with pytest.raises(PermissionError, match="no such text of yours"):
            index.score("secret", each, asker="me")


@pytest.mark.parametrize("call, name", [
    *[(lambda bad=bad: SharedStore(bad, [1, 2]), "texts") for bad in ("ab", [], [1, 2], ["a", ""])],
    (lambda: SharedStore(["a b", "c d"], [1]), "owners"),
    *[(lambda bad=bad: SharedStore(MAILS[:9], OWNERS[:9], dimensions=bad), "dimensions") for bad in (0, 9, 1.5)],
    (lambda: SharedStore(["ant bee", "bee ant", "ant", "bee"], [1, 1, 2, 2], dimensions=2), "dimensions"),
    (lambda: SharedStore(["the and", "of the"], [1, 2], dimensions=1), "texts"),
    (lambda: SharedStore(MAILS[:9], OWNERS[:9], dimensions=2, seed=-1), "seed"),
    (lambda: KeywordIndex(statistics="all"), "statistics"),
    (lambda: KeywordIndex().add(1, ""), "texts"),
    (lambda: KeywordIndex().remove(3), "number"),
])
def test_bad_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=name):
        call()


@pytest.mark.parametrize("bad, name", [(dict(filtered="later"), "filtered"), (dict(count=0), "count")])
def test_bad_searches_are_named(store, bad, name):
    with pytest.raises(ValueError, match=name):
        store.search("a letter", asker=7, **bad)
