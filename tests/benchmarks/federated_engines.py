"""How fast the federated simulator is beside two others: pfl and Flower's simulation engine.

    python -m tests.benchmarks.federated_engines            # all three
    python -m tests.benchmarks.federated_engines pfl        # without Flower, whose runs take minutes to start

Federated averaging, 100 clients with unlike labels, one local epoch of plain SGD, one torch thread a process, same data, model
and hyper-parameters. The sides take turns, in the same process; Flower, with a process per client at work, has its start told
apart. Two clocks: seconds on the wall (the best turn counts, other work on the machine only ever adds), and seconds of processor
time over all processes (the median turn). Exits with 1 when a ratio is below what is wanted.

pfl and Flower's engine (Ray) want older versions of libraries than the labs use, so give them an environment of their own:

    python -m venv --system-site-packages /tmp/engines
    python -c "import site; print(site.getsitepackages()[0])" > /tmp/engines/lib/python3.11/site-packages/labs.pth
    /tmp/engines/bin/pip install "pfl[pytorch]" "flwr[simulation]"
    OMP_NUM_THREADS=1 /tmp/engines/bin/python -m tests.benchmarks.federated_engines
"""

import os

os.environ.update({"OMP_NUM_THREADS": "1", "FLWR_TELEMETRY_ENABLED": "0", "RAY_USAGE_STATS_ENABLED": "0", "PFL_PYTORCH_DEVICE": "cpu",
                   "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_raylet_start_wait_time_s": "300",
                   "PYTHONPATH": os.getcwd()})  # Ray's workers import this module

import functools
import importlib.util
import logging
import resource
import sys
import time
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from labkit import datasets
from labkit.federated import FedAvg, partition, simulate

CLIENTS, TURNS = 100, 5
INSTALL = {"pfl": 'pip install "pfl[pytorch]"', "ray": 'pip install "flwr[simulation]"'}


@dataclass(frozen=True)
class Work:
    """One task, and how many times faster than pfl and than Flower we want to be."""

    name: str
    kind: str
    hidden: int
    cohort: int
    rounds: int
    batch_size: int
    learning_rate: float
    pfl: float
    flower: float

    def model(self):
        """The same start for every side."""
        torch.manual_seed(3)
        inputs = 64 if self.kind == "digits" else 784
        if not self.hidden:
            return nn.Sequential(nn.Linear(inputs, 10))
        return nn.Sequential(nn.Linear(inputs, self.hidden), nn.ReLU(), nn.Linear(self.hidden, 10))


WORKS = [Work("MLP 64-64-10, cohort 10", "digits", 64, 10, 40, 8, 0.5, 6, 100),
         Work("MLP 64-64-10, cohort 100", "digits", 64, 100, 20, 8, 0.5, 15, 100),
         Work("logistic 784-10, cohort 10", "large", 0, 10, 20, 32, 0.1, 1.5, 3),
         Work("MLP 784-200-10, cohort 10", "large", 200, 10, 10, 32, 0.1, 2, 3)]


@functools.lru_cache
def data(kind):
    """Clients and test records: the digits, or 60,000 made-up records of 784 numbers with ten kinds of label."""
    if kind == "digits":
        train, test = datasets.digits().split(test_size=0.2, seed=0)
        x, y, held = train.X, train.y, (test.X, test.y)
    else:
        rng = np.random.default_rng(0)
        x = rng.standard_normal((70_000, 784), dtype=np.float32)
        hidden = np.tanh(x @ (rng.standard_normal((784, 64), dtype=np.float32) / 14))
        y = (hidden @ rng.standard_normal((64, 10), dtype=np.float32)).argmax(1)
        x += 0.15 * rng.standard_normal((10, 784), dtype=np.float32)[y]
        x, y, held = x[:60_000], y[:60_000], (x[60_000:], y[60_000:])
    sizes = partition.skewed_sizes(len(y), clients=CLIENTS, alpha=5.0, minimum=2, seed=1)
    parts = partition.dirichlet(y, clients=CLIENTS, alpha=0.5, sizes=sizes, seed=1)
    return [(x[part], y[part]) for part in parts], held


def accuracy(model, held):
    with torch.no_grad():
        return float((model(torch.from_numpy(held[0])).argmax(1).numpy() == held[1]).mean())


