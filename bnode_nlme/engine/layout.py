"""The layout: from a plan and the values of its doses to the entries of a schedule, and back.

A plan (see `plan`) holds what the table says. How late, in what part, and over how long its doses
arrive may be expressions of parameters: the layout is done anew for each of their values, and its
adjoint turns cotangents of the schedule's times and amounts into those of the doses' values. The
derivative is that of the entries in the order in which they stand.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from bnode_nlme.engine.actions import Action
from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.delivery import (
    AMOUNT,
    BEGIN,
    BOLUS,
    DOSE_OF,
    END,
    ENTRIES,
    GIVEN,
    INTERVAL,
    LAST,
    MANNER,
    MODELLED_DURATION,
    MODELLED_RATE,
    RATE,
    RUNNING,
    STEADY,
    STEADY_ROW,
    Doses,
    advance,
    cancel,
    duration_of,
    enter,
    new_book,
    room_for,
    take_dose,
)
from bnode_nlme.engine.external import array, external
from bnode_nlme.engine.status import SolveStatus

Array = NDArray[Any]

# Kinds of a plan's events beside the actions that they share with a schedule's entries: the dose
# `target`; and an amount that the system gives, number `source`, into state `target`.
DOSE, SHIFT = 100, 101

_OBSERVE, _ADD, _SET_RATE = int(Action.OBSERVE), int(Action.ADD), int(Action.SET_RATE)
_RESET, _FAIL = int(Action.RESET), int(Action.FAIL)
_SUCCESS, _DOSING = int(SolveStatus.SUCCESS), int(SolveStatus.DOSING)
_NOT_FINITE_INPUT = int(SolveStatus.NOT_FINITE_INPUT)
_NO_STEADY_STATE = int(SolveStatus.NO_STEADY_STATE)
_MOST_RUNNING = 100_000
"""Infusions of a steady state that may run at once."""


class Layout(NamedTuple):
    """What a layout leaves.

    Attributes
    ----------
    offsets, actions, targets, times, amounts
        The arrays of a `Schedule`.
    origins : ndarray (E,), int64
        For an entry whose amount was given, which of the shifts, then the steady states, it is;
        else -1.
    given : ndarray (G, 5), int64
        Every dose that arrived: see `delivery`.
    """

    offsets: Array
    actions: Array
    targets: Array
    times: Array
    amounts: Array
    origins: Array
    given: Array


@compiled
def _status_of(
    first: int, last: int, events: Array, doses: Doses, shifts: Array, steady: Array
) -> int:
    """Whether a subject's events can be laid out, or why not."""
    for event in range(first, last):
        kind, target, source = events[event, 0], events[event, 1], events[event, 2]
        if kind == SHIFT and not np.isfinite(shifts[source]):
            return _NOT_FINITE_INPUT
        if kind != DOSE:
            continue
        lag, part = doses.lag[target], doses.bioavailability[target]
        rate, modelled = doses.real[target, RATE], doses.modelled[target]
        amount = part * doses.real[target, AMOUNT]
        if not (0.0 <= lag < np.inf and part >= 0.0 and amount < np.inf):
            return _DOSING
        if rate < 0.0 and not 0.0 < modelled < np.inf:
            return _DOSING
        duration = duration_of(amount, rate, modelled)
        if not duration < np.inf:
            return _DOSING
        if doses.whole[target, STEADY] == 0:
            continue
        interval = doses.real[target, INTERVAL]
        if interval > 0.0 and max(lag, duration) > _MOST_RUNNING * interval:
            return _DOSING
        for value in steady[doses.whole[target, STEADY_ROW]]:
            if not np.isfinite(value):
                return _NO_STEADY_STATE
    return _SUCCESS


