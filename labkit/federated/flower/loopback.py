"""Flower on this machine, for real: a SuperLink and its SuperNodes as processes of their own, over TLS.

    with loopback(nodes=3) as here:
        status = here.run(write_app(here.folder / "clinics"), num_rounds=2)

Everything happens in a temporary folder and on ports that were free: an authority of its own signs the
SuperLink's certificate (`ca.pem` is what nodes and `flwr` must trust), and `config.toml` tells `flwr` where
the SuperLink is. At the end, however it ends, the processes are stopped and the folder is removed. Only
loopback is used. Not for Windows, which has no process groups to stop.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import labkit
from labkit import validate
from labkit.security.certificates import CertificateAuthority

__all__ = ["loopback", "Loopback", "write_certificates", "connection", "free_ports"]

BIN = Path(sys.executable).parent


def free_ports(count):
    """Ports that were free a moment ago, all different."""
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in taken:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in taken]


def write_certificates(folder, host="localhost"):
    """A new private authority, and a certificate for the SuperLink at `host`, in a new folder.

    Writes ca.pem (for everybody), server.pem and server.key (for the SuperLink alone). The authority's own
    key is written nowhere.
    """
    folder = Path(folder)
    folder.mkdir()
    authority = CertificateAuthority("Lab authority")
    server = authority.issue(host, "server")
    (folder / "ca.pem").write_bytes(authority.certificate)
    (folder / "server.pem").write_bytes(server.certificate)
    (folder / "server.key").touch(mode=0o600)
    (folder / "server.key").write_bytes(server.private_key)
    return folder


def connection(name, address, certificates):
    """The lines for `config.toml` in FLWR_HOME (~/.flwr): where `flwr run APP name` goes, whom it trusts."""
    return (
        f'[superlink]\ndefault = "{name}"\n\n[superlink.{name}]\naddress = "{address}"\n'
        f'root-certificates = "{Path(certificates).resolve()}"\n'
    )


class Loopback:
    """A SuperLink with its SuperNodes. Use `loopback()`, which stops them."""

    def __init__(self, folder, nodes):
        self.folder, self.nodes, self.processes, self.node_processes = Path(folder).resolve(), nodes, [], {}
        self.port, *self.node_ports = free_ports(nodes + 2)
        self.home = self.folder / "flower"
        self.home.mkdir()
        self.trusted = write_certificates(self.folder / "trusted")
        (self.home / "config.toml").write_text(
            connection("loopback", f"localhost:{self.port}", self.trusted / "ca.pem")
        )
        self.environment = os.environ | {
            "FLWR_HOME": str(self.home),
            "FLWR_TELEMETRY_ENABLED": "0",
            "FLWR_SUPEREXEC_TASK_POLL_INTERVAL": "0.1",
            "HOME": str(self.folder),
            "OMP_NUM_THREADS": "1",
            "PYTHONWARNINGS": "ignore",
            "TMPDIR": str(self.folder),
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": os.pathsep.join(
                filter(None, [str(Path(labkit.__file__).parents[1]), os.environ.get("PYTHONPATH")])
            ),
        }

    def start(self, name, *command):
        """A process in a group of its own, with its output in a file."""
        with open(self.folder / f"{name}.log", "w") as log:
            process = subprocess.Popen(
                list(map(str, command)),
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self.folder,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def start_link(self):
        """The SuperLink, with its certificate."""
        mine = self.trusted
        link = self.start(
            "link",
            BIN / "flower-superlink",
            "--host",
            "localhost",
            "--port",
            self.port,
            "--ssl-ca-certfile",
            mine / "ca.pem",
            "--ssl-certfile",
            mine / "server.pem",
            "--ssl-keyfile",
            mine / "server.key",
            "--disable-runtime-dependency-installation",
        )
        self.wait_until(lambda: self.answers(self.port), "the SuperLink answers", 60, of=link)

    def start_node(self, number, *, partition=None, certificates=None, **options):
        """A SuperNode with this partition-id (None: its number) that trusts the ca.pem in `certificates`."""
        mine, partition = certificates or self.trusted, number if partition is None else partition
        self.node_processes[number] = process = self.start(
            f"node-{number}",
            BIN / "flower-supernode",
            "--superlink",
            f"localhost:{self.port}",
            "--host",
            "localhost",
            "--port",
            self.node_ports[number],
            "--root-certificates",
            mine / "ca.pem",
            "--ssl-ca-certfile",
            mine / "ca.pem",
            "--ssl-certfile",
            mine / "server.pem",
            "--ssl-keyfile",
            mine / "server.key",
            "--node-config",
            f"partition-id={partition} num-partitions={self.nodes}",
            *(part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)),
        )
        return process

    def connected(self):
        """How many SuperNodes say that the SuperLink let them in."""
        return sum("SuperNode ID" in self.log(f"node-{number}") for number in self.node_processes)

    def kill(self, number):
        """Kill a SuperNode and what it started, at once: it cannot tell the SuperLink."""
        os.killpg(self.node_processes[number].pid, signal.SIGKILL)

    @staticmethod
    def answers(port):
        """Whether somebody listens at a port of this machine."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def wait_until(self, condition, what, seconds, of=None):
        """Wait for a condition; RuntimeError with the logs when time is over or the process `of` ended."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end or (of is not None and of.poll() is not None):
                raise RuntimeError(
                    f"after {seconds} s, or because its process ended, still not: {what}\n{self.logs()}"
                )
            time.sleep(0.2)

    def flwr(self, *arguments):
        """Run `flwr`; returns the finished process."""
        return subprocess.run(
            [BIN / "flwr", *map(str, arguments)],
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=self.folder,
            timeout=120,
        )

    def status(self, run):
        """The status of a run, from the SuperLink: the exit code of `flwr run` says nothing about it."""
        said = json.loads(self.flwr("ls", "loopback", "--run-id", run, "--format", "json").stdout)
        return said["runs"][0]["status"]

    def run(self, app, *, at_most=600, watch=None, **configuration):
        """Submit an app, wait until its run has finished; returns the final status. What the run says is in
        the log "run".

        at_most:  seconds to wait; then RuntimeError with the logs.
        watch:    a function that is called now and then with what the run has said so far.
        configuration: what `flwr run --run-config` is to say, with _ for -.
        """
        told = " ".join(
            f"{name.replace('_', '-')}={json.dumps(value)}" for name, value in configuration.items()
        )
        submitted = self.flwr("run", app, "loopback", "--run-config", told, "--format", "json")
        try:
            run = json.loads(submitted.stdout)["run-id"]
        except (ValueError, KeyError):
            raise RuntimeError(
                f"flwr run said\n{submitted.stdout}\n{submitted.stderr}\n{self.logs()}"
            ) from None
        found, asked = ["submitted"], time.monotonic()
        listener = self.start("run", BIN / "flwr", "log", run, "loopback", "--stream")

        def finished():  # each `flwr ls` takes seconds: ask when the run falls silent, or now and then
            nonlocal asked
            if watch is not None:
                watch(self.log("run"))
            if listener.poll() is not None or time.monotonic() > asked + 60:
                asked = time.monotonic()
                found.append(self.status(run))
            return found[-1].startswith("finished")

        self.wait_until(finished, "the run has finished", at_most)
        if listener.poll() is None:  # it may have a last line to write
            listener.wait(30)
        if watch is not None:
            watch(self.log("run"))
        return found[-1]

    def log(self, name):
        """What a process has said so far."""
        return re.sub(r"\x1b\[[0-9;]*m", "", (self.folder / f"{name}.log").read_text(errors="replace"))

    def logs(self):
        """The ends of all logs."""
        return "\n".join(
            f"--- {each.name}\n{each.read_text(errors='replace')[-3000:]}"
            for each in sorted(self.folder.glob("*.log"))
        )

    def stop(self):
        """Stop every process that was started, with its children; returns how many are left."""
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
        end = time.monotonic() + 5  # what was orphaned is for the system to clear away
        while (left := sum(map(_runs, self.processes))) and time.monotonic() < end:
            time.sleep(0.1)
        return left


def _runs(process):
    """Whether a process or one of its group still exists."""
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def loopback(nodes=3):
    """Certificates, configuration and ports for a SuperLink and `nodes` SuperNodes, in a folder of their own,
    as a `Loopback`.

    Whatever was started is stopped at the end, and the folder is gone. Raises ValueError for a number of
    nodes that is no whole number from 1, RuntimeError where Flower is missing or the system is Windows.
    """
    validate.integer(nodes=nodes, at_least=1)
    if not hasattr(os, "killpg"):
        raise RuntimeError("loopback needs process groups, which this system has not: use Linux or macOS")
    if not (BIN / "flower-superlink").exists():
        raise RuntimeError(f"loopback needs Flower beside {sys.executable}: pip install 'labkit[flower]'")
    before = signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(143)
    )  # also when we are told to stop ourselves
    try:
        with tempfile.TemporaryDirectory(prefix="labkit-flower-", ignore_cleanup_errors=True) as folder:
            here = Loopback(folder, nodes)
            try:
                yield here
            finally:
                here.stop()
    finally:
        signal.signal(signal.SIGTERM, before)
