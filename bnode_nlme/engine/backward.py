"""The adjoint solve of a population by CVODES, in compiled code without the GIL.

Backwards through each subject's records, the adjoint of the state obeys
``da/dt = -(df/dy)' a`` between records and jumps by the cotangent of the readout at observations;
the gradient with respect to parameters and weights is the integral of ``(df/dp)' a`` plus what
readouts and initial values add (Cao, Li, Petzold and Serban 2003, doi:10.1137/S1064827501380630).
CVODES integrates the adjoint and the integral. The forward trajectory comes off the tape rather
than from CVODES's own checkpoints, which do not reach across a dose and cannot be handed from one
operation to another.
"""

from __future__ import annotations

import numpy as np
from numba import carray, types

from bnode_nlme.engine.callbacks import all_finite, evaluate
from bnode_nlme.engine.compilation import callback, compiled
from bnode_nlme.engine.forward import is_zero_length
from bnode_nlme.engine.integrator import (
    MEMORY,
    QUADRATURE,
    QUADRATURE_TOLERANCES,
    VECTOR,
    create_integrator,
    free_integrator,
    status_of,
)
from bnode_nlme.engine.memory import (
    add_atomically,
    load_double,
    pointer_to_doubles,
    pointer_to_integers,
    store_double,
)
from bnode_nlme.engine.schedule import Action
from bnode_nlme.engine.slots import SIZE, Slot
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
_OBSERVE, _RESET = int(Action.OBSERVE), int(Action.RESET)
_SUCCESS, _INTERNAL = int(SolveStatus.SUCCESS), int(SolveStatus.INTERNAL)
_MAX_STEPS_REACHED, _NOT_FINITE = int(SolveStatus.MAX_STEPS), int(SolveStatus.NOT_FINITE)
_N_STATES, _N_PARAMETERS = int(Slot.N_STATES), int(Slot.N_PARAMETERS)
_N_WEIGHTS, _N_COVARIATES = int(Slot.N_WEIGHTS), int(Slot.N_COVARIATES)
_N_READOUTS, _METHOD, _MAX_STEPS = int(Slot.N_READOUTS), int(Slot.METHOD), int(Slot.MAX_STEPS)
_READOUT_ADJOINT, _INITIAL_ADJOINT = int(Slot.READOUT_ADJOINT), int(Slot.INITIAL_ADJOINT)
_CALLBACK, _JACOBIAN = int(Slot.ADJOINT_CALLBACK), int(Slot.ADJOINT_JACOBIAN_CALLBACK)
_QUADRATURE = int(Slot.QUADRATURE_CALLBACK)
_TOLERANCES, _N_SUBJECTS = int(Slot.TOLERANCES), int(Slot.N_SUBJECTS)
_N_RECORDS, _N_SOLVED = int(Slot.N_RECORDS), int(Slot.N_SOLVED)
_PARAMETERS, _WEIGHTS = int(Slot.PARAMETERS), int(Slot.WEIGHTS)
_COVARIATES = int(Slot.COVARIATES)
_OFFSETS, _ACTIONS, _TARGETS = int(Slot.OFFSETS), int(Slot.ACTIONS), int(Slot.TARGETS)
_TIMES, _SUBJECTS, _COUNTS = int(Slot.TIMES), int(Slot.SUBJECTS), int(Slot.COUNTS)
_STATUS, _STEPS, _SEEN, _MARKS = (
    int(Slot.STATUS),
    int(Slot.STEPS),
    int(Slot.SEEN),
    int(Slot.MARKS),
)
_COTANGENTS = int(Slot.COTANGENTS)
_PARAMETER_COTANGENTS = int(Slot.PARAMETER_COTANGENTS)
_WEIGHT_COTANGENTS = int(Slot.WEIGHT_COTANGENTS)
_SUBJECT_PARAMETERS = int(Slot.SUBJECT_PARAMETERS)
_SUBJECT_COVARIATES, _STATE = int(Slot.SUBJECT_COVARIATES), int(Slot.STATE)
_FIRST, _LAST, _CURSOR = int(Slot.TAPE_FIRST), int(Slot.TAPE_LAST), int(Slot.TAPE_CURSOR)


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
        if steps >= block[_MAX_STEPS]:
            return _MAX_STEPS_REACHED, steps
        flag = CVode(memory, stop, vector, reached.ctypes.data, _ONE_STEP)
        steps += 1
        if flag < 0:
            return status_of(flag), steps
        if reached[0] <= stop:
            flag = CVodeGetQuad(memory, reached.ctypes.data, quadrature)
            return (_SUCCESS if flag == 0 else _INTERNAL), steps


