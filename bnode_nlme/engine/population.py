"""One solve of a population, forward and adjoint: arrays in, arrays out, from Python or numba."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.engine import sundials
from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.kernels import KERNELS, Kernels
from bnode_nlme.engine.memory import call_entry, copy_memory, release
from bnode_nlme.engine.options import SolverOptions
from bnode_nlme.engine.schedule import Action, Schedule
from bnode_nlme.engine.slots import SIZE, Slot
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.engine.vector_operations import replacements

Array = NDArray[Any]

_FORWARD_ENTRY, _BACKWARD_ENTRY = int(Slot.FORWARD_ENTRY), int(Slot.BACKWARD_ENTRY)
_N_STATES, _N_READOUTS = int(Slot.N_STATES), int(Slot.N_READOUTS)
_N_PARAMETERS, _N_WEIGHTS = int(Slot.N_PARAMETERS), int(Slot.N_WEIGHTS)
_N_COVARIATES, _OBSERVE = int(Slot.N_COVARIATES), int(Action.OBSERVE)
_SUCCESS = int(SolveStatus.SUCCESS)
_TOLERANCES, _N_SUBJECTS = int(Slot.TOLERANCES), int(Slot.N_SUBJECTS)
_N_RECORDS, _N_SOLVED = int(Slot.N_RECORDS), int(Slot.N_SOLVED)
_PARAMETERS, _WEIGHTS, _COVARIATES = int(Slot.PARAMETERS), int(Slot.WEIGHTS), int(Slot.COVARIATES)
_OFFSETS, _ACTIONS, _TARGETS = int(Slot.OFFSETS), int(Slot.ACTIONS), int(Slot.TARGETS)
_TIMES, _AMOUNTS, _SUBJECTS = int(Slot.TIMES), int(Slot.AMOUNTS), int(Slot.SUBJECTS)
_COUNTS, _PREDICTIONS = int(Slot.COUNTS), int(Slot.PREDICTIONS)
_STATUS, _STEPS = int(Slot.STATUS), int(Slot.STEPS)
_SEEN, _MARKS, _KEEP_TAPE = int(Slot.SEEN), int(Slot.MARKS), int(Slot.KEEP_TAPE)
_TAPE, _TAPE_ROWS, _CAPACITY = int(Slot.TAPE), int(Slot.TAPE_ROWS), int(Slot.TAPE_CAPACITY)
_COTANGENTS = int(Slot.COTANGENTS)
_PARAMETER_COTANGENTS = int(Slot.PARAMETER_COTANGENTS)
_WEIGHT_COTANGENTS = int(Slot.WEIGHT_COTANGENTS)

NOT_ASKED_FOR = -1
"""Status of a subject that was not among those to solve."""


class ForwardResult(NamedTuple):
    """What a forward solve leaves.

    Attributes
    ----------
    predictions : ndarray (rows, readouts)
    status, steps : ndarray (subjects,), int64
    tape : ndarray (tape rows, 1 + 2 states)
        Time, state and derivative at every step; empty where no tape was kept.
    marks : ndarray (records, 2), int64
        First and last tape row of the smooth stretch that leads to a record.
    seen : ndarray (records, states)
        The state just before each record.
    """

    predictions: Array
    status: Array
    steps: Array
    tape: Array
    marks: Array
    seen: Array


class BackwardResult(NamedTuple):
    """What an adjoint solve leaves.

    Attributes
    ----------
    parameters : ndarray (subjects, parameters)
        Cotangents of the parameters; NaN where a subject's solve failed.
    weights : ndarray (weights,)
        Cotangents of the weights; NaN where one subject's solve failed.
    steps : ndarray (subjects,), int64
    """

    parameters: Array
    weights: Array
    steps: Array


# Only addresses reach the compiled entry points, so that these are compiled once per machine
# whatever the types of a caller's arrays; what is compiled per caller is this thin layer.


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
    if parameters.shape[1] != template[_N_PARAMETERS]:
        raise ValueError("Parameters of a solve want one column for each of the system's.")
    if weights.shape[0] != template[_N_WEIGHTS]:
        raise ValueError("Weights of a solve want the length of all the system's networks.")
    if covariates.shape[0] != n_subjects or covariates.shape[1] != template[_N_COVARIATES]:
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
        length = rows if actions[record] == _OBSERVE else template[_N_STATES]
        if targets[record] < 0 or targets[record] >= length:
            raise ValueError("A target of a schedule is no row or state.")


@compiled
def _check_tape(
    template: Array,
    offsets: Array,
    subjects: Array,
    status: Array,
    tape: Array,
    marks: Array,
    seen: Array,
) -> None:
    states = template[_N_STATES]
    if tape.shape[1] != 1 + 2 * states or marks.shape[1] != 2 or seen.shape[1] != states:
        raise ValueError("Tape, marks and seen want 1 + 2 states, 2 and states columns.")
    for subject in subjects:
        if status[subject] != _SUCCESS:
            continue  # its part of the tape was dropped, and is not looked at
        for record in range(offsets[subject], offsets[subject + 1]):
            start, stop = marks[record, 0], marks[record, 1]
            if start < stop and (start < 0 or stop >= tape.shape[0]):
                raise ValueError("Marks point to rows that the tape does not have.")


@compiled
def call_forward(
    template: Array,
    tolerances: Array,
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
    keep_tape: bool,
    counts: int,
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Forward solve; arrays must be row-major. Returns the fields of `ForwardResult`."""
    _check_inputs(template, parameters, weights, covariates, offsets, subjects)
    _check_schedule(template, offsets, actions, targets, times, rows)
    if amounts.shape[0] != times.shape[0]:
        raise ValueError("The arrays of a schedule want one length.")
    n_subjects, n_records, states = parameters.shape[0], times.shape[0], template[_N_STATES]
    predictions = np.full((rows, template[_N_READOUTS]), np.nan)
    status = np.full(n_subjects, NOT_ASKED_FOR, np.int64)
    steps = np.zeros(n_subjects, np.int64)
    seen = np.empty((n_records, states))
    marks = np.zeros((n_records if keep_tape else 0, 2), np.int64)
    block = template.copy()
    block[_TOLERANCES] = tolerances.ctypes.data
    block[_N_SUBJECTS], block[_N_RECORDS] = n_subjects, n_records
    block[_N_SOLVED] = subjects.shape[0]
    block[_PARAMETERS], block[_WEIGHTS] = parameters.ctypes.data, weights.ctypes.data
    block[_COVARIATES], block[_OFFSETS] = covariates.ctypes.data, offsets.ctypes.data
    block[_ACTIONS], block[_TARGETS] = actions.ctypes.data, targets.ctypes.data
    block[_TIMES], block[_AMOUNTS] = times.ctypes.data, amounts.ctypes.data
    block[_SUBJECTS], block[_COUNTS] = subjects.ctypes.data, counts
    block[_PREDICTIONS], block[_STATUS] = predictions.ctypes.data, status.ctypes.data
    block[_STEPS], block[_SEEN] = steps.ctypes.data, seen.ctypes.data
    block[_MARKS], block[_KEEP_TAPE] = marks.ctypes.data, 1 if keep_tape else 0
    block[_TAPE], block[_TAPE_ROWS], block[_CAPACITY] = 0, 0, 0
    call_entry(block[_FORWARD_ENTRY], block.ctypes.data)
    width = 1 + 2 * states
    tape = np.empty((block[_TAPE_ROWS], width))
    if block[_TAPE] != 0:
        copy_memory(tape.ctypes.data, block[_TAPE], 8 * tape.size)
        release(block[_TAPE])
    return predictions, status, steps, tape, marks, seen


