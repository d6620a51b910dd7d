"""Threads of one solve, among which the groups of a population are shared out."""

from __future__ import annotations

import os

import numpy as np
from numba import carray

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.counts import ACTIVE
from bnode_nlme.engine.memory import add_atomically, call_entry, pointer_to_integers
from bnode_nlme.engine.workers import MOST, ask, take_back, wait
from bnode_nlme.engine.workspace import LANES

_GROUPS_EACH = 3
"""Fewer groups than this are not worth a thread."""


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@compiled
def run(function: int, call: int) -> None:
    """Run a function here and in further threads.

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
    places, pending = np.zeros(MOST, np.int64), np.zeros(1, np.int64)
    asked = 0
    while asked < wanted - 1:
        places[asked] = ask(block[at.POOL], block[at.WORKER], function, call, pending)
        if places[asked] == 0:
            break
        asked += 1
    call_entry(function, call)
    for thread in range(asked):
        take_back(places[thread], pending)
    wait(pending)
    if counts != 0:
        add_atomically(counts, ACTIVE, -1)