@compiled
def _set_tolerances(
    block: np.ndarray, handles: np.ndarray, tolerances: np.ndarray, size: float, worth: float
) -> bool:
    """Absolute tolerances for an adjoint of magnitude `size`, whatever the units.

    Returns whether CVODES took them.

    `worth` is the largest product of a state and its adjoint: what a relative change of a state
    is worth. A relative change of a parameter should count for as much, so that its gradient is
    wanted to `worth` divided by the parameter; those below one are taken for one.
    """
    n_parameters, n_weights = block[_N_PARAMETERS], block[_N_WEIGHTS]
    memory, vector = handles[MEMORY], handles[QUADRATURE_TOLERANCES]
    relative, absolute = tolerances[0], tolerances[1]
    flag = CVodeSStolerances(memory, relative, absolute * size)
    wanted = absolute * (worth if worth > 0.0 else size)
    bounds = N_VGetArrayPointer_Serial(vector)
    for i in range(n_parameters):
        magnitude = abs(load_double(block[_SUBJECT_PARAMETERS], i))
        store_double(bounds, i, wanted / max(1.0, magnitude))
    for i in range(n_weights):
        magnitude = abs(load_double(block[_WEIGHTS], i))
        store_double(bounds, n_parameters + i, wanted / max(1.0, magnitude))
    flag |= CVodeQuadSVtolerances(memory, relative, vector)
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
    cotangents: np.ndarray,
    scale: float,
    seed: np.ndarray,
    increments: np.ndarray,
    tolerances: np.ndarray,
) -> tuple[int, int]:
    """Walk one subject's records backwards; leaves the gradient in the integrator's quadrature."""
    states = block[_N_STATES]
    length = block[_N_PARAMETERS] + block[_N_WEIGHTS]
    address = block.ctypes.data
    size, worth = 0.0, 0.0
    adjoint = N_VGetArrayPointer_Serial(handles[VECTOR])
    integral = N_VGetArrayPointer_Serial(handles[QUADRATURE])
    for i in range(states):
        store_double(adjoint, i, 0.0)
    for i in range(length):
        store_double(integral, i, 0.0)
    block[_FIRST] = -1
    steps = 0
    active = False  # whether the adjoint can be other than zero
    for record in range(last - 1, first - 1, -1):
        time = times[record]
        if actions[record] == _OBSERVE:
            seeded = False
            for j in range(len(seed)):
                seed[j] = cotangents[targets[record], j] / scale
                seeded = seeded or seed[j] != 0.0
            if seeded:
                evaluate(
                    address,
                    _READOUT_ADJOINT,
                    time,
                    seen[record].ctypes.data,
                    seed.ctypes.data,
                    increments.ctypes.data,
                )
                _add(adjoint, increments, 0, states)
                _add(integral, increments, states, length)
                grown = False
                for i in range(states):
                    magnitude = abs(load_double(adjoint, i))
                    product = magnitude * abs(seen[record, i])
                    active = active or magnitude != 0.0
                    if magnitude > size:
                        size, grown = magnitude, True
                    if product > worth:
                        worth, grown = product, True
                if grown and not _set_tolerances(block, handles, tolerances, size, worth):
                    return _INTERNAL, steps
        elif actions[record] == _RESET and active:
            evaluate(address, _INITIAL_ADJOINT, time, 0, adjoint, increments.ctypes.data)
            _add(integral, increments, 0, block[_N_PARAMETERS])
            for i in range(states):
                store_double(adjoint, i, 0.0)
            active = False
        # A stretch without steps is skipped, and so are records at one time within a stretch.
        passed = marks[record, 0] < marks[record, 1] and not is_zero_length(
            times[max(record - 1, first)], time
        )
        if record > first and active and passed:
            if block[_FIRST] != marks[record, 0]:
                block[_FIRST], block[_LAST] = marks[record, 0], marks[record, 1]
                block[_CURSOR] = block[_LAST] - 1
            status, steps = _integrate(block, handles, time, times[record - 1], steps)
            if status != _SUCCESS:
                return status, steps
    if active:
        evaluate(address, _INITIAL_ADJOINT, times[first], 0, adjoint, increments.ctypes.data)
        _add(integral, increments, 0, block[_N_PARAMETERS])
    return (_SUCCESS if all_finite(integral, length) else _NOT_FINITE), steps


