"""A few sightings find travellers who keep to themselves, and nobody who moves in a crowd; the same for new pseudonyms."""

import numpy as np
import pytest

from labkit.attacks.trajectories import Visits, relinked, singled_out, visits


def test_rounding_by_hand():
    rounded = visits([7, 7, 7, 9], [0.01, 0.02, 1.01, 0.03], [5.0, 5.0, 5.0, 5.0], [10, 70, 10, 50], degrees=0.1, minutes=60)
    assert rounded.traveller.tolist() == [0, 0, 0, 1]
    assert len(set(rounded.spot)) == 3 and rounded.spot[3] in rounded.spot[:3]  # 7 and 9 met in the first hour
    assert len(visits([7, 7], [0.01, 0.02], [5.0, 5.0], degrees=0.1).spot) == 1


def test_travellers_on_ways_of_their_own_are_found_and_a_crowd_is_not():
    alone = Visits(np.repeat(np.arange(20), 5), np.arange(100))
    crowd = Visits(np.repeat(np.arange(20), 5), np.tile(np.arange(5), 20))
    for known in (1, 3, 5):
        assert singled_out(alone, known=known, rng=np.random.default_rng(0)) == (1.0, 20)
        assert singled_out(crowd, known=known, rng=np.random.default_rng(0)) == (0.0, 20)


def test_against_counting_by_hand():
    rng = np.random.default_rng(3)
    pairs = np.unique(np.column_stack([np.repeat(np.arange(60), 8), rng.integers(0, 40, 480)]), axis=0)
    some = Visits(*pairs.T)
    spots = {who: pairs[pairs[:, 0] == who, 1] for who in range(60)}
    share, looked_at = singled_out(some, known=2, rng=np.random.default_rng(5))
    again = np.random.default_rng(5)
    right = 0
    for who in range(60):
        seen = set(again.choice(spots[who], 2, replace=False))
        right += sum(seen <= set(spots[other]) for other in range(60)) == 1
    assert (share, looked_at) == (right / 60, 60)


def test_those_with_too_few_sightings_are_left_out():
    some = Visits(np.array([0, 1, 1, 1]), np.array([0, 0, 1, 2]))
    assert singled_out(some, known=2, rng=np.random.default_rng(0))[1] == 1
    with pytest.raises(ValueError, match="known must be at most the most spots"):
        singled_out(some, known=4, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="known"):
        singled_out(some, known=0, rng=np.random.default_rng(0))


def test_habits_are_relinked_and_equal_or_unrelated_ones_are_not():
    """Unrelated rows: 200 guesses at 1/200 each; more than 9 right ones happen once in 100,000."""
    rng = np.random.default_rng(1)
    habit = rng.dirichlet(np.full(50, 0.1), 200)
    before, after = (rng.poisson(30 * habit) for _ in range(2))
    assert relinked(before, after) > 0.9
    assert relinked(before, rng.poisson(30 * rng.dirichlet(np.full(50, 0.1), 200))) <= 9 / 200
    assert relinked(np.ones((200, 50)), np.ones((200, 50))) == 1 / 200


@pytest.mark.parametrize("wrong", [{"degrees": 0}, {"degrees": -1.0}, {"minutes": 0}])
def test_wrong_arguments_are_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        visits([1], [0.0], [0.0], [0], **{"degrees": 1.0, "minutes": 60} | wrong)
    with pytest.raises(ValueError, match="after must have the shape"):
        relinked(np.ones((2, 3)), np.ones((3, 3)))