@compiled
def call_backward(
    template: Array,
    tolerances: Array,
    parameters: Array,
    weights: Array,
    covariates: Array,
    offsets: Array,
    actions: Array,
    targets: Array,
    times: Array,
    subjects: Array,
    status: Array,
    tape: Array,
    marks: Array,
    seen: Array,
    cotangents: Array,
    counts: int,
) -> tuple[Array, Array, Array]:
    """Adjoint solve; arrays must be row-major.

    Returns the cotangents of the parameters (subjects, parameters) and of the weights (weights,),
    and the steps (subjects,).
    """
    _check_inputs(template, parameters, weights, covariates, offsets, subjects)
    _check_schedule(template, offsets, actions, targets, times, cotangents.shape[0])
    n_subjects, n_records = parameters.shape[0], times.shape[0]
    if status.shape[0] != n_subjects or seen.shape[0] != n_records:
        raise ValueError("The adjoint solve wants what a forward solve of these records left.")
    if marks.shape[0] != n_records:
        raise ValueError("The adjoint solve wants the tape that its forward solve did not keep.")
    _check_tape(template, offsets, subjects, status, tape, marks, seen)
    if cotangents.shape[1] != template[_N_READOUTS]:
        raise ValueError("Cotangents want one column for each readout.")
    to_parameters = np.zeros(parameters.shape)
    to_weights = np.zeros(weights.shape)
    steps = np.zeros(n_subjects, np.int64)
    block = template.copy()
    block[_TOLERANCES] = tolerances.ctypes.data
    block[_N_SUBJECTS], block[_N_RECORDS] = n_subjects, n_records
    block[_N_SOLVED] = subjects.shape[0]
    block[_PARAMETERS], block[_WEIGHTS] = parameters.ctypes.data, weights.ctypes.data
    block[_COVARIATES], block[_OFFSETS] = covariates.ctypes.data, offsets.ctypes.data
    block[_ACTIONS], block[_TARGETS] = actions.ctypes.data, targets.ctypes.data
    block[_TIMES], block[_COUNTS] = times.ctypes.data, counts
    block[_SUBJECTS], block[_STATUS] = subjects.ctypes.data, status.ctypes.data
    block[_STEPS], block[_SEEN] = steps.ctypes.data, seen.ctypes.data
    block[_MARKS], block[_TAPE] = marks.ctypes.data, tape.ctypes.data
    block[_COTANGENTS] = cotangents.ctypes.data
    block[_PARAMETER_COTANGENTS] = to_parameters.ctypes.data
    block[_WEIGHT_COTANGENTS] = to_weights.ctypes.data
    call_entry(block[_BACKWARD_ENTRY], block.ctypes.data)
    # A use after the call keeps the block alive: the entry point only sees its address.
    block[_TAPE] = 0
    return to_parameters, to_weights, steps


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
    def template(self) -> NDArray[np.int64]:
        """The model's part of the block that compiled code works from, in this process.

        Raises
        ------
        SundialsUnavailableError
            Where CVODES cannot be reached.
        """
        # Imported here because it needs CVODES, which the rest of the engine does without.
        from bnode_nlme.engine.backward import backward_entry
        from bnode_nlme.engine.callbacks import (
            adjoint_callback,
            adjoint_jacobian_callback,
            forward_callback,
            forward_jacobian_callback,
            quadrature_callback,
        )
        from bnode_nlme.engine.forward import forward_entry

        block = np.zeros(SIZE, dtype=np.int64)
        for slot, address in zip(KERNELS, self.kernels.addresses(), strict=True):
            block[slot] = address
        block[Slot.FORWARD_CALLBACK] = forward_callback.address
        block[Slot.FORWARD_JACOBIAN_CALLBACK] = forward_jacobian_callback.address
        block[Slot.ADJOINT_CALLBACK] = adjoint_callback.address
        block[Slot.ADJOINT_JACOBIAN_CALLBACK] = adjoint_jacobian_callback.address
        block[Slot.QUADRATURE_CALLBACK] = quadrature_callback.address
        block[Slot.FORWARD_ENTRY] = forward_entry.address
        block[Slot.BACKWARD_ENTRY] = backward_entry.address
        block[Slot.N_STATES] = self.kernels.states
        block[Slot.N_PARAMETERS] = self.kernels.parameters
        block[Slot.N_WEIGHTS] = self.kernels.weights
        block[Slot.N_COVARIATES] = self.kernels.covariates
        block[Slot.N_READOUTS] = len(self.kernels.readouts)
        operations = replacements()
        block[Slot.VECTOR_OPERATIONS] = operations.ctypes.data
        block[Slot.N_VECTOR_OPERATIONS] = len(operations)
        methods = {"bdf": sundials.BDF, "adams": sundials.ADAMS}
        block[Slot.METHOD] = methods[self.options.resolved_method]
        block[Slot.MAX_STEPS] = self.options.max_steps
        return block

    @functools.cached_property
    def tolerances(self) -> NDArray[np.float64]:
        """Relative and absolute tolerance of the forward solve."""
        return np.array([self.options.rtol, self.options.atol])

    @functools.cached_property
    def adjoint_tolerances(self) -> NDArray[np.float64]:
        """Relative and absolute tolerance of the adjoint solve."""
        return np.array(self.options.adjoint_tolerances)

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
        return ForwardResult(
            *call_forward(
                self.template,
                self.tolerances,
                _doubles(parameters),
                _doubles(weights),
                _doubles(covariates),
                *schedule.arrays,
                _integers(subjects),
                schedule.rows,
                keep_tape,
                0,
            )
        )

    def backward(
        self,
        parameters: Array,
        weights: Array,
        covariates: Array,
        schedule: Schedule,
        subjects: Array,
        forward: ForwardResult,
        cotangents: Array,
    ) -> BackwardResult:
        """Adjoint solve from what a forward solve with a tape left; uncounted."""
        offsets, actions, targets, times, _ = schedule.arrays
        return BackwardResult(
            *call_backward(
                self.template,
                self.adjoint_tolerances,
                _doubles(parameters),
                _doubles(weights),
                _doubles(covariates),
                offsets,
                actions,
                targets,
                times,
                _integers(subjects),
                _integers(forward.status),
                _doubles(forward.tape),
                _integers(forward.marks),
                _doubles(forward.seen),
                _doubles(cotangents),
                0,
            )
        )

    def __getstate__(self) -> dict[str, Any]:
        # Addresses mean nothing in another process.
        return {"kernels": self.kernels, "options": self.options}
