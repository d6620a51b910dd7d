"""One solve of a population, forward and adjoint, in compiled code: arrays in, arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray, types
from numpy.typing import NDArray

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.external import array, external
from bnode_nlme.engine.input_checks import check_inputs, check_schedule, check_tape
from bnode_nlme.engine.large_arrays import empty, filled
from bnode_nlme.engine.memory import (
    call_entry,
    load_integer,
    pointer_to_integers,
    store_integer,
)
from bnode_nlme.engine.schedule import Action
from bnode_nlme.engine.tape import ALIGNED, FULL, LEAN, NO_TAPE, width_of_step
from bnode_nlme.engine.workspace import LANES

Array = NDArray[Any]

_OBSERVE = int(Action.OBSERVE)

_CACHED = 2**20
"""Doubles of a tape up to which a full one pays."""

_STEPS_OF_A_GROUP, _STEPS_OF_AN_EVENT = 64, 8
"""Steps that are expected of a group, and more of them for each event of its subjects."""

NOT_ASKED_FOR = -1
"""Status of a subject that was not among those to solve."""


@compiled
def _grouped(offsets: Array, actions: Array, times: Array, subjects: Array) -> Array:
    """The subjects in an order in which neighbours have like numbers of events, and like times.

    Lanes that step together should end together, and go through as many intervals.
    """
    events, spans = np.zeros(subjects.shape[0]), np.zeros(subjects.shape[0])
    for i, subject in enumerate(subjects):
        first, last = offsets[subject], offsets[subject + 1]
        for record in range(first, last):
            events[i] += actions[record] != _OBSERVE
        if last > first:
            spans[i] = times[last - 1] - times[first]
    alike = True
    for i in range(1, subjects.shape[0]):
        alike = alike and events[i] == events[0] and spans[i] == spans[0]
    if alike:
        return subjects.copy()
    by_span = np.argsort(spans, kind="mergesort")
    return subjects[by_span[np.argsort(events[by_span], kind="mergesort")]]


@compiled
def _kind_of_tape(template: Array, offsets: Array, actions: Array, subjects: Array) -> int:
    """What the tape holds: nothing but the schedule decides.

    A full tape spares the adjoint most evaluations of the right-hand side, but must be written and
    read: that pays as long as it stays in the processor's caches. The two give gradients that may
    part in their last digit, so the kind must not depend on how long earlier solves were: equal
    inputs give equal numbers, whatever was solved before, and beside, by other threads.
    """
    events = 0
    for subject in subjects:
        for record in range(offsets[subject], offsets[subject + 1]):
            events += actions[record] != _OBSERVE
    groups = (subjects.shape[0] + LANES - 1) // LANES
    steps = _STEPS_OF_A_GROUP * groups + _STEPS_OF_AN_EVENT * events // LANES
    expected = steps * width_of_step(template, FULL)
    return FULL if expected <= min(_CACHED, template[at.TAPE_LIMIT]) else LEAN


@compiled
def _learn_room(template: Array, kind: int, most: int) -> None:
    """The next call makes room for what this one needed, and some more.

    The room shrinks again, slowly: a sampler's first draws may need far more than all later ones.
    """
    hint, place = template[at.TAPE_HINT], kind - LEAN
    room = load_integer(hint, place)
    store_integer(hint, place, max(most + most // 8, room - room // 64) // ALIGNED * ALIGNED)


@compiled
def _block(
    template: Array,
    parameters: Array,
    weights: Array,
    covariates: Array,
    offsets: Array,
    actions: Array,
    targets: Array,
    times: Array,
    amounts: Array,
    order: Array,
    seen: Array,
    tape: Array,
    origins: Array,
    status: Array,
    steps: Array,
    counts: int,
) -> Array:
    """The model's block with what both directions of a call have in common."""
    block = template.copy()
    block[at.N_SUBJECTS], block[at.N_RECORDS] = parameters.shape[0], times.shape[0]
    block[at.N_SOLVED] = order.shape[0]
    block[at.PARAMETERS], block[at.WEIGHTS] = parameters.ctypes.data, weights.ctypes.data
    block[at.COVARIATES], block[at.OFFSETS] = covariates.ctypes.data, offsets.ctypes.data
    block[at.ACTIONS], block[at.TARGETS] = actions.ctypes.data, targets.ctypes.data
    block[at.TIMES], block[at.AMOUNTS] = times.ctypes.data, amounts.ctypes.data
    block[at.ORDER], block[at.SEEN] = order.ctypes.data, seen.ctypes.data
    block[at.SHARED_TAPE] = tape.ctypes.data
    block[at.ORIGINS] = origins.ctypes.data
    block[at.STATUS], block[at.STEPS] = status.ctypes.data, steps.ctypes.data
    block[at.COUNTS] = counts
    return block


