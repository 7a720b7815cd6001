"""What messages tell besides ciphertexts: each protocol is run on two different secrets under the same keys.

Everything outside ciphertexts and checksums must be equal, byte for byte: headers, bounds, lengths, numbers of
messages. A ciphertext's own bytes are random; that they say nothing is the assumption that the schemes rest on.
Locked points of the intersection count as ciphertexts; so do shares and masked vectors, which have no header at all, so
that their number, order and lengths are what can be compared.
"""

import struct

import numpy as np
import pytest

from labkit.encrypted import paillier
from labkit.encrypted.ckks import wire
from labkit.encrypted.ckks.masking import masked_sum
from labkit.encrypted.ckks.planning import plan
from labkit.encrypted.ckks.roles import CKKSClient, CKKSServer
from labkit.encrypted.ckks.vector import HEADER, MARK, NOT_TOLD
from labkit.encrypted.intersection import matching, padlocks
from labkit.encrypted.learning.averaging import (
    INTEGER_HEADER,
    VECTOR_MARK,
    CiphertextAdder,
    IntegerKeys,
    RealKeys,
)
from labkit.encrypted.learning.coefficients import HEADER as COEFFICIENT_HEADER
from labkit.encrypted.learning.coefficients import MARK as COEFFICIENT_MARK
from labkit.encrypted.learning.coefficients import CoefficientClient, CoefficientServer
from labkit.encrypted.learning.inference import NetworkClient, NetworkServer
from labkit.encrypted.learning.models import ScoringClient, ScoringServer
from labkit.encrypted.learning.networks import SquareNetwork, network_plan
from labkit.encrypted.learning.one_record import OneRecordClient, OneRecordServer
from labkit.encrypted.learning.sigmoid import fitted_sigmoid
from labkit.encrypted.learning.training import Cloud, Contributor, KeyHolder, Recipe, normal_equations_plan
from labkit.encrypted.parties import split
from labkit.encrypted.sharing.sums import RoundLedger, shamir_sum
from labkit.encrypted.sharing.triples import secure_scores
from labkit.federated.secure_aggregation import Agreement, secure_sum

HEADERS = {MARK: HEADER.size, VECTOR_MARK: INTEGER_HEADER.size, COEFFICIENT_MARK: COEFFICIENT_HEADER.size}


def public_part(message):
    """(the bytes outside ciphertexts and checksums, how many bytes there are inside)."""
    if message[:4] in HEADERS:
        wire.unchecked(message)
        size = HEADERS[message[:4]]
        return message[:size] + struct.pack(">Q", len(message)), len(message) - size
    parts = [public_part(each) for each in split(message)]
    framing = message[:4] + b"".join(struct.pack(">Q", len(each)) for each in split(message))
    return framing + b"".join(part for part, _ in parts), sum(inside for _, inside in parts)


def secrets_for(seed):
    rng = np.random.default_rng(seed)
    size = 10.0 ** -seed  # small and large secrets, not only different ones
    return {"X": rng.uniform(-1, 1, (5, 4)) * size, "y": rng.integers(0, 2, 5), "w": rng.normal(size=4) * size, "b": size, "rng": rng}


def scoring():
    client = ScoringClient(plan(depth=1, largest=64.0))
    def run(s):
        request = client.request(s["X"])
        return [request, ScoringServer(s["w"], s["b"], client.public_bytes()).answer(request)]
    return run


def probabilities():
    client = ScoringClient(plan(depth=4, precision_bits=8, largest=16.0))
    def run(s):
        request = client.request(s["X"])
        return [request, ScoringServer(s["w"] / 8, s["b"] / 8, client.public_bytes(), curve=fitted_sigmoid(8.0)).answer(request)]
    return run


def network(alone):
    def made(s):
        rng, size = s["rng"], 1.0 if s["b"] == 1 else 0.7
        return SquareNetwork(rng.normal(0, size, (4, 3)), rng.normal(0, size, 3), rng.normal(0, size, (3, 2)), rng.normal(0, size, 2))
    largest = max((made(secrets_for(seed)) for seed in (0, 3)), key=lambda each: each.largest)
    client = NetworkClient(network_plan(largest, alone=alone))
    keys = client.rotation_keys(4) if alone else None
    def run(s):
        server = NetworkServer(made(s), client.public_bytes())
        if alone:
            server.take_rotation_keys(keys)
            request = client.request_alone(np.abs(s["X"][0]))
            return [request, server.answer_alone(request)]
        request = client.request(np.abs(s["X"]))
        return [request, server.answer(request)]
    return run


