"""A study's records for a system, as arrays that a layout turns into a schedule."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.actions import Action, is_zero_length
from bnode_nlme.engine.delivery import MODELLED_DURATION, MODELLED_RATE
from bnode_nlme.engine.labels import resolve_compartments
from bnode_nlme.engine.layout import DOSE, SHIFT
from bnode_nlme.engine.varying import NOTHING_VARIES, Varying
from bnode_nlme.study.errors import Problem, TableError
from bnode_nlme.study.records import CHANGE
from bnode_nlme.study.study import Study

_QUANTITIES = {MODELLED_RATE: "rate", MODELLED_DURATION: "duration"}


@dataclass(frozen=True, eq=False)
class Plan:
    """What happens to the subjects of a study, one after the other, whatever the parameters are.

    Attributes
    ----------
    offsets : ndarray (S + 1,), int64
        Events ``offsets[s]`` to ``offsets[s + 1]`` are those of subject s.
    events : ndarray (N, 3), int64
        Kind (an `Action`, `DOSE` or `SHIFT`), target (row, state, or dose), and the number of the
        shift.
    event_values : ndarray (N, 2)
        Time, and the amount of an action.
    doses : ndarray (D, 4), int64
        State, ADDL, SS, and the place among `steady_records` or -1.
    dose_values : ndarray (D, 4)
        Time, AMT, RATE and II.
    dose_records : ndarray (D,), int64
        The record of each dose.
    shifted : ndarray (M, 3), int64
        For each shift the parameter, the occasion whose value is taken away, and the one whose
        value is added.
    steady_records : ndarray (J,), int64
        The records with SS.
    states, rows : int
        States of the system itself; observation rows of the study.
    """

    offsets: NDArray[np.int64]
    events: NDArray[np.int64]
    event_values: NDArray[np.float64]
    doses: NDArray[np.int64]
    dose_values: NDArray[np.float64]
    dose_records: NDArray[np.int64]
    shifted: NDArray[np.int64]
    steady_records: NDArray[np.int64]
    states: int
    rows: int

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """The arrays that a layout takes, in its order."""
        return self.offsets, self.events, self.event_values, self.doses, self.dose_values


def build_plan(system: System, study: Study, varying: Varying = NOTHING_VARIES) -> Plan:
    """Read a study's records for a system.

    Parameters
    ----------
    system, study
        What is solved, and on which records.
    varying
        Which inputs change within a subject.

    Returns
    -------
    Plan

    Raises
    ------
    TableError
        Listing every dose into a compartment that the system does not have, and every one whose
        rate or duration the system should give and does not.
    """
    records = study.records
    compartments = dosed_states(system, study)
    dose_records = study.doses
    steady = records.steady_state[dose_records]
    steady_row = np.where(steady > 0, np.cumsum(steady > 0) - 1, -1)
    dose_of_record = {int(record): dose for dose, record in enumerate(dose_records)}
    row_of_record = {int(record): row for row, record in enumerate(study.observations)}
    changes = _Changes(system, study, varying)
    events: list[tuple[int, int, int, float, float]] = []
    offsets = [0]
    bounds = np.searchsorted(records.subject, np.arange(study.n_subjects + 1))
    for first, last in itertools.pairwise(bounds.tolist()):
        for record in range(first, last):
            time, evid = float(records.time[record]), int(records.evid[record])
            if record == first and _comes_later(system, study, record, compartments):
                # The state is the initial one from the first record on, whenever the dose arrives.
                events.append((Action.RESET, 0, -1, time, 0.0))
            events.extend(changes.before(record, first, last))
            if record in row_of_record:
                events.append((Action.OBSERVE, row_of_record[record], -1, time, 0.0))
            if evid in (3, 4):
                events.append((Action.RESET, 0, -1, time, 0.0))
            if evid in (1, 4):
                events.append((DOSE, dose_of_record[record], -1, time, 0.0))
            events.extend(changes.after(record, first, last))
        offsets.append(len(events))
    return Plan(
        offsets=np.array(offsets, np.int64),
        events=np.array([event[:3] for event in events], np.int64).reshape(-1, 3),
        event_values=np.array([event[3:] for event in events], np.float64).reshape(-1, 2),
        doses=np.column_stack(
            [compartments[dose_records], records.additional[dose_records], steady, steady_row]
        ).astype(np.int64),
        dose_values=np.column_stack(
            [
                records.time[dose_records],
                records.amount[dose_records],
                records.rate[dose_records],
                records.interval[dose_records],
            ]
        ).astype(np.float64),
        dose_records=dose_records,
        shifted=np.array(changes.shifted, np.int64).reshape(-1, 3),
        steady_records=dose_records[steady > 0],
        states=len(system.states),
        rows=len(study.observations),
    )


def _comes_later(
    system: System, study: Study, record: int, compartments: NDArray[np.int64]
) -> bool:
    """Whether a subject's first record may leave no entry at its own time."""
    records = study.records
    if records.evid[record] == CHANGE:
        return True
    delayed = (system.states[compartments[record]], "lag") in system.graph.dosing
    return bool(records.evid[record] == 1 and records.steady_state[record] == 0 and delayed)


