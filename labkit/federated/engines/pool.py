"""The engine for large models on several processor cores: the clients of a round shared out among forked processes.

A forked process sees the clients' data without copying it. Models travel through memory that all processes share; only the
lists of batches are sent. Every process runs the lean engine on one torch thread, so the results are the same bit for bit.
"""

import math
import mmap
import multiprocessing
import os
import signal
import sys
from time import process_time

import torch

from labkit.federated.engines.lean import Lean, train_one

__all__ = ["Pool", "pool_is_possible", "processors"]


def processors():
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pool_is_possible(parameter):
    """Whether processes can be forked safely here, for a model that lives where `parameter` does."""
    return "fork" in multiprocessing.get_all_start_methods() and sys.platform != "darwin" and parameter.device.type == "cpu"


class Pool(Lean):
    """`workers` processes, alive until `close`; they start with the first round."""

    def __init__(self, model, population, loss, workers=None):
        super().__init__(model, population, loss)
        self.wanted, self.workers, self.seconds = workers or processors(), [], []

    def train(self, received, strategy, clients, plans, memories, learning_rate, seeds):
        """Train each client; returns the parameters of each, shape (P,), in the order given."""
        if not self.workers:
            self._start(received, strategy, memories[0], learning_rate, rows=len(clients))
        for name, tensor in received.items():
            self.received[name].copy_(tensor)
        return [own for start in range(0, len(clients), self.rows)
                for own in self._some(clients[start:start + self.rows], plans[start:start + self.rows],
                                      memories[start:start + self.rows], seeds[start:start + self.rows])]

    def _start(self, received, strategy, memory, learning_rate, rows):
        """Lay out the shared memory, then fork: the processes inherit both."""
        self.rows = rows
        self.received = {name: _shared(tensor.shape, tensor.dtype) for name, tensor in received.items()}
        self.memory = {name: _shared((rows, *tensor.shape), tensor.dtype) for name, tensor in memory.items()}
        self.trained = _shared((rows, len(received["parameters"])), received["parameters"].dtype)
        context = multiprocessing.get_context("fork")
        for _ in range(min(self.wanted, rows)):
            ours, theirs = context.Pipe()
            process = context.Process(target=self._work, args=(theirs, ours, strategy, learning_rate), daemon=True)
            process.start()
            theirs.close()
            self.workers.append((process, ours))
        self.seconds = [0.0] * len(self.workers)

    def _some(self, clients, plans, memories, seeds):
        for row, memory in enumerate(memories):
            for name, tensor in memory.items():
                self.memory[name][row].copy_(tensor)
        shares, loads = [[] for _ in self.workers], [0] * len(self.workers)
        work = [sum(map(len, plan)) for plan in plans]
        for row in sorted(range(len(clients)), key=lambda row: -work[row]):  # the longest first, to whoever has least to do
            least = loads.index(min(loads))
            loads[least] += work[row]
            shares[least].append((row, clients[row], plans[row], seeds[row]))
        for (_, pipe), share in zip(self.workers, shares):
            try:
                pipe.send(share)
            except (BrokenPipeError, ConnectionResetError):
                pass  # that process is gone: told below, where its answer is missing
        for number, (process, pipe) in enumerate(self.workers):
            try:
                error, self.seconds[number] = pipe.recv()
            except (EOFError, ConnectionResetError):
                process.join()
                raise RuntimeError(f"a worker process of the pool died (exit code {process.exitcode}); engine='lean' needs none") from None
            if error:
                raise RuntimeError(f"in a worker process of the pool: {error}")
        return self.trained[:len(clients)].clone()

    def _work(self, pipe, parents, strategy, learning_rate):
        """What a forked process does until its pipe closes, because `close` was called or the parent is gone."""
        for other in (parents, *(each for _, each in self.workers)):  # inherited ends, which would keep pipes open
            other.close()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to handle
        torch.set_num_threads(1)
        while True:
            try:
                share = pipe.recv()
            except EOFError:
                return
            error = None
            try:
                for row, client, plan, seed in share:
                    memory = {name: tensor[row] for name, tensor in self.memory.items()}
                    self.trained[row] = train_one(self.bound, *self.population.records(client), self.received, plan, strategy, memory,
                                                  learning_rate, self.loss, seed)
            except Exception as raised:  # told to the parent, which raises
                error = f"client {client}: {type(raised).__name__}: {raised}"
            pipe.send((error, process_time()))

    def close(self):
        """End the processes: they hold nothing worth keeping, and after an interrupt they may be busy."""
        for process, pipe in self.workers:
            process.kill()
            process.join()
            pipe.close()
        self.workers = []


def _shared(shape, dtype):
    """A tensor in memory that forked processes share (not in /dev/shm, which is tiny in containers)."""
    size = max(1, math.prod(shape)) * torch.empty((), dtype=dtype).element_size()
    return torch.frombuffer(mmap.mmap(-1, size), dtype=dtype)[:math.prod(shape)].view(shape)
