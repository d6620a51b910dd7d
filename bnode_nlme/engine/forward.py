"""The forward solve of a population by CVODES, in compiled code without the GIL."""

from __future__ import annotations

import numpy as np
from numba import carray, types

from bnode_nlme.engine.callbacks import all_finite, evaluate
from bnode_nlme.engine.compilation import callback, compiled
from bnode_nlme.engine.integrator import (
    MEMORY,
    SCRATCH,
    VECTOR,
    create_integrator,
    free_integrator,
    status_of,
)
from bnode_nlme.engine.memory import (
    add_atomically,
    copy_memory,
    load_double,
    pointer_to_doubles,
    pointer_to_integers,
    reallocate,
    store_double,
)
from bnode_nlme.engine.schedule import Action
from bnode_nlme.engine.slots import SIZE, Slot
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.engine.sundials import (
    ONE_STEP,
    CVode,
    CVodeGetDky,
    CVodeReInit,
    CVodeSetStopTime,
    N_VGetArrayPointer_Serial,
)

# Compiled code takes plain integers; enumerations stay on the Python side.
_ONE_STEP = ONE_STEP
_OBSERVE, _ADD, _SET_RATE = int(Action.OBSERVE), int(Action.ADD), int(Action.SET_RATE)
_SUCCESS, _INTERNAL = int(SolveStatus.SUCCESS), int(SolveStatus.INTERNAL)
_MAX_STEPS_REACHED = int(SolveStatus.MAX_STEPS)
_NOT_FINITE, _NOT_FINITE_INPUT = int(SolveStatus.NOT_FINITE), int(SolveStatus.NOT_FINITE_INPUT)
_N_STATES, _N_PARAMETERS = int(Slot.N_STATES), int(Slot.N_PARAMETERS)
_N_WEIGHTS, _N_COVARIATES = int(Slot.N_WEIGHTS), int(Slot.N_COVARIATES)
_N_READOUTS, _METHOD, _MAX_STEPS = int(Slot.N_READOUTS), int(Slot.METHOD), int(Slot.MAX_STEPS)
_DERIVATIVE, _READOUT, _INITIAL = int(Slot.DERIVATIVE), int(Slot.READOUT), int(Slot.INITIAL)
_CALLBACK, _JACOBIAN = int(Slot.FORWARD_CALLBACK), int(Slot.FORWARD_JACOBIAN_CALLBACK)
_TOLERANCES, _N_SUBJECTS = int(Slot.TOLERANCES), int(Slot.N_SUBJECTS)
_N_RECORDS, _N_SOLVED = int(Slot.N_RECORDS), int(Slot.N_SOLVED)
_PARAMETERS, _WEIGHTS, _COVARIATES = int(Slot.PARAMETERS), int(Slot.WEIGHTS), int(Slot.COVARIATES)
_OFFSETS, _ACTIONS, _TARGETS = int(Slot.OFFSETS), int(Slot.ACTIONS), int(Slot.TARGETS)
_TIMES, _AMOUNTS, _SUBJECTS = int(Slot.TIMES), int(Slot.AMOUNTS), int(Slot.SUBJECTS)
_COUNTS, _PREDICTIONS = int(Slot.COUNTS), int(Slot.PREDICTIONS)
_STATUS, _STEPS = int(Slot.STATUS), int(Slot.STEPS)
_SEEN, _MARKS, _KEEP_TAPE = int(Slot.SEEN), int(Slot.MARKS), int(Slot.KEEP_TAPE)
_TAPE, _TAPE_ROWS, _CAPACITY = int(Slot.TAPE), int(Slot.TAPE_ROWS), int(Slot.TAPE_CAPACITY)
_SUBJECT_PARAMETERS = int(Slot.SUBJECT_PARAMETERS)
_SUBJECT_COVARIATES, _RATES = int(Slot.SUBJECT_COVARIATES), int(Slot.RATES)