@compiled
def _lay_out(
    offsets: Array, events: Array, event_values: Array, doses: Doses, shifts: Array, steady: Array
) -> tuple[Array, Array, Array, Array, Array, Array, Array]:
    bounds, ends, status = offsets.copy(), offsets.copy(), offsets.copy()
    room = offsets.shape[0] + events.shape[0]
    for subject in range(offsets.shape[0] - 1):
        first, last = offsets[subject], offsets[subject + 1]
        while last > first and events[last - 1, 0] != _OBSERVE:
            last -= 1  # nothing sees what comes after the last observation
        ends[subject] = last
        status[subject] = _status_of(first, last, events, doses, shifts, steady)
        for event in range(first, last if status[subject] == _SUCCESS else first):
            if events[event, 0] == DOSE:
                end = event_values[last - 1, 0]
                room += room_for(doses, events[event, 1], steady.shape[1], end)
    book = new_book(steady.shape[1], room)
    for subject in range(offsets.shape[0] - 1):
        first, last = offsets[subject], ends[subject]
        if status[subject] != _SUCCESS:
            enter(book, _FAIL, status[subject], -1, event_values[first, 0], 0.0)
        for event in range(first, last):
            kind, target, source = events[event, 0], events[event, 1], events[event, 2]
            time = event_values[event, 0]
            if status[subject] != _SUCCESS:
                if kind == _OBSERVE:
                    enter(book, _OBSERVE, target, -1, time, 0.0)
                continue
            advance(book, doses, time)
            if kind == DOSE:
                take_dose(book, doses, target, steady, shifts.shape[0])
            elif kind == SHIFT:
                enter(book, _ADD, target, source, time, shifts[source])
            else:
                if kind == _RESET:
                    cancel(book, doses)
                enter(book, kind, target, -1, time, event_values[event, 1])
        cancel(book, doses)
        bounds[subject + 1] = book.counts[ENTRIES]
    count, arrived = book.counts[ENTRIES], book.counts[GIVEN]
    return (
        bounds,
        book.marks[:count, 0].copy(),
        book.marks[:count, 1].copy(),
        book.values[:count, 0].copy(),
        book.values[:count, 1].copy(),
        book.marks[:count, 2].copy(),
        book.given[:arrived].copy(),
    )


@compiled
def _before(
    offsets: Array, actions: Array, targets: Array, to_amounts: Array, states: int
) -> Array:
    """For each entry that sets a rate, the sum of the cotangents of those before it."""
    sums, totals = np.zeros(actions.shape[0]), np.zeros(states)
    for subject in range(offsets.shape[0] - 1):
        totals[:] = 0.0
        for place in range(offsets[subject], offsets[subject + 1]):
            if actions[place] == _SET_RATE and targets[place] < states:
                sums[place] = totals[targets[place]]
                totals[targets[place]] += to_amounts[place]
    return sums


@compiled
def _lay_back(
    doses: Doses,
    shifts: int,
    steady: tuple[int, int],
    offsets: Array,
    actions: Array,
    targets: Array,
    origins: Array,
    given: Array,
    to_times: Array,
    to_amounts: Array,
) -> tuple[Array, Array, Array, Array, Array]:
    count = doses.lag.shape[0]
    to_lag, to_part, to_modelled = np.zeros(count), np.zeros(count), np.zeros(count)
    to_shifts, to_steady = np.zeros(shifts), np.zeros(steady)
    states = steady[1]
    for place in range(origins.shape[0]):
        if origins[place] >= shifts:
            row, state = divmod(origins[place] - shifts, states)
            to_steady[row, state] += to_amounts[place]
        elif origins[place] >= 0:
            to_shifts[origins[place]] += to_amounts[place]
    sums = _before(offsets, actions, targets, to_amounts, states)
    for place in range(given.shape[0]):
        dose, begin, end, last = (
            given[place, DOSE_OF],
            given[place, BEGIN],
            given[place, END],
            given[place, LAST],
        )
        amount, rate, modelled = (
            doses.real[dose, AMOUNT],
            doses.real[dose, RATE],
            doses.modelled[dose],
        )
        part = doses.bioavailability[dose]
        if given[place, MANNER] != RUNNING:
            to_lag[dose] += to_times[begin]
        if given[place, MANNER] == BOLUS:
            to_part[dose] += amount * to_amounts[begin]
            continue
        to_flow = sums[last] + to_amounts[last] - sums[begin]
        to_end = to_times[end] if end >= 0 else 0.0
        to_lag[dose] += to_end
        if rate == MODELLED_DURATION:
            to_modelled[dose] += to_end - part * amount / modelled**2 * to_flow
            to_part[dose] += amount / modelled * to_flow
        elif rate == MODELLED_RATE:
            to_modelled[dose] += to_flow - part * amount / modelled**2 * to_end
            to_part[dose] += amount / modelled * to_end
        else:
            to_part[dose] += amount / rate * to_end
    return to_lag, to_part, to_modelled, to_shifts, to_steady


