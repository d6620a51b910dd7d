"""Threads of a solve: the same numbers whoever asks, after a fork too, and none is left over."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from bnode_nlme.engine.workers import POOL, ask, take_back
from tests.engine.compartments import one_compartment
from tests.engine.gradients import value_and_gradient
from tests.engine.tables import dose, observe, study_of

STUDY = study_of(*[[dose(0, 100), *(observe(t) for t in (0.5, 1, 4, 12, 24))]] * 100)
PARAMETERS = np.exp(0.2 * np.random.default_rng(3).standard_normal((100, 3))) * [1.3, 2.9, 31.0]


def gradient(threads: int) -> Any:
    _, found = value_and_gradient(
        one_compartment, STUDY, PARAMETERS, np.empty(0), method="tsit5", threads=threads
    )
    return found.parameters


def threads_of_this_process() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def wait_for(condition: Any) -> bool:
    for _ in range(500):
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_many_callers_share_the_threads() -> None:
    alone = gradient(1)
    found: list[Any] = []
    callers = [
        threading.Thread(target=lambda: found.extend(gradient(4) for _ in range(20)))
        for _ in range(6)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=120)
    assert len(found) == 120
    for one in found:
        assert_array_equal(one, alone)


def test_a_call_takes_back_only_what_it_gave() -> None:
    pool, first, second = np.zeros_like(POOL), np.zeros(1, np.int64), np.zeros(1, np.int64)
    pool[0] = idle = 1
    place = ask(pool.ctypes.data, 0, 0, 0, first)
    assert (place, first[0]) == (pool.ctypes.data, 1)
    # The thread does what it was asked for, and is idle when another call comes.
    pool[0], first[0] = idle, 0
    assert ask(pool.ctypes.data, 0, 0, 0, second) == place
    take_back(place, first)
    assert (first[0], second[0]) == (0, 1)
    assert pool[0] == second.ctypes.data
    take_back(place, second)
    assert (second[0], pool[0]) == (0, idle)


TWO_CALLERS = """
import threading
from tests.engine.test_workers import STUDY, gradient
gradient(1)
callers = [threading.Thread(target=lambda: [gradient(4) for _ in range(400)]) for _ in range(3)]
[caller.start() for caller in callers]
[caller.join() for caller in callers]
"""


def test_callers_do_not_wait_for_each_other_for_ever() -> None:
    # A hang would be one of compiled code, deaf to every signal but that which kills.
    subprocess.run([sys.executable, "-c", TWO_CALLERS], check=True, timeout=120)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are listed by Linux")
def test_threads_end_when_nobody_asks() -> None:
    gradient(1)
    before = threads_of_this_process()
    for _ in range(50):
        gradient(4)
    assert wait_for(lambda: threads_of_this_process() <= before)
    assert wait_for(lambda: not POOL[::8].any())


def _in_child(answers: Any) -> None:
    answers.put(gradient(4))


def test_a_child_forked_while_threads_wait_solves() -> None:
    alone = gradient(1)
    context = multiprocessing.get_context("fork")
    for _ in range(5):
        answers = context.SimpleQueue()
        gradient(4)  # its threads still wait when the child begins
        child = context.Process(target=_in_child, args=(answers,))
        child.start()
        found = answers.get()
        child.join(timeout=60)
        assert child.exitcode == 0
        assert_array_equal(found, alone)
