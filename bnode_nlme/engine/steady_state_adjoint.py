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
from bnode_nlme.engine.linear_solve import solve_linear
from bnode_nlme.engine.memory import pointer_to_integers
from bnode_nlme.engine.population_calls import backward_call, forward_call
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.engine.steady_state import DOSES, INTEGERS, MATRIX
from bnode_nlme.engine.steady_state_checks import check_doses
from bnode_nlme.engine.steady_state_doses import pull_back_dose, virtual_subjects
from bnode_nlme.engine.steady_state_equilibrium import pull_back_equilibrium
from bnode_nlme.engine.steady_state_newton import CALLED, jacobians_of

Array = NDArray[Any]

_SUCCESS = int(SolveStatus.SUCCESS)

_forward, _backward = forward_call.named, backward_call.named


@compiled
def _seeds(
    model: int,
    parameters: Array,
    weights: Array,
    covariates: Array,
    offsets: Array,
    actions: Array,
    places: Array,
    moments: Array,
    numbers: Array,
    forward: Any,
    wanted: Array,
    cotangents: Array,
) -> Array:
    """Cotangents of the states after the interval; NaN where there are none."""
    states = cotangents.shape[1]
    jacobians = np.zeros((cotangents.shape[0], states, states))
    jacobians_of(
        model, parameters, weights, covariates, offsets, actions, places, moments, numbers,
        forward, wanted, jacobians,
    )  # fmt: skip
    seeds = np.zeros(cotangents.shape)
    for place in np.flatnonzero(wanted):
        d = int(place)
        matrix = -jacobians[d].T.copy()
        for i in range(states):
            matrix[i, i] += 1.0
            seeds[d, i] = cotangents[d, i]
        if not solve_linear(matrix, seeds[d]):
            seeds[d] = np.nan
    return seeds


@compiled
def _pull_back_steady_states(
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
    found: Array,
    status: Array,
    cotangents: Array,
) -> tuple[Array, Array, Array, Array, Array, Array]:
    check_doses(template, parameters, targets, times, amounts, durations, intervals, lags, rates)
    count, states = parameters.shape[0], template[at.N_STATES]
    for values in (found, cotangents):
        if values.shape[0] != count or values.shape[1] != states:
            raise ValueError("Steady states and their cotangents want shape (doses, states).")
    if status.shape[0] != count:
        raise ValueError("The arrays of steady states want one length.")
    n_parameters = parameters.shape[1]
    to_parameters, to_weights = np.zeros(parameters.shape), np.zeros(weights.shape[0])
    to_amounts, to_durations = np.zeros(count), np.zeros(count)
    to_lags, to_rates = np.zeros(count), np.zeros(count)
    answer = np.empty(n_parameters + weights.shape[0])
    cyclic, lost = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    for d in range(count):
        if not np.any(cotangents[d] != 0.0):
            continue
        if status[d] != _SUCCESS:
            lost[d] = True
        elif intervals[d] > 0.0:
            cyclic[d] = True
        else:
            seed = cotangents[d].copy()
            lost[d] = not pull_back_equilibrium(
                template, times[d], found[d], seed, parameters[d], weights, covariates[d], answer
            )
            to_parameters[d] = answer[:n_parameters]
            to_weights += answer[n_parameters:]
            to_rates[d] = seed[targets[d]]
    if cyclic.any():
        offsets, actions, places, moments, numbers = virtual_subjects(
            states, cyclic, targets, times, amounts, durations, intervals, lags, rates
        )
        for place in np.flatnonzero(cyclic):
            d = int(place)
            numbers[offsets[d] + 1 : offsets[d] + 1 + states] = found[d]
        forward = _forward(
            (
                model, 0, 1, parameters, weights, covariates, offsets, actions, places, moments,
                numbers, np.flatnonzero(cyclic), count,
            )
        )  # fmt: skip
        seeds = _seeds(
            model, parameters, weights, covariates, offsets, actions, places, moments, numbers,
            forward, cyclic, cotangents,
        )  # fmt: skip
        _, outcomes, _, _, order, seen, tape, origins = forward
        by_interval, by_weights, _, by_times, by_numbers = _backward(
            (
                model, 0, 0, parameters, weights, covariates, offsets, actions, places, moments,
                numbers, outcomes, order, seen, tape, origins, seeds,
            )
        )  # fmt: skip
        to_weights += by_weights
        for place in np.flatnonzero(cyclic):
            d = int(place)
            first = offsets[d] + 1
            to_parameters[d] = by_interval[d]
            to_amounts[d], to_durations[d], to_lags[d] = pull_back_dose(
                template, first + states, times[d], targets[d], amounts[d], durations[d],
                intervals[d], lags[d], found[d], by_numbers[first : first + states], parameters[d],
                weights, covariates[d], by_times, by_numbers,
            )  # fmt: skip
    for place in np.flatnonzero(lost):
        d = int(place)
        to_parameters[d] = np.nan
        to_amounts[d] = to_durations[d] = to_lags[d] = to_rates[d] = np.nan
        to_weights[:] = np.nan
    return to_parameters, to_weights, to_amounts, to_durations, to_lags, to_rates


@external(
    types.Tuple(
        [types.Array(types.float64, 2, "C"), *[types.Array(types.float64, 1, "C")] * 5]
    )(types.int64, types.int64, *DOSES, MATRIX, INTEGERS, MATRIX),
    *CALLED,
)  # fmt: skip
def steady_state_adjoint_call(
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
    found: Array,
    status: Array,
    cotangents: Array,
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Cotangents of parameters, weights, amounts, durations, lags and rates, from those of states.

    NaN for a dose without a steady state that has cotangents, and then for the weights.
    """
    return _pull_back_steady_states(
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
        np.ascontiguousarray(found),
        np.ascontiguousarray(status),
        np.ascontiguousarray(cotangents),
    )
