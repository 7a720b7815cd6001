"""Work is done and seen; an edit shows; who has less than half of the computing rarely catches up."""

import dataclasses

import numpy as np
import pytest

from labkit.security import WorkChain, catch_up, leaf_hash
from labkit.security.blockchain import check_chain, check_in_chain


def mined(blocks=4, difficulty=8):
    chain = WorkChain(difficulty)
    for number in range(blocks):
        chain.mine([f"entry {number}.{each}".encode() for each in range(5)])
    return chain


def test_the_work_is_counted_and_the_chain_holds():
    chain = mined()
    assert check_chain(chain.blocks, 8) == 4 * 2**8 and len(chain) == 4
    assert all(each.hash[0] == 0 and len(each.header) == 80 and each.holds for each in chain.blocks)
    with pytest.raises(ValueError, match="got block 0"):
        check_chain(chain.blocks, 9)


def test_the_price_of_a_block_is_geometric():
    """300 blocks at 8 bits: the mean of 256 tries, five standard errors of 256 / sqrt(300); fails once in two million."""
    chain = mined(300)
    assert abs(chain.hashes / 300 - 256) < 5 * 256 / 300**0.5


def test_an_entry_is_proved_and_no_other():
    chain = mined()
    proof = chain.inclusion_proof(2, 3)
    assert check_in_chain(b"entry 2.3", 3, proof, chain.blocks[2])
    assert not check_in_chain(b"entry 2.4", 3, proof, chain.blocks[2]) and not check_in_chain(b"entry 2.3", 3, proof, chain.blocks[1])


@pytest.mark.parametrize("change", [{"root": leaf_hash(b"forged")}, {"nonce": 0}, {"previous": bytes(32)}, {"entries": 4}])
def test_an_edit_shows(change):
    chain = mined(difficulty=12)
    blocks = list(chain.blocks)
    blocks[2] = dataclasses.replace(blocks[2], **change)
    with pytest.raises(ValueError, match="got block 2"):  # its own work is gone; one time in 4,096 the next block's link is
        check_chain(blocks, 12)


def test_catching_up_is_rare_below_half_and_certain_from_it():
    assert catch_up(0.0, 3) == 0 and catch_up(0.5, 99) == catch_up(1, 1) == 1
    assert round(catch_up(0.1, 5), 7) == 0.0009137 and round(catch_up(0.3, 10), 7) == 0.0416605  # Nakamoto, section 11
    assert catch_up(0.1, 6) < catch_up(0.1, 5) < catch_up(0.2, 5)


def test_catching_up_agrees_with_a_race():
    """4,000 races; the formula takes the attacker's start as Poisson, which is right to a few points."""
    rng, share, blocks, won = np.random.default_rng(0), 0.3, 3, 0
    for _ in range(4000):
        ahead = blocks - rng.negative_binomial(blocks, 1 - share)  # after the honest have found `blocks`
        while 0 <= ahead < 40:  # the formula's attacker wins a tie
            if ahead == 0:
                break
            ahead += 1 if rng.random() > share else -1
        won += ahead <= 0
    assert abs(won / 4000 - catch_up(share, blocks)) < 0.05


def test_bad_arguments():
    for difficulty in (0, 25, 8.0):
        with pytest.raises(ValueError, match="difficulty must"):
            WorkChain(difficulty)
    with pytest.raises(ValueError, match="entries must"):
        WorkChain(4).mine([])
    with pytest.raises(ValueError, match="start must"):
        WorkChain(4).mine([b"x"], start=-1)
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="share must"):
            catch_up(share, 3)
    with pytest.raises(ValueError, match="blocks must"):
        catch_up(0.1, 0)
