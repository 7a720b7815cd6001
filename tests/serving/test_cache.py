"""The shared cache of prefixes: digits are read where it is shared, and not where it is salted."""

import numpy as np
import pytest

from labkit.serving import PrefixCache, read_digits

HEAD = list(range(100, 160))
PUBLIC = list(range(500, 628))


@pytest.mark.parametrize("secret", [[4, 9, 2, 1], [0, 0, 0, 0], [9, 9, 9, 9], [1, 2, 1, 2]])
def test_digits_are_read_from_the_counter_where_tokens_are_cached_one_by_one(secret):
    cache = PrefixCache(block=1)
    cache.ask("alice", [*HEAD, *secret, 7])
    assert read_digits(cache, HEAD, count=4, tenant="eve") == secret
    assert cache.questions == 41  # Alice's, and ten for each digit


@pytest.mark.parametrize("options", [dict(block=1, salted=True), dict(block=1, salted=True, public=HEAD), dict(block=16)])
def test_nothing_is_read_with_salt_or_in_blocks(options):
    cache = PrefixCache(**options)
    cache.ask("alice", [*HEAD, 4, 9, 2, 1, 7])
    assert read_digits(cache, HEAD, count=4, tenant="eve") is None


def test_nothing_is_read_that_nobody_asked():
    assert read_digits(PrefixCache(block=1), HEAD, count=4, tenant="eve") is None


def test_a_beginning_that_somebody_else_has_tells_nothing():
    cache = PrefixCache(block=1)
    cache.ask("alice", [*HEAD, 4, 9, 2, 1, 7])
    assert read_digits(cache, [99, *HEAD[1:]], count=4, tenant="eve") is None


def test_a_block_tells_only_as_a_whole():
    cache = PrefixCache(block=16)
    cache.ask("alice", [*HEAD, 4, 9, 2, 1, 7])  # 64 tokens and one: the last digit ends a block
    costs = {code: cache.ask("eve", [*HEAD, *map(int, f"{code:04d}"), 7]) for code in (4920, 4922, 4921)}
    assert costs[4921] < costs[4920] == costs[4922]


@pytest.mark.parametrize("options, share", [(dict(), 0.143), (dict(salted=True), 0.246), (dict(salted=True, public=PUBLIC), 0.143),
                                            (dict(block=10**6), 1.0)])
def test_the_price_of_the_salt(options, share):
    cache = PrefixCache(**options)
    for turn in range(1, 7):
        for user in range(20):
            own = np.random.default_rng(user).integers(1000, size=200)
            cache.ask(f"user {user}", [*PUBLIC, *own[:20 * turn]])
    assert cache.computed / cache.asked == pytest.approx(share, abs=0.001)


def test_own_prompts_are_found_with_salt():
    cache = PrefixCache(salted=True)
    assert cache.ask("alice", range(64)) == 64 and cache.ask("alice", range(64)) == 16 and cache.ask("bob", range(64)) == 64


def test_names_of_tenants_do_not_run_into_tokens():
    cache = PrefixCache(block=1, salted=True)
    cache.ask("a", [1, 2, 3])
    assert cache.ask("", [1, 2, 3]) == cache.ask("a\x01", [1, 2, 3]) == 3


@pytest.mark.parametrize("call, name", [
    *[(lambda bad=bad: PrefixCache(block=bad), "block") for bad in (0, 1.5, "1")],
    (lambda: PrefixCache(salted="yes"), "salted"),
    *[(lambda bad=bad: PrefixCache().ask("a", bad), "tokens") for bad in ([], [1.5], [[1]], "ab", 3)],
    (lambda: read_digits(PrefixCache(block=1), [1], count=0, tenant="eve"), "count"),
])
def test_bad_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=name):
        call()
