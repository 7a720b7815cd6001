"""Run a federated experiment on one machine."""

import dataclasses
import warnings

import torch

from labkit import validate
from labkit.federated.engines.chain import is_chain
from labkit.federated.engines.evaluation import evaluator
from labkit.federated.engines.history import Round, Run
from labkit.federated.engines.lean import Lean
from labkit.federated.engines.parameters import copy_of, load_vector, vector_of
from labkit.federated.engines.plan import plan_of
from labkit.federated.engines.pool import Pool, pool_is_possible, processors
from labkit.federated.engines.population import population_of
from labkit.federated.engines.server import AggregatingServer
from labkit.federated.engines.stacked import Stacked
from labkit.federated.pipeline.step import Pipeline, Setting, seed_of
from labkit.federated.strategies.strategy import Strategy
from labkit.threads import torch_threads

__all__ = ["simulate"]

STACK_UP_TO = 6_000  # parameters; above, one client keeps the processor busy and stacking only moves memory about
POOL_FROM = 50_000  # parameters; below, passing models between processes costs as much as it gains
ENGINES = {"stacked": Stacked, "lean": Lean, "pool": Pool}


def simulate(model, clients, strategy, *, rounds: int, learning_rate: float, pipeline=(), cohort=None, sampling="fixed", local_steps=None,
             local_epochs=None, batch_size: int | None = None, drop_out=0.0, stragglers=0.0,
             seed: int | None = None, evaluate=None, evaluate_clients=None,
             evaluate_every=1, engine="auto", on_round=None, loss=torch.nn.functional.cross_entropy):
    """Train `model` over `clients` by `strategy`; returns a `Run`. The model given is left as it is.

    model:            a torch module without buffers, in float32 or float64; its values are where training starts. It is
                      trained in training mode and measured in evaluation mode; the mode it came in is left as it is.
    clients:          a sequence of pairs (X, y), one per client; none empty. Arrays are read when their client is at work, not
                      copied beforehand: leave them alone until the run has ended.
    strategy:         such as FedAvg().
    rounds:           how often the server averages.
    learning_rate:    of the clients' plain SGD.
    pipeline:         steps between clients and server, such as [Clip(max_grad_norm=1.0)]: see `labkit.federated.pipeline.step`.
    cohort:           clients asked per round; all by default.
    sampling:         "fixed": exactly `cohort` of them, drawn without replacement; "poisson": each client by itself with
                      probability cohort / clients, so perhaps nobody (what accounting for user-level privacy assumes).
    local_steps:      gradient steps a client takes per round, or
    local_epochs:     passes over its data (1 when neither is given).
    batch_size:       records per step; all of the client's by default.
    drop_out:         probability, from 0 to below 1, that a client of the cohort receives the model and never answers.
    stragglers:       probability, from 0 to 1, that one who answers was slow: it did a share of its steps drawn evenly from
                      0 to 1 (at least one step) and is named in its round's `slow`.
    seed:             fixes cohorts, drop-outs, batches, dropout layers and the pipeline's randomness (not the model's start).
                      None: 0, but the operating system's randomness where a step of the pipeline is private (noise, coins).
    evaluate:         a pair (X, y) of test data, which gives "loss" and "accuracy", or a function of the model that
                      returns a dict of numbers. Called before training and every `evaluate_every` rounds, and at the end.
    evaluate_clients: a pair (X, y) of test data for each client, which gives, over clients, the mean "client_accuracy",
                      "accuracy_spread" (standard deviation) and "accuracy_worst_decile", and the same of the loss.
    engine:           "stacked" (all clients in one tensor), "lean" (one after the other), "pool" (lean, in a forked process
                      per processor core), or "auto": stacked for small models made of linear layers, the pool for large
                      models where there are cores and forks, otherwise lean. The results agree within 1e-6; "stacked"
                      refuses a model whose layers draw at random or let the records of a batch meet, and names the layer.
    on_round:         called with each `Round` as it ends, for progress bars.
    loss:             torch.nn.functional style: loss(outputs, targets, reduction="none").
    A client whose update is not finite, or has a wrong shape, is left out, named in its round's `rejected`, and warned of.
    Should anything else fail in the middle, the exception carries the run up to there as its attribute `run`.
    Bytes count the tensors of messages, without any transport's headers.
    Raises ValueError, before any work, for arguments outside these bounds; see `population_of` for the clients' data.
    """
    if not isinstance(strategy, Strategy):
        raise ValueError(f"strategy must be a Strategy such as FedAvg(), got {strategy!r}")
    rounds, evaluate_every = validate.integer(rounds=rounds, at_least=1), validate.integer(evaluate_every=evaluate_every, at_least=1)
    validate.one_of(engine=engine, options=["auto", *ENGINES])
    steps = _steps(pipeline)
    seed = seed_of(seed, steps)
    population = population_of(clients, model, loss)
    plan = plan_of(clients=len(population), learning_rate=learning_rate, cohort=cohort, sampling=sampling, local_steps=local_steps,
                   local_epochs=local_epochs, batch_size=batch_size, drop_out=drop_out, stragglers=stragglers, seed=seed)
    measured, measure = evaluate is not None or evaluate_clients is not None, evaluator(evaluate, evaluate_clients, len(population), model, loss)
    parameters, model = vector_of(model), copy_of(model)
    pipeline = Pipeline(Setting(strategy, len(population), plan.cohort, plan.sampling, rounds, len(parameters), steps), seed)

    with torch_threads(1):
        engine = _engine(engine, is_chain(model, population.inputs), parameters, plan.cohort, rounds)
        trainer = ENGINES[engine](model, population, loss)
        server = AggregatingServer(strategy, population, trainer, plan, parameters, pipeline)
        run = Run(model, [Round(0, metrics=measure(model))], engine)
        try:
            for number in range(1, rounds + 1):
                record = server.round(number)
                if measured and (number % evaluate_every == 0 or number == rounds):
                    load_vector(model, server.parameters)
                    record = dataclasses.replace(record, metrics=record.metrics | measure(model))
                run.rounds.append(record)
                if on_round is not None:
                    on_round(record)
        except BaseException as error:  # also an interrupt from the keyboard: nobody likes to lose an hour's history
            error.run = run
            error.add_note(f"The history of {len(run.rounds) - 1} finished rounds is in the attribute `run` of this error.")
            raise
        finally:
            load_vector(model, server.parameters)
            trainer.close()
    return run


def _engine(engine, chain, parameters, cohort, rounds):
    """The engine's name; "auto" goes by the size of the model, and a pool that cannot be had becomes "lean"."""
    possible = pool_is_possible(parameters)
    if engine == "pool" and not possible:
        warnings.warn("engine='pool' needs Linux, where processes can be forked, and a model on the CPU; using 'lean', with the "
                      "same result", RuntimeWarning, stacklevel=3)
        return "lean"
    if engine != "auto":
        return engine
    if chain and len(parameters) <= STACK_UP_TO and cohort > 1:
        return "stacked"
    worth_it = len(parameters) >= POOL_FROM and cohort > 1 and rounds * cohort >= 20  # starting processes takes as long as a few clients
    return "pool" if worth_it and possible and processors() > 1 else "lean"


def _steps(pipeline):
    try:
        return tuple(pipeline)
    except TypeError:
        raise ValueError(f"pipeline must be a sequence of steps such as [Clip(max_grad_norm=1.0)], got {pipeline!r}") from None
