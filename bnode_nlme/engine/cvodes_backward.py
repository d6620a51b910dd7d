"""The adjoint solve of one subject by CVODES.

Backwards through each subject's records, the adjoint of the state obeys
``da/dt = -(df/dy)' a`` between records and jumps by the cotangent of the readout at observations;
the gradient with respect to parameters and weights is the integral of ``(df/dp)' a`` plus what
readouts and initial values add (Cao, Li, Petzold and Serban 2003, doi:10.1137/S1064827501380630),
that with respect to an infusion's rate the integral of ``a`` while it holds, and that with respect
to a dose the adjoint at its time. CVODES integrates the adjoint and the integrals. The forward trajectory comes off the tape rather
than from CVODES's own checkpoints, which do not reach across a dose and cannot be handed from one
operation to another.
"""

from __future__ import annotations

import numpy as np
from numba import carray, types

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import callback, compiled
from bnode_nlme.engine.cvodes_times import along_first_row, along_slope, rates_before
from bnode_nlme.engine.evaluation import all_finite, evaluate
from bnode_nlme.engine.integrator import (
    MEMORY,
    QUADRATURE,
    QUADRATURE_TOLERANCES,
    VECTOR,
    status_of,
    take_integrator,
)
from bnode_nlme.engine.memory import (
    load_double,
    load_integer,
    pointer_to_doubles,
    pointer_to_integers,
    store_double,
)
from bnode_nlme.engine.records import clear_state, reset_adjoint, use_subject
from bnode_nlme.engine.schedule import Action, is_zero_length
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.engine.sundials import (
    ONE_STEP,
    CVode,
    CVodeGetQuad,
    CVodeQuadReInit,
    CVodeQuadSVtolerances,
    CVodeReInit,
    CVodeSetStopTime,
    CVodeSStolerances,
    N_VGetArrayPointer_Serial,
)

# Compiled code takes plain integers; enumerations stay on the Python side.
_ONE_STEP = ONE_STEP
_OBSERVE, _ADD = int(Action.OBSERVE), int(Action.ADD)
_SET_RATE, _RESET, _CLEAR = int(Action.SET_RATE), int(Action.RESET), int(Action.CLEAR)
_SUCCESS, _INTERNAL = int(SolveStatus.SUCCESS), int(SolveStatus.INTERNAL)
_MAX_STEPS_REACHED, _NOT_FINITE = int(SolveStatus.MAX_STEPS), int(SolveStatus.NOT_FINITE)

_ANY_ERROR = 1e100
"""Tolerance of an integral that needs none of its own."""


@compiled
def _integrate(
    block: np.ndarray, handles: np.ndarray, start: float, stop: float, steps: int
) -> tuple[int, int]:
    """Integrate adjoint and gradient from `start` back to `stop`; status and steps so far."""
    memory, vector, quadrature = handles[MEMORY], handles[VECTOR], handles[QUADRATURE]
    reached = np.empty(1)
    flag = CVodeReInit(memory, start, vector)
    flag |= CVodeQuadReInit(memory, quadrature)
    flag |= CVodeSetStopTime(memory, stop)
    if flag != 0:
        return _INTERNAL, steps
    while True:
        if steps >= block[at.MAX_STEPS]:
            return _MAX_STEPS_REACHED, steps
        flag = CVode(memory, stop, vector, reached.ctypes.data, _ONE_STEP)
        steps += 1
        if flag < 0:
            return status_of(flag), steps
        if reached[0] <= stop:
            flag = CVodeGetQuad(memory, reached.ctypes.data, quadrature)
            return (_SUCCESS if flag == 0 else _INTERNAL), steps


