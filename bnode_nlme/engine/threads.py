"""Threads of one solve, among which the groups of a population are shared out.

A thread lives as long as one call. Starting one takes some ten microseconds, a group of eight
subjects about a hundred; a pool would have to survive forks and the end of its process.
"""

from __future__ import annotations

import os
import sys

import numpy as np
from numba import carray, types

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.counts import ACTIVE
from bnode_nlme.engine.memory import add_atomically, call_entry, pointer_to_integers
from bnode_nlme.engine.workspace import LANES

# Windows has no POSIX threads: a call stays on its caller's thread there.
MOST = 1 if sys.platform == "win32" else 64
"""Most threads of one call."""

_GROUPS_EACH = 3
"""Fewer groups than this are not worth a thread."""


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


if MOST == 1:

    @compiled
    def _start(handle: int, routine: int, call: int) -> bool:
        return False

    @compiled
    def _wait(handle: int) -> None:
        pass

else:
    _create = types.ExternalFunction(
        "pthread_create", types.int32(types.intp, types.intp, types.intp, types.intp)
    )
    _join = types.ExternalFunction("pthread_join", types.int32(types.intp, types.intp))

    @compiled
    def _start(handle: int, routine: int, call: int) -> bool:
        return _create(handle, 0, routine, call) == 0

    @compiled
    def _wait(handle: int) -> None:
        _join(handle, 0)


@compiled
def run(function: int, routine: int, call: int) -> None:
    """Run a function here and in further threads, which run the routine that calls it.

    Threads are as many as the call may have, less where other solves of the model go on, and no
    more than its groups are worth.
    """
    block = carray(pointer_to_integers(call), (at.SIZE,))
    groups = (block[at.N_SOLVED] + LANES - 1) // LANES
    wanted = min(block[at.THREADS], MOST, groups // _GROUPS_EACH)
    counts = block[at.COUNTS]
    if counts != 0:
        others = add_atomically(counts, ACTIVE, 1)
        wanted = min(wanted, (block[at.THREADS] + others) // (1 + others))
    handles = np.zeros(MOST, np.int64)
    started = 0
    while started < wanted - 1:
        if not _start(handles.ctypes.data + 8 * started, routine, call):
            break  # no more threads on this machine: those there are do the work
        started += 1
    call_entry(function, call)
    for thread in range(started):
        _wait(handles[thread])
    if counts != 0:
        add_atomically(counts, ACTIVE, -1)
