"""A federation on this machine, from nothing: python -m labkit.federated.flower (or: make federation).

Starts a SuperLink and three SuperNodes over TLS, each a process of its own, runs the experiment of
`labkit.federated.flower.app` between them, compares the result with the simulator's, and stops everything.
`--kill 2` kills a node after the first round and does not replace it: the run then ends by the timeouts that
it was given, and says so.
"""

import argparse
import re
import sys
import time

import numpy as np

from labkit.federated import simulate, vector_of
from labkit.federated.flower.app import task, write_app
from labkit.federated.flower.loopback import loopback

CLIENTS = 3  # as many as the app's server waits for
MOST = 1e-5  # largest difference between a parameter here and in the simulator
TOLD = re.compile(
    r"(\[ROUND [^\n]*|round \d+: [^\n]*|MetricRecord: \{'accuracy[^\n]*)"
)  # what a run says about its rounds
FAILED = re.compile(r"^\s*(?:\w+\.)*(?:TimeoutError|RuntimeError): ([^\n]*)", re.MULTILINE)


def simulated(rounds):
    """What the simulator makes of the same task, shape (P,)."""
    clients = [task.records(each, CLIENTS) for each in range(CLIENTS)]
    return vector_of(simulate(task.model(), clients, task.STRATEGY, rounds=rounds, **task.WORK).model).numpy()


def federation(*, rounds=2, kill=None, round_timeout=None, connect_timeout=None, say=print):
    """Run the experiment on this machine; returns whether all went as it should, and has said what happened.

    rounds:  how many, at least 1.
    kill:    the number of a SuperNode (from 0) to kill in the second round and not to replace; then the run
             should fail, in time.
    round_timeout, connect_timeout:  whole seconds; None for those of the app, or 120 and 30 with `kill`.
    say:     takes each line.
    """
    began = time.monotonic()
    waits = {"round_timeout": round_timeout, "connect_timeout": connect_timeout}
    if kill is not None:
        waits = {"round_timeout": round_timeout or 120, "connect_timeout": connect_timeout or 30}
        rounds = max(rounds, 5)  # so that some are left when the killed node counts as gone

    def tell(line):
        say(f"{time.monotonic() - began:6.1f} s  {line}", flush=True) if say is print else say(line)

    with loopback(CLIENTS) as here:
        tell(f"certificates, ca.pem and config.toml written to {here.folder.name} (removed at the end)")
        here.start_link()
        tell(f"SuperLink listens at localhost:{here.port}, over TLS")
        for number in range(CLIENTS):
            here.start_node(number)
        here.wait_until(lambda: here.connected() == CLIENTS, "all SuperNodes are connected", 120)
        tell(f"{CLIENTS} SuperNodes connected, each with a partition-id of its own")
        saved, heard, killed = here.folder / "parameters.npy", [], []

        def watch(log):
            for line in TOLD.findall(log[: log.rfind("\n") + 1])[len(heard) :]:
                heard.append(line)
                tell(f"  {line}")
            if kill is not None and not killed and "[ROUND 2/" in log:
                killed.append(time.monotonic())
                here.kill(kill)
                tell(
                    f"SuperNode {kill} killed, not replaced. A round waits at most "
                    f"{waits['round_timeout']} s for answers and {waits['connect_timeout']} s for nodes"
                )

        status = here.run(
            write_app(here.folder / "clinics"),
            watch=watch,
            num_rounds=rounds,
            save_to=str(saved),
            **{name: value for name, value in waits.items() if value is not None},
        )
        tell(f"the run's status: {status}")
        reason = FAILED.findall(here.log("run"))
        if reason:
            tell(f"because {reason[-1]}")
        if kill is None:
            good = status == "finished:completed"
            if good:
                difference = np.abs(np.load(saved) - simulated(rounds)).max()
                good = difference <= MOST
                tell(
                    f"largest difference from the simulator: {difference:.1e} (at most {MOST:.0e})"
                )
        else:
            good = status == "finished:failed" and bool(reason) and "nodes are connected" in reason[-1]
            tell(f"the run ended {time.monotonic() - killed[0]:.0f} s after the kill")
        left = here.stop()
    tell("every process has ended" if not left else f"{left} processes are left")
    return bool(good and not left)


def main():
    """The command line; exits with 0 if all went as it should."""
    parser = argparse.ArgumentParser(
        prog="python -m labkit.federated.flower", description=__doc__.split("\n\n")[1]
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--kill",
        type=int,
        choices=range(CLIENTS),
        metavar=f"0...{CLIENTS - 1}",
        help="kill this SuperNode in round 2",
    )
    parser.add_argument("--round-timeout", type=int, help="seconds that a round waits for answers")
    parser.add_argument("--connect-timeout", type=int, help="seconds that a round waits for nodes")
    told = parser.parse_args()
    if told.rounds < 1 or any(
        each is not None and each < 1 for each in (told.round_timeout, told.connect_timeout)
    ):
        parser.error("--rounds and timeouts must be at least 1")
    sys.exit(
        not federation(
            rounds=told.rounds,
            kill=told.kill,
            round_timeout=told.round_timeout,
            connect_timeout=told.connect_timeout,
        )
    )


if __name__ == "__main__":
    main()
