"""Solve outcomes are counted exactly, by threads and by processes, and the file goes away."""

import multiprocessing
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.compile.maker import function
from pytensor.gradient import grad

from bnode_nlme.engine import SolveCounter, SolveStatus, solve
from tests.engine.compartments import ONE, one_compartment
from tests.engine.tables import dose, observe, study_of

ROWS = [dose(0, 10), observe(1)]


def solve_some(payload: bytes, times: int) -> None:
    """In a child process: solve two subjects, of which one has a parameter that is NaN."""
    solver, counter, inputs = cloudpickle.loads(payload)
    from bnode_nlme.engine.population import call_forward

    for _ in range(times):
        call_forward(solver.template, *inputs, 2, False, counter.address)


def payload_and_counter() -> tuple[bytes, SolveCounter]:
    CL = pt.vector("CL", shape=(2,))
    solution = solve(one_compartment, study_of(ROWS, ROWS), ONE | {"CL": CL})
    op = solution.status.owner.op
    values = {CL: np.array([2.0, np.nan])}
    inputs = [variable.eval(values, on_unused_input="ignore")
              for variable in solution.status.owner.inputs[:-1]]  # fmt: skip
    return cloudpickle.dumps((op.solver, op.counter, inputs)), solution.counter


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_processes_add_to_one_count(start: str) -> None:
    payload, counter = payload_and_counter()
    solve_some(payload, 3)
    context: Any = multiprocessing.get_context(start)
    children = [context.Process(target=solve_some, args=(payload, 50)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
        assert child.exitcode == 0
    counted = counter.read()
    assert counted.pop(SolveStatus.SUCCESS) == 103
    assert counted.pop(SolveStatus.NOT_FINITE_INPUT) == 103
    assert not any(counted.values())


def test_threads_add_to_one_count() -> None:
    payload, counter = payload_and_counter()
    threads = [threading.Thread(target=solve_some, args=(payload, 200)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.read()[SolveStatus.SUCCESS] == 1600
    assert counter.read()[SolveStatus.NOT_FINITE_INPUT] == 1600
    counter.reset()
    assert not any(counter.read().values())


def test_failed_adjoint_solves_are_counted_too() -> None:
    ka = pt.scalar("ka")
    rows = [dose(0, 100), *(observe(t) for t in range(1, 40))]
    solution = solve(
        one_compartment,
        study_of(rows),
        ONE | {"ka": ka},
        method="bdf",
        rtol=1e-9,
        adjoint_rtol=1e-12,
        max_steps=400,
    )
    gradient = function([ka], grad(solution.outputs["cp"].sum(), ka))
    assert np.isnan(gradient(1.0))
    assert solution.counter.read()[SolveStatus.SUCCESS] == 1
    assert solution.counter.read()[SolveStatus.MAX_STEPS] == 1


def test_pickling_carries_the_file() -> None:
    counter = SolveCounter()
    copy = pickle.loads(pickle.dumps(counter))
    assert copy == counter
    assert hash(copy) == hash(counter)
    assert copy.address == counter.address
    assert SolveCounter() != counter
    assert counter.__eq__(counter.path) is False


def test_many_counters_share_one_file() -> None:
    counters = [SolveCounter() for _ in range(300)]
    # Another may begin among them, where the one before is full.
    assert len({counter.path for counter in counters}) <= 2
    addresses = sorted(counter.address for counter in counters)
    assert min(np.diff(addresses)) >= 8 * len(SolveStatus)
    assert len(set(counters)) == 300


def test_a_full_file_is_followed_by_another() -> None:
    counters = [SolveCounter() for _ in range(1200)]
    assert len(set(counters)) == 1200
    assert 3 <= len({counter.path for counter in counters}) <= 4


def test_a_forked_child_counts_elsewhere() -> None:
    SolveCounter()
    context: Any = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=lambda: sender.send(SolveCounter().path))
    child.start()
    path = receiver.recv()
    child.join(60)
    assert path != SolveCounter().path
    # A child of multiprocessing ends without the interpreter's clean-up.
    Path(path).unlink(missing_ok=True)


def test_counts_outlive_their_counter() -> None:
    # Compiled code may still write to the address when no Python object is left.
    import ctypes

    counter = SolveCounter()
    address, path, slot = counter.address, counter.path, counter.slot
    del counter
    ctypes.c_int64.from_address(address).value = 7
    assert SolveCounter(path, slot).read()[SolveStatus.SUCCESS] == 7


def test_the_file_is_removed_when_the_process_ends() -> None:
    script = (
        "import os\n"
        "from bnode_nlme.engine import SolveCounter\n"
        "print(SolveCounter().path, flush=True)\n"
        "if os.fork() == 0: raise SystemExit  # a child that ends leaves its parent's file\n"
        "os.wait()\n"
        "counter = SolveCounter()\n"
        "print(counter.path, flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True
    )
    paths = done.stdout.split()
    assert len(paths) == 2
    assert not any(Path(path).exists() for path in paths)