class _Changes:
    """Events that change the varying inputs, record by record."""

    def __init__(self, system: System, study: Study, varying: Varying) -> None:
        self.study = study
        self.shifted: list[tuple[int, int, int]] = []
        first = len(system.states)
        self._parameters = {p: first + i for i, p in enumerate(varying.parameters)}
        first += len(varying.parameters)
        self._covariates = {
            first + i: study.varying[system.covariates[c]] for i, c in enumerate(varying.covariates)
        }

    def before(self, record: int, first: int, last: int) -> Iterator[Any]:
        """Changes just before a record acts."""
        if record > first and self.study.interpolation != "nocb":
            jump = self.study.interpolation == "locf" or self._together(record - 1, record)
            yield from self._moves(record - 1, record, record, jump)

    def after(self, record: int, first: int, last: int) -> Iterator[Any]:
        """Changes just after a record has acted."""
        if record + 1 == last:
            return
        if self.study.interpolation == "nocb":
            yield from self._moves(record, record + 1, record, True)
        elif self.study.interpolation == "linear":
            yield from self._slopes(record, first)

    def _together(self, one: int, other: int) -> bool:
        times = self.study.records.time
        return bool(is_zero_length(float(times[one]), float(times[other])))

    def _moves(self, old: int, new: int, at: int, jump: bool) -> Iterator[Any]:
        """From what holds at one record to what holds at another."""
        time = float(self.study.records.time[at])
        occasions = self.study.records.occasion
        if occasions[old] != occasions[new]:
            for parameter, state in self._parameters.items():
                yield SHIFT, state, len(self.shifted), time, 0.0
                self.shifted.append((parameter, int(occasions[old]), int(occasions[new])))
        if not jump:
            return
        for state, values in self._covariates.items():
            if values[old] != values[new]:
                yield Action.ADD, state, -1, time, float(values[new] - values[old])

    def _slopes(self, record: int, first: int) -> Iterator[Any]:
        """Straight lines from a record to the next, where they change."""
        time = float(self.study.records.time[record])
        for state, values in self._covariates.items():
            slope = self._slope(values, record)
            if slope != (self._slope(values, record - 1) if record > first else 0.0):
                yield Action.SET_RATE, state, -1, time, slope

    def _slope(self, values: NDArray[np.float64], record: int) -> float:
        if self._together(record, record + 1):
            return 0.0
        times = self.study.records.time
        return float((values[record + 1] - values[record]) / (times[record + 1] - times[record]))


def dosed_states(system: System, study: Study) -> NDArray[np.int64]:
    """State that each dose goes to, as `resolve_compartments` has it, the doses checked.

    Raises
    ------
    TableError
        As `build_plan`.
    """
    compartments = resolve_compartments(system, study)
    _check_modelled(system, study, compartments)
    return compartments


def _check_modelled(system: System, study: Study, compartments: NDArray[np.int64]) -> None:
    """Refuse doses whose rate or duration the system should give and does not."""
    records = study.records
    problems = []
    for record in np.flatnonzero((compartments >= 0) & (records.rate < 0.0)):
        quantity = _QUANTITIES[float(records.rate[record])]
        state = system.states[compartments[record]]
        if (state, quantity) not in system.graph.dosing:
            problems.append(
                Problem(
                    subject=study.subjects[records.subject[record]].item(),
                    row=int(records.row[record]),
                    column="RATE",
                    found=f"{records.rate[record]:g}",
                    wanted=f"a {quantity} of the doses into state {state!r} in the system",
                    cure=(
                        "RATE -1 takes the rate, and -2 the duration, from the system. Declare "
                        f"dosing={{{state!r}: Dosing({quantity}=lambda p, c: ...)}}, or give a "
                        "RATE of 0 or above."
                    ),
                )
            )
    if problems:
        raise TableError(problems, source=study.name, joining=True)