class Clock:
    """Wall and processor seconds of every round after the first, which pays for the start."""

    def __init__(self, processor_time=time.process_time):
        self.began, self.marks, self.processor_time = time.perf_counter(), [], processor_time

    def tick(self, *_):
        self.marks.append((time.perf_counter(), self.processor_time()))

    def result(self, model, held):
        wall, cpu = np.diff(np.array(self.marks), axis=0).T
        return {"wall": wall, "cpu": cpu, "start": self.marks[0][0] - self.began, "accuracy": accuracy(model, held)}


def with_children():
    """Processor time of this process and of all that are now at work for it. Looking around takes milliseconds."""
    import psutil

    total = time.process_time()
    for child in psutil.Process().children(recursive=True):
        try:
            total += sum(child.cpu_times()[:2])
        except psutil.Error:  # ended meanwhile
            pass
    return total


def of_ended_children():
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def labkit(work, seed):
    clients, held = data(work.kind)
    clock, before = Clock(), of_ended_children()
    run = simulate(work.model(), clients, FedAvg(), rounds=work.rounds, cohort=work.cohort, local_epochs=1, batch_size=work.batch_size,
                   learning_rate=work.learning_rate, seed=seed, on_round=clock.tick)
    found = clock.result(run.model, held)
    return {**found, "cpu": found["cpu"] + (of_ended_children() - before) / work.rounds, "engine": run.engine}  # a pool ends with the run


def pfl(work, seed):
    from pfl.aggregate.simulate import SimulatedBackend
    from pfl.aggregate.weighting import WeightByDatapoints
    from pfl.algorithm.base import NNAlgorithmParams
    from pfl.algorithm.federated_averaging import FederatedAveraging
    from pfl.callback.base import TrainingProcessCallback
    from pfl.data.dataset import Dataset
    from pfl.data.federated_dataset import FederatedDataset
    from pfl.hyperparam import NNEvalHyperParams, NNTrainHyperParams
    from pfl.metrics import Metrics
    from pfl.model.pytorch import PyTorchModel

    clients, held = data(work.kind)
    tensors = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in clients]
    net, rng = work.model(), np.random.default_rng([2, seed])
    net.loss = lambda x, y, eval=False: nn.functional.cross_entropy(net(x), y)
    net.metrics = lambda x, y, eval=False: {}
    schedule = (user for _ in range(work.rounds + 1) for user in rng.choice(CLIENTS, work.cohort, replace=False))
    users = FederatedDataset(make_dataset_fn=lambda user: Dataset(raw_data=list(tensors[user]), user_id=str(user)),
                             user_sampler=lambda: next(schedule))
    model = PyTorchModel(net, local_optimizer_create=torch.optim.SGD, central_optimizer=torch.optim.SGD(net.parameters(), lr=1.0))
    clock = Clock()

    class Tick(TrainingProcessCallback):
        def after_central_iteration(self, aggregate_metrics, model, *, central_iteration):
            clock.tick()
            return False, Metrics()

    FederatedAveraging().run(
        algorithm_params=NNAlgorithmParams(central_num_iterations=work.rounds, evaluation_frequency=work.rounds + 1,
                                           train_cohort_size=work.cohort, val_cohort_size=None),
        backend=SimulatedBackend(training_data=users, val_data=users, postprocessors=[WeightByDatapoints()]), model=model,
        model_train_params=NNTrainHyperParams(local_num_epochs=1, local_learning_rate=work.learning_rate,
                                              local_batch_size=work.batch_size),
        model_eval_params=NNEvalHyperParams(local_batch_size=None), callbacks=[Tick()], send_metrics_to_platform=False)
    return clock.result(net, held)


