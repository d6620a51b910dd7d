"""The lanes' Runge-Kutta steps taken again in NumPy, one subject at a time, at the same places.

What the engine computes is a function of its inputs once the steps are given. Written out here with
complex numbers it can be differentiated exactly by an imaginary step, and the discrete adjoint must
agree to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bnode_nlme.engine.schedule import Action, Schedule, is_zero_length
from bnode_nlme.engine.tableau import DENSE, MATRIX, STAGES
from bnode_nlme.engine.tape import TRAILER
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
    units = []
    end = len(tape)
    while end > 0:
        trailer = tape[end - TRAILER : end]
        assert trailer[LANES + 1] == engine
        members = trailer[: int(trailer[LANES])].astype(int).tolist()
        first = end - TRAILER - int(trailer[LANES + 2])
        units.append((members, _intervals(tape[first : end - TRAILER], states, 2 + LANES * rows)))
        end = first
    return units


def _intervals(tape: Array, states: int, width: int) -> list[Interval]:
    intervals = []
    end = len(tape)
    while end > 0:
        steps = int(tape[end - 1])
        row = end - 1 - (5 + 2 * states) * LANES
        record = tape[row : end - 1].reshape(-1, LANES)
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
) -> dict[int, Array]:
    """Readouts (readouts, m) at each of a subject's observation rows; p (P, m) and w (W, m)."""
    first, last = schedule.offsets[subject : subject + 2]
    y = np.zeros((len(plain.states), p.shape[1]), complex) + plain.initial(p, c)
    found: dict[int, Array] = {}
    record, now = first, schedule.times[first]
    for interval in intervals:
        while record < last and is_zero_length(now, schedule.times[record]):
            action, target = schedule.actions[record], schedule.targets[record]
            if action == Action.OBSERVE:
                found[target] = plain.readout(now, y, p, w, c)
            elif action == Action.ADD:
                y = y.copy()
                y[target] += schedule.amounts[record]
            elif action == Action.RESET:
                y = np.zeros_like(y) + plain.initial(p, c)
            record += 1
        start, length = interval.start[lane], interval.length[lane]
        if length == 0.0:
            continue
        assert start == now
        rates = interval.rates[:, lane, None]

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
            while record < last and schedule.actions[record] == Action.OBSERVE:
                fraction = (schedule.times[record] - start) / length
                if fraction > reached or fraction >= 1.0:
                    break
                u = ((fraction - s) / h) ** np.arange(1, 5)
                change = sum(b @ u * f for b, f in zip(np.array(DENSE), slopes, strict=True))
                time = schedule.times[record]
                found[schedule.targets[record]] = plain.readout(
                    time, y + h * length * change, p, w, c
                )
                record += 1
            y = state
        now = schedule.times[record]
    return found
