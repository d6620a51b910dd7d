"""The lanes' Runge-Kutta steps taken again in NumPy, one subject at a time, at the same places.

What the engine computes is a function of its inputs once the steps are given. Written out here with
complex numbers it can be differentiated exactly by an imaginary step, and the discrete adjoint must
agree to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.testing import assert_array_equal

from bnode_nlme.engine.schedule import Action, Schedule, is_zero_length
from bnode_nlme.engine.tableau import DENSE, MATRIX, STAGES
from bnode_nlme.engine.tape import ALIGNED, TRAILER
from bnode_nlme.engine.units import LANES_UNIT
from bnode_nlme.engine.workspace import LANES
from tests.engine.plain_simulator import Array, Plain

NODES = np.array([sum(row) for row in MATRIX])


@dataclass(frozen=True)
class Interval:
    """One interval of a group: start, length and infusions in each lane, and its steps."""

    start: Array
    length: Array
    rates: Array
    steps: list[tuple[float, float]]


def units_on(
    tape: Array, states: int, kept: int, engine: int
) -> list[tuple[list[int], list[Interval]]]:
    """Members and intervals of each unit on one group's tape, all of one kind."""
    rows = states if engine == LANES_UNIT else STAGES * states + (STAGES - 1) * kept
    width = LANES * rows + (2 if engine == LANES_UNIT else ALIGNED)
    units = []
    end = len(tape)
    while end > 0:
        trailer = tape[end - TRAILER : end]
        assert trailer[LANES + 1] == engine
        members = trailer[: int(trailer[LANES])].astype(int).tolist()
        first = end - TRAILER - int(trailer[LANES + 2])
        units.append((members, _intervals(tape[first : end - TRAILER], states, width)))
        end = first
    return units


def _intervals(tape: Array, states: int, width: int) -> list[Interval]:
    intervals = []
    end = len(tape)
    while end > 0:
        steps = int(tape[end - 1])
        row = end - ALIGNED - (5 + 2 * states) * LANES
        record = tape[row : end - ALIGNED].reshape(-1, LANES)
        end = row - width * steps
        intervals.append(
            Interval(
                start=record[2 * states],
                length=record[2 * states + 1],
                rates=record[states : 2 * states],
                steps=[tuple(tape[end + width * k :][:2]) for k in range(steps)],
            )
        )
    return intervals[::-1]


def replayed(
    plain: Plain,
    schedule: Schedule,
    subject: int,
    lane: int,
    intervals: list[Interval],
    p: Array,
    w: Array,
    c: Array,
    times: Array,
    amounts: Array,
) -> dict[int, Array]:
    """Readouts (readouts, m) at each of a subject's observation rows.

    Parameters p (P, m) and weights w (W, m); times and amounts (entries, m) of the subject's part
    of the schedule, whose real parts are the schedule's own.
    """
    first, last = schedule.offsets[subject : subject + 2]
    actions, targets = schedule.actions[first:last], schedule.targets[first:last]
    plain_times = schedule.times[first:last]
    y = np.zeros((len(plain.states), p.shape[1]), complex) + plain.initial(p, c)
    rates = np.zeros_like(y)
    found: dict[int, Array] = {}
    entry, began = 0, 0
    for interval in intervals:
        began = entry
        while entry < len(times) and is_zero_length(plain_times[began], plain_times[entry]):
            action, target = actions[entry], targets[entry]
            if action == Action.OBSERVE:
                found[target] = plain.readout(times[entry], y, p, w, c)
            elif action == Action.ADD:
                y = y.copy()
                y[target] += amounts[entry]
            elif action == Action.SET_RATE:
                rates = rates.copy()
                rates[target] = amounts[entry]
            else:
                y = np.zeros_like(y) + plain.initial(p, c)
                rates = np.zeros_like(y)
            entry += 1
        if interval.length[lane] == 0.0:
            continue
        assert interval.start[lane] == plain_times[began]
        assert_array_equal(interval.rates[:, lane], rates[:, 0].real)
        end = entry
        while end < len(times) - 1 and actions[end] == Action.OBSERVE:
            end += 1
        while end > entry and is_zero_length(plain_times[end - 1], plain_times[end]):
            end -= 1
        start, length = times[began], times[end] - times[began]

        def slope(s: float, y: Array) -> Any:
            return plain.derivative(start + s * length, y, p, w, c) + rates  # noqa: B023

        for s, h in interval.steps:
            slopes = [slope(s, y)]
            state = y
            for stage in range(1, STAGES):
                change = sum(a * f for a, f in zip(MATRIX[stage], slopes, strict=True))
                state = y + h * length * change
                slopes.append(slope(s + NODES[stage] * h, state))
            reached = 1.0 if (s, h) == interval.steps[-1] else s + h
            while entry < end:
                fraction = (times[entry] - start) / length
                if fraction[0].real > reached:
                    break
                u = ((fraction - s) / h) ** np.arange(1, 5)[:, None]
                change = sum(b @ u * f for b, f in zip(np.array(DENSE), slopes, strict=True))
                found[targets[entry]] = plain.readout(
                    times[entry], y + h * length * change, p, w, c
                )
                entry += 1
            y = state
    return found