@compiled
def is_zero_length(start: float, stop: float) -> bool:
    """Whether two times are too close for CVODES to step between them."""
    # CVODES refuses less than two rounding units on either side (cvHin in cvodes.c), and divides by
    # squares of steps, so that those from zero must not be too small either.
    return abs(stop - start) <= 1e-15 * max(abs(start), abs(stop)) + 1e-100


@compiled
def _new_row(block: np.ndarray) -> int:
    """Address of the tape's next row, growing the tape when it is full; 0 when memory ran out."""
    row, width = block[_TAPE_ROWS], 1 + 2 * block[_N_STATES]
    if row == block[_CAPACITY]:
        capacity = max(256, 2 * row)
        larger = reallocate(block[_TAPE], 8 * width * capacity)
        if larger == 0:
            return 0
        block[_TAPE], block[_CAPACITY] = larger, capacity
    block[_TAPE_ROWS] = row + 1
    return block[_TAPE] + 8 * width * row


@compiled
def _open_stretch(block: np.ndarray, time: float, y: int) -> bool:
    """Write time, state and derivative at the start of a smooth stretch to the tape."""
    states = block[_N_STATES]
    row = _new_row(block)
    if row == 0:
        return False
    slope = row + 8 * (1 + states)
    store_double(row, 0, time)
    copy_memory(row + 8, y, 8 * states)
    evaluate(block.ctypes.data, _DERIVATIVE, time, y, 0, slope)
    for i in range(states):
        store_double(slope, i, load_double(slope, i) + load_double(block[_RATES], i))
    return True


@compiled
def _write_step(block: np.ndarray, handles: np.ndarray, time: float, y: int) -> bool:
    """Append time, state and derivative after a step to the tape.

    The derivative is that of the solver's polynomial, as in CVODES's own adjoint: it costs no
    evaluation of the right-hand side.
    """
    states = block[_N_STATES]
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
    states = block[_N_STATES]
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
        if steps >= block[_MAX_STEPS]:
            return _MAX_STEPS_REACHED, steps
        flag = CVode(memory, stop, vector, reached.ctypes.data, _ONE_STEP)
        steps += 1
        if flag < 0:
            return status_of(flag), steps
        # Next to a singularity steps shrink to nothing: the tape's times must increase.
        advanced = block[_KEEP_TAPE] and reached[0] > now
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
    predictions: np.ndarray,
    seen: np.ndarray,
    marks: np.ndarray,
) -> tuple[int, int]:
    """Take one subject through its records; returns its status and number of steps."""
    states = block[_N_STATES]
    address = block.ctypes.data
    y = N_VGetArrayPointer_Serial(handles[VECTOR])
    steps = 0
    if first == last:
        return _SUCCESS, steps
    rates[:] = 0.0
    now = times[first]
    evaluate(address, _INITIAL, now, 0, 0, y)
    if not all_finite(y, states):
        return _NOT_FINITE, steps
    record = first
    while record < last:
        # A smooth stretch: observations up to the next event, or to the last record.
        stop = record
        while stop < last - 1 and actions[stop] == _OBSERVE:
            stop += 1
        opening = block[_TAPE_ROWS]
        if is_zero_length(now, times[stop]):
            for position in range(record, stop + 1):
                copy_memory(seen[position].ctypes.data, y, 8 * states)
        else:
            if block[_KEEP_TAPE] and not _open_stretch(block, now, y):
                return _INTERNAL, steps
            status, steps = _integrate(block, handles, times, record, stop, now, seen, steps)
            if status != _SUCCESS:
                return status, steps
        if block[_KEEP_TAPE]:
            marks[record : stop + 1, 0] = opening
            marks[record : stop + 1, 1] = block[_TAPE_ROWS] - 1
        for position in range(record, stop + 1):
            if actions[position] == _OBSERVE:
                row = predictions[targets[position]]
                state = seen[position].ctypes.data
                evaluate(address, _READOUT, times[position], state, 0, row.ctypes.data)
        now = times[stop]
        action, target = actions[stop], targets[stop]
        if action == _ADD:
            store_double(y, target, load_double(y, target) + amounts[stop])
        elif action == _SET_RATE:
            rates[target] = amounts[stop]
        elif action != _OBSERVE:
            rates[:] = 0.0
            evaluate(address, _INITIAL, now, 0, 0, y)
        record = stop + 1
    return _SUCCESS, steps


