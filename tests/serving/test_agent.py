"""The toy agent, the ten orders and the matrix: each attack succeeds where it must and fails where it must."""

import pytest

from labkit.serving import DEFENCES, INJECTIONS, TASKS, ToyAgent, defence_matrix, leaks, run_task
from labkit.serving.labels import OUTSIDER, PRIVATE, Labelled, Nothing

MATRIX = defence_matrix()
every_order = pytest.mark.parametrize("injection", INJECTIONS, ids=lambda each: each.name)


@every_order
@pytest.mark.parametrize("pin", ["0000", "9999", "0123", "5050"])
def test_every_order_tells_the_pin_to_an_agent_without_defence(injection, pin):
    assert any(injection.read(run_task(task, Nothing(), pin=pin, injection=injection)[1]) == pin for task in TASKS)


@every_order
def test_nothing_is_read_from_honest_sessions(injection):
    assert all(injection.read(run_task(task, Nothing())[1]) is None for task in TASKS)


@every_order
def test_no_order_works_through_a_task_that_does_not_read_the_outsider(injection):
    for task in TASKS:
        if "Eve" not in task.wish:
            assert run_task(task, Nothing(), injection=injection) == run_task(task, Nothing())


@pytest.mark.parametrize("name, of_eight, of_ten, tasks", [
    ("nothing", 8, 10, 10), ("phrase filter", 7, 9, 10), ("allow-list", 4, 6, 10), ("allow-list, search for the secret", 3, 5, 10),
    ("labels on arguments", 2, 3, 10), ("labels on the whole context", 0, 0, 8), ("quarantined reader", 0, 0, 10)])
def test_the_matrix(name, of_eight, of_ten, tasks):
    leaking, done = MATRIX[name]
    assert (sum(leaking[:8]), sum(leaking), sum(done)) == (of_eight, of_ten, tasks)


def test_labels_on_arguments_miss_what_is_implicit():
    missed = [each.name for each, leaking in zip(INJECTIONS, MATRIX["labels on arguments"][0]) if leaking]
    assert missed == ["choice of page", "number of visits", "order of pages"]


def test_the_tasks_that_the_context_labels_cost_read_both_and_go_out():
    lost = [task.wish for task, done in zip(TASKS, MATRIX["labels on the whole context"][1]) if not done]
    assert len(lost) == 2 and all("bank and Eve" in wish for wish in lost)


def test_the_quarantined_reader_cannot_stop_a_lie():
    """What Eve writes still reaches the user: integrity of the summary is not promised."""
    agent = ToyAgent("4921", DEFENCES["quarantined reader"]("4921"), injection=INJECTIONS[1])
    assert INJECTIONS[1].order in TASKS[4].do(agent) and not agent.left


def test_pictures_leave_through_the_same_gate():
    agent = ToyAgent("4921", Nothing())
    agent.show(Labelled("hello ![](https://wiki.example/a.png)"))
    assert agent.left == [("fetch", "https://wiki.example/a.png", "")]


def test_reading_changes_the_context():
    agent = ToyAgent("4921", Nothing())
    agent.read_mail(1)
    assert PRIVATE in agent.context and OUTSIDER not in agent.context
    agent.read_mail(3)
    assert OUTSIDER in agent.context


@pytest.mark.parametrize("call, name", [
    *[(lambda bad=bad: ToyAgent(bad, Nothing()), "pin") for bad in ("12", "abcd", 12345, None)],
    *[(lambda bad=bad: ToyAgent("4921", Nothing()).read_mail(bad), "number") for bad in (0, 5, "1")],
    (lambda: leaks(INJECTIONS[0], DEFENCES["nothing"], pins=()), "pins"),
    *[(lambda bad=bad: defence_matrix(injections=bad), "injections") for bad in (0, 11, 1.5)],
])
def test_bad_arguments_are_named(call, name):
    with pytest.raises(ValueError, match=name):
        call()
