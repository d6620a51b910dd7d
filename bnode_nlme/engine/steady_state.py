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
from bnode_nlme.engine.steady_state_doses import longest_step, virtual_subjects
from bnode_nlme.engine.steady_state_equilibrium import first_horizon, to_equilibrium
from bnode_nlme.engine.steady_state_newton import (
    CALLED,
    CYCLES,
    change_in_tolerances,
    has_converged,
    is_accepted,
    is_attracting,
    jacobians_of,
    newton_step,
    put,
)

Array = NDArray[Any]

_SUCCESS, _NO_STEADY_STATE = int(SolveStatus.SUCCESS), int(SolveStatus.NO_STEADY_STATE)
_NOT_FINITE_INPUT = int(SolveStatus.NOT_FINITE_INPUT)

_MOST_ROUNDS = 60
"""Intervals that a virtual subject lives through at most."""

_LONGER = 4.0
"""By what the next interval of a constant infusion is longer."""

_forward = forward_call.named


def _left(dimensions: int, kind: Any) -> Any:
    return types.Array(kind, dimensions, "C")


MATRIX, VECTOR, INTEGERS = array(types.float64, 2), array(types.float64, 1), array(types.int64, 1)
DOSES = (MATRIX, VECTOR, MATRIX, INTEGERS, *[VECTOR] * 6)
"""Parameters, weights, covariates; targets, times, amounts, durations, intervals, lags, rates."""


@compiled
def _begin(
    template: Array, parameters: Array, weights: Array, covariates: Array, tried: Array
) -> bool:
    """Begin with the state from which a solve begins; whether it is finite."""
    call_kernel(
        template[at.INITIAL], 0.0, 0, parameters.ctypes.data, weights.ctypes.data,
        covariates.ctypes.data, 0, tried.ctypes.data,
    )  # fmt: skip
    return bool(all_finite(tried.ctypes.data, tried.shape[0]))


@external(
    types.Tuple([_left(2, types.float64), _left(1, types.int64)])(types.int64, types.int64, *DOSES),
    *CALLED,
)
def steady_state_call(
    model: int,
    counts: int,
    any_parameters: Array,
    any_weights: Array,
    any_covariates: Array,
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
    template = carray(pointer_to_integers(model), (at.SIZE,)).copy()
    longest = np.full(any_parameters.shape[0], np.inf)
    template[at.LONGEST_STEPS] = longest.ctypes.data
    block = np.int64(template.ctypes.data)
    # The kernels work with bare memory in the order of rows.
    parameters, weights = np.ascontiguousarray(any_parameters), np.ascontiguousarray(any_weights)
    covariates = np.ascontiguousarray(any_covariates)
    check_doses(template, parameters, targets, times, amounts, durations, intervals, lags, rates)
    count, states = parameters.shape[0], template[at.N_STATES]
    rtol = load_double(template.ctypes.data, at.RTOL)
    atol = load_double(template.ctypes.data, at.ATOL)
    found = np.full((count, states), np.nan)
    status = np.full(count, _NO_STEADY_STATE, np.int64)
    # The states that are tried, and what they lead to; which of them Newton's method has made, and
    # how many doses are given before it makes the next.
    tried, reached = np.empty((count, states)), np.empty((count, states))
    gaps, lowest, step = np.empty((count, states)), np.empty((count, states)), np.empty(states)
    newton, pause = np.zeros(count, np.bool_), np.full(count, CYCLES, np.int64)
    residuals, last_steps = np.full(count, np.inf), np.full(count, np.inf)
    jacobians, wanted = np.zeros((count, states, states)), np.zeros(count, np.bool_)
    is_open, horizons = np.zeros(count, np.bool_), np.zeros(count)
    for d in range(count):
        is_open[d] = is_valid_dose(
            times[d], amounts[d], durations[d], intervals[d], lags[d], rates[d]
        ) and _begin(template, parameters[d], weights, covariates[d], tried[d])
        put(lowest[d], tried[d])
        if not is_open[d]:
            status[d] = _NOT_FINITE_INPUT
        elif intervals[d] == 0.0:
            horizons[d] = first_horizon(
                template, times[d], tried[d], parameters[d], weights, covariates[d]
            )
    offsets, actions, places, moments, numbers = virtual_subjects(
        states, is_open, targets, times, amounts, durations, intervals, lags, rates
    )
    for _ in range(_MOST_ROUNDS):
        subjects = np.flatnonzero(is_open)
        if subjects.shape[0] == 0:
            break
        for d in range(count):
            if not is_open[d]:
                continue
            first, last = offsets[d], offsets[d + 1]
            for i in range(states):
                numbers[first + 1 + i] = tried[d, i]
            if intervals[d] == 0.0:
                for place in range(first, last - 1):
                    moments[place] = times[d] - horizons[d]
            else:
                longest[d] = longest_step(
                    template, times[d], targets[d], amounts[d], intervals[d], tried[d], parameters[d],
                    weights, covariates[d],
                )  # fmt: skip
        forward = _forward(
            (
                block, 0, 1, parameters, weights, covariates, offsets, actions, places, moments,
                numbers, subjects, count,
            )
        )  # fmt: skip
        any_wanted = False
        for d in range(count):
            wanted[d] = False
            if not is_open[d]:
                continue
            outcome, ended = forward[1][d], forward[5][offsets[d + 1] - 1]
            if newton[d] and not (
                outcome == _SUCCESS
                and is_accepted(tried[d], ended, gaps[d], reached[d], lowest[d], rtol, atol)
            ):
                put(tried[d], reached[d])
                newton[d], pause[d], last_steps[d] = False, CYCLES, np.inf
                continue
            if outcome != _SUCCESS:
                status[d], is_open[d] = outcome, False
                continue
            residuals[d] = change_in_tolerances(tried[d], ended, rtol, atol)
            put(reached[d], ended)
            for i in range(states):
                gaps[d, i] = ended[i] - tried[d, i]
                lowest[d, i] = min(lowest[d, i], ended[i])
            if intervals[d] == 0.0:
                put(tried[d], ended)
                horizons[d] *= _LONGER
                if to_equilibrium(
                    template, times[d], tried[d], targets[d], rates[d], parameters[d], weights,
                    covariates[d], rtol, atol,
                ):  # fmt: skip
                    put(found[d], tried[d])
                    status[d], is_open[d] = _SUCCESS, False
            elif pause[d] > 0:
                put(tried[d], ended)
                newton[d], pause[d] = False, pause[d] - 1
            else:
                wanted[d] = any_wanted = True
        if any_wanted:
            jacobians_of(
                block, parameters, weights, covariates, offsets, actions, places,
                moments, numbers, forward, wanted, jacobians,
            )  # fmt: skip
        for d in range(count):
            if not wanted[d]:
                continue
            newton[d] = newton_step(jacobians[d], gaps[d], step)
            if not newton[d]:
                put(tried[d], reached[d])
                pause[d], last_steps[d] = CYCLES, np.inf
                continue
            for i in range(states):
                step[i] += tried[d, i]
            size = change_in_tolerances(tried[d], step, rtol, atol)
            put(tried[d], step)
            if has_converged(size, residuals[d], last_steps[d], rtol):
                is_open[d] = False
                if is_attracting(jacobians[d]):
                    put(found[d], tried[d])
                    status[d] = _SUCCESS
            last_steps[d] = size
    # A use after the last call keeps the array alive: compiled code only sees its address.
    longest[:1] = 0.0
    return found, status