@callback(types.void(types.int64))
def forward_entry(call: int) -> None:
    """Solve each subject asked for; inputs and outputs are named in `Slot`.

    Writes predictions (rows, readouts), status and steps (subjects,), seen (records, states: the
    state just before a record), and where a tape is wanted the tape (rows, 1 + 2 states: time,
    state, derivative at every step) and marks (records, 2: first and last tape row of the stretch
    that leads to a record). The caller fills predictions with NaN and frees the tape.
    """
    block = carray(pointer_to_integers(call), (SIZE,))
    subjects, records, states = block[_N_SUBJECTS], block[_N_RECORDS], block[_N_STATES]
    n_parameters, n_covariates = block[_N_PARAMETERS], block[_N_COVARIATES]
    tolerances = carray(pointer_to_doubles(block[_TOLERANCES]), (2,))
    offsets = carray(pointer_to_integers(block[_OFFSETS]), (subjects + 1,))
    actions = carray(pointer_to_integers(block[_ACTIONS]), (records,))
    targets = carray(pointer_to_integers(block[_TARGETS]), (records,))
    times = carray(pointer_to_doubles(block[_TIMES]), (records,))
    amounts = carray(pointer_to_doubles(block[_AMOUNTS]), (records,))
    solved = carray(pointer_to_integers(block[_SUBJECTS]), (block[_N_SOLVED],))
    # The number of rows does not matter here: rows are addressed by the records' targets.
    predictions = carray(pointer_to_doubles(block[_PREDICTIONS]), (records, block[_N_READOUTS]))
    status = carray(pointer_to_integers(block[_STATUS]), (subjects,))
    steps = carray(pointer_to_integers(block[_STEPS]), (subjects,))
    seen = carray(pointer_to_doubles(block[_SEEN]), (records, states))
    marks = carray(pointer_to_integers(block[_MARKS]), (records, 2))
    rates = np.zeros(states)
    block[_RATES] = rates.ctypes.data
    handles = create_integrator(
        call,
        block[_METHOD],
        states,
        0,
        block[_CALLBACK],
        block[_JACOBIAN],
        0,
        tolerances[0],
        tolerances[1],
    )
    finite_weights = all_finite(block[_WEIGHTS], block[_N_WEIGHTS])
    for subject in solved:
        block[_SUBJECT_PARAMETERS] = block[_PARAMETERS] + 8 * n_parameters * subject
        block[_SUBJECT_COVARIATES] = block[_COVARIATES] + 8 * n_covariates * subject
        first, last = offsets[subject], offsets[subject + 1]
        outcome, taken = _INTERNAL, 0
        opening = block[_TAPE_ROWS]
        if handles[MEMORY] != 0:
            if (
                finite_weights
                and all_finite(block[_SUBJECT_PARAMETERS], n_parameters)
                and all_finite(block[_SUBJECT_COVARIATES], n_covariates)
            ):
                outcome, taken = _solve_subject(
                    block,
                    handles,
                    first,
                    last,
                    actions,
                    targets,
                    times,
                    amounts,
                    rates,
                    predictions,
                    seen,
                    marks,
                )
            else:
                outcome = _NOT_FINITE_INPUT
        if outcome != _SUCCESS:
            block[_TAPE_ROWS] = opening  # no adjoint solve follows
            for record in range(first, last):
                if actions[record] == _OBSERVE:
                    predictions[targets[record], :] = np.nan
        status[subject] = outcome
        steps[subject] = taken
        if block[_COUNTS] != 0:
            add_atomically(block[_COUNTS], outcome, 1)
    free_integrator(handles)
    # A use after the last call keeps the array alive: compiled code only sees its address.
    rates[:] = 0.0
