"""A study seen by a solver: for each subject, what happens when, in the order in which it acts."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.labels import resolve_compartments
from bnode_nlme.study.study import Study


@compiled
def is_zero_length(start: float, stop: float) -> bool:
    """Whether two times are too close for a solver to step between them."""
    # CVODES refuses less than two rounding units on either side (cvHin in cvodes.c), and divides by
    # squares of steps, so that those from zero must not be too small either.
    return abs(stop - start) <= 1e-15 * max(abs(start), abs(stop)) + 1e-100


class Action(IntEnum):
    """What a schedule's entry does to the state."""

    OBSERVE = 0  # report the readouts in row `target`
    ADD = 1  # add `amount` to state `target`
    SET_RATE = 2  # from here on `amount` per time flows into state `target`
    RESET = 3  # every state to its initial value, all infusions off


@dataclass(frozen=True, eq=False)
class Schedule:
    """The entries of all subjects, one after the other.

    Attributes
    ----------
    offsets : ndarray (S + 1,), int64
        Entries ``offsets[s]`` to ``offsets[s + 1]`` are those of subject s.
    actions, targets : ndarray (E,), int64
        See `Action`.
    times, amounts : ndarray (E,), float64
    rows : int
        Number of observation rows of the study; `Action.OBSERVE` targets count them from 0.
    """

    offsets: NDArray[np.int64]
    actions: NDArray[np.int64]
    targets: NDArray[np.int64]
    times: NDArray[np.float64]
    amounts: NDArray[np.float64]
    rows: int

    def __post_init__(self) -> None:
        for name, kind in [
            ("offsets", np.int64),
            ("actions", np.int64),
            ("targets", np.int64),
            ("times", np.float64),
            ("amounts", np.float64),
        ]:
            # Compiled code reads these arrays' bare memory.
            array = np.ascontiguousarray(getattr(self, name), dtype=kind)
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Offsets, actions, targets, times and amounts: the order in which a solve takes them."""
        return self.offsets, self.actions, self.targets, self.times, self.amounts


def _is_due(due: float, time: float) -> bool:
    # Written in decimals, 3 doses 0.1 apart and a record at 0.3 coincide; in binary they do not.
    # The absolute part is what the forward solve takes for no time at all.
    return due <= time + 1e-12 * max(abs(due), abs(time)) + 1e-100


class _Timeline:
    """The entries of one subject while its records are read in order."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, int, float, float]] = []
        # Implied doses and ends of infusions: when, the order of planning, what to do then.
        self._pending: list[tuple[float, int, Callable[[float], None]]] = []
        self._active: dict[int, list[float]] = {}
        self._order = 0

    def advance(self, time: float) -> None:
        """Let every implied entry due at or before `time` act."""
        while self._pending and _is_due(self._pending[0][0], time):
            due, _, act = heapq.heappop(self._pending)
            act(min(due, time))

    def dose(
        self, time: float, state: int, amount: float, rate: float, left: int, interval: float
    ) -> None:
        """Give a dose, and plan the `left` further ones and the ends of their infusions."""
        self._give(time, state, amount, rate)
        if left > 0:
            self._repeat(time, 1, left, interval, state, amount, rate)

    def _give(self, time: float, state: int, amount: float, rate: float) -> None:
        end = time + amount / rate if rate > 0.0 else time
        # An infusion that ends as it begins has no stretch in which its rate could act.
        if _is_due(end, time):
            self.entries.append((Action.ADD, state, time, amount))
        else:
            # The end is rounded to a double: the rate follows, so that the amount is the dose.
            flow = amount / (end - time)
            self._active.setdefault(state, []).append(flow)
            self._set_rate(time, state)
            self._plan(end, lambda due: self._stop(due, state, flow))

    def _repeat(
        self,
        first: float,
        number: int,
        last: int,
        interval: float,
        state: int,
        amount: float,
        rate: float,
    ) -> None:
        def act(due: float) -> None:
            self._give(due, state, amount, rate)
            if number < last:
                self._repeat(first, number + 1, last, interval, state, amount, rate)

        # Counted from the first dose: adding the interval again and again adds its rounding too.
        self._plan(first + number * interval, act)

    def _stop(self, time: float, state: int, rate: float) -> None:
        self._active[state].remove(rate)
        self._set_rate(time, state)

    def reset(self, time: float) -> None:
        """Return to the initial state; infusions and pending doses are cancelled."""
        self._pending.clear()
        self._active.clear()
        self.entries.append((Action.RESET, 0, time, 0.0))

    def _plan(self, time: float, act: Callable[[float], None]) -> None:
        self._order += 1
        heapq.heappush(self._pending, (time, self._order, act))

    def _set_rate(self, time: float, state: int) -> None:
        # Summed afresh each time, so that the rate is exactly zero once all infusions have ended.
        self.entries.append((Action.SET_RATE, state, time, float(sum(self._active[state]))))


def build_schedule(system: System, study: Study) -> Schedule:
    """Lay out a study's records for a system.

    Explicit records act in the order of the table; additional doses due at a record's time act
    before it. Entries after a subject's last observation are left out: nothing sees them.

    Parameters
    ----------
    system, study
        What is solved, and on which records.

    Returns
    -------
    Schedule

    Raises
    ------
    TableError
        When a dose goes to a compartment that the system does not have, with every such row.
    """
    _refuse_unsolved(system, study)
    records = study.records
    compartments = resolve_compartments(system, study)
    row_of_record = {int(record): row for row, record in enumerate(study.observations)}
    offsets = [0]
    entries: list[tuple[int, int, float, float]] = []
    bounds = np.searchsorted(records.subject, np.arange(study.n_subjects + 1))
    for first, last in itertools.pairwise(bounds):
        timeline = _Timeline()
        for record in range(int(first), int(last)):
            time, evid = float(records.time[record]), int(records.evid[record])
            timeline.advance(time)
            if record in row_of_record:
                timeline.entries.append((Action.OBSERVE, row_of_record[record], time, 0.0))
            if evid in (3, 4):
                timeline.reset(time)
            if evid in (1, 4):
                timeline.dose(
                    time,
                    int(compartments[record]),
                    float(records.amount[record]),
                    float(records.rate[record]),
                    int(records.additional[record]),
                    float(records.interval[record]),
                )
        seen = timeline.entries
        while seen and seen[-1][0] != Action.OBSERVE:
            seen.pop()
        entries.extend(seen)
        offsets.append(len(entries))
    return Schedule(
        offsets=np.array(offsets, dtype=np.int64),
        actions=np.array([entry[0] for entry in entries], dtype=np.int64),
        targets=np.array([entry[1] for entry in entries], dtype=np.int64),
        times=np.array([entry[2] for entry in entries], dtype=np.float64),
        amounts=np.array([entry[3] for entry in entries], dtype=np.float64),
        rows=len(study.observations),
    )


def _refuse_unsolved(system: System, study: Study) -> None:
    records = study.records
    asked = {
        "steady states (SS)": np.any(records.steady_state),
        "modelled rates and durations (RATE -1, -2)": np.any(records.rate < 0),
        "covariates that vary within a subject": set(system.covariates) & set(study.varying),
    }
    if unsolved := [what for what, found in asked.items() if found]:
        raise NotImplementedError(
            f"The study {study.name!r} has {' and '.join(unsolved)}, which the solver cannot follow "
            "yet."
        )