@compiled
def _set_tolerances(block: np.ndarray, handles: np.ndarray, size: float, worth: float) -> bool:
    """Absolute tolerances for an adjoint of magnitude `size`, whatever the units.

    Returns whether CVODES took them.

    `worth` is the largest product of a state and its adjoint: what a relative change of a state
    is worth. A relative change of a parameter should count for as much, so that its gradient is
    wanted to `worth` divided by the parameter; those below one are taken for one. The integrals of
    the adjoint itself are as accurate as it is.
    """
    n_parameters, n_weights = block[at.N_PARAMETERS], block[at.N_WEIGHTS]
    length = n_parameters + n_weights
    memory, vector = handles[MEMORY], handles[QUADRATURE_TOLERANCES]
    relative = load_double(block.ctypes.data, at.ADJOINT_RTOL)
    absolute = load_double(block.ctypes.data, at.ADJOINT_ATOL)
    flag = CVodeSStolerances(memory, relative, absolute * size)
    # CVODES takes the mean over all integrals: those without an error must not make it smaller.
    share = (length / (length + block[at.N_STATES])) ** 0.5
    wanted = share * absolute * (worth if worth > 0.0 else size)
    bounds = N_VGetArrayPointer_Serial(vector)
    for i in range(n_parameters):
        magnitude = abs(load_double(block[at.SUBJECT_PARAMETERS], i))
        store_double(bounds, i, wanted / max(1.0, magnitude))
    for i in range(n_weights):
        magnitude = abs(load_double(block[at.WEIGHTS], i))
        store_double(bounds, n_parameters + i, wanted / max(1.0, magnitude))
    for i in range(block[at.N_STATES]):
        store_double(bounds, length + i, _ANY_ERROR)
    flag |= CVodeQuadSVtolerances(memory, share * relative, vector)
    return flag == 0


@compiled
def _add(target: int, increments: np.ndarray, first: int, length: int) -> None:
    for i in range(length):
        store_double(target, i, load_double(target, i) + increments[first + i])


@compiled
def _largest(
    actions: np.ndarray, targets: np.ndarray, cotangents: np.ndarray, first: int, last: int
) -> float:
    """Largest magnitude of a subject's cotangents; NaN when one of them is."""
    largest = 0.0
    for record in range(first, last):
        if actions[record] == _OBSERVE:
            for value in cotangents[targets[record]]:
                if not abs(value) <= largest:
                    largest = abs(value)
                    if np.isnan(value):
                        return largest
    return largest


@compiled
def _pull_back_readouts(
    block: np.ndarray,
    handles: np.ndarray,
    record: int,
    time: float,
    state: np.ndarray,
    seed: np.ndarray,
    increments: np.ndarray,
) -> None:
    """Add an observation's cotangents to adjoint and gradient; `increments` begins with its time's."""
    states, n_parameters = block[at.N_STATES], block[at.N_PARAMETERS]
    evaluate(
        block.ctypes.data,
        at.READOUT_ADJOINT,
        time,
        state.ctypes.data,
        seed.ctypes.data,
        increments.ctypes.data,
    )
    _add(N_VGetArrayPointer_Serial(handles[VECTOR]), increments, 1, states)
    given = n_parameters + block[at.READOUT_WEIGHTS]
    _add(N_VGetArrayPointer_Serial(handles[QUADRATURE]), increments, 1 + states, given)


@compiled
def _is_active(adjoint: int, states: int) -> bool:
    """Whether the adjoint is other than zero."""
    other = False
    for i in range(states):
        other = other or load_double(adjoint, i) != 0.0
    return other