def one_record():
    client = OneRecordClient(plan(depth=1, largest=64.0), features=4)
    keys = client.rotation_keys()
    def run(s):
        server = OneRecordServer(s["w"], s["b"], client.public_bytes())
        server.take_rotation_keys(keys)
        request = client.request(s["X"][0])
        return [request, server.answer(request)]
    return run


def in_coefficients():
    client = CoefficientClient()
    def run(s):
        request = client.request(s["X"][0])
        return [request, CoefficientServer(s["w"], s["b"], client.public_bytes()).answer(request)]
    return run


def table(s):
    return np.c_[s["X"][:, :2], np.ones(5)]


def least_squares(masked=True):
    recipe = Recipe.least_squares(5, 3)
    holder = KeyHolder(recipe, normal_equations_plan())
    def run(s):
        cloud = Cloud(recipe, holder.public_bytes(), masked=masked)
        sealed = Contributor(recipe, holder.public_bytes(computing=False)).table(table(s), s["y"], first_slot=0, slots=8)
        cloud.add(sealed)
        return [sealed, cloud.normal_equations()]
    return run


def gradient():
    recipe = Recipe(5, 3, 4.0, fitted_sigmoid(12.0))
    holder = KeyHolder(recipe, recipe.plan())
    def run(s):
        cloud = Cloud(recipe, holder.public_bytes())
        sealed = Contributor(recipe, holder.public_bytes(computing=False)).table(table(s), s["y"], first_slot=0, slots=8)
        cloud.add(sealed)
        weights = holder.weights_message(s["w"][:3] / 2, slots=8)
        return [sealed, weights, cloud.gradient(weights)]
    return run


def alone():
    recipe = Recipe(5, 3, 4.0, fitted_sigmoid(12.0))
    holder = KeyHolder(recipe, recipe.plan(alone=True))
    keys = holder.rotation_keys(8)
    def run(s):
        cloud = Cloud(recipe, holder.public_bytes())
        cloud.take_rotation_keys(keys)
        cloud.add(Contributor(recipe, holder.public_bytes(computing=False)).table(table(s), s["y"], first_slot=0, slots=8))
        cloud.step_alone()
        return [cloud.weights()]
    return run


def averaging(kind):
    keys = kind(clients=2)
    def run(s):
        adder = CiphertextAdder(keys.public_bytes())
        messages = [keys.seal(update, 0.5) for update in s["X"][:2]]
        for message in messages:
            adder.add(message)
        return [*messages, adder.total()]
    return run


def sum_of_a_vector():
    client = CKKSClient(plan(depth=1, precision_bits=24))
    server = CKKSServer(client.public_bytes())
    def run(s):
        x = client.encrypt(s["X"][:4, 0], bound=1).to_bytes()
        return [x, masked_sum(server.load(x) * s["b"], hiding_bits=8)]
    return run


PROTOCOLS = {"scoring": scoring, "probabilities": probabilities, "network": lambda: network(False), "network, alone": lambda: network(True),
             "one record": one_record, "one record, coefficients": in_coefficients, "least squares": least_squares, "gradient": gradient,
             "training alone": alone, "averages, CKKS": lambda: averaging(RealKeys), "averages, BFV": lambda: averaging(IntegerKeys),
             "masked sum": sum_of_a_vector}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_two_secrets_one_public_part(name):
    run = PROTOCOLS[name]()
    one, other = (run(secrets_for(seed)) for seed in (0, 3))
    assert len(one) == len(other)
    outside = inside = 0
    for a, b in zip(one, other):
        (public, hidden), (also_public, _) = public_part(a), public_part(b)
        assert public == also_public and len(a) == len(b) and a != b
        outside, inside = outside + len(public), inside + hidden
    print(f"{name}: {outside:,} bytes outside ciphertexts and checksums equal, {inside:,} inside")


def test_the_replay_sees_a_header_that_tells():
    """The broken twin: a server that tells its own count, as every result did before."""
    client = ScoringClient(plan(depth=1, largest=64.0))
    told = set()
    for seed in (0, 3):
        s = secrets_for(seed)
        x = CKKSServer(client.public_bytes()).load(split(client.request(s["X"]))[0]) * float(s["w"][0])
        assert HEADER.unpack_from(x.to_bytes())[2:] == NOT_TOLD
        told.add(public_part(x.to_bytes(bound=x.bound, error_bound=x.error_bound))[0])
    assert len(told) == 2


P, Q = paillier.random_prime(256), paillier.random_prime(256)


