"""The forward solve of one subject by CVODES.

Its unit on the tape is a row for each step (time, state, slope), then for each of the subject's
records the first and last row of the smooth stretch that leads to it.
"""

from __future__ import annotations

import numpy as np
from numba import carray, types

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import callback, compiled
from bnode_nlme.engine.evaluation import all_finite, evaluate
from bnode_nlme.engine.integrator import MEMORY, SCRATCH, VECTOR, status_of, take_integrator
from bnode_nlme.engine.memory import (
    copy_memory,
    load_double,
    load_integer,
    pointer_to_doubles,
    pointer_to_integers,
    store_double,
)
from bnode_nlme.engine.records import clear_state, report, reset_state, use_subject
from bnode_nlme.engine.schedule import Action, is_zero_length
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.engine.sundials import (
    ONE_STEP,
    CVode,
    CVodeGetDky,
    CVodeReInit,
    CVodeSetStopTime,
    N_VGetArrayPointer_Serial,
)
from bnode_nlme.engine.tape import close_unit, extend
from bnode_nlme.engine.units import CVODES_UNIT

# Compiled code takes plain integers; enumerations stay on the Python side.
_ONE_STEP = ONE_STEP
_OBSERVE, _ADD, _SET_RATE = int(Action.OBSERVE), int(Action.ADD), int(Action.SET_RATE)
_RESET, _CLEAR = int(Action.RESET), int(Action.CLEAR)
_SUCCESS, _INTERNAL = int(SolveStatus.SUCCESS), int(SolveStatus.INTERNAL)
_MAX_STEPS_REACHED = int(SolveStatus.MAX_STEPS)
_NOT_FINITE = int(SolveStatus.NOT_FINITE)


@compiled
def _new_row(block: np.ndarray) -> int:
    """Address of the tape's next row: time, state and slope; 0 when memory ran out."""
    block[at.TAPE_ROWS] += 1
    return extend(block, 1 + 2 * block[at.N_STATES])


@compiled
def _open_stretch(block: np.ndarray, time: float, y: int) -> bool:
    """Write time, state and derivative at the start of a smooth stretch to the tape."""
    states = block[at.N_STATES]
    row = _new_row(block)
    if row == 0:
        return False
    slope = row + 8 * (1 + states)
    store_double(row, 0, time)
    copy_memory(row + 8, y, 8 * states)
    evaluate(block.ctypes.data, at.DERIVATIVE, time, y, 0, slope)
    for i in range(states):
        store_double(slope, i, load_double(slope, i) + load_double(block[at.RATES], i))
    return True


@compiled
def _write_step(block: np.ndarray, handles: np.ndarray, time: float, y: int) -> bool:
    """Append time, state and derivative after a step to the tape.

    The derivative is that of the solver's polynomial, as in CVODES's own adjoint: it costs no
    evaluation of the right-hand side.
    """
    states = block[at.N_STATES]
    row = _new_row(block)
    if row == 0:
        return False
    store_double(row, 0, time)
    copy_memory(row + 8, y, 8 * states)
    if CVodeGetDky(handles[MEMORY], time, 1, handles[SCRATCH]) != 0:
        return False
    slope = N_VGetArrayPointer_Serial(handles[SCRATCH])
    copy_memory(row + 8 * (1 + states), slope, 8 * states)
    return True


@compiled
def _integrate(
    block: np.ndarray,
    handles: np.ndarray,
    times: np.ndarray,
    first: int,
    last: int,
    start: float,
    seen: np.ndarray,
    steps: int,
) -> tuple[int, int]:
    """Integrate one smooth stretch, from `start` to the time of record `last`.

    Writes the state at records `first` to `last` (all but the last are observations, read off the
    integrator's own polynomial) to `seen`, and leaves the last state in the integrator's vector.
    Returns the status and the number of steps so far.
    """
    states = block[at.N_STATES]
    memory, vector, scratch = handles[MEMORY], handles[VECTOR], handles[SCRATCH]
    y = N_VGetArrayPointer_Serial(vector)
    work = N_VGetArrayPointer_Serial(scratch)
    stop = times[last]
    reached = np.empty(1)
    flag = CVodeReInit(memory, start, vector)
    flag |= CVodeSetStopTime(memory, stop)
    if flag != 0:
        return _INTERNAL, steps
    pending = first
    while pending < last and times[pending] <= start:
        copy_memory(seen[pending].ctypes.data, y, 8 * states)
        pending += 1
    now = start
    while now < stop:
        if steps >= block[at.MAX_STEPS]:
            return _MAX_STEPS_REACHED, steps
        flag = CVode(memory, stop, vector, reached.ctypes.data, _ONE_STEP)
        steps += 1
        if flag < 0:
            return status_of(flag), steps
        # Next to a singularity steps shrink to nothing: the tape's times must increase.
        advanced = block[at.KEEP_TAPE] and reached[0] > now
        if advanced and not _write_step(block, handles, reached[0], y):
            return _INTERNAL, steps
        now = reached[0]
        while pending < last and times[pending] <= now:
            if CVodeGetDky(memory, times[pending], 0, scratch) != 0:
                return _INTERNAL, steps
            copy_memory(seen[pending].ctypes.data, work, 8 * states)
            pending += 1
    copy_memory(seen[last].ctypes.data, y, 8 * states)
    return _SUCCESS, steps


