"""The forward solve of a population: groups of subjects, each solved by the engine that suits."""

from __future__ import annotations

import numpy as np
from numba import carray, types

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import callback, compiled
from bnode_nlme.engine.counts import HANDED_OVER
from bnode_nlme.engine.evaluation import all_finite
from bnode_nlme.engine.memory import (
    add_atomically,
    call_entry,
    load_integer,
    pointer_to_doubles,
    pointer_to_integers,
    release,
)
from bnode_nlme.engine.records import use_subject
from bnode_nlme.engine.schedule import Action
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.engine.tape import NO_TAPE, begin
from bnode_nlme.engine.threads import run
from bnode_nlme.engine.units import CVODES_UNIT, LANES_UNIT
from bnode_nlme.engine.workspace import LANES

_OBSERVE, _FAIL = int(Action.OBSERVE), int(Action.FAIL)
_SUCCESS, _INTERNAL = int(SolveStatus.SUCCESS), int(SolveStatus.INTERNAL)
_NOT_FINITE_INPUT, _STIFF = int(SolveStatus.NOT_FINITE_INPUT), int(SolveStatus.STIFF)


@compiled
def _solve_unit(block: np.ndarray, entry: int, members: np.ndarray, count: int) -> int:
    """Let an engine solve some subjects; the outcome of all of them."""
    block[at.MEMBERS], block[at.N_MEMBERS] = members.ctypes.data, count
    call_entry(entry, block.ctypes.data)
    return block[at.OUTCOME]


@compiled
def solve_group(
    block: np.ndarray, group: int, status: np.ndarray, steps: np.ndarray, engines: np.ndarray
) -> int:
    """Solve one group, a status, the steps and the engine for each of its subjects.

    Leaves the units on the group's tape. Returns how many subjects the group has.
    """
    subjects, records = block[at.N_SUBJECTS], block[at.N_RECORDS]
    offsets = carray(pointer_to_integers(block[at.OFFSETS]), (subjects + 1,))
    order = carray(pointer_to_integers(block[at.ORDER]), (block[at.N_SOLVED],))
    first = group * LANES
    size = min(LANES, block[at.N_SOLVED] - first)
    begin(block)
    members, places = np.zeros(LANES, np.int64), np.zeros(LANES, np.int64)
    alone = np.zeros(LANES, np.int64)
    count = 0
    actions = carray(pointer_to_integers(block[at.ACTIONS]), (records,))
    targets = carray(pointer_to_integers(block[at.TARGETS]), (records,))
    weights = all_finite(block[at.WEIGHTS], block[at.N_WEIGHTS])
    for place in range(size):
        subject = order[first + place]
        use_subject(block, subject)
        status[place], steps[place], engines[place] = _SUCCESS, 0, 0
        if offsets[subject] == offsets[subject + 1]:
            continue
        if actions[offsets[subject]] == _FAIL:
            status[place] = targets[offsets[subject]]
        elif (
            weights
            and all_finite(block[at.SUBJECT_PARAMETERS], block[at.N_PARAMETERS])
            and all_finite(block[at.SUBJECT_COVARIATES], block[at.N_COVARIATES])
        ):
            members[count], places[count] = subject, place
            count += 1
        else:
            status[place] = _NOT_FINITE_INPUT
    lanes, hand_over = block[at.ENGINE] == LANES_UNIT, block[at.HAND_OVER] != 0
    entry = block[at.LANES_FORWARD] if lanes else block[at.CVODES_FORWARD]
    engine = LANES_UNIT if lanes else CVODES_UNIT
    if lanes and count > 1:
        outcome = _solve_unit(block, entry, members, count)
        for member in range(count):
            place = places[member]
            status[place], steps[place], engines[place] = outcome, block[at.TAKEN], engine
        if outcome == _SUCCESS:
            count = 0
        else:
            begin(block)  # the attempt may have outgrown the group's room
        if outcome == _STIFF:
            entry, engine = block[at.CVODES_FORWARD], CVODES_UNIT
    # Each by itself: one that fails leaves the others alone.
    for member in range(count):
        alone[0], place = members[member], places[member]
        outcome, engines[place] = _solve_unit(block, entry, alone, 1), engine
        if outcome != _SUCCESS and engine == LANES_UNIT and hand_over:
            outcome, engines[place] = (
                _solve_unit(block, block[at.CVODES_FORWARD], alone, 1),
                CVODES_UNIT,
            )
        status[place], steps[place] = outcome, block[at.TAKEN]
    if block[at.PREDICTIONS] != 0:
        shape = (records, block[at.N_READOUTS])
        predictions = carray(pointer_to_doubles(block[at.PREDICTIONS]), shape)
        for place in range(size):
            if status[place] != _SUCCESS:
                subject = order[first + place]
                for record in range(offsets[subject], offsets[subject + 1]):
                    if actions[record] == _OBSERVE:
                        predictions[targets[record], :] = np.nan
    return size


