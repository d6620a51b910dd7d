"""Steady states of a population's dosing, in compiled code.

For each record with SS a virtual subject (see `steady_state_doses`) lives through one interval
between doses, over and over: all of them at once, by the engine that solves populations, until
Newton's method (see `steady_state_newton`) has found where the interval ends as it started.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray, types
from numpy.typing import NDArray

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.evaluation import all_finite
from bnode_nlme.engine.external import array, external
from bnode_nlme.engine.memory import call_kernel, load_double, pointer_to_integers
from bnode_nlme.engine.population_calls import forward_call
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.engine.steady_state_checks import check_doses, is_valid_dose
from bnode_nlme.engine.steady_state_doses import virtual_subjects
from bnode_nlme.engine.steady_state_equilibrium import first_horizon, to_equilibrium
from bnode_nlme.engine.steady_state_newton import (
    CALLED,
    CYCLES,
    has_converged,
    is_accepted,
    is_attracting,
    jacobians_of,
    newton_step,
    size_of,
)

Array = NDArray[Any]

_SUCCESS, _NO_STEADY_STATE = int(SolveStatus.SUCCESS), int(SolveStatus.NO_STEADY_STATE)
_NOT_FINITE_INPUT = int(SolveStatus.NOT_FINITE_INPUT)

_MOST_ROUNDS = 60
"""Intervals that a virtual subject lives through at most."""

_LONGER = 4.0
"""By what the next interval of a constant infusion is longer."""

_forward = forward_call.named


@compiled
def _initial_states(template: Array, parameters: Array, weights: Array, covariates: Array) -> Array:
    """The states from which a solve of each virtual subject would begin."""
    initial = np.empty((parameters.shape[0], template[at.N_STATES]))
    for d in range(parameters.shape[0]):
        call_kernel(
            template[at.INITIAL], 0.0, 0, parameters[d].ctypes.data, weights.ctypes.data,
            covariates[d].ctypes.data, 0, initial[d].ctypes.data,
        )  # fmt: skip
    return initial


@compiled
def _solve_steady_states(
    model: int,
    template: Array,
    parameters: Array,
    weights: Array,
    covariates: Array,
    targets: Array,
    times: Array,
    amounts: Array,
    durations: Array,
    intervals: Array,
    lags: Array,
    rates: Array,
) -> tuple[Array, Array]:
    check_doses(template, parameters, targets, times, amounts, durations, intervals, lags, rates)
    count, states = parameters.shape[0], template[at.N_STATES]
    rtol = load_double(template.ctypes.data, at.RTOL)
    atol = load_double(template.ctypes.data, at.ATOL)
    found = np.full((count, states), np.nan)
    status = np.full(count, _NO_STEADY_STATE, np.int64)
    initial = _initial_states(template, parameters, weights, covariates)
    is_open, horizons = np.zeros(count, np.bool_), np.zeros(count)
    for d in range(count):
        is_open[d] = is_valid_dose(
            times[d], amounts[d], durations[d], intervals[d], lags[d], rates[d]
        ) and all_finite(initial[d].ctypes.data, states)
        if not is_open[d]:
            status[d] = _NOT_FINITE_INPUT
        elif intervals[d] == 0.0:
            horizons[d] = first_horizon(
                template, times[d], initial[d], parameters[d], weights, covariates[d]
            )
    offsets, actions, places, moments, numbers = virtual_subjects(
        states, is_open, targets, times, amounts, durations, intervals, lags, rates
    )
    # The states that are tried, and what these lead to; which of them Newton's method has made, and
    # how many doses are given before it makes the next.
    tried, reached, lowest = initial.copy(), initial.copy(), initial.copy()
    newton, pause = np.zeros(count, np.bool_), np.full(count, CYCLES, np.int64)
    residuals, last_steps = np.full(count, np.inf), np.full(count, np.inf)
    jacobians, wanted = np.zeros((count, states, states)), np.zeros(count, np.bool_)
    step = np.empty(states)
    for _ in range(_MOST_ROUNDS):
        subjects = np.flatnonzero(is_open)
        if subjects.shape[0] == 0:
            break
        for place in subjects:
            d = int(place)
            numbers[offsets[d] + 1 : offsets[d] + 1 + states] = tried[d]
            if intervals[d] == 0.0:
                moments[offsets[d] : offsets[d + 1] - 1] = times[d] - horizons[d]
        forward = _forward(
            (
                model, 0, 1, parameters, weights, covariates, offsets, actions, places, moments,
                numbers, subjects, count,
            )
        )  # fmt: skip
        wanted[:] = False
        for place in subjects:
            d = int(place)
            outcome, ended = forward[1][d], forward[5][offsets[d + 1] - 1]
            if newton[d] and not (
                outcome == _SUCCESS
                and is_accepted(tried[d], ended, residuals[d], lowest[d], rtol, atol)
            ):
                tried[d] = reached[d]
                newton[d], pause[d], last_steps[d] = False, CYCLES, np.inf
                continue
            if outcome != _SUCCESS:
                status[d], is_open[d] = outcome, False
                continue
            residuals[d] = size_of(ended - tried[d], ended, rtol, atol)
            reached[d], lowest[d] = ended, np.minimum(lowest[d], ended)
            if intervals[d] == 0.0:
                tried[d] = ended
                horizons[d] *= _LONGER
                if to_equilibrium(
                    template, times[d], tried[d], targets[d], rates[d], parameters[d], weights,
                    covariates[d], rtol, atol,
                ):  # fmt: skip
                    found[d], status[d], is_open[d] = tried[d], _SUCCESS, False
            elif pause[d] > 0:
                tried[d] = ended
                newton[d], pause[d] = False, pause[d] - 1
            else:
                wanted[d] = True
        jacobians_of(
            model, parameters, weights, covariates, offsets, actions, places, moments, numbers,
            forward, wanted, jacobians,
        )  # fmt: skip
        for place in np.flatnonzero(wanted):
            d = int(place)
            if not newton_step(jacobians[d], reached[d] - tried[d], step):
                tried[d] = reached[d]
                newton[d], pause[d], last_steps[d] = False, CYCLES, np.inf
                continue
            size = size_of(step, reached[d], rtol, atol)
            tried[d] += step
            if has_converged(size, residuals[d], last_steps[d]):
                is_open[d] = False
                if is_attracting(jacobians[d]):
                    found[d], status[d] = tried[d], _SUCCESS
            newton[d], last_steps[d] = True, size
    return found, status


def _left(dimensions: int, kind: Any) -> Any:
    return types.Array(kind, dimensions, "C")


MATRIX, VECTOR, INTEGERS = array(types.float64, 2), array(types.float64, 1), array(types.int64, 1)
DOSES = (MATRIX, VECTOR, MATRIX, INTEGERS, *[VECTOR] * 6)
"""Parameters, weights, covariates; targets, times, amounts, durations, intervals, lags, rates."""


@external(
    types.Tuple([_left(2, types.float64), _left(1, types.int64)])(types.int64, types.int64, *DOSES),
    *CALLED,
)
def steady_state_call(
    model: int,
    counts: int,
    parameters: Array,
    weights: Array,
    covariates: Array,
    targets: Array,
    times: Array,
    amounts: Array,
    durations: Array,
    intervals: Array,
    lags: Array,
    rates: Array,
) -> tuple[Array, Array]:
    """Steady states (doses, states), and how each was found, from the address of a model's block.

    Virtual subjects are no subjects: nothing is counted.
    """
    return _solve_steady_states(
        model,
        carray(pointer_to_integers(model), (at.SIZE,)),
        np.ascontiguousarray(parameters),
        np.ascontiguousarray(weights),
        np.ascontiguousarray(covariates),
        np.ascontiguousarray(targets),
        np.ascontiguousarray(times),
        np.ascontiguousarray(amounts),
        np.ascontiguousarray(durations),
        np.ascontiguousarray(intervals),
        np.ascontiguousarray(lags),
        np.ascontiguousarray(rates),
    )
