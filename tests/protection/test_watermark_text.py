"""The mark in text: found in marked text, not in text by people; its coins are fair and independent; repetitions count once."""

import math
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from labkit import datasets
from labkit.models.ngram import NGram
from labkit.protection import TextMark

KEY = bytes(range(32))


@pytest.fixture(scope="module")
def writer():
    return NGram.learn(datasets.film_reviews().X[:2500])


@pytest.fixture(scope="module")
def mark(writer):
    return TextMark(len(writer.vocabulary), key=KEY)


@pytest.fixture(scope="module")
def human(writer):
    """1,000 texts of 200 words, from reviews that the writer has not seen and from those that it has."""
    words = np.concatenate([writer.encode(text) for text in datasets.film_reviews().X])
    return words[:200_000].reshape(1000, 200)


def test_marked_text_is_found_and_other_text_is_not(writer, mark, human):
    rng = np.random.default_rng(0)
    marked = [mark.evidence(writer.generate(200, rng=rng, adjust=mark.adjust)) for _ in range(6)]
    assert min(each.z for each in marked) > 4 and max(each.p_value for each in marked) < 1e-5
    unmarked = [mark.evidence(writer.generate(200, rng=rng)).z for _ in range(6)]
    assert max(unmarked) < 4
    other = TextMark(len(writer.vocabulary), key=KEY[::-1])
    assert max(other.evidence(writer.generate(200, rng=rng, adjust=mark.adjust)).z for _ in range(6)) < 4
    assert max(mark.evidence(text).z for text in human) < 4  # false alarms below one in a thousand


def test_over_keys_the_count_is_binomial(mark, human):
    """One text by a person under 1,500 keys: the claim behind the p-value. Fails once in a million seeds."""
    text, matches = human[0], []
    for number in range(1500):
        found = TextMark(mark.vocabulary, key=number.to_bytes(16, "little")).evidence(text)
        matches.append(found.matches)
    edges = stats.binom.ppf([0.1, 0.25, 0.5, 0.75, 0.9], found.total, 0.5)
    parts = np.diff(stats.binom.cdf([-1, *edges, found.total], found.total, 0.5))
    counts = np.histogram(matches, [-0.5, *(edges + 0.5), found.total + 0.5])[0]
    assert stats.chisquare(counts, 1500 * parts).pvalue > 1e-6


def test_repetitions_counted_again_raise_false_alarms(mark):
    """The broken twin: one pair of words a hundred times is one coin, and not a hundred."""
    text = np.array([3, 4] * 100)
    alarms = {distinct: [TextMark(mark.vocabulary, key=number.to_bytes(16, "little")).evidence(text, distinct=distinct).z > 4
                         for number in range(200)] for distinct in (True, False)}
    assert not any(alarms[True]) and np.mean(alarms[False]) > 0.1  # both pairs green: one key in four


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_the_green_share_is_kept(share):
    mark = TextMark(10_000, key=KEY, green_share=share)
    green = np.stack([mark.green(previous) for previous in range(20)])
    assert abs(green.mean() - share) < 5 * math.sqrt(share * (1 - share) / green.size)  # once in two million keys
    agree = np.mean(green[0] == green[1])
    assert abs(agree - (share**2 + (1 - share) ** 2)) < 0.03  # rows are independent


def test_colours_lists_and_counts_agree(writer, mark):
    tokens = writer.generate(40, rng=np.random.default_rng(3), adjust=mark.adjust)
    colours = mark.colours(tokens)
    assert not colours[0] and all(colours[place] == mark.green(tokens[place - 1])[tokens[place]] for place in range(1, 40))
    assert mark.evidence(tokens, distinct=False).matches == colours.sum()


def test_leaning_is_what_the_paper_says(mark):
    chances = np.random.default_rng(4).dirichlet(np.ones(mark.vocabulary))
    logits = np.log(chances) + mark.strength * mark.green(5)
    expected = np.exp(logits) / np.exp(logits).sum()
    assert np.allclose(mark.adjust(5, chances), expected)


