"""Threads of one solve, among which the groups of a population are shared out.

A thread lives as long as one call. Starting one takes some ten microseconds, a group of eight
subjects about a hundred; a pool would have to survive forks and the end of its process.
"""

from __future__ import annotations

import os
import sys

import numpy as np
from numba import types

from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.memory import call_entry

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
    def run(function: int, routine: int, block: int, threads: int, groups: int) -> None:
        """Run a function in this thread."""
        call_entry(function, block)

else:
    _create = types.ExternalFunction(
        "pthread_create", types.int32(types.intp, types.intp, types.intp, types.intp)
    )
    _join = types.ExternalFunction("pthread_join", types.int32(types.intp, types.intp))

    @compiled
    def run(function: int, routine: int, block: int, threads: int, groups: int) -> None:
        """Run a function here and in further threads, which run the routine that calls it."""
        wanted = min(threads, MOST, groups // _GROUPS_EACH)
        handles = np.zeros(MOST, np.int64)
        started = 0
        while started < wanted - 1:
            if _create(handles.ctypes.data + 8 * started, 0, routine, block) != 0:
                break  # no more threads on this machine: those there are do the work
            started += 1
        call_entry(function, block)
        for thread in range(started):
            _join(handles[thread], 0)
