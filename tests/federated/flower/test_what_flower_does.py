"""The table of lab 09, against the installed Flower. The papers' numbers stand here once more, from their
formulas by hand.

When a test of this file fails, Flower has changed: the table then shows the new number by itself, and the
lab's sentences about which of Flower's strategies to use must be read again.
"""

import math

import numpy as np
import pytest

from labkit.dp.mechanisms.calibration import gaussian_delta
from labkit.federated.flower import differences
from labkit.federated.flower.differences import privacy_rows, robust_rows, secure_sum_rows, strategy_rows
from labkit.federated.flower.differences.drive import FAILED, SILENT, Answer, after_rounds
from labkit.federated.flower.differences.robust import bulyan_by_the_paper

flower = pytest.importorskip("flwr.serverapp.strategy")
SERVER, ADAPTIVE = (
    "DifferentialPrivacyServerSideFixedClipping",
    "DifferentialPrivacyServerSideAdaptiveClipping",
)

# What Reddi and others' Algorithm 2 makes of a first change d, with tau = 0.001 and eta = 0.1:
# m = 0.1 d; v from tau^2 on; step eta m / (sqrt(v) + tau).
ADAM = 0.1 * 0.1 / (math.sqrt(0.99 * 1e-6 + 0.01) + 0.001)
# Kingma and Ba's correction, with Flower's exponent of 2 in round 1: 0.141 / 0.19.
CORRECTION = math.sqrt(1 - 0.99**2) / (1 - 0.9**2)

BY_HAND = [  # (part, words of the example, the paper's number, Flower's)
    ("FedAvg", "five clients", (0 + 1 + 2 + 9 + 600) / 10, 61.2),
    ("FedMedian", "the same", 2.0, 2.0),
    ("FedTrimmedAvg", "the same", (1 + 2 + 9) / 3, 4.0),
    ("FedAvgM", "momentum", 1 + (0.9 + 1), 2.9),
    ("FedAdam", "change is 1", ADAM, 0.1 * 0.1 / (0.1 + 0.001) * CORRECTION),
    ("FedYogi", "change is 1", 0.1 * 0.1 / (math.sqrt(1e-6 + 0.01) + 0.001), 0.1 * 0.1 / (0.1 + 0.001)),
    ("FedAdagrad", "change is 1", 0.1 * 1 / (math.sqrt(1e-6 + 1) + 0.001), 0.1 / 1.001),
    ("FedYogi", "change is 0.001", 0.1 * 1e-4 / (1e-3 + 1e-3), 0.1 * 1e-4 / (1e-4 + 1e-3)),
    ("FedAdagrad", "change is 0.001", 0.1 * 1e-3 / (math.sqrt(2e-6) + 1e-3), 0.1 * 1e-3 / (1e-3 + 1e-3)),
    ("QFedAvg", "q = 0", (3 * 0 + 1 * 1) / 4, (0 + 1) / 2),
    ("FedAvg", "b first", 1.0, 1.0),
    ("FedMedian", "b first", 1.0, 1.0),
    ("FedTrimmedAvg", "b first", 1.0, 1.0),
    ("QFedAvg", "b first", 1.0, (1 + 1 + 2) / 3),
    ("Bulyan", "b first", 1.0, (1 + 1 + 2) / 3),
    ("FedAvgM", "b first", 5 - 0.5 * (5 - 1), 7 - 0.5 * (7 - 1)),  # Flower moves b's 7 half way to a's 1
    ("Krum", "squared distance", (np.float64(np.float32(1000.01)) - 1000) ** 2, 0.0),
    ("MultiKrum", "keeps", (1 + 1.05 + 1.1) / 3, (1 + 1.05 + 997 * 1.1) / 999),
    ("Bulyan", "two may lie", (5 + 7 + 9) / 3, (9 + 13 + 17) / 3),
    ("FedAvg", "with an error", "an error", "success, and the old model"),
    (ADAPTIVE, "after 1 round", 10 * math.exp(-0.2 * (1 - 0.5)), 10 * math.exp(-0.2 * (0 - 0.5))),
    (ADAPTIVE, "sigma", 1 / math.sqrt(1 - 1 / 16), math.exp(-0.1) / math.sqrt(1 - 1 / 16)),
    (SERVER, "2 answer", 1.0, 2 / 10),
    (SERVER, "91 %", 1.0, 0.1 / 0.91),
    (SERVER, "shape ()", 1.0, 100.0),
    (SERVER, "has not changed", 0.5, "ZeroDivisionError"),
    (SERVER, "b before a", 0.0, 50 - 1 / math.sqrt(2)),
    (SERVER, "tenth fails", 0.9, 0.0),
    ("all wrappers and LocalDpMod", "np.random.seed", 0.0, 1.0),
    (
        "LocalDpMod",
        "epsilon 10",
        1.0,
        gaussian_delta(sigma=math.sqrt(2 * math.log(1.25e5)) / 10, epsilon=10, sensitivity=1) / 1e-5,
    ),
    ("SecAggPlusWorkflow", "mean", (6 * 3 + 2 * 1) / 8, (8 + 2) / 8),
    ("SecAggPlusWorkflow", "masks", "different", "equal"),
]
ROUGH = {
    "sigma": 0.05,
    "2 answer": 0.03,
    "91 %": 0.03,
}  # noise that is measured: 20,000 draws know sigma to 0.5 %, and Flower's
# count of the clipped is noisy itself: 2 / 40 of 0.2 in the exponent, 1 %. Five deviations are allowed.