@compiled
def open_thread(call: int, block: np.ndarray, workspace: np.ndarray) -> None:
    """Make a thread's own block from the call's, with memory to work in."""
    for slot in range(at.SIZE):  # an assignment of arrays is long, and takes long to compile
        block[slot] = load_integer(call, slot)
    address = workspace.ctypes.data
    block[at.WORKSPACE] = address + (-address) % (8 * LANES)
    block[at.SPILL], block[at.SPILL_CAPACITY] = 0, 0
    block[at.TAPE], block[at.TAPE_LENGTH], block[at.TAPE_CAPACITY] = 0, 0, 0
    block[at.INTEGRATOR], block[at.ADJOINT_INTEGRATOR] = 0, 0


@compiled
def close_thread(block: np.ndarray) -> None:
    """Give back the memory of a thread."""
    if block[at.SPILL] != 0:
        release(block[at.SPILL])
    if block[at.CVODES_RELEASE] != 0:
        call_entry(block[at.CVODES_RELEASE], block.ctypes.data)


@compiled
def workspace_length(call: int) -> int:
    """Doubles that a thread's workspace needs, room to align it included."""
    return carray(pointer_to_integers(call), (at.SIZE,))[at.W_SIZE] + LANES


@callback(types.void(types.int64))
def forward_thread(call: int) -> None:
    """Solve groups until none is left."""
    block, workspace = np.empty(at.SIZE, np.int64), np.empty(workspace_length(call))
    open_thread(call, block, workspace)
    subjects, solved = block[at.N_SUBJECTS], block[at.N_SOLVED]
    order = carray(pointer_to_integers(block[at.ORDER]), (solved,))
    status = carray(pointer_to_integers(block[at.STATUS]), (subjects,))
    steps = carray(pointer_to_integers(block[at.STEPS]), (subjects,))
    engines = carray(pointer_to_integers(block[at.ENGINES]), (subjects,))
    groups = (solved + LANES - 1) // LANES
    origins = carray(pointer_to_integers(block[at.ORIGINS]), (groups, 2))
    outcome, taken, engine = (
        np.zeros(LANES, np.int64),
        np.zeros(LANES, np.int64),
        np.zeros(LANES, np.int64),
    )
    while True:
        group = add_atomically(block[at.NEXT_GROUP], 0, 1)
        if group >= groups:
            break
        keep = block[at.KEEP_TAPE] != NO_TAPE
        if keep:
            block[at.GROUP_TAPE] = block[at.SHARED_TAPE] + 8 * origins[group, 0]
            block[at.GROUP_ROOM] = block[at.ROOM] if origins[group, 0] >= 0 else 0
        size = solve_group(block, group, outcome, taken, engine)
        if keep:
            # What the group was given was not enough: its adjoint solves it again.
            if block[at.TAPE] == block[at.SPILL]:
                origins[group, 0] = -1
            origins[group, 1] = block[at.TAPE_LENGTH]
        for place in range(size):
            subject = order[group * LANES + place]
            status[subject], steps[subject] = outcome[place], taken[place]
            engines[subject] = engine[place]
            if block[at.COUNTS] != 0:
                add_atomically(block[at.COUNTS], outcome[place], 1)
                if block[at.ENGINE] == LANES_UNIT and engine[place] == CVODES_UNIT:
                    add_atomically(block[at.COUNTS], HANDED_OVER, 1)
    close_thread(block)
    # A use after the last call keeps the memory alive: compiled code only sees its address.
    workspace[:1] = 0.0


@callback(types.void(types.int64))
def forward_entry(call: int) -> None:
    """Solve each subject asked for; inputs and outputs are named in `slots`.

    Writes predictions (rows, readouts), status, steps and engines (subjects,), seen (records,
    states: the state just before a record), and where a tape is wanted the tape and origins
    (groups, 2: first double of a group's tape, which the caller gives, or -1, and its length). The
    caller fills predictions with NaN.
    """
    block = carray(pointer_to_integers(call), (at.SIZE,))
    run(block[at.FORWARD_THREAD], call)
