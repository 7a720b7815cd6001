"""The exact samplers: no floating point inside, and right also where random bits tie."""

import ast
import inspect
import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from labkit.dp.mechanisms import exact

RARE = 1e-6  # each statistical test below fails by chance once in a million seeds


def seeded():
    return np.random.default_rng(21)


def test_the_sampler_never_touches_a_float():
    tree = ast.parse(inspect.getsource(exact))
    for node in ast.walk(tree):  # what editors are told of an argument is not computed with
        if isinstance(node, ast.arg):
            node.annotation = None
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, float)]
    named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    named |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not named & {"float", "float64", "exp", "log", "sqrt", "random", "normal", "laplace", "uniform", "math"}
    # the one true division: 1 / scale, of a Fraction
    divisions = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)]
    assert divisions == ["1 / scale"]


@pytest.mark.parametrize("bits", [2, 3, 62])
@pytest.mark.parametrize("up, down", [(0, 1), (1, 3), (2, 3), (1, 1), (7, 4), (5, 1), (10**30 + 1, 10**30), (1, 2**80)])
def test_a_coin_of_exp_is_exact_however_few_bits_decide_at_first(monkeypatch, bits, up, down):
    monkeypatch.setattr(exact, "WORD", bits)  # with 2 bits a fourth of all comparisons tie and take the long way
    heads = exact.bernoulli_exp(np.zeros(20_000, np.int64), lambda _: up, down, seeded())
    assert stats.binomtest(int(heads.sum()), heads.size, math.exp(-Fraction(up, down))).pvalue > RARE


def test_the_long_way_is_taken_and_matters(monkeypatch):
    monkeypatch.setattr(exact, "WORD", 2)
    monkeypatch.setattr(exact, "big_uniform_below", lambda bound, rng: bound)  # every tie comes up tails
    heads = exact.bernoulli_exp(np.zeros(20_000, np.int64), lambda _: 1, 3, seeded())
    assert stats.binomtest(int(heads.sum()), heads.size, math.exp(-1 / 3)).pvalue < RARE


def test_each_key_gets_its_own_coin():
    keys = np.repeat([0, 3, 7, 20], 20_000)
    heads = exact.bernoulli_exp(keys, lambda key: key, 4, seeded()).reshape(4, -1)
    for key, row in zip([0, 3, 7, 20], heads):
        assert stats.binomtest(int(row.sum()), row.size, math.exp(-key / 4)).pvalue > RARE


@pytest.mark.parametrize("bound", [1, 2, 3, 7, 8, 1000, 2**61 + 1, 2**62])
def test_uniform_numbers_stay_below_the_bound_and_fill_it(bound):
    drawn = exact.uniform_below(bound, 20_000, seeded())
    assert drawn.dtype == np.int64 and drawn.min() >= 0 and drawn.max() < bound
    cells = np.bincount((drawn.astype(object) * min(bound, 8) // bound).astype(int), minlength=min(bound, 8))
    if bound in (1, 2, 3, 7, 8):
        assert bound == 1 or stats.chisquare(cells).pvalue > RARE
    else:
        assert stats.chisquare(cells).pvalue > RARE


def test_numbers_below_a_bound_of_any_size():
    bound, rng = 3 * 2**100, seeded()
    drawn = [exact.big_uniform_below(bound, rng) * 3 // bound for _ in range(6000)]
    assert stats.chisquare(np.bincount(drawn)).pvalue > RARE
    assert exact.big_uniform_below(1, rng) == 0


def test_the_operating_system_gives_bits_too():
    assert len(set(exact.uniform_below(2**62, 100, None).tolist())) == 100  # a repeat: once in 10^15
    assert stats.chisquare(np.bincount(exact.uniform_below(6, 60_000, None))).pvalue > RARE


def test_a_float_means_the_fraction_that_it_stores():
    assert exact.exact_fraction(epsilon=0.5) == Fraction(1, 2)
    assert exact.exact_fraction(epsilon=0.1) == Fraction(3602879701896397, 2**55)
    assert exact.exact_fraction(epsilon=np.float32(0.1)) == Fraction(13421773, 2**27)
    assert exact.exact_fraction(epsilon=np.int64(3)) == 3
    assert exact.exact_fraction(epsilon=Fraction(1, 3)) == Fraction(1, 3)


def test_wide_noise_has_the_right_spread():
    wide = exact.sample_discrete_laplace(scale=10**9, count=20_000, rng=seeded())
    assert stats.kstest(wide, stats.laplace(scale=10**9).cdf).pvalue > RARE
    wide = exact.sample_discrete_gaussian(sigma=10**9, count=20_000, rng=seeded())
    assert stats.kstest(wide, stats.norm(scale=10**9).cdf).pvalue > RARE


def test_no_draws_are_no_draws():
    assert exact.sample_discrete_laplace(scale=1, count=0).shape == (0,)
    assert exact.sample_discrete_gaussian(sigma=1, count=0).shape == (0,)