def paillier_score(_):
    key = paillier.PublicKey(P * Q)
    def run(s):
        request = [key.encrypt(each, largest=1).to_bytes() for each in s["X"][0].tolist()]
        products = [key.load(each, largest=1) * weight for each, weight in zip(request, s["w"].tolist())]
        return [*request, (sum(products[1:], products[0]) + key.encrypt(s["b"], largest=4) * 1.0).to_bytes()]
    return run, lambda message: (message[:paillier.BITS_BYTES] + struct.pack(">Q", len(message)), len(message) - paillier.BITS_BYTES)


def intersection(side, sizes_only):
    """Both sides' lists differ between the runs, and so does what they have in common; how long they are is public."""
    def made(monkeypatch):
        if side == "openmined":
            pytest.importorskip("private_set_intersection.python")
        monkeypatch.setattr(matching, "_kind", lambda: {"openmined": matching._OpenMined, "padlocks": padlocks.Side}[side])
        def run(s):
            mine, first = [f"{s['b']}: {each}" for each in range(6)], 1 if s["b"] == 1 else 5
            client = matching.IntersectionClient(mine, sizes_only=sizes_only)
            server = matching.IntersectionServer([f"{s['b']}: {each}" for each in range(first, first + 4)], largest_request=6, sizes_only=sizes_only)
            request = client.request()
            setup, answer = server.setup(6), server.answer(request)
            assert client.common_count(setup, answer) == (4 if s["b"] == 1 else 1)
            return [request, setup, answer]
        return run, (without_points if side == "openmined" else without_locked)
    return made


def without_locked(message):
    parts = split(wire.unchecked(message))
    return b"|".join(b"-" * len(each) if len(each) == 33 else each for each in parts), sum(len(each) == 33 for each in parts) * 33


def without_points(message):
    """The protobuf message with every point blanked: a setup keeps them elsewhere than a request and an answer."""
    import private_set_intersection.python as psi

    content, setup, found = wire.unchecked(message), psi.ServerSetup(), []
    try:
        setup.ParseFromString(content)
        found = list(setup.raw.encrypted_elements)
    except Exception:
        pass
    found = found or matching.points_in(message)
    for each in found:
        assert len(each) == 33 and each in content
        content = content.replace(each, b"-" * 33)
    return content, 33 * len(found)


def all_secret(message):
    """What has no header: who speaks to whom, and how long, is all that can be equal."""
    names, _, content = message.partition(b"|")
    return names + struct.pack(">Q", len(content)), len(content)


def on_shares(work):
    def run(s):
        ledger = RoundLedger()
        work(s, ledger)
        return [f"{sender} to {receiver}, {what}|".encode() + message for sender, receiver, what, message in ledger.entries]
    return lambda _: (run, all_secret)


def masked_vectors(_):
    def run(s):
        # the second client falls silent before the third round, in both runs: who does is public
        outcome = secure_sum((s["X"] * 1000).astype(int), Agreement(5, 4, 4), drop_outs={1: 3})
        assert outcome.included == [0, 2, 3, 4]
        return [f"{client}, message {number}|".encode() + message
                for client, messages in outcome.sent.items() for number, message in enumerate(messages)]
    return run, all_secret


MORE = {"Paillier": paillier_score, "masked vectors": masked_vectors,
        "sum on shares": on_shares(lambda s, ledger: shamir_sum(s["X"], 3, largest=1.0, ledger=ledger)),
        "scores on shares": on_shares(lambda s, ledger: secure_scores(s["X"], s["w"], s["b"], ledger=ledger, score_bound=16.0)),
        **{f"intersection, {side}{', sizes only' * only}": intersection(side, only) for side in ("openmined", "padlocks") for only in (False, True)}}


@pytest.mark.parametrize("name", MORE)
def test_two_secrets_one_public_part_outside_ckks_and_bfv(name, monkeypatch):
    run, public = MORE[name](monkeypatch)
    one, other = (run(secrets_for(seed)) for seed in (0, 3))
    assert len(one) == len(other) > 2
    outside = inside = 0
    for a, b in zip(one, other):
        (told, hidden), (also_told, _) = public(a), public(b)
        assert told == also_told and len(a) == len(b) and hidden
        outside, inside = outside + len(told), inside + hidden
    assert one != other
    print(f"{name}: {outside:,} bytes outside ciphertexts, points and shares equal, {inside:,} inside")


def test_the_replay_sees_a_count_that_follows_the_weights():
    """The broken twin: Paillier's ciphertext as an object, which keeps the count of what may overflow."""
    key = paillier.PublicKey(P * Q)
    x = key.encrypt(0.5, largest=1)
    assert len({(x * weight).bound for weight in (0.25, -7.0)}) == 2
    assert len({(x * weight).to_bytes()[:paillier.BITS_BYTES] for weight in (0.25, -7.0)}) == 1