def test_edits_fade_the_mark_as_predicted(writer, mark):
    """A share f of random words leaves (1 - f)^2 of the pairs."""
    rng, excess = np.random.default_rng(5), []
    for share in (0.0, 0.5):
        total = []
        for _ in range(8):
            tokens = writer.generate(200, rng=rng, adjust=mark.adjust)
            chosen = rng.random(200) < share
            tokens[chosen] = rng.integers(1, mark.vocabulary, chosen.sum())
            found = mark.evidence(tokens)
            total.append(found.matches / found.total - 0.5)
        excess.append(np.mean(total))
    assert excess[1] / excess[0] == pytest.approx(0.25, abs=0.18)  # deviation of the mean about 0.04


def test_unknown_words_are_not_counted(mark):
    assert mark.evidence([5, 0, 6, 7]).total == 1
    assert TextMark(100, key=KEY, ignored=None).evidence([5, 0, 6, 7]).total == 3
    with pytest.raises(ValueError, match="tokens"):
        mark.evidence([5, 0, 6])


def test_the_key_is_secret_and_new_each_time():
    assert TextMark(10).key != TextMark(10).key and len(TextMark(10).key) == 32
    assert "key" not in repr(TextMark(10))


@pytest.mark.parametrize("name, bad", [
    *[("vocabulary", bad) for bad in (0, 1, 2.5, None)], *[("strength", bad) for bad in (0, -1, math.nan, math.inf)],
    *[("green_share", bad) for bad in (0, 1, 0.3, math.nan)], *[("key", bad) for bad in ("secret", b"short", None, bytes(65))],
    *[("ignored", bad) for bad in (-1, 10, 0.5)],
])
def test_bad_settings_are_named(name, bad):
    with pytest.raises(ValueError, match=name):
        TextMark(**{"vocabulary": 10, "key": KEY, name: bad})


@pytest.mark.parametrize("bad", [[], [1.5, 2], [-1, 2], [1, 10], [[1, 2]], [math.nan, 1], None, [3]])
def test_bad_tokens_are_named(bad):
    with pytest.raises(ValueError, match="tokens"):
        TextMark(10, key=KEY).evidence(bad)


@pytest.mark.parametrize("bad", [-1, 10, 1.5, None])
def test_a_bad_previous_word_is_named(bad):
    with pytest.raises(ValueError, match="previous"):
        TextMark(10, key=KEY).green(bad)


def test_the_mark_is_forged_without_the_key_from_150_texts(writer, mark, human):
    """Words that follow others more often in marked text than in people's are probably green: leaning to them passes for the mark.

    The control leans to words that are as frequent in text that bears no mark: nothing passes. (That is why the mark proves no origin.)
    """
    rng = np.random.default_rng(3)

    def counted(texts):
        pairs = Counter(pair for text in texts for pair in zip(text[:-1].tolist(), text[1:].tolist()))
        firsts = Counter()
        for (first, _), times in pairs.items():
            firsts[first] += times
        return pairs, firsts

    def forgeries(adjust):
        usual, usual_firsts = counted(human[:150])
        seen, seen_firsts = counted([writer.generate(200, rng=rng, adjust=adjust) for _ in range(150)])
        suspects = {}
        for (first, word), times in seen.items():
            if times > 1.3 * seen_firsts[first] * usual[first, word] / max(1, usual_firsts[first]):
                suspects.setdefault(first, []).append(word)

        def imitate(previous, chances):
            chances = chances.copy()
            chances[suspects.get(int(previous), [])] *= 20
            return chances / chances.sum()

        return np.array([mark.evidence(writer.generate(200, rng=rng, adjust=imitate)).z for _ in range(10)])

    assert (forgeries(mark.adjust) > 4).mean() >= 0.8
    assert (forgeries(None) > 4).mean() <= 0.1
