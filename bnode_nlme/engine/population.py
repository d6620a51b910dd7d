"""One solve of a population, forward and adjoint: arrays in, arrays out, from Python or numba."""

from __future__ import annotations

import functools
import weakref
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numba import carray, types
from numpy.typing import NDArray

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.external import array, external
from bnode_nlme.engine.kernels import Kernels
from bnode_nlme.engine.memory import (
    call_entry,
    load_integer,
    pointer_to_integers,
    store_integer,
)
from bnode_nlme.engine.model_block import model_block
from bnode_nlme.engine.native import content_hash
from bnode_nlme.engine.options import SolverOptions
from bnode_nlme.engine.schedule import Action, Schedule
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.engine.tape import FULL, LEAN, NO_TAPE
from bnode_nlme.engine.units import INTEGRATORS
from bnode_nlme.engine.workspace import LANES

Array = NDArray[Any]

_OBSERVE, _SUCCESS = int(Action.OBSERVE), int(SolveStatus.SUCCESS)

_FIRST_LEAN, _FIRST_FULL = 4096, 32768
"""Doubles of tape for a group, where none was solved yet."""

_CACHED = 2**20
"""Doubles of a tape up to which a full one pays."""

NOT_ASKED_FOR = -1
"""Status of a subject that was not among those to solve."""


class ForwardResult(NamedTuple):
    """What a forward solve leaves.

    Attributes
    ----------
    predictions : ndarray (rows, readouts)
    status, steps, engines : ndarray (subjects,), int64
        How each subject's solve ended, how many steps it took, and which engine made them (see
        `units`; 0 where there was nothing to solve).
    order : ndarray (solved,), int64
        The subjects in the order in which they were grouped.
    seen : ndarray (records, states)
        The state just before each record.
    tape : ndarray (n,)
        See `tape`; empty where none was kept.
    origins : ndarray (groups, 2), int64
        First double of each group's tape, -1 where there was no room for it, and its length.
    """

    predictions: Array
    status: Array
    steps: Array
    engines: Array
    order: Array
    seen: Array
    tape: Array
    origins: Array


class BackwardResult(NamedTuple):
    """What an adjoint solve leaves.

    Attributes
    ----------
    parameters : ndarray (subjects, parameters)
        Cotangents of the parameters; NaN where a subject's solve failed.
    weights : ndarray (weights,)
        Cotangents of the weights; NaN where one subject's solve failed.
    steps : ndarray (subjects,), int64
    times, amounts : ndarray (records,)
        Cotangents of the schedule's times and amounts; NaN for subjects that CVODES solved. Entries
        at one time move together: the first of them has their sum.
    """

    parameters: Array
    weights: Array
    steps: Array
    times: Array
    amounts: Array


# The entry points trust what they are given: a wrong length or index here would let them read or
# write anywhere, so it is looked at before each solve (less than a microsecond for ten subjects).


@compiled
def _check_inputs(
    template: Array,
    parameters: Array,
    weights: Array,
    covariates: Array,
    offsets: Array,
    subjects: Array,
) -> None:
    n_subjects = offsets.shape[0] - 1
    if parameters.shape[0] != n_subjects:
        raise ValueError("Parameters of a solve want one row for each subject of the schedule.")
    if parameters.shape[1] != template[at.N_PARAMETERS]:
        raise ValueError("Parameters of a solve want one column for each of the system's.")
    if weights.shape[0] != template[at.N_WEIGHTS]:
        raise ValueError("Weights of a solve want the length of all the system's networks.")
    if covariates.shape[0] != n_subjects or covariates.shape[1] != template[at.N_COVARIATES]:
        raise ValueError("Covariates of a solve want shape (subjects, covariates).")
    asked = np.zeros(n_subjects, np.bool_)
    for subject in subjects:
        if subject < 0 or subject >= n_subjects:
            raise ValueError("Subjects to solve are counted from 0; one is out of range.")
        if asked[subject]:
            raise ValueError("Subjects to solve may each be named once.")
        asked[subject] = True


@compiled
def _check_schedule(
    template: Array, offsets: Array, actions: Array, targets: Array, times: Array, rows: int
) -> None:
    records = times.shape[0]
    if actions.shape[0] != records or targets.shape[0] != records:
        raise ValueError("The arrays of a schedule want one length.")
    if offsets[0] != 0 or offsets[-1] != records:
        raise ValueError("Offsets of a schedule want to begin at 0 and end at its length.")
    for subject in range(offsets.shape[0] - 1):
        if offsets[subject] > offsets[subject + 1]:
            raise ValueError("Offsets of a schedule must not decrease.")
    for record in range(records):
        length = rows if actions[record] == _OBSERVE else template[at.N_STATES]
        if targets[record] < 0 or targets[record] >= length:
            raise ValueError("A target of a schedule is no row or state.")


