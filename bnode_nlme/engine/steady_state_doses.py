"""The records of the virtual subjects by whom steady states are found, one for each record with SS.

A virtual subject lives through one interval between doses, ``[TIME - II, TIME]``. It starts from a
given state; the dose arrives at the phase ``lag mod II``, and the infusions of all earlier doses
are running that would be: as many all the time as whole intervals fit into the duration, and one
more for the remainder.
Where there is no interval the infusion is constant, and the subject lives as long as one likes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.actions import Action, is_zero_length
from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.memory import call_kernel
from bnode_nlme.engine.small_matrices import spectral_radius
from bnode_nlme.engine.steady_state_equilibrium import slope_jacobian
from bnode_nlme.engine.steady_state_newton import put

Array = NDArray[Any]

_OBSERVE, _CLEAR = int(Action.OBSERVE), int(Action.CLEAR)
_ADD, _SET_RATE = int(Action.ADD), int(Action.SET_RATE)

_MOST = 5
"""Entries that a dose takes at most; see `virtual_subjects`."""


@compiled
def phase_of(lag: float, interval: float) -> float:
    """When within the interval the dose arrives: at its start where the interval just fits."""
    return float(max(lag - np.floor(lag / interval * (1.0 + 1e-12)) * interval, 0.0))


@compiled
def _running(duration: float, interval: float) -> tuple[float, float]:
    """How many infusions run all the time, and how long one more does.

    Where the interval just fits, one more runs for all of it: it ends as the next one begins.
    """
    whole = max(np.ceil(duration / interval * (1.0 - 1e-12)) - 1.0, 0.0)
    return whole, min(duration - whole * interval, interval)


@compiled
def is_bolus(time: float, duration: float) -> bool:
    """Whether an infusion ends as it begins."""
    return duration <= 1e-12 * max(abs(time), abs(time + duration)) + 1e-100


@compiled
def _bolus(
    entries: Array, numbers: Array, place: int, target: int, start: float, phase: float, dose: float
) -> int:
    """A dose at its phase; how many entries that takes."""
    entries[place, 0], entries[place, 1] = _ADD, target
    numbers[place, 0], numbers[place, 1] = start + phase, dose
    return 1


@compiled
def _infusion(
    entries: Array,
    numbers: Array,
    place: int,
    target: int,
    start: float,
    stop: float,
    phase: float,
    rate: float,
    duration: float,
    interval: float,
) -> int:
    """Infusions that may last longer than the interval; how many entries that takes.

    The rate at the start; then at the moments when one infusion begins and another ends, in the
    order in which these come, an addition of nothing and the rate. The additions let the adjoint
    tell what it is there.
    """
    whole, rest = _running(duration, interval)
    around = phase + rest > interval  # whether the remainder goes on into the next interval
    first = phase + rest - interval if around else phase
    second = phase if around else phase + rest
    entries[place, 0] = _SET_RATE
    numbers[place, 0], numbers[place, 1] = start, rate * (whole + (1.0 if around else 0.0))
    for i in range(2):
        running = whole + (1.0 if around == (i == 1) else 0.0)
        for j in range(2):
            row = place + 1 + 2 * i + j
            entries[row, 0] = _ADD if j == 0 else _SET_RATE
            # Rounding must not put the last of them after the record.
            numbers[row, 0] = min(start + (first if i == 0 else second), stop)
            numbers[row, 1] = 0.0 if j == 0 else rate * running
    for row in range(place, place + _MOST):
        entries[row, 1] = target
    return _MOST


@compiled
def virtual_subjects(
    states: int,
    valid: Array,
    targets: Array,
    times: Array,
    amounts: Array,
    durations: Array,
    intervals: Array,
    lags: Array,
    rates: Array,
) -> tuple[Array, Array, Array, Array, Array]:
    """A schedule's arrays. Each subject's first entries clear its state and add another, still zero.

    Its last entry observes. Where the interval is 0 the infusion is constant, and the subject's
    life has no length yet. What is not valid has no entries.
    """
    count = targets.shape[0]
    offsets = np.zeros(count + 1, np.int64)
    entries = np.zeros((count * (states + _MOST + 2), 2), np.int64)
    numbers = np.zeros((count * (states + _MOST + 2), 2))
    place = 0
    for d in range(count):
        offsets[d + 1] = place
        if not valid[d]:
            continue
        start = times[d] - intervals[d]
        entries[place, 0], numbers[place, 0] = _CLEAR, start
        place += 1
        for i in range(states):
            entries[place, 0], entries[place, 1], numbers[place, 0] = _ADD, i, start
            place += 1
        if intervals[d] == 0.0:
            entries[place, 0], entries[place, 1] = _SET_RATE, targets[d]
            numbers[place, 0], numbers[place, 1] = start, rates[d]
            place += 1
        else:
            phase = phase_of(lags[d], intervals[d])
            if is_bolus(times[d], durations[d]):
                place += _bolus(entries, numbers, place, targets[d], start, phase, amounts[d])
            else:
                rate = amounts[d] / durations[d]
                place += _infusion(
                    entries, numbers, place, targets[d], start, times[d], phase, rate,
                    durations[d], intervals[d],
                )  # fmt: skip
        entries[place, 0], entries[place, 1], numbers[place, 0] = _OBSERVE, d, times[d]
        place += 1
        offsets[d + 1] = place
    return (
        offsets,
        entries[:place, 0].copy(),
        entries[:place, 1].copy(),
        numbers[:place, 0].copy(),
        numbers[:place, 1].copy(),
    )


@compiled
def longest_step(
    template: Array,
    time: float,
    target: int,
    amount: float,
    interval: float,
    state: Array,
    parameters: Array,
    weights: Array,
    covariates: Array,
) -> float:
    """The step that an explicit method may take if deviations from the solution are to die out.

    A solution that is in balance lets an explicit method take steps of any length, in which all
    but itself grows: its Jacobian would mean nothing. Looked at before the dose and after it.
    """
    moved = np.empty(state.shape[0])
    put(moved, state)
    fastest = 0.0
    for _ in range(2):
        jacobian = slope_jacobian(template, time, moved, parameters, weights, covariates, False)
        fastest = max(fastest, spectral_radius(jacobian))
        moved[target] += amount
    # Not so short that no steps would be left to get through the interval.
    least = 2.5 * interval / template[at.MAX_STEPS]
    return max(1.0 / fastest, least) if fastest > 0.0 else np.inf


@compiled
def pull_back_dose(
    template: Array,
    place: int,
    time: float,
    target: int,
    amount: float,
    duration: float,
    interval: float,
    lag: float,
    state: Array,
    adjoint: Array,
    parameters: Array,
    weights: Array,
    covariates: Array,
    to_times: Array,
    to_amounts: Array,
) -> tuple[float, float, float]:
    """Cotangents of a dose's amount, duration and lag from those of its entries, from `place` on.

    Parameters
    ----------
    state, adjoint
        What the virtual subject starts from, and its cotangents.
    to_times, to_amounts
        Cotangents of the schedule's times and amounts.
    """
    start, phase = time - interval, phase_of(lag, interval)
    if is_bolus(time, duration):
        to_phase = to_times[place]
        if is_zero_length(start, start + phase):
            # Together with the start, but it moves alone: further along the slope before it.
            to_phase = 0.0
            slope, moved = np.empty(state.shape[0]), np.empty(state.shape[0])
            put(moved, state)
            for sign in (1.0, -1.0):
                call_kernel(
                    template[at.DERIVATIVE], start, moved.ctypes.data, parameters.ctypes.data,
                    weights.ctypes.data, covariates.ctypes.data, 0, slope.ctypes.data,
                )  # fmt: skip
                for i in range(state.shape[0]):
                    to_phase += sign * adjoint[i] * slope[i]
                moved[target] += amount
        return to_amounts[place], 0.0, to_phase
    rate = amount / duration
    whole, rest = _running(duration, interval)
    around = phase + rest > interval
    to_rate = to_amounts[place] * (whole + (1.0 if around else 0.0))
    for i in range(2):
        running = whole + (1.0 if around == (i == 1) else 0.0)
        to_rate += to_amounts[place + 2 + 2 * i] * running
    # A rate acts along itself: putting off where it ends adds to the state, where it begins takes.
    first, second = rate * to_amounts[place + 1], rate * to_amounts[place + 3]
    to_end, to_begin = (first, -second) if around else (second, -first)
    return to_rate / duration, to_end - to_rate * rate / duration, to_begin + to_end