_VECTOR, _MATRIX = array(types.float64, 1), array(types.float64, 2)
_INTEGERS, _INTEGER_MATRIX = array(types.int64, 1), array(types.int64, 2)
_PLANNED = (_INTEGERS, _INTEGER_MATRIX, _MATRIX, _INTEGER_MATRIX, _MATRIX, *[_VECTOR] * 4, _MATRIX)


def _made(kind: Any, dimensions: int) -> Any:
    return types.Array(kind, dimensions, "C")


@compiled
def _check(
    offsets: Array, events: Array, event_values: Array, doses: Doses, shifts: Array, steady: Array
) -> None:
    """Refuse a plan whose arrays do not fit each other."""
    count = doses.whole.shape[0]
    if offsets[0] != 0 or offsets[-1] != events.shape[0]:
        raise ValueError("Offsets of a plan want to begin at 0 and end at its number of events.")
    for subject in range(offsets.shape[0] - 1):
        if offsets[subject] > offsets[subject + 1]:
            raise ValueError("Offsets of a plan must not decrease.")
    if events.shape[1] != 3 or event_values.shape != (events.shape[0], 2):
        raise ValueError("Events of a plan want three integers and two doubles each.")
    if doses.whole.shape[1] != 4 or doses.real.shape != (count, 4):
        raise ValueError("Doses of a plan want four integers and four doubles each.")
    for values in (doses.lag, doses.bioavailability, doses.modelled):
        if values.shape[0] != count:
            raise ValueError("Values of doses want one number for each dose of the plan.")
    for event in range(events.shape[0]):
        kind, target, source = events[event, 0], events[event, 1], events[event, 2]
        if kind == DOSE and not 0 <= target < count:
            raise ValueError("An event of the plan is no dose of it.")
        if kind == SHIFT and not 0 <= source < shifts.shape[0]:
            raise ValueError("Shifts want one number for each shift of the plan.")
    for dose in range(count):
        if not 0 <= doses.whole[dose, 0] < steady.shape[1]:
            raise ValueError("A dose of the plan goes to no state.")
        if doses.whole[dose, STEADY] != 0 and not 0 <= doses.whole[dose, STEADY_ROW] < len(steady):
            raise ValueError("Steady states want one row for each dose of the plan that has one.")


@external(
    types.Tuple(
        [
            *[_made(types.int64, 1)] * 3,
            *[_made(types.float64, 1)] * 2,
            _made(types.int64, 1),
            _made(types.int64, 2),
        ]
    )(*_PLANNED)
)
def layout_call(
    offsets: Array,
    events: Array,
    event_values: Array,
    whole: Array,
    real: Array,
    lag: Array,
    bioavailability: Array,
    modelled: Array,
    shifts: Array,
    steady: Array,
) -> tuple[Array, Array, Array, Array, Array, Array, Array]:
    """Lay out a plan; the fields of `Layout`."""
    doses = Doses(whole, real, lag, bioavailability, modelled)
    _check(offsets, events, event_values, doses, shifts, steady)
    return _lay_out(offsets, events, event_values, doses, shifts, steady)


@external(
    types.Tuple([*[_made(types.float64, 1)] * 4, _made(types.float64, 2)])(
        *_PLANNED, *[_INTEGERS] * 4, _INTEGER_MATRIX, *[_VECTOR] * 2
    )
)
def layout_adjoint_call(
    offsets: Array,
    events: Array,
    event_values: Array,
    whole: Array,
    real: Array,
    lag: Array,
    bioavailability: Array,
    modelled: Array,
    shifts: Array,
    steady: Array,
    bounds: Array,
    actions: Array,
    targets: Array,
    origins: Array,
    given: Array,
    to_times: Array,
    to_amounts: Array,
) -> tuple[Array, Array, Array, Array, Array]:
    """Cotangents of lag, bioavailability, modelled values, shifts and steady states.

    From a plan, what its layout left, and the cotangents of the schedule's times and amounts.
    """
    doses = Doses(whole, real, lag, bioavailability, modelled)
    _check(offsets, events, event_values, doses, shifts, steady)
    return _lay_back(
        doses, shifts.shape[0], steady.shape, bounds, actions, targets, origins, given,
        to_times, to_amounts,
    )  # fmt: skip
