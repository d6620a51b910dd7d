"""The tape: what a forward solve of one group of subjects leaves for its adjoint.

A stretch of doubles that grows while a group is solved, and holds one unit after the other. A unit
is what one engine solved at once: a subject by CVODES, or up to eight in lanes. It ends in a
trailer, so that the adjoint finds its way from the end.
"""

from __future__ import annotations

import numpy as np

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.memory import (
    copy_memory,
    load_double,
    load_integer,
    reallocate,
    store_double,
)
from bnode_nlme.engine.tableau import STAGES
from bnode_nlme.engine.workspace import LANES

ALIGNED = 4
"""Doubles of a register of AVX2: a store across two lines of the cache takes twice as long."""

TRAILER = LANES + ALIGNED
"""Doubles in a trailer: members, how many they are, the engine, the unit's length without it; one is
free."""


NO_TAPE, LEAN, FULL = range(3)
"""What is kept of a step in lanes: nothing, the state at its beginning, or all its stages."""


@compiled
def begin(block: np.ndarray) -> None:
    """Begin a group's tape in its room of the shared tape, or in the thread's own memory."""
    block[at.TAPE_LENGTH] = 0
    if block[at.GROUP_ROOM] > 0:
        block[at.TAPE], block[at.TAPE_CAPACITY] = block[at.GROUP_TAPE], block[at.GROUP_ROOM]
    else:
        block[at.TAPE], block[at.TAPE_CAPACITY] = block[at.SPILL], block[at.SPILL_CAPACITY]


@compiled
def head_of_step(kind: int) -> int:
    """Doubles in front of the rows of a step, of which two are used: where it begins, how long it is.

    The rows of a full tape are aligned; a lean one, which has few, is rather short.
    """
    return ALIGNED if kind == FULL else 2


@compiled
def doubles_of_interval(states: int) -> int:
    """Doubles that an interval takes on a tape after its steps; the last is their number."""
    return (5 + 2 * states) * LANES + ALIGNED


@compiled
def doubles_of_step(states: int, kept: int, kind: int) -> int:
    """Doubles that a step of a group takes on a tape of this kind, for a model of such a size."""
    if kind == FULL:
        return head_of_step(kind) + LANES * (STAGES * states + (STAGES - 1) * kept)
    return head_of_step(kind) + LANES * states


@compiled
def width_of_step(block: np.ndarray, kind: int) -> int:
    """Doubles that a step of a group takes on a tape of this kind."""
    return doubles_of_step(block[at.N_STATES], block[at.N_KEPT], kind)


@compiled
def step_width(block: np.ndarray) -> int:
    """Doubles that a step of a group takes on its tape."""
    return width_of_step(block, block[at.KEEP_TAPE])


@compiled
def extend(block: np.ndarray, length: int) -> int:
    """Address of so many further doubles at the tape's end; 0 where memory ran out.

    Addresses that were given before may no longer hold.
    """
    first = block[at.TAPE_LENGTH]
    if first + length > block[at.TAPE_CAPACITY]:
        shared = block[at.TAPE] != block[at.SPILL]
        if first + length > block[at.SPILL_CAPACITY]:
            capacity = max(2**14, 2 * (first + length))
            larger = reallocate(block[at.SPILL], 8 * capacity)
            if larger == 0:
                return 0
            block[at.SPILL], block[at.SPILL_CAPACITY] = larger, capacity
        if shared:
            copy_memory(block[at.SPILL], block[at.TAPE], 8 * first)
        block[at.TAPE], block[at.TAPE_CAPACITY] = block[at.SPILL], block[at.SPILL_CAPACITY]
    block[at.TAPE_LENGTH] = first + length
    return block[at.TAPE] + 8 * first


@compiled
def close_unit(block: np.ndarray, engine: int) -> bool:
    """Write the trailer of the unit that began at `at.UNIT_FIRST`; False where memory ran out."""
    length = block[at.TAPE_LENGTH] - block[at.UNIT_FIRST]
    trailer = extend(block, TRAILER)
    if trailer == 0:
        return False
    count = block[at.N_MEMBERS]
    for lane in range(count):
        store_double(trailer, lane, float(load_integer(block[at.MEMBERS], lane)))
    store_double(trailer, LANES, float(count))
    store_double(trailer, LANES + 1, float(engine))
    store_double(trailer, LANES + 2, float(length))
    return True


@compiled
def open_last_unit(block: np.ndarray, tape: int, end: int, members: np.ndarray) -> int:
    """Find the unit that ends before double `end` of a tape; returns its engine.

    Leaves its address and length, its members and their number in the block.
    """
    trailer = tape + 8 * (end - TRAILER)
    count = int(load_double(trailer, LANES))
    for lane in range(count):
        members[lane] = int(load_double(trailer, lane))
    length = int(load_double(trailer, LANES + 2))
    block[at.N_MEMBERS], block[at.MEMBERS] = count, members.ctypes.data
    block[at.UNIT_LENGTH], block[at.UNIT] = length, trailer - 8 * length
    return int(load_double(trailer, LANES + 1))
