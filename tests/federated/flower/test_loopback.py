"""Real processes over TLS on this machine: what `make federation` starts, its result, what is left of it."""

import resource
import time

import numpy as np
import psutil
import pytest

from labkit.federated import vector_of
from labkit.federated.flower.__main__ import CLIENTS, FAILED, MOST, simulated
from labkit.federated.flower.app import task, write_app
from labkit.federated.flower.loopback import connection, free_ports, loopback, write_certificates


def cpu_seconds():
    """What the processes that we started, and theirs, have used so far, if they have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.fixture(scope="module")
def network():
    """A SuperLink with three SuperNodes, and a fourth that trusts another authority."""
    began = cpu_seconds()
    with loopback(CLIENTS) as here:
        here.start_link()
        for number in range(CLIENTS):
            here.start_node(number)
        here.stranger = here.start_node(
            CLIENTS, certificates=write_certificates(here.folder / "stranger"), max_retries=1
        )
        yield here
        folder, processes = here.folder, here.processes
    assert not folder.exists() and all(each.poll() is not None for each in processes)
    assert not [
        each
        for each in psutil.process_iter(["cmdline"])
        if str(folder) in " ".join(each.info["cmdline"] or [])
    ]
    assert (
        cpu_seconds() - began < 250
    )  # about 90 on a machine of 2026; in processor time, since a busy machine proves nothing


def test_the_run_over_tls_gives_the_simulators_weights(network):
    saved = network.folder / "parameters.npy"
    status = network.run(write_app(network.folder / "clinics"), num_rounds=2, save_to=str(saved))
    assert status == "finished:completed", network.logs()
    assert np.abs(np.load(saved) - simulated(2)).max() <= MOST
    assert np.abs(simulated(2) - vector_of(task.model()).numpy()).max() > 0.01  # and it did learn something


def test_a_node_that_trusts_another_authority_gets_no_connection(network):
    """It was started like the others, but its authority did not sign the SuperLink's certificate."""
    network.wait_until(
        lambda: (
            "CERTIFICATE_VERIFY_FAILED" in network.log(f"node-{CLIENTS}").upper()
            or network.stranger.poll() is not None
        ),
        "the stranger has given up",
        60,
    )
    said = network.log(f"node-{CLIENTS}")
    assert "certificate verify failed" in said.lower(), said
    assert "SuperNode ID" not in said and "SuperNode ID" in network.log(
        "node-0"
    )  # what a node says once it is let in


def test_a_node_that_is_killed_in_round_2_and_not_replaced_ends_the_run_in_time_and_with_words(network):
    """Its round ends after `round_timeout`, or once the SuperLink has missed two heartbeats (a minute)."""
    killed = []

    def watch(said):
        if "[ROUND 2/" in said and not killed:
            killed.append(time.monotonic())
            network.kill(2)

    status = network.run(
        network.folder / "clinics", watch=watch, num_rounds=9, round_timeout=150, connect_timeout=5
    )
    said = network.log("run")
    assert status == "finished:failed" and time.monotonic() - killed[0] < 400, network.logs()
    assert "round 2: no answer" in said and "partition-id 2" in said and "left out of this round" in said
    assert "2 nodes are connected, clients=3, after 5 s: start the others" in FAILED.findall(said)[-1]


def test_ports_are_free_and_different():
    assert len(set(free_ports(5))) == 5


def test_the_key_is_for_its_owner_and_the_configuration_names_the_authority(tmp_path):
    import tomllib

    folder = write_certificates(tmp_path / "tls", host="coordinator.example")
    assert sorted(each.name for each in folder.iterdir()) == ["ca.pem", "server.key", "server.pem"]
    assert (folder / "server.key").stat().st_mode & 0o077 == 0
    told = tomllib.loads(connection("clinics", "coordinator.example:8000", folder / "ca.pem"))["superlink"]
    assert told["default"] == "clinics" and told["clinics"]["address"] == "coordinator.example:8000"
    assert told["clinics"]["root-certificates"] == str(folder / "ca.pem")


@pytest.mark.parametrize("bad", [0, -1, 1.5, None])
def test_a_bad_number_of_nodes_is_refused_by_name(bad):
    with pytest.raises(ValueError, match="nodes"), loopback(bad):
        pass


def test_without_flower_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr("labkit.federated.flower.loopback.BIN", tmp_path)
    with pytest.raises(RuntimeError, match="pip install"), loopback():
        pass
