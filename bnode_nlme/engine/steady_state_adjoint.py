"""The adjoint of steady states, by the implicit function theorem, in compiled code.

A steady state is a fixed point ``x = F(x, inputs)`` of one interval. With ``M = dF/dx`` and the
cotangents ``l`` of x, the cotangents of the inputs are those that the interval's adjoint solve gives
for ``m`` with ``(I - M)' m = l``. The Jacobian is that of the very interval that is pulled back.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray, types
from numpy.typing import NDArray

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.external import external
from bnode_nlme.engine.memory import pointer_to_integers
from bnode_nlme.engine.population_calls import backward_call, forward_call
from bnode_nlme.engine.small_matrices import solve_linear
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.engine.steady_state import DOSES, INTEGERS, MATRIX
from bnode_nlme.engine.steady_state_checks import check_doses
from bnode_nlme.engine.steady_state_doses import longest_step, pull_back_dose, virtual_subjects
from bnode_nlme.engine.steady_state_equilibrium import pull_back_equilibrium
from bnode_nlme.engine.steady_state_newton import CALLED, jacobians_of, put

Array = NDArray[Any]

_SUCCESS = int(SolveStatus.SUCCESS)

_forward, _backward = forward_call.named, backward_call.named


@compiled
def _seeds(wanted: Array, jacobians: Array, cotangents: Array) -> Array:
    """Cotangents of the states after the interval; NaN where there are none."""
    count, states = cotangents.shape
    seeds, matrix = np.zeros((count, states)), np.empty((states, states))
    for d in range(count):
        if not wanted[d]:
            continue
        for i in range(states):
            for j in range(states):
                matrix[i, j] = (1.0 if i == j else 0.0) - jacobians[d, j, i]
            seeds[d, i] = cotangents[d, i]
        if not solve_linear(matrix, seeds[d]):
            for i in range(states):
                seeds[d, i] = np.nan
    return seeds


@external(
    types.Tuple(
        [types.Array(types.float64, 2, "C"), *[types.Array(types.float64, 1, "C")] * 5]
    )(types.int64, types.int64, *DOSES, MATRIX, INTEGERS, MATRIX),
    *CALLED,
)  # fmt: skip
def steady_state_adjoint_call(
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
    any_found: Array,
    status: Array,
    cotangents: Array,
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Cotangents of parameters, weights, amounts, durations, lags and rates, from those of states.

    NaN for a dose without a steady state that has cotangents, and then for the weights.
    """
    template = carray(pointer_to_integers(model), (at.SIZE,)).copy()
    longest = np.full(any_parameters.shape[0], np.inf)
    template[at.LONGEST_STEPS] = longest.ctypes.data
    block = np.int64(template.ctypes.data)
    # The kernels work with bare memory in the order of rows.
    parameters, weights = np.ascontiguousarray(any_parameters), np.ascontiguousarray(any_weights)
    covariates, found = np.ascontiguousarray(any_covariates), np.ascontiguousarray(any_found)
    check_doses(template, parameters, targets, times, amounts, durations, intervals, lags, rates)
    count, states = parameters.shape[0], template[at.N_STATES]
    if found.shape[0] != count or found.shape[1] != states:
        raise ValueError("Steady states want shape (doses, states).")
    if cotangents.shape[0] != count or cotangents.shape[1] != states:
        raise ValueError("Cotangents of steady states want shape (doses, states).")
    if status.shape[0] != count:
        raise ValueError("The arrays of steady states want one length.")
    n_parameters, n_weights = parameters.shape[1], weights.shape[0]
    to_parameters, to_weights = np.zeros((count, n_parameters)), np.zeros(n_weights)
    to_amounts, to_durations = np.zeros(count), np.zeros(count)
    to_lags, to_rates = np.zeros(count), np.zeros(count)
    answer, seed = np.empty(n_parameters + n_weights), np.empty(states)
    cyclic, lost = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    for d in range(count):
        active = False
        for i in range(states):
            seed[i] = cotangents[d, i]
            active = active or seed[i] != 0.0
        if not active:
            continue
        lost[d], cyclic[d] = status[d] != _SUCCESS, status[d] == _SUCCESS and intervals[d] > 0.0
        if lost[d] or cyclic[d]:
            continue
        lost[d] = not pull_back_equilibrium(
            template, times[d], found[d], seed, parameters[d], weights, covariates[d], answer
        )
        put(to_parameters[d], answer)
        for i in range(n_weights):
            to_weights[i] += answer[n_parameters + i]
        to_rates[d] = seed[targets[d]]
    subjects = np.flatnonzero(cyclic)
    if subjects.shape[0] > 0:
        offsets, actions, places, moments, numbers = virtual_subjects(
            states, cyclic, targets, times, amounts, durations, intervals, lags, rates
        )
        for d in range(count):
            if not cyclic[d]:
                continue
            for i in range(states):
                numbers[offsets[d] + 1 + i] = found[d, i]
            longest[d] = longest_step(
                template, times[d], targets[d], amounts[d], intervals[d], found[d], parameters[d],
                weights, covariates[d],
            )  # fmt: skip
        forward = _forward(
            (
                block, 0, 1, parameters, weights, covariates, offsets, actions, places, moments,
                numbers, subjects, count,
            )
        )  # fmt: skip
        jacobians = np.zeros((count, states, states))
        jacobians_of(
            block, parameters, weights, covariates, offsets, actions, places,
            moments, numbers, forward, cyclic, jacobians,
        )  # fmt: skip
        _, outcomes, _, _, order, seen, tape, origins = forward
        by_interval, by_weights, _, by_times, by_numbers = _backward(
            (
                block, 0, 1, parameters, weights, covariates, offsets, actions, places, moments,
                numbers, outcomes, order, seen, tape, origins,
                _seeds(cyclic, jacobians, cotangents),
            )
        )  # fmt: skip
        for i in range(n_weights):
            to_weights[i] += by_weights[i]
        for d in range(count):
            if not cyclic[d]:
                continue
            first = offsets[d] + 1
            put(to_parameters[d], by_interval[d])
            to_amounts[d], to_durations[d], to_lags[d] = pull_back_dose(
                template, first + states, times[d], targets[d], amounts[d], durations[d],
                intervals[d], lags[d], found[d], by_numbers[first : first + states], parameters[d],
                weights, covariates[d], by_times, by_numbers,
            )  # fmt: skip
    for d in range(count):
        if lost[d]:
            for i in range(n_parameters):
                to_parameters[d, i] = np.nan
            to_amounts[d] = to_durations[d] = to_lags[d] = to_rates[d] = np.nan
            for i in range(n_weights):
                to_weights[i] = np.nan
    # A use after the last call keeps the array alive: compiled code only sees its address.
    longest[:1] = 0.0
    return to_parameters, to_weights, to_amounts, to_durations, to_lags, to_rates
