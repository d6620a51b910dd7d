"""A slow layout of a study's records, written with closures and a heap; it shares no code.

Every implied dose and every end of an infusion is a function that waits for its time. A dose in a
steady state is written out as the virtual earlier doses that it stands for.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bnode_nlme.study.study import Study

Entry = tuple[str, int, float, float]


def is_due(due: float, time: float) -> bool:
    return due <= time + 1e-12 * max(abs(due), abs(time)) + 1e-100


@dataclass
class Dose:
    """One dose record, with the values that a system gives it."""

    state: int
    amount: float
    rate: float
    additional: int
    interval: float
    lag: float = 0.0
    part: float = 1.0
    modelled: float = math.nan
    steady: int = 0
    steady_state: list[float] = field(default_factory=list)

    @property
    def given(self) -> float:
        return self.amount * self.part

    @property
    def duration(self) -> float:
        if self.rate == -2:
            return self.modelled
        if self.rate == -1:
            return self.given / self.modelled
        return self.given / self.rate if self.rate > 0 else 0.0


class _Timeline:
    """The entries of one subject while its records are read in order."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._pending: list[tuple[float, int, Callable[[float], None]]] = []
        self._running: dict[int, list[float]] = {}
        self._order = 0

    def advance(self, time: float) -> None:
        while self._pending and is_due(self._pending[0][0], time):
            due, _, act = heapq.heappop(self._pending)
            act(min(due, time))

    def take(self, time: float, dose: Dose) -> None:
        if dose.steady:
            self._become_steady(time, dose)
        if dose.amount == 0 and dose.steady:
            return
        self._repeat(time, 0, dose)
        self.advance(time)

    def _become_steady(self, time: float, dose: Dose) -> None:
        if dose.steady == 1:
            self._pending.clear()
            self._running.clear()
            self.entries.append(("clear", 0, time, 0.0))
        for state, amount in enumerate(dose.steady_state):
            self.entries.append(("add", state, time, amount))
        if dose.interval == 0:
            return
        late = math.floor(dose.lag / dose.interval * (1 + 1e-12))
        earlier = late + 1
        while dose.duration > 0:
            end = time - earlier * dose.interval + dose.lag + dose.duration
            if is_due(end, time):
                break
            self._run(time, end, dose.state, dose.given / dose.duration)
            earlier += 1
        for number in range(late, 0, -1):
            due = max(time, time - number * dose.interval + dose.lag)
            self._plan(due, lambda now, dose=dose: self._give(now, dose))  # type: ignore[misc]

    def _repeat(self, first: float, number: int, dose: Dose) -> None:
        def act(now: float) -> None:
            self._give(now, dose)
            if number < dose.additional:
                self._repeat(first, number + 1, dose)

        self._plan(first + number * dose.interval + dose.lag, act)

    def _give(self, now: float, dose: Dose) -> None:
        end = now + dose.duration
        if is_due(end, now):
            self.entries.append(("add", dose.state, now, dose.given))
        else:
            self._run(now, end, dose.state, dose.given / (end - now))

    def _run(self, now: float, end: float, state: int, rate: float) -> None:
        self._running.setdefault(state, []).append(rate)
        self._set_rate(now, state)

        def stop(now: float) -> None:
            self._running[state].remove(rate)
            self._set_rate(now, state)

        self._plan(end, stop)

    def reset(self, time: float) -> None:
        self._pending.clear()
        self._running.clear()
        self.entries.append(("reset", 0, time, 0.0))

    def _plan(self, time: float, act: Callable[[float], None]) -> None:
        self._order += 1
        heapq.heappush(self._pending, (time, self._order, act))

    def _set_rate(self, time: float, state: int) -> None:
        self.entries.append(("rate", state, time, math.fsum(self._running[state])))


def plain_layout(study: Study, states: tuple[str, ...], **values: Any) -> list[list[Entry]]:
    """Entries of each subject; `values` give lag, part, modelled and steady_state by dose."""
    records = study.records
    row_of = {int(record): row for row, record in enumerate(study.observations)}
    dose_of = {int(record): dose for dose, record in enumerate(study.doses)}
    laid_out = []
    for subject in range(study.n_subjects):
        timeline = _Timeline()
        for record in np.flatnonzero(records.subject == subject).tolist():
            time, evid = float(records.time[record]), int(records.evid[record])
            timeline.advance(time)
            if record in row_of:
                timeline.entries.append(("observe", row_of[record], time, 0.0))
            if evid in (3, 4):
                timeline.reset(time)
            if evid in (1, 4):
                label = str(records.compartment[record])
                state = states.index(label) if label in states else int(label or 1) - 1
                own = {name: given[dose_of[record]] for name, given in values.items()}
                timeline.take(
                    time,
                    Dose(
                        state,
                        float(records.amount[record]),
                        float(records.rate[record]),
                        int(records.additional[record]),
                        float(records.interval[record]),
                        steady=int(records.steady_state[record]),
                        **own,
                    ),
                )
        while timeline.entries and timeline.entries[-1][0] != "observe":
            timeline.entries.pop()
        laid_out.append(timeline.entries)
    return laid_out