@pytest.fixture(scope="module")
def rows():
    return [*strategy_rows(), *robust_rows(), *privacy_rows(), *secure_sum_rows()]


def row_of(rows, part, words):
    (found,) = [each for each in rows if each.part == part and words in each.example]
    return found


@pytest.mark.parametrize("part, words, paper, flowers", BY_HAND, ids=lambda each: str(each)[:24])
def test_each_row_of_the_table(rows, part, words, paper, flowers):
    row, rtol = row_of(rows, part, words), ROUGH.get(words, 1e-5)
    for found, wanted, slack in ((row.paper, paper, 1e-9), (row.flower, flowers, rtol)):
        if isinstance(wanted, str):
            assert found == wanted
        else:
            assert found == pytest.approx(wanted, rel=slack, abs=1e-9)
    assert row.ours_same, row


def test_every_row_is_checked_and_both_kinds_are_there(rows):
    assert len(rows) == len(BY_HAND) + 1  # the norm after 50 rounds has a test of its own
    told = {row.part for row in rows}
    assert {row.part for row in rows if row.same} < told and sum(not row.same for row in rows) >= 20
    assert len({(row.part, row.example) for row in rows}) == len(rows)


def test_the_norm_goes_to_the_median_in_the_paper_and_runs_away_in_flower(rows):
    row = row_of(rows, ADAPTIVE, "after 50 rounds")
    assert 2 < row.paper < 4 and 2 < row.ours < 4  # the lengths are 1 to 5
    assert row.flower == pytest.approx(10 * math.exp(0.1 * 50), rel=1e-6)


@pytest.mark.parametrize("start, wanted", [(0.1, 0.1 * math.exp(-0.1 * 50)), (10.0, 10 * math.exp(0.1 * 50))])
def test_the_clients_side_of_adaptive_clipping_runs_away_as_well(start, wanted):
    """`norm_bit` is what Flower's own adaptiveclipping_mod sends: whether the change was cut."""
    wrapper = flower.DifferentialPrivacyClientSideAdaptiveClipping(
        flower.FedAvg(fraction_evaluate=0.0, min_train_nodes=5, min_available_nodes=5),
        noise_multiplier=0.0,
        num_sampled_clients=5,
        initial_clipping_norm=start,
        clip_norm_lr=0.2,
        target_clipped_quantile=0.5,
    )
    from flwr.clientapp import mod
    from flwr.supercore.differential_privacy import compute_adaptive_clip_model_update

    assert (
        mod.adaptiveclipping_mod.__globals__["compute_adaptive_clip_model_update"]
        is compute_adaptive_clip_model_update
    )

    def answer(length):
        def _answer(got):
            new = [got["w"] + length]
            bit = compute_adaptive_clip_model_update(new, [got["w"]], wrapper.clipping_norm)
            return Answer({"w": new[0]}, more={"norm_bit": int(bit)})

        return _answer

    after_rounds(wrapper, {"w": np.zeros(1)}, [answer(each) for each in (1.0, 2.0, 3.0, 4.0, 5.0)], rounds=50)
    assert wrapper.clipping_norm == pytest.approx(wanted, rel=1e-6)


