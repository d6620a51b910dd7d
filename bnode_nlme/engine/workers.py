"""Threads that help with a solve, and wait a moment for the next one.

To start a thread takes as long as a few groups of subjects. A gradient is two calls, and a sampler
asks for the next one soon: a thread that is done offers itself for about a fifth of a millisecond,
giving way to whoever wants its core, and then ends. None is left over when no solves go on.
"""

from __future__ import annotations

import os
import sys

import numpy as np
from numba import types

from bnode_nlme.engine.compilation import callback, compiled
from bnode_nlme.engine.memory import (
    add_atomically,
    call_entry,
    load_atomically,
    load_integer,
    replace_atomically,
    store_atomically,
    store_integer,
)

MOST = 1 if sys.platform == "win32" else 64
"""Most threads of one call. Windows has no POSIX threads: a call stays on its caller's there."""

_PATIENCE = 400
"""How often a thread that waits gives way before it ends."""

# A place of the pool: its state, then what its thread is to do. One takes a line of the cache.
_STATE, _FUNCTION, _CALL, _PLACE = 0, 1, 2, 8
# While a place waits for its thread to begin, its state is the address of what the call counts its
# threads by: no call can take back what another has given.
_NONE, _IDLE, _CLAIMED, _BUSY = 0, 1, 2, 3

POOL = np.zeros(_PLACE * MOST, np.int64)
"""The places of this process's threads, never freed: threads look at them."""

if MOST == 1:

    @compiled
    def _start(handle: int, routine: int, place: int) -> bool:
        return False

    @compiled
    def _give_way() -> None:
        pass

else:
    # A child has its parent's memory, but none of its threads.
    os.register_at_fork(after_in_child=lambda: POOL.fill(_NONE))
    _create = types.ExternalFunction(
        "pthread_create", types.int32(types.intp, types.intp, types.intp, types.intp)
    )
    _detach = types.ExternalFunction("pthread_detach", types.int32(types.intp))
    _yield = types.ExternalFunction("sched_yield", types.int32())

    @compiled
    def _start(handle: int, routine: int, place: int) -> bool:
        if _create(handle, 0, routine, place) != 0:
            return False
        _detach(load_integer(handle, 0))
        return True

    @compiled
    def _give_way() -> None:
        _yield()


@callback(types.intp(types.intp))
def worker(place: int) -> int:
    """What a thread runs: work as long as there is some."""
    waited = 0
    while waited < _PATIENCE or not replace_atomically(place, _STATE, _IDLE, _NONE):
        pending = load_atomically(place, _STATE)
        if pending > _BUSY and replace_atomically(place, _STATE, pending, _BUSY):
            call_entry(load_integer(place, _FUNCTION), load_integer(place, _CALL))
            store_atomically(place, _STATE, _IDLE)
            # From here on the memory of the call may be gone.
            add_atomically(pending, 0, -1)
            waited = 0
        else:
            _give_way()
            waited += 1
    return 0


@compiled
def ask(pool: int, routine: int, function: int, call: int, pending: np.ndarray) -> int:
    """Have a thread call a function; its place, or 0 where there is none for it."""
    address = pending.ctypes.data
    handle = np.zeros(1, np.int64)
    for number in range(MOST - 1):
        place = pool + 8 * _PLACE * number
        waiting = replace_atomically(place, _STATE, _IDLE, _CLAIMED)
        if waiting or replace_atomically(place, _STATE, _NONE, _CLAIMED):
            store_integer(place, _FUNCTION, function)
            store_integer(place, _CALL, call)
            add_atomically(address, 0, 1)
            store_atomically(place, _STATE, address)
            if waiting or _start(handle.ctypes.data, routine, place):
                return place
            # No more threads on this machine: those there are do the work.
            add_atomically(address, 0, -1)
            store_atomically(place, _STATE, _NONE)
            return 0
    return 0


@compiled
def take_back(place: int, pending: np.ndarray) -> None:
    """Let a thread that has not begun stay idle."""
    address = pending.ctypes.data
    if replace_atomically(place, _STATE, address, _CLAIMED):
        add_atomically(address, 0, -1)
        store_atomically(place, _STATE, _IDLE)


@compiled
def wait(pending: np.ndarray) -> None:
    """Wait until every thread is done."""
    address = pending.ctypes.data
    while load_atomically(address, 0) > 0:
        _give_way()