@compiled
def _check_tape(
    template: Array, solved: int, order: Array, seen: Array, tape: Array, origins: Array
) -> None:
    if order.shape[0] != solved or origins.shape[0] != (solved + LANES - 1) // LANES:
        raise ValueError("The adjoint solve wants what a forward solve of these subjects left.")
    if seen.shape[1] != template[at.N_STATES] or origins.shape[1] != 2:
        raise ValueError("Seen states and origins want one column for each state, and two.")
    for group in range(origins.shape[0]):
        first, length = origins[group, 0], origins[group, 1]
        if first < -1 or length < 0 or (first >= 0 and first + length > tape.shape[0]):
            raise ValueError("Origins point to parts that the tape does not have.")


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
def _kind_of_tape(template: Array, groups: int) -> tuple[int, int]:
    """What the tape holds, and how many doubles each group has room for.

    A full tape spares the adjoint most evaluations of the right-hand side, but must be written and
    read: that pays as long as it stays in the processor's caches.
    """
    hint = template[at.TAPE_HINT]
    full, lean = load_integer(hint, FULL - LEAN), load_integer(hint, 0)
    if full * groups <= min(_CACHED, template[at.TAPE_LIMIT]):
        return FULL, full
    return LEAN, lean


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


_MATRIX, _VECTOR = array(types.float64, 2), array(types.float64, 1)
_INTEGERS, _INTEGER_MATRIX = array(types.int64, 1), array(types.int64, 2)
_SCHEDULED = (_MATRIX, _VECTOR, _MATRIX, _INTEGERS, _INTEGERS, _INTEGERS, _VECTOR, _VECTOR)