@compiled
def _solve_forward(
    template: Array,
    counts: int,
    keep_tape: int,
    parameters: Array,
    weights: Array,
    covariates: Array,
    offsets: Array,
    actions: Array,
    targets: Array,
    times: Array,
    amounts: Array,
    subjects: Array,
    rows: int,
) -> tuple[Array, Array, Array, Array, Array, Array, Array, Array]:
    check_inputs(template, parameters, weights, covariates, offsets, subjects)
    check_schedule(template, offsets, actions, targets, times, amounts, rows)
    n_subjects, n_records, states = parameters.shape[0], times.shape[0], template[at.N_STATES]
    readouts = template[at.N_READOUTS]
    predictions = filled(rows * readouts, np.nan).reshape((rows, readouts))
    status = np.full(n_subjects, NOT_ASKED_FOR, np.int64)
    steps, engines = np.zeros(n_subjects, np.int64), np.zeros(n_subjects, np.int64)
    seen = empty(n_records * states).reshape((n_records, states))
    order = _grouped(offsets, actions, times, subjects)
    solved = order.shape[0]
    groups = (solved + LANES - 1) // LANES
    kind, room = NO_TAPE, 0
    if keep_tape != 0:
        kind = _kind_of_tape(template, offsets, actions, order)
        room = load_integer(template[at.TAPE_HINT], kind - LEAN)
    with_room = min(groups, template[at.TAPE_LIMIT] // room) if room > 0 else 0
    origins = np.empty((groups if keep_tape != 0 else 0, 2), np.int64)
    for group in range(origins.shape[0]):
        origins[group, 0], origins[group, 1] = room * group if group < with_room else -1, 0
    tape = empty(room * with_room)
    block = _block(
        template, parameters, weights, covariates, offsets, actions, targets, times, amounts,
        order, seen, tape, origins, status, steps, counts,
    )  # fmt: skip
    shared = np.zeros(1, np.int64)
    block[at.PREDICTIONS], block[at.ENGINES] = predictions.ctypes.data, engines.ctypes.data
    block[at.KEEP_TAPE], block[at.ROOM] = kind, room
    block[at.NEXT_GROUP] = shared.ctypes.data
    if solved > 0:
        call_entry(block[at.FORWARD_ENTRY], block.ctypes.data)
    # A use after the call keeps the array alive: the entry point only sees its address.
    shared[0] = block[0]
    if keep_tape != 0 and groups > 0:
        _learn_room(template, kind, origins[:, 1].max())
    return predictions, status, steps, engines, order, seen, tape, origins


@compiled
def _solve_backward(
    template: Array,
    counts: int,
    moving: int,
    parameters: Array,
    weights: Array,
    covariates: Array,
    offsets: Array,
    actions: Array,
    targets: Array,
    times: Array,
    amounts: Array,
    status: Array,
    order: Array,
    seen: Array,
    tape: Array,
    origins: Array,
    cotangents: Array,
) -> tuple[Array, Array, Array, Array, Array]:
    check_inputs(template, parameters, weights, covariates, offsets, order)
    check_schedule(template, offsets, actions, targets, times, amounts, cotangents.shape[0])
    n_subjects, n_records, solved = parameters.shape[0], times.shape[0], order.shape[0]
    if status.shape[0] != n_subjects or seen.shape[0] != n_records:
        raise ValueError("The adjoint solve wants what a forward solve of these records left.")
    check_tape(template, solved, order, seen, tape, origins)
    if cotangents.shape[1] != template[at.N_READOUTS]:
        raise ValueError("Cotangents want one column for each readout.")
    to_parameters = filled(parameters.size, 0.0).reshape(parameters.shape)
    n_groups, n_weights = origins.shape[0], weights.shape[0]
    groups = filled(n_groups * n_weights, 0.0).reshape((n_groups, n_weights))
    steps = np.zeros(n_subjects, np.int64)
    to_times, to_amounts = filled(n_records, 0.0), filled(n_records, 0.0)
    block = _block(
        template, parameters, weights, covariates, offsets, actions, targets, times, amounts,
        order, seen, tape, origins, status, steps, counts,
    )  # fmt: skip
    shared = np.zeros(1, np.int64)
    block[at.COTANGENTS] = cotangents.ctypes.data
    block[at.PARAMETER_COTANGENTS] = to_parameters.ctypes.data
    block[at.WEIGHT_COTANGENTS] = groups.ctypes.data
    block[at.TIME_COTANGENTS] = to_times.ctypes.data
    block[at.AMOUNT_COTANGENTS] = to_amounts.ctypes.data
    block[at.MOVING] = moving
    block[at.KEEP_TAPE] = _kind_of_tape(template, offsets, actions, order)
    block[at.NEXT_GROUP] = shared.ctypes.data
    if solved > 0:
        call_entry(block[at.BACKWARD_ENTRY], block.ctypes.data)
    if moving == 0:
        to_times[:] = 0.0
    # In the order of the groups, whichever thread had them: the sum is the same each time.
    to_weights = np.zeros(weights.shape[0])
    for group in range(groups.shape[0]):
        to_weights += groups[group]
    # A use after the call keeps the arrays alive: the entry point only sees their addresses.
    shared[0] = block[0]
    return to_parameters, to_weights, steps, to_times, to_amounts


_MATRIX, _VECTOR = array(types.float64, 2), array(types.float64, 1)
_INTEGERS, _INTEGER_MATRIX = array(types.int64, 1), array(types.int64, 2)
_SCHEDULED = (_MATRIX, _VECTOR, _MATRIX, _INTEGERS, _INTEGERS, _INTEGERS, _VECTOR, _VECTOR)


def _left(dimensions: int, kind: Any) -> Any:
    return types.Array(kind, dimensions, "C")


# Any layout may come in. The solves work with bare memory in the order of rows: a copy that is made
# here lives until the solve has returned.


@external(
    types.Tuple(
        [
            _left(2, types.float64),
            *[_left(1, types.int64)] * 4,
            _left(2, types.float64),
            _left(1, types.float64),
            _left(2, types.int64),
        ]
    )(types.int64, types.int64, types.int64, *_SCHEDULED, _INTEGERS, types.int64)
)
def forward_call(
    model: int,
    counts: int,
    keep_tape: int,
    parameters: Array,
    weights: Array,
    covariates: Array,
    offsets: Array,
    actions: Array,
    targets: Array,
    times: Array,
    amounts: Array,
    subjects: Array,
    rows: int,
) -> tuple[Array, Array, Array, Array, Array, Array, Array, Array]:
    """Forward solve from the address of a model's block; the fields of `ForwardResult`."""
    return _solve_forward(
        carray(pointer_to_integers(model), (at.SIZE,)),
        counts,
        keep_tape,
        np.ascontiguousarray(parameters),
        np.ascontiguousarray(weights),
        np.ascontiguousarray(covariates),
        np.ascontiguousarray(offsets),
        np.ascontiguousarray(actions),
        np.ascontiguousarray(targets),
        np.ascontiguousarray(times),
        np.ascontiguousarray(amounts),
        np.ascontiguousarray(subjects),
        rows,
    )


@external(
    types.Tuple(
        [
            _left(2, types.float64),
            _left(1, types.float64),
            _left(1, types.int64),
            *[_left(1, types.float64)] * 2,
        ]
    )(
        *[types.int64] * 3,
        *_SCHEDULED,
        *[_INTEGERS] * 2,
        *[_MATRIX, _VECTOR, _INTEGER_MATRIX, _MATRIX],
    )
)
def backward_call(
    model: int,
    counts: int,
    moving: int,
    parameters: Array,
    weights: Array,
    covariates: Array,
    offsets: Array,
    actions: Array,
    targets: Array,
    times: Array,
    amounts: Array,
    status: Array,
    order: Array,
    seen: Array,
    tape: Array,
    origins: Array,
    cotangents: Array,
) -> tuple[Array, Array, Array, Array, Array]:
    """Adjoint solve from the address of a model's block; the fields of `BackwardResult`."""
    return _solve_backward(
        carray(pointer_to_integers(model), (at.SIZE,)),
        counts,
        moving,
        np.ascontiguousarray(parameters),
        np.ascontiguousarray(weights),
        np.ascontiguousarray(covariates),
        np.ascontiguousarray(offsets),
        np.ascontiguousarray(actions),
        np.ascontiguousarray(targets),
        np.ascontiguousarray(times),
        np.ascontiguousarray(amounts),
        np.ascontiguousarray(status),
        np.ascontiguousarray(order),
        np.ascontiguousarray(seen),
        np.ascontiguousarray(tape),
        np.ascontiguousarray(origins),
        np.ascontiguousarray(cotangents),
    )
