"""One solve of a population, forward and adjoint, from Python."""

from __future__ import annotations

import functools
import weakref
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.kernels import Kernels
from bnode_nlme.engine.model_block import model_block
from bnode_nlme.engine.native import content_hash
from bnode_nlme.engine.options import SolverOptions
from bnode_nlme.engine.population_calls import backward_call, forward_call
from bnode_nlme.engine.schedule import Schedule
from bnode_nlme.engine.tape import FULL, LEAN, doubles_of_step
from bnode_nlme.engine.units import INTEGRATORS

Array = NDArray[Any]

_FIRST_STEPS = 72
"""Steps of a group that the tape has room for, where none was solved yet."""


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
        Cotangents of the schedule's times and amounts; NaN where a subject's solve failed. Of
        several entries at one time each has its share, as if it moved and the others stayed, in
        their order: exact in sum, and each as accurate as the tolerances. Zero where the times do
        not move.
    """

    parameters: Array
    weights: Array
    steps: Array
    times: Array
    amounts: Array


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


def call_backward(template: Array, *given: Any, moving: bool = True) -> BackwardResult:
    """Adjoint solve, called from Python.

    Parameters
    ----------
    template
        A model's block.
    *given
        Parameters, weights, covariates, and the arrays of a schedule; status, order, seen, tape
        and origins as the forward solve left them; the cotangents of the predictions, and the
        address where outcomes are counted.
    moving
        Whether the schedule's times want cotangents: those of a constant schedule take time, and
        nobody looks at them.
    """
    *inputs, counts = given
    return BackwardResult(*backward_call(template.ctypes.data, counts, int(moving), *inputs))


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
        block[at.VARYING] = self.varying.ctypes.data
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
        model = self.kernels
        widths = [doubles_of_step.py_func(model.states, model.kept, kind) for kind in (LEAN, FULL)]
        return _FIRST_STEPS * np.array(widths, dtype=np.int64)

    @functools.cached_property
    def varying(self) -> NDArray[np.int64]:
        """What the states after the compartments stand for."""
        return np.array(self.kernels.varying, np.int64)

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