def _left(dimensions: int, kind: Any) -> Any:
    return types.Array(kind, dimensions, "C")


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
    template = carray(pointer_to_integers(model), (at.SIZE,))
    parameters, weights = np.ascontiguousarray(parameters), np.ascontiguousarray(weights)
    covariates = np.ascontiguousarray(covariates)
    offsets, actions = np.ascontiguousarray(offsets), np.ascontiguousarray(actions)
    targets, times = np.ascontiguousarray(targets), np.ascontiguousarray(times)
    amounts, subjects = np.ascontiguousarray(amounts), np.ascontiguousarray(subjects)
    _check_inputs(template, parameters, weights, covariates, offsets, subjects)
    _check_schedule(template, offsets, actions, targets, times, rows)
    if amounts.shape[0] != times.shape[0]:
        raise ValueError("The arrays of a schedule want one length.")
    n_subjects, n_records, states = parameters.shape[0], times.shape[0], template[at.N_STATES]
    predictions = np.full((rows, template[at.N_READOUTS]), np.nan)
    status = np.full(n_subjects, NOT_ASKED_FOR, np.int64)
    steps, engines = np.zeros(n_subjects, np.int64), np.zeros(n_subjects, np.int64)
    seen = np.empty((n_records, states))
    order = _grouped(offsets, actions, times, subjects)
    solved = order.shape[0]
    groups = (solved + LANES - 1) // LANES
    kind, room = _kind_of_tape(template, groups) if keep_tape != 0 else (NO_TAPE, 0)
    with_room = min(groups, template[at.TAPE_LIMIT] // room) if room > 0 else 0
    origins = np.empty((groups if keep_tape != 0 else 0, 2), np.int64)
    for group in range(origins.shape[0]):
        origins[group, 0], origins[group, 1] = room * group if group < with_room else -1, 0
    tape = np.empty(room * with_room)
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
        # The next call makes room for what this one needed, and some more.
        most, hint, place = origins[:, 1].max(), template[at.TAPE_HINT], kind - LEAN
        store_integer(hint, place, max(load_integer(hint, place), most + most // 8))
    return predictions, status, steps, engines, order, seen, tape, origins


@external(
    types.Tuple(
        [
            _left(2, types.float64),
            _left(1, types.float64),
            _left(1, types.int64),
            *[_left(1, types.float64)] * 2,
        ]
    )(
        types.int64,
        types.int64,
        *_SCHEDULED,
        *[_INTEGERS] * 2,
        *[_MATRIX, _VECTOR, _INTEGER_MATRIX, _MATRIX],
    )
)
def backward_call(
    model: int,
    counts: int,
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
    template = carray(pointer_to_integers(model), (at.SIZE,))
    parameters, weights = np.ascontiguousarray(parameters), np.ascontiguousarray(weights)
    covariates = np.ascontiguousarray(covariates)
    offsets, actions = np.ascontiguousarray(offsets), np.ascontiguousarray(actions)
    targets, times = np.ascontiguousarray(targets), np.ascontiguousarray(times)
    amounts, status = np.ascontiguousarray(amounts), np.ascontiguousarray(status)
    order, seen = np.ascontiguousarray(order), np.ascontiguousarray(seen)
    tape, origins = np.ascontiguousarray(tape), np.ascontiguousarray(origins)
    cotangents = np.ascontiguousarray(cotangents)
    _check_inputs(template, parameters, weights, covariates, offsets, order)
    _check_schedule(template, offsets, actions, targets, times, cotangents.shape[0])
    n_subjects, n_records, solved = parameters.shape[0], times.shape[0], order.shape[0]
    if amounts.shape[0] != n_records:
        raise ValueError("The arrays of a schedule want one length.")
    if status.shape[0] != n_subjects or seen.shape[0] != n_records:
        raise ValueError("The adjoint solve wants what a forward solve of these records left.")
    _check_tape(template, solved, order, seen, tape, origins)
    if cotangents.shape[1] != template[at.N_READOUTS]:
        raise ValueError("Cotangents want one column for each readout.")
    to_parameters = np.zeros(parameters.shape)
    groups = np.zeros((origins.shape[0], weights.shape[0]))
    steps = np.zeros(n_subjects, np.int64)
    to_times, to_amounts = np.zeros(n_records), np.zeros(n_records)
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
    block[at.NEXT_GROUP] = shared.ctypes.data
    if solved > 0 and parameters.shape[1] + weights.shape[0] > 0:
        call_entry(block[at.BACKWARD_ENTRY], block.ctypes.data)
    # In the order of the groups, whichever thread had them: the sum is the same each time.
    to_weights = np.zeros(weights.shape[0])
    for group in range(groups.shape[0]):
        to_weights += groups[group]
    # A use after the call keeps the arrays alive: the entry point only sees their addresses.
    shared[0] = block[0]
    return to_parameters, to_weights, steps, to_times, to_amounts


def call_forward(template: Array, *given: Any) -> ForwardResult:
    """Forward solve, called from Python.

    Parameters
    ----------
    template
        A model's block.
    *given
        Parameters, weights, covariates, the arrays of a schedule, and subjects; the number of rows
        of the predictions, whether an adjoint solve will follow, and the address where outcomes
        are counted, which is 0 where they are not.
    """
    *inputs, keep_tape, counts = given
    return ForwardResult(*forward_call(template.ctypes.data, counts, int(keep_tape), *inputs))


def call_backward(template: Array, *given: Any) -> BackwardResult:
    """Adjoint solve, called from Python.

    Parameters
    ----------
    template
        A model's block.
    *given
        Parameters, weights, covariates, and the arrays of a schedule; status, order, seen, tape
        and origins as the forward solve left them; the cotangents of the predictions, and the
        address where outcomes are counted.
    """
    *inputs, counts = given
    return BackwardResult(*backward_call(template.ctypes.data, counts, *inputs))


# Compiled code reads bare memory: a number of another type there would be read as its bits.


def _doubles(array: Array) -> NDArray[np.float64]:
    return np.ascontiguousarray(array, dtype=np.float64)


def _integers(array: Array) -> NDArray[np.int64]:
    return np.ascontiguousarray(array, dtype=np.int64)


@dataclass(frozen=True)
class PopulationSolver:
    """A system's kernels and how to solve by them; equal ones compute equal numbers.

    Attributes
    ----------
    kernels : Kernels
    options : SolverOptions
    """

    kernels: Kernels
    options: SolverOptions

    @functools.cached_property
    def key(self) -> str:
        """Content hash: equal for equal solvers, in every process."""
        return content_hash(f"{self.kernels.key} {self.kernels} {self.options}")

    @functools.cached_property
    def template(self) -> NDArray[np.int64]:
        """The model's part of the block that compiled code works from, in this process.

        Raises
        ------
        SundialsUnavailableError
            Where CVODES is asked for and cannot be reached.
        """
        block = model_block(self.kernels, self.options)
        block[at.TAPE_HINT] = self.tape_hint.ctypes.data
        if block[at.CVODES_FORWARD] != 0:
            from bnode_nlme.engine.integrator import free_pool

            block[at.INTEGRATORS] = self.integrators.ctypes.data
            weakref.finalize(self, free_pool, self.integrators)
        return block

    @functools.cached_property
    def integrators(self) -> NDArray[np.int64]:
        """Addresses of the CVODES integrators that are kept from one call to the next."""
        return np.zeros(2 * INTEGRATORS, np.int64)

    @functools.cached_property
    def tape_hint(self) -> NDArray[np.int64]:
        """Doubles of tape that a group took so far, lean and full: what the next call makes room for."""
        return np.array([_FIRST_LEAN, _FIRST_FULL])

    def forward(
        self,
        parameters: Array,
        weights: Array,
        covariates: Array,
        schedule: Schedule,
        subjects: Array,
        *,
        keep_tape: bool = False,
    ) -> ForwardResult:
        """Solve once for given numbers; uncounted."""
        return call_forward(
            self.template,
            _doubles(parameters),
            _doubles(weights),
            _doubles(covariates),
            *schedule.arrays,
            _integers(subjects),
            schedule.rows,
            keep_tape,
            0,
        )

    def backward(
        self,
        parameters: Array,
        weights: Array,
        covariates: Array,
        schedule: Schedule,
        forward: ForwardResult,
        cotangents: Array,
    ) -> BackwardResult:
        """Adjoint solve from what a forward solve with a tape left; uncounted."""
        return call_backward(
            self.template,
            _doubles(parameters),
            _doubles(weights),
            _doubles(covariates),
            *schedule.arrays,
            _integers(forward.status),
            _integers(forward.order),
            _doubles(forward.seen),
            _doubles(forward.tape),
            _integers(forward.origins),
            _doubles(cotangents),
            0,
        )

    def __getstate__(self) -> dict[str, Any]:
        # Addresses mean nothing in another process.
        return {"kernels": self.kernels, "options": self.options}