@compiled
def _solve_subject(
    block: np.ndarray,
    handles: np.ndarray,
    first: int,
    last: int,
    actions: np.ndarray,
    targets: np.ndarray,
    times: np.ndarray,
    seen: np.ndarray,
    marks: np.ndarray,
    rates: np.ndarray,
    cotangents: np.ndarray,
    scale: float,
    seed: np.ndarray,
    increments: np.ndarray,
    to_times: np.ndarray,
    to_amounts: np.ndarray,
) -> tuple[int, int]:
    """Walk one subject's records backwards; leaves the gradient in the integrator's quadrature.

    Adds to the cotangents of times and amounts, in units of `scale`.
    """
    states, subject = block[at.N_STATES], load_integer(block[at.MEMBERS], 0)
    length, moving = block[at.N_PARAMETERS] + block[at.N_WEIGHTS], block[at.MOVING] != 0
    size, worth = 0.0, 0.0
    adjoint = N_VGetArrayPointer_Serial(handles[VECTOR])
    integral = N_VGetArrayPointer_Serial(handles[QUADRATURE])
    for i in range(states):
        store_double(adjoint, i, 0.0)
    for i in range(length + states):
        store_double(integral, i, 0.0)
    block[at.ROW_FIRST] = -1
    slope = np.empty(states)
    steps = 0
    active = False  # whether the adjoint can be other than zero
    # The records of one moment: what moving it does, and whether one of them was an event.
    moved, jumped = 0.0, False
    for record in range(last - 1, first - 1, -1):
        time, action, target = times[record], actions[record], targets[record]
        if action == _OBSERVE:
            seeded = False
            for j in range(len(seed)):
                seed[j] = cotangents[target, j] / scale
                seeded = seeded or seed[j] != 0.0
            if seeded:
                _pull_back_readouts(block, handles, record, time, seen[record], seed, increments)
                to_times[record] += increments[0]
                if not jumped:
                    moved += along_slope(
                        block,
                        time,
                        seen[record].ctypes.data,
                        rates[record - first],
                        increments.ctypes.data + 8,
                        slope,
                    )
                grown = False
                for i in range(states):
                    magnitude = abs(load_double(adjoint, i))
                    product = magnitude * abs(seen[record, i])
                    if magnitude > size:
                        size, grown = magnitude, True
                    if product > worth:
                        worth, grown = product, True
                if grown and not _set_tolerances(block, handles, size, worth):
                    return _INTERNAL, steps
                active = _is_active(adjoint, states)
        else:
            if active and not jumped:
                later = record + 1 - first
                if marks[later, 0] < marks[later, 1]:
                    moved -= along_first_row(block, marks[later, 0], adjoint)
                else:  # what is left was observed at once
                    state = seen[record + 1].ctypes.data
                    moved -= along_slope(block, time, state, rates[later], adjoint, slope)
            jumped = True
            if action == _ADD:
                to_amounts[record] = load_double(adjoint, target)
            elif action == _SET_RATE:
                to_amounts[record] = load_double(integral, length + target)
                store_double(integral, length + target, 0.0)
            elif action in (_RESET, _CLEAR):
                if action == _CLEAR:
                    clear_state(block, adjoint)
                elif active:
                    state = seen[record].ctypes.data
                    work = increments.ctypes.data
                    reset_adjoint(block, subject, time, state, adjoint, work)
                    _add(integral, increments, 0, block[at.N_PARAMETERS])
                for i in range(block[at.N_COMPARTMENTS]):
                    store_double(integral, length + i, 0.0)
            active = _is_active(adjoint, states)
        # A stretch without steps is skipped, and so are records at one time within a stretch.
        passed = marks[record - first, 0] < marks[record - first, 1] and not is_zero_length(
            times[max(record - 1, first)], time
        )
        if record > first and not passed and (moving or not jumped):
            # Each record of the moment has its own part, as if it moved and the others stayed.
            along = 0.0
            if active and jumped:
                state = seen[record].ctypes.data
                along = along_slope(block, time, state, rates[record - first], adjoint, slope)
            to_times[record] += moved + along
            moved = -along
        elif record == first or passed:
            # Events end the stretch before them; one begins at the first record without any.
            if active and jumped != (record == first):
                state = seen[record].ctypes.data
                along = along_slope(block, time, state, rates[record - first], adjoint, slope)
                moved += along if jumped else -along
            to_times[record] += moved
            moved, jumped = 0.0, False
        if record > first and active and passed:
            if block[at.ROW_FIRST] != marks[record - first, 0]:
                block[at.ROW_FIRST], block[at.ROW_LAST] = (
                    marks[record - first, 0],
                    marks[record - first, 1],
                )
                block[at.ROW_CURSOR] = block[at.ROW_LAST] - 1
            status, steps = _integrate(block, handles, time, times[record - 1], steps)
            if status != _SUCCESS:
                return status, steps
    if active:
        address = block.ctypes.data
        evaluate(address, at.INITIAL_ADJOINT, times[first], 0, adjoint, increments.ctypes.data)
        _add(integral, increments, 0, block[at.N_PARAMETERS])
    return (_SUCCESS if all_finite(integral, length) else _NOT_FINITE), steps