def flower(work, seed):
    from flwr.app import ArrayRecord, ConfigRecord, Message, MessageType, MetricRecord, RecordDict
    from flwr.clientapp import ClientApp
    from flwr.serverapp import ServerApp
    from flwr.serverapp.strategy import FedAvg as FlowerFedAvg
    from flwr.simulation import run_simulation

    logging.getLogger("flwr").setLevel(logging.ERROR)
    client, server, clock, final = ClientApp(), ServerApp(), Clock(with_children), {}

    @client.train()
    def train(message, context):
        torch.set_num_threads(1)
        x, y = (torch.from_numpy(each) for each in data(work.kind)[0][message.content["config"]["client"]])
        model = work.model()
        model.load_state_dict(message.content["arrays"].to_torch_state_dict())
        optimiser = torch.optim.SGD(model.parameters(), lr=work.learning_rate)
        for batch in torch.arange(len(y)).split(work.batch_size):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimiser.step()
        reply = {"arrays": ArrayRecord(model.state_dict()), "metrics": MetricRecord({"num-examples": len(y)})}
        return Message(content=RecordDict(reply), reply_to=message)

    class Cohorts(FlowerFedAvg):
        def configure_train(self, server_round, arrays, config, grid):
            if server_round > 1:
                clock.tick()
            while len(nodes := list(grid.get_node_ids())) < CLIENTS:
                time.sleep(0.05)
            cohort = np.random.default_rng([2, seed, server_round]).choice(CLIENTS, work.cohort, replace=False)
            return [Message(content=RecordDict({"arrays": arrays, "config": ConfigRecord({"client": int(each)})}),
                            message_type=MessageType.TRAIN, dst_node_id=nodes[each]) for each in cohort]

    @server.main()
    def main(grid, context):
        start = ArrayRecord(work.model().state_dict())
        found = Cohorts(fraction_evaluate=0.0).start(grid=grid, initial_arrays=start, num_rounds=work.rounds)
        clock.tick()
        final.update(found.arrays.to_torch_state_dict())

    run_simulation(server_app=server, client_app=client, num_supernodes=CLIENTS,
                   backend_config={"client_resources": {"num_cpus": 1.0, "num_gpus": 0.0},
                                   "init_args": {"num_cpus": 2, "include_dashboard": False, "logging_level": "error",
                                                 "log_to_driver": False}})
    model = work.model()
    model.load_state_dict(final)
    return clock.result(model, data(work.kind)[1])


def compare(work, with_flower):
    """Run all sides; prints a line for each and returns whether the wanted ratios were reached."""
    turns = {labkit: [], pfl: []}
    for turn in range(TURNS):  # each with cohorts of its own: after a few rounds over unlike clients, accuracy hangs on the last ones
        for side in turns:
            turns[side].append(side(work, turn))
    if with_flower:
        turns[flower] = [flower(work, 0)]
    print(f"\n{work.name}: {work.rounds} rounds, {TURNS} turns of each side (Flower: one)")
    best, cpus = {}, {}
    for side, found in turns.items():
        wall = best[side] = min(np.median(each["wall"]) for each in found)
        cpu = cpus[side] = np.median([np.median(each["cpu"]) for each in found])
        engine = f" ({found[0]['engine']})" if side is labkit else ""
        print(f"  {side.__name__ + engine:<18}{1e3 * wall:8.1f} ms a round on the wall, {1e3 * cpu:8.1f} ms of processor time; first "
              f"round and start {found[-1]['start']:6.2f} s; accuracy {np.mean([each['accuracy'] for each in found]):.3f}, "
              f"turns from {min(each['accuracy'] for each in found):.3f} to {max(each['accuracy'] for each in found):.3f}")
    reached = True
    for side, wanted in ((pfl, work.pfl), (flower, work.flower)):
        if side in best:
            ratio = best[side] / best[labkit]
            reached &= ratio >= wanted
            print(f"  {ratio:6.1f} times as fast as {side.__name__} on the wall (wanted: {wanted:g}), "
                  f"{cpus[side] / cpus[labkit]:.1f} times in processor time")
    return reached


def ten_thousand():
    """Rounds over 10,000 clients: seconds, and memory that must not grow from round to round."""
    rng = np.random.default_rng(0)
    x, y = rng.random((10_000, 20, 64), dtype=np.float32), rng.integers(0, 10, (10_000, 20))
    memory, began = [], time.process_time()
    simulate(WORKS[0].model(), list(zip(x, y)), FedAvg(), rounds=200, cohort=100, local_epochs=1, batch_size=10, learning_rate=0.1,
             on_round=lambda _: memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
    print(f"\n10,000 clients, 200 rounds of 100: {time.process_time() - began:.1f} s of processor time; memory grew by "
          f"{memory[-1] - memory[19]:.1f} MB from round 20 to round 200")
    return memory[-1] - memory[19] < 10


def main():
    sides = sys.argv[1:] or ["pfl", "flower"]
    missing = [name for name in ("pfl", *(["ray"] if "flower" in sides else [])) if importlib.util.find_spec(name) is None]
    if missing:
        print(f"missing: {', '.join(missing)}. Install with: {' && '.join(INSTALL[each] for each in missing)} (see this module's text)")
        return 2
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    load = os.getloadavg()[0]
    print(f"load before the start: {load:.1f} on {os.cpu_count()} processors" + (" (busy: ratios below are rough)" if load > 0.7 else ""))
    results = [ten_thousand(), *(compare(work, "flower" in sides) for work in WORKS)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    from tests.benchmarks import federated_engines  # by the name under which Ray's workers find it

    sys.exit(federated_engines.main())