@compiled
def _solve_subject(
    block: np.ndarray,
    handles: np.ndarray,
    first: int,
    last: int,
    actions: np.ndarray,
    targets: np.ndarray,
    times: np.ndarray,
    amounts: np.ndarray,
    rates: np.ndarray,
    seen: np.ndarray,
    marks: np.ndarray,
) -> tuple[int, int]:
    """Take one subject through its records; returns its status and number of steps."""
    states = block[at.N_STATES]
    address = block.ctypes.data
    y = N_VGetArrayPointer_Serial(handles[VECTOR])
    steps = 0
    if first == last:
        return _SUCCESS, steps
    rates[:] = 0.0
    now = times[first]
    evaluate(address, at.INITIAL, now, 0, 0, y)
    if not all_finite(y, states):
        return _NOT_FINITE, steps
    record = first
    while record < last:
        # A smooth stretch: observations up to the next event, or to the last record.
        stop = record
        while stop < last - 1 and actions[stop] == _OBSERVE:
            stop += 1
        opening = block[at.TAPE_ROWS]
        if is_zero_length(now, times[stop]):
            for position in range(record, stop + 1):
                copy_memory(seen[position].ctypes.data, y, 8 * states)
        else:
            if block[at.KEEP_TAPE] and not _open_stretch(block, now, y):
                return _INTERNAL, steps
            status, steps = _integrate(block, handles, times, record, stop, now, seen, steps)
            if status != _SUCCESS:
                return status, steps
        if block[at.KEEP_TAPE]:
            marks[record - first : stop + 1 - first, 0] = opening
            marks[record - first : stop + 1 - first, 1] = block[at.TAPE_ROWS] - 1
        for position in range(record, stop + 1):
            if actions[position] == _OBSERVE:
                report(block, position, targets[position], times[position])
        now = times[stop]
        action, target = actions[stop], targets[stop]
        if action == _ADD:
            store_double(y, target, load_double(y, target) + amounts[stop])
        elif action == _SET_RATE:
            rates[target] = amounts[stop]
        elif action in (_RESET, _CLEAR):
            rates[: block[at.N_COMPARTMENTS]] = 0.0
            if action == _RESET:
                reset_state(block, load_integer(block[at.MEMBERS], 0), now, y)
            else:
                clear_state(block, y)
        record = stop + 1
    return _SUCCESS, steps


@compiled
def _keep_marks(block: np.ndarray, marks: np.ndarray) -> bool:
    """Append the marks to the tape."""
    row = extend(block, marks.size)
    if row == 0:
        return False
    for i in range(marks.shape[0]):
        store_double(row, 2 * i, float(marks[i, 0]))
        store_double(row, 2 * i + 1, float(marks[i, 1]))
    return True


@callback(types.void(types.int64))
def cvodes_forward(call: int) -> None:
    """Solve a unit's one member; writes its readouts, what it saw, and the tape."""
    block = carray(pointer_to_integers(call), (at.SIZE,))
    subjects, records, states = block[at.N_SUBJECTS], block[at.N_RECORDS], block[at.N_STATES]
    offsets = carray(pointer_to_integers(block[at.OFFSETS]), (subjects + 1,))
    actions = carray(pointer_to_integers(block[at.ACTIONS]), (records,))
    targets = carray(pointer_to_integers(block[at.TARGETS]), (records,))
    times = carray(pointer_to_doubles(block[at.TIMES]), (records,))
    amounts = carray(pointer_to_doubles(block[at.AMOUNTS]), (records,))
    seen = carray(pointer_to_doubles(block[at.SEEN]), (records, states))
    subject = load_integer(block[at.MEMBERS], 0)
    first, last = offsets[subject], offsets[subject + 1]
    rates = np.zeros(states)
    block[at.RATES] = rates.ctypes.data
    block[at.UNIT_FIRST], block[at.TAPE_ROWS] = block[at.TAPE_LENGTH], 0
    use_subject(block, subject)
    marks = np.zeros((last - first, 2), np.int64)
    handles = take_integrator(block, False)
    outcome, taken = _INTERNAL, 0
    if handles[MEMORY] != 0:
        outcome, taken = _solve_subject(
            block, handles, first, last, actions, targets, times, amounts, rates, seen, marks
        )
    wanted = outcome == _SUCCESS and block[at.KEEP_TAPE] != 0
    if wanted and not (_keep_marks(block, marks) and close_unit(block, CVODES_UNIT)):
        outcome = _INTERNAL
    if outcome != _SUCCESS:
        block[at.TAPE_LENGTH] = block[at.UNIT_FIRST]
    block[at.OUTCOME], block[at.TAKEN] = outcome, taken
    # A use after the last call keeps the array alive: compiled code only sees its address.
    rates[:] = 0.0
