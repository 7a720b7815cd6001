"""Flower on this machine, for real: a SuperLink and three SuperNodes as processes of their own, over TLS.

    python -m tests.federated.loopback            # two rounds; prints how far the result is from the simulator's

Everything happens in a temporary folder and on ports that were free; at the end, however it ends, the processes are stopped and the
folder is removed. Only loopback is used.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from labkit.federated import simulate, vector_of
from labkit.federated.flower.app import task, write_app
from labkit.security.certificates import CertificateAuthority

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
NODES = 3


def free_ports(count):
    """Ports that were free a moment ago, all different."""
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in taken:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in taken]


class Loopback:
    """A running SuperLink with its SuperNodes. Use `loopback()`, which stops them."""

    def __init__(self, folder):
        self.folder, self.processes = Path(folder), []
        self.port, *self.node_ports = free_ports(NODES + 2)
        self.home = self.folder / "flower"
        self.home.mkdir()
        self.certificates(self.folder / "trusted")
        (self.home / "config.toml").write_text(
            f'[superlink]\ndefault = "loopback"\n\n[superlink.loopback]\naddress = "localhost:{self.port}"\n'
            f'root-certificates = "{self.folder}/trusted/ca.pem"\n')
        self.environment = os.environ | {
            "FLWR_HOME": str(self.home), "FLWR_TELEMETRY_ENABLED": "0", "FLWR_SUPEREXEC_TASK_POLL_INTERVAL": "0.1",
            "HOME": str(self.folder), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "TMPDIR": str(self.folder),
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}

    def certificates(self, folder):
        """A new private authority and a certificate for this machine, as files."""
        folder.mkdir()
        authority = CertificateAuthority("Lab authority")
        server = authority.issue("localhost", "server")
        (folder / "ca.pem").write_bytes(authority.certificate)
        (folder / "server.pem").write_bytes(server.certificate)
        (folder / "server.key").write_bytes(server.private_key)
        (folder / "server.key").chmod(0o600)
        return folder

    def start(self, name, *command):
        """A process in a group of its own, with its output in a file."""
        with open(self.folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=subprocess.STDOUT, env=self.environment,
                                       cwd=self.folder, start_new_session=True)
        self.processes.append(process)
        return process

    def start_link(self):
        """The SuperLink, with its certificate."""
        mine = self.folder / "trusted"
        self.start("link", BIN / "flower-superlink", "--host", "localhost", "--port", self.port, "--ssl-ca-certfile", mine / "ca.pem",
                   "--ssl-certfile", mine / "server.pem", "--ssl-keyfile", mine / "server.key",
                   "--disable-runtime-dependency-installation")
        self.wait_until(lambda: self.answers(self.port), "the SuperLink answers", 60)

    def start_node(self, number, trusted="trusted", **options):
        """A SuperNode that trusts the authority in this folder."""
        mine = self.folder / trusted
        return self.start(f"node-{number}", BIN / "flower-supernode", "--superlink", f"localhost:{self.port}", "--host", "localhost",
                          "--port", self.node_ports[number], "--root-certificates", mine / "ca.pem",
                          "--ssl-ca-certfile", mine / "ca.pem", "--ssl-certfile", mine / "server.pem", "--ssl-keyfile", mine / "server.key",
                          "--node-config", f"partition-id={number} num-partitions={NODES}",
                          *(part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)))

    @staticmethod
    def answers(port):
        """Whether somebody listens at a port of this machine."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def wait_until(self, condition, what, seconds):
        """Wait for a condition; fails with the logs when it does not come about, or when a process has ended."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"after {seconds} s still not: {what}\n{self.logs()}")
            time.sleep(0.2)

    def flwr(self, *arguments):
        """Run `flwr`; returns the finished process."""
        return subprocess.run([BIN / "flwr", *map(str, arguments)], capture_output=True, text=True, env=self.environment,
                              cwd=self.folder, timeout=120)

    def status(self, run):
        """The status of a run, from the SuperLink: the exit code of `flwr run` says nothing about it."""
        said = json.loads(self.flwr("ls", "loopback", "--run-id", run, "--format", "json").stdout)
        return said["runs"][0]["status"]

    def run(self, app, **configuration):
        """Submit an app, wait until its run has finished; returns the final status."""
        told = " ".join(f"{name.replace('_', '-')}={json.dumps(value)}" for name, value in configuration.items())
        submitted = self.flwr("run", app, "loopback", "--run-config", told, "--format", "json")
        try:
            run = json.loads(submitted.stdout)["run-id"]
        except (ValueError, KeyError):
            raise AssertionError(f"flwr run said\n{submitted.stdout}\n{submitted.stderr}\n{self.logs()}") from None
        found, asked = ["submitted"], time.monotonic()

        def finished():  # each `flwr ls` is a process that takes seconds: ask when the link says that something ended, or now and then
            nonlocal asked
            if "Finished task" in self.log("link") or time.monotonic() > asked + 20:
                asked = time.monotonic()
                found.append(self.status(run))
            return found[-1].startswith("finished")

        self.wait_until(finished, "the run has finished", 300)
        return found[-1]

    def log(self, name):
        """What a process has said so far."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def logs(self):
        """The ends of all logs."""
        return "\n".join(f"--- {each.name}\n{each.read_text(errors='replace')[-3000:]}" for each in sorted(self.folder.glob("*.log")))

    def stop(self):
        """Stop every process that was started, with its children."""
        for wanted in (signal.SIGTERM, signal.SIGKILL):
            for process in self.processes:
                try:
                    os.killpg(process.pid, wanted)
                except ProcessLookupError:
                    pass
            end = time.monotonic() + 5
            for process in self.processes:
                try:
                    process.wait(max(0.1, end - time.monotonic()))
                except subprocess.TimeoutExpired:
                    pass


@contextmanager
def loopback():
    """A folder, certificates and ports; whatever was started is stopped at the end, and the folder is gone."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # also when we are told to stop ourselves
    try:
        with tempfile.TemporaryDirectory(prefix="labkit-flower-", ignore_cleanup_errors=True) as folder:
            here = Loopback(folder)
            try:
                yield here
            finally:
                here.stop()
    finally:
        signal.signal(signal.SIGTERM, before)


def simulated(rounds):
    """What the simulator makes of the same task, shape (P,)."""
    clients = [task.records(each, NODES) for each in range(NODES)]
    return vector_of(simulate(task.model(), clients, task.STRATEGY, rounds=rounds, **task.WORK).model).numpy()


def main(rounds=2):
    """Run the app, and print the status and the largest difference."""
    began = time.monotonic()
    with loopback() as here:
        here.start_link()
        for number in range(NODES):
            here.start_node(number)
        saved = here.folder / "parameters.npy"
        print(f"{time.monotonic() - began:5.1f} s  SuperLink and {NODES} SuperNodes started")
        status = here.run(write_app(here.folder / "clinics"), num_rounds=rounds, save_to=str(saved))
        print(f"{time.monotonic() - began:5.1f} s  {status}")
        if "-v" in sys.argv:
            print(here.logs())
        difference = np.abs(np.load(saved) - simulated(rounds)).max()
    print(f"{time.monotonic() - began:5.1f} s  largest difference from the simulator: {difference:.1e}")


if __name__ == "__main__":
    main()