@callback(types.void(types.int64))
def backward_entry(call: int) -> None:
    """Gradient of each subject asked for; inputs and outputs are named in `Slot`.

    Adds to the cotangents of parameters (subjects, parameters) and weights (weights,), which the
    caller fills with zeros; they become NaN where the forward or the adjoint solve of a subject
    failed. Writes steps (subjects,).
    """
    block = carray(pointer_to_integers(call), (SIZE,))
    subjects, records, states = block[_N_SUBJECTS], block[_N_RECORDS], block[_N_STATES]
    n_parameters, n_weights = block[_N_PARAMETERS], block[_N_WEIGHTS]
    n_readouts, length = block[_N_READOUTS], n_parameters + n_weights
    tolerances = carray(pointer_to_doubles(block[_TOLERANCES]), (2,))
    offsets = carray(pointer_to_integers(block[_OFFSETS]), (subjects + 1,))
    actions = carray(pointer_to_integers(block[_ACTIONS]), (records,))
    targets = carray(pointer_to_integers(block[_TARGETS]), (records,))
    times = carray(pointer_to_doubles(block[_TIMES]), (records,))
    solved = carray(pointer_to_integers(block[_SUBJECTS]), (block[_N_SOLVED],))
    status = carray(pointer_to_integers(block[_STATUS]), (subjects,))
    steps = carray(pointer_to_integers(block[_STEPS]), (subjects,))
    seen = carray(pointer_to_doubles(block[_SEEN]), (records, states))
    marks = carray(pointer_to_integers(block[_MARKS]), (records, 2))
    # The number of rows does not matter here: rows are addressed by the records' targets.
    cotangents = carray(pointer_to_doubles(block[_COTANGENTS]), (records, n_readouts))
    to_parameters = carray(
        pointer_to_doubles(block[_PARAMETER_COTANGENTS]), (subjects, n_parameters)
    )
    to_weights = carray(pointer_to_doubles(block[_WEIGHT_COTANGENTS]), (n_weights,))
    if length == 0:
        return  # nothing to differentiate by
    state = np.zeros(states)
    block[_STATE] = state.ctypes.data
    seed = np.zeros(n_readouts)
    increments = np.zeros(states + length)
    handles = create_integrator(
        call,
        block[_METHOD],
        states,
        length,
        block[_CALLBACK],
        block[_JACOBIAN],
        block[_QUADRATURE],
        tolerances[0],
        tolerances[1],
    )
    for subject in solved:
        first, last = offsets[subject], offsets[subject + 1]
        # The equations are linear in the cotangents: solved at unit scale, so that the absolute
        # tolerance means the same whatever the scale of the log-likelihood.
        scale = _largest(actions, targets, cotangents, first, last)
        if scale == 0.0:
            continue
        outcome, taken = _INTERNAL, 0
        if status[subject] != _SUCCESS or not np.isfinite(scale):
            outcome = _NOT_FINITE
        else:
            if handles[MEMORY] != 0:
                block[_SUBJECT_PARAMETERS] = block[_PARAMETERS] + 8 * n_parameters * subject
                block[_SUBJECT_COVARIATES] = block[_COVARIATES] + 8 * block[_N_COVARIATES] * subject
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
                    cotangents,
                    scale,
                    seed,
                    increments,
                    tolerances,
                )
            if outcome != _SUCCESS and block[_COUNTS] != 0:
                add_atomically(block[_COUNTS], outcome, 1)
        steps[subject] = taken
        if outcome == _SUCCESS:
            integral = N_VGetArrayPointer_Serial(handles[QUADRATURE])
            for i in range(n_parameters):
                to_parameters[subject, i] = scale * load_double(integral, i)
            for i in range(n_weights):
                to_weights[i] += scale * load_double(integral, n_parameters + i)
        else:
            to_parameters[subject, :] = np.nan
            to_weights[:] = np.nan
    free_integrator(handles)
    # A use after the last call keeps the array alive: compiled code only sees its address.
    state[:] = 0.0