def accounted(sampled):
    accounting = pytest.importorskip("flwr.supercore.privacy_accounting")
    config = accounting.PrivacyConfig(
        target_delta=1e-6,
        population_size=sampled,
        sampling_method=accounting.SamplingMethod("no-amplification"),
        neighboring_relation=accounting.NeighboringRelation("add-or-remove-one"),
    )
    accountant = pytest.importorskip("flwr.supercore.privacy_accounting.rdp_accountant").RdpAccountant(config)
    average = flower.FedAvg(fraction_evaluate=0.0, min_train_nodes=sampled, min_available_nodes=sampled)
    return flower.DifferentialPrivacyServerSideFixedClipping(
        average, noise_multiplier=1.0, clipping_norm=1.0, num_sampled_clients=sampled, accountant=accountant
    )


def test_with_an_accountant_flower_refuses_what_the_table_says_it_refuses():
    start, one = {"w": np.zeros(1)}, Answer({"w": np.ones(1)})
    assert after_rounds(accounted(10), start, [*[one] * 2, *[SILENT] * 8])["w"] == [
        0.0
    ]  # nothing is published
    assert after_rounds(accounted(10), start, [Answer({"w": np.ones(1)}, 91), *[one] * 9]) == "ValueError"
    assert after_rounds(accounted(10), start, [one] * 10)["w"] != [0.0]  # and what fits is published


def test_krum_in_float32_often_picks_another_client_than_the_paper():
    """7 models of 1,000 parameters near 10 that moved by 0.001. Chance would be right in 3 tries of 20."""
    from labkit.federated.strategies.robust import krum

    flowers = ours = 0
    for trial in range(20):
        rng = np.random.default_rng(trial)
        start = rng.normal(0, 10, 1000).astype(np.float32)
        models = [(start + rng.normal(0, 1e-3, 1000)).astype(np.float32) for _ in range(7)]
        changes = np.array(models, dtype=np.float64) - start
        distances = ((changes[:, None] - changes[None]) ** 2).sum(-1) + np.diag([np.inf] * 7)
        best = int(np.argmin(np.sort(distances, axis=1)[:, : 7 - 1 - 2].sum(1)))
        got = after_rounds(
            flower.Krum(num_malicious_nodes=1, fraction_evaluate=0.0),
            {"w": start},
            [Answer({"w": each}) for each in models],
        )
        flowers += np.array_equal(got["w"], models[best])
        ours += np.array_equal(krum(changes, malicious=1), changes[best])
    assert flowers <= 12 and ours == 20


def test_bulyan_by_the_paper_of_cases_that_can_be_done_on_paper():
    assert bulyan_by_the_paper([1.0, 2.0, 6.0], malicious=0) == pytest.approx(3.0)  # no liar: all are picked
    assert (
        bulyan_by_the_paper([5.0] * 9 + [1e6, -1e6], malicious=2) == 5.0
    )  # the liars are never near anybody
    assert bulyan_by_the_paper([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1e3], malicious=1) == 1.0


def test_one_failing_client_stops_flowers_private_wrapper_in_every_round():
    wrapper = flower.DifferentialPrivacyServerSideFixedClipping(
        flower.FedAvg(fraction_evaluate=0.0), noise_multiplier=0.0, clipping_norm=1.0, num_sampled_clients=3
    )
    moving = Answer({"w": np.ones(1)})
    assert after_rounds(wrapper, {"w": np.zeros(1)}, [moving, moving, FAILED], rounds=3)["w"] == [0.0]
    assert after_rounds(flower.FedAvg(fraction_evaluate=0.0), {"w": np.zeros(1)}, [moving, moving, FAILED])[
        "w"
    ] == [1.0]


def test_the_table_shows_each_row_with_its_mark(rows):
    lines = differences.table(rows).splitlines()
    assert len(lines) == len(rows) + 2 and all(line.count("|") == 8 for line in lines)
    assert sum(line.startswith("| ✗") for line in lines) == sum(not row.same for row in rows)
    assert "1,484" in differences.table(rows) and "0.0735" in differences.table(rows)


def test_numpys_generator_is_left_as_it_was():
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    privacy_rows()
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
