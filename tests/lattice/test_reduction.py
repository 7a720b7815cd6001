"""Reduction finds what trying everything finds; it solves small problems, and none that has no answer."""

import itertools

import numpy as np
import pytest

from labkit import lattice
from labkit.lattice.lwe import LWEProblem


def random_basis(size, seed):
    basis = np.random.default_rng(seed).integers(-30, 31, (size, size))
    return basis if round(np.linalg.det(basis)) else random_basis(size, seed + 1000)


def volume(basis):
    return abs(np.linalg.det(basis.astype(float)))


@pytest.mark.parametrize("seed", range(5))
def test_lll_keeps_the_lattice_and_meets_its_conditions(seed):
    basis = random_basis(8, seed)
    reduced = lattice.lll(basis)
    assert np.isclose(volume(reduced), volume(basis))
    exact = np.linalg.solve(basis.T.astype(float), reduced.T.astype(float))
    assert np.allclose(exact, np.round(exact), atol=1e-6)  # whole combinations of the rows
    lengths, mu = lattice.gram_schmidt(reduced)
    assert np.abs(np.tril(mu, -1)).max() <= 0.52
    assert all(lengths[k] >= (0.98 - mu[k, k - 1] ** 2) * lengths[k - 1] for k in range(1, 8))


def test_lll_leaves_out_rows_that_depend_on_others():
    basis = random_basis(5, 0)
    reduced = lattice.lll(np.vstack([basis, basis[0] + 3 * basis[2]]))
    assert len(reduced) == 5 and np.isclose(volume(reduced), volume(basis))


def test_gram_schmidt_is_the_one_of_the_textbook():
    basis = random_basis(6, 1).astype(float)
    lengths, mu = lattice.gram_schmidt(basis)
    rows = []
    for k, row in enumerate(basis):
        for j, other in enumerate(rows):
            assert np.isclose(mu[k, j], row @ other / (other @ other)) or j == k
        rows.append(row - sum((row @ other / (other @ other) * other for other in rows), np.zeros(6)))
    assert np.allclose(lengths, [row @ row for row in rows]) and np.allclose(np.diag(mu), 1)


@pytest.mark.parametrize("seed", range(12))
def test_the_shortest_is_the_one_that_trying_all_finds(seed):
    basis = lattice.lll(random_basis(5, seed))
    lengths, mu = lattice.gram_schmidt(basis)
    found, nodes = lattice.shortest_in(lengths, mu, lengths[0] * (1 + 1e-9))
    tried = np.array([each for each in itertools.product(range(-3, 4), repeat=5) if any(each)]) @ basis
    vector = found @ basis
    assert vector @ vector == (tried**2).sum(axis=1).min() and nodes >= 5


def test_nothing_below_a_radius_that_is_too_small():
    basis = lattice.lll(random_basis(6, 3))
    lengths, mu = lattice.gram_schmidt(basis)
    found, nodes = lattice.shortest_in(lengths, mu, 0.5 * lengths.min())
    assert found is None and nodes < 20
    assert lattice.shortest_in(lengths, mu, lengths[0] * 4, most_nodes=3)[1] <= 4


@pytest.mark.parametrize("make", [lattice.problem, lattice.ring_problem])
def test_small_problems_fall_to_lll(make):
    for seed in range(5):
        given, secret = make(16, 61, rng=np.random.default_rng(seed))
        found = lattice.solve(given, block_sizes=())
        assert np.array_equal(found.secret, secret) and found.block_size == 2 and found.nodes == 0


def test_blocks_solve_what_lll_does_not():
    """Seeds chosen so that LLL fails: reduction has no chance in it."""
    solved = 0
    for seed in range(8):
        given, secret = lattice.problem(32, 31, samples=26, rng=np.random.default_rng(seed))
        if lattice.solve(given, block_sizes=()).secret is None:
            found = lattice.solve(given)
            assert np.array_equal(found.secret, secret) and found.block_size > 2 and found.nodes > 100
            solved += 1
    assert solved >= 2


def test_equations_without_a_secret_give_none():
    """The attack must fail where b is random: it reports what it can verify, not what it hopes."""
    rng = np.random.default_rng(6)
    for _ in range(5):
        given = LWEProblem(rng.integers(0, 61, (16, 16)), rng.integers(0, 61, 16), 61, 1)
        assert lattice.solve(given, block_sizes=(10, 14)).secret is None


def test_too_large_a_problem_is_given_up():
    given, _ = lattice.problem(48, 31, samples=40, rng=np.random.default_rng(0))
    found = lattice.solve(given, block_sizes=(10, 14), most_nodes=30_000)
    assert found.secret is None and found.nodes <= 31_000


def test_bad_arguments():
    for basis, named in ((np.ones((2, 2)), "whole numbers"), (np.ones(3, dtype=int), "2 dimensions"), ([], "non-empty")):
        with pytest.raises(ValueError, match=f"basis must.*{named}"):
            lattice.lll(basis)
    with pytest.raises(ValueError, match=r"below 2\*\*62"):
        lattice.lll(np.array([[2**62]]))
    for options, named in (({"block_size": 2}, "block_size"), ({"block_size": 5, "tours": 0}, "tours")):
        with pytest.raises(ValueError, match=f"{named} must"):
            lattice.block_reduce(random_basis(5, 0), **options)
