"""A lying server reads a vector without the consistency round, and nothing with it."""

import numpy as np
import pytest

from labkit.attacks.lying_server import read_by_lying, stories
from labkit.federated.secure_aggregation import Aborted, Agreement, make_identities

VECTORS = np.random.default_rng(0).integers(-1000, 1000, (10, 5))


@pytest.mark.parametrize("threshold, helpers", [(6, 0), (7, 2), (13, 4)])
@pytest.mark.parametrize("signed", [True, False])
def test_without_the_round_it_reads_the_vector_at_the_smallest_threshold(threshold, helpers, signed):
    clients = 20 if threshold == 13 else 10
    vectors = np.random.default_rng(1).integers(-1000, 1000, (clients, 5))
    agreement = Agreement(clients, threshold, 5, colluding=helpers, consistency=False)
    found = read_by_lying(vectors, agreement, helpers=helpers, identities=make_identities(clients) if signed else None)
    assert found.tolist() == vectors[0].tolist()


@pytest.mark.parametrize("threshold, helpers", [(6, 0), (7, 2)])
def test_with_the_round_the_clients_stop_it(threshold, helpers):
    with pytest.raises(Aborted, match="one list for all"):
        read_by_lying(VECTORS, Agreement(10, threshold, 5, colluding=helpers), helpers=helpers, identities=make_identities(10))


def test_even_without_the_round_a_lie_cannot_reach_further_than_the_shares_do():
    """Control: at a threshold of 9 of 10 each client may be told of one drop-out, and eight keys take seventy-two."""
    assert read_by_lying(VECTORS, Agreement(10, 9, 5, consistency=False)) is None


def test_nobody_is_told_that_it_dropped_out_itself_or_of_too_many():
    told = stories(10, 6, [1, 2, 3, 4, 5], set())
    assert all(client not in dropped and len(dropped) <= 4 for client, dropped in told.items())
    assert all(sum(each in dropped for dropped in told.values()) == 6 for each in [1, 2, 3, 4, 5])