@callback(types.void(types.int64))
def cvodes_backward(call: int) -> None:
    """Gradient of a unit's one member by its parameters and the weights, from its tape."""
    block = carray(pointer_to_integers(call), (at.SIZE,))
    subjects, records, states = block[at.N_SUBJECTS], block[at.N_RECORDS], block[at.N_STATES]
    n_parameters, n_weights = block[at.N_PARAMETERS], block[at.N_WEIGHTS]
    n_readouts, length = block[at.N_READOUTS], n_parameters + n_weights
    offsets = carray(pointer_to_integers(block[at.OFFSETS]), (subjects + 1,))
    actions = carray(pointer_to_integers(block[at.ACTIONS]), (records,))
    targets = carray(pointer_to_integers(block[at.TARGETS]), (records,))
    times = carray(pointer_to_doubles(block[at.TIMES]), (records,))
    amounts = carray(pointer_to_doubles(block[at.AMOUNTS]), (records,))
    seen = carray(pointer_to_doubles(block[at.SEEN]), (records, states))
    cotangents = carray(pointer_to_doubles(block[at.COTANGENTS]), (records, n_readouts))
    to_times = carray(pointer_to_doubles(block[at.TIME_COTANGENTS]), (records,))
    to_amounts = carray(pointer_to_doubles(block[at.AMOUNT_COTANGENTS]), (records,))
    subject = load_integer(block[at.MEMBERS], 0)
    first, last = offsets[subject], offsets[subject + 1]
    kept = block[at.UNIT] + 8 * (block[at.UNIT_LENGTH] - 2 * (last - first))
    marks = np.empty((last - first, 2), np.int64)
    for i in range(last - first):
        marks[i, 0], marks[i, 1] = int(load_double(kept, 2 * i)), int(load_double(kept, 2 * i + 1))
    rates = np.empty((last - first, states))
    rates_before(block, actions, targets, amounts, first, rates)
    block[at.ROWS] = block[at.UNIT]
    state = np.zeros(states)
    block[at.STATE] = state.ctypes.data
    seed = np.zeros(n_readouts)
    increments = np.zeros(1 + states + length)
    use_subject(block, subject)
    handles = take_integrator(block, True)
    # The equations are linear in the cotangents: solved at unit scale, so that the absolute
    # tolerance means the same whatever the scale of the log-likelihood.
    scale = _largest(actions, targets, cotangents, first, last)
    outcome, taken = _INTERNAL, 0
    if handles[MEMORY] != 0:
        outcome, taken = _solve_subject(
            block,
            handles,
            first,
            last,
            actions,
            targets,
            times,
            seen,
            marks,
            rates,
            cotangents,
            scale,
            seed,
            increments,
            to_times,
            to_amounts,
        )
    if outcome == _SUCCESS:
        integral = N_VGetArrayPointer_Serial(handles[QUADRATURE])
        row, total = block[at.PARAMETER_COTANGENTS], block[at.GROUP_WEIGHTS]
        for i in range(n_parameters):
            store_double(row, subject * n_parameters + i, scale * load_double(integral, i))
        for i in range(n_weights):
            added = scale * load_double(integral, n_parameters + i)
            store_double(total, i, load_double(total, i) + added)
        for record in range(first, last):
            to_times[record] *= scale
            to_amounts[record] *= scale
    block[at.OUTCOME], block[at.TAKEN] = outcome, taken
    # A use after the last call keeps the array alive: compiled code only sees its address.
    state[:] = 0.0
