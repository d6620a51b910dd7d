"""What is given: AMT, RATE, ADDL, II and SS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.columns import Columns
from bnode_nlme.study.events import Events
from bnode_nlme.study.findings import Findings, Mask
from bnode_nlme.study.number_column import Numbers, read_numbers
from bnode_nlme.study.subjects import Grouping

MOST_DOSES: Final = 100_000
_MOST_ADDITIONAL: Final = 10**9


@dataclass(frozen=True, eq=False)
class Doses:
    """Dose columns, each of shape (R,) and 0 where nothing is given."""

    amount: NDArray[np.float64]
    rate: NDArray[np.float64]
    additional: NDArray[np.int64]
    interval: NDArray[np.float64]
    steady_state: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Cells:
    """The columns of doses as parsed, and the rows that have one."""

    dose: Mask
    amounts: Numbers
    rates: Numbers
    additional: Numbers
    intervals: Numbers
    steady: Numbers

    @property
    def at_steady_state(self) -> Mask:
        """Doses with SS 1 or 2, shape (R,)."""
        return self.dose & np.isin(self.steady.values, (1, 2))

    @property
    def constant(self) -> Mask:
        """Doses with SS and without an amount: infusions that have gone on for ever, shape (R,)."""
        nothing = self.amounts.missing | (self.amounts.values == 0)
        return self.at_steady_state & nothing


def read_doses(columns: Columns, amounts: Numbers, events: Events, findings: Findings) -> Doses:
    """Take the doses and report the cells that do not make one."""
    cells = _Cells(
        events.dose,
        amounts,
        read_numbers(columns, "RATE", findings),
        read_numbers(columns, "ADDL", findings),
        read_numbers(columns, "II", findings),
        read_numbers(columns, "SS", findings),
    )
    for name, numbers in {
        "AMT": cells.amounts,
        "RATE": cells.rates,
        "ADDL": cells.additional,
        "II": cells.intervals,
        "SS": cells.steady,
    }.items():
        findings.add(
            events.no_dose & numbers.nonzero,
            name,
            "0 or blank where EVID is 0, 2 or 3",
            "A dose needs EVID 1, or 4 for a reset and dose, and a row of its own.",
        )
    findings.add(
        cells.dose & ~cells.constant & ~amounts.bad & ~(amounts.values > 0),
        "AMT",
        lambda k: f"a positive amount: EVID is {events.evid[k]}, a dose",
        "Give the amount, or set EVID to 2 if nothing was given.",
    )
    _check_rates(cells, findings)
    _check_additional(cells, findings)
    _check_steady_states(cells, findings)
    dose, count = cells.dose, cells.additional.or_zero
    fits = (count >= 0) & (count <= _MOST_ADDITIONAL)
    return Doses(
        amount=np.where(dose, amounts.or_zero, 0.0),
        rate=np.where(dose, cells.rates.or_zero, 0.0),
        additional=np.where(dose & fits, count, 0.0).astype(np.int64),
        interval=np.where(dose, cells.intervals.or_zero, 0.0),
        steady_state=np.where(cells.at_steady_state, cells.steady.values, 0.0).astype(np.int64),
    )


def _check_rates(cells: _Cells, findings: Findings) -> None:
    rates, amounts, given = cells.rates, cells.amounts, cells.dose & ~cells.constant
    findings.add(
        given & (rates.values < 0) & ~np.isin(rates.values, (-1, -2)),
        "RATE",
        "blank or 0 for a bolus, the positive rate of an infusion, -1 or -2",
        "RATE -1 is an infusion whose rate, and -2 one whose duration, the system's dosing gives.",
    )
    infused = given & (rates.values > 0) & (amounts.values > 0)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        duration = amounts.values / rates.values
        overlaps = duration / cells.intervals.values
    possible = np.isfinite(duration) & (duration > 0)
    findings.add(
        infused & ~possible,
        "RATE",
        "a rate for which AMT / RATE, the infusion's duration, is a positive number",
    )
    repeated = cells.at_steady_state & (cells.intervals.values > 0)
    findings.add(
        infused & possible & repeated & (overlaps > MOST_DOSES),
        "RATE",
        lambda k: (
            f"an infusion of at most {MOST_DOSES} intervals II; AMT / RATE is {overlaps[k]:.6g}"
        ),
        "At steady state that many infusions run at once. Check the units of RATE and II; if the "
        "infusion never stops, it is a constant one: AMT 0, II 0.",
    )


def _check_additional(cells: _Cells, findings: Findings) -> None:
    count = cells.additional.or_zero
    uncountable = (count < 0) | (count != np.floor(count)) | (count > _MOST_ADDITIONAL)
    findings.add(
        cells.dose & uncountable,
        "ADDL",
        f"a whole number from 0 to {_MOST_ADDITIONAL}",
        "ADDL is the number of doses after the one of its row.",
    )
    given, intervals = cells.dose & ~cells.constant, cells.intervals
    findings.add(
        given & (intervals.values < 0), "II", "a positive interval between doses, or blank"
    )
    without = given & (intervals.missing | (intervals.values == 0))
    findings.add(
        without & (count > 0) & ~cells.at_steady_state,
        "II",
        "a positive interval between doses: ADDL is given",
        "Give II, the time from one dose to the next, or set ADDL to 0.",
    )
    findings.add(
        without & cells.at_steady_state,
        "II",
        lambda k: f"a positive interval between doses: SS is {cells.steady.values[k]:g}",
        "Give II, the time between the doses that have led to the steady state.",
    )


def _check_steady_states(cells: _Cells, findings: Findings) -> None:
    findings.add(
        cells.dose & cells.steady.given & ~np.isin(cells.steady.values, (0, 1, 2)),
        "SS",
        "0, 1, 2 or blank",
        "With SS 1 the state becomes the steady state of this dose given every II, and earlier "
        "infusions and pending doses end; with SS 2 that steady state is added to the present "
        "state. Then the dose is given.",
    )
    constant, steady = cells.constant, cells.steady.values
    findings.add(
        constant & ~cells.rates.bad & ~(cells.rates.values > 0) & ~(cells.rates.values < 0),
        "AMT",
        lambda k: f"a positive amount, or 0 and a positive RATE: SS is {steady[k]:g}",
        "Give AMT and II for a dose that has been repeated for ever, or RATE, without AMT and II, "
        "for a constant infusion that stops at the row.",
    )
    findings.add(
        constant & (cells.rates.values < 0),
        "RATE",
        lambda k: f"the positive rate of a constant infusion: AMT is 0 and SS is {steady[k]:g}",
        "Only a dose with an amount can have a rate or a duration from the system (-1, -2).",
    )
    findings.add(
        constant & cells.intervals.nonzero,
        "II",
        lambda k: f"0 or blank: AMT is 0 and SS is {steady[k]:g}, a constant infusion",
        "Give AMT if a dose has been repeated every II; a constant infusion has no interval.",
    )
    findings.add(
        constant & (cells.additional.or_zero > 0),
        "ADDL",
        lambda k: f"0 or blank: AMT is 0 and SS is {steady[k]:g}, a constant infusion",
        "A constant infusion is not repeated. Give AMT if this is a dose.",
    )


def check_dose_count(grouping: Grouping, times: Numbers, doses: Doses, findings: Findings) -> None:
    """Report doses that ADDL repeats beyond reason before the subject's last record."""
    known = times.given & (grouping.index >= 0)
    end = np.full(len(grouping.ids), -np.inf)
    np.maximum.at(end, grouping.index[known], times.values[known])
    total = np.zeros(len(grouping.ids))
    over = np.zeros(len(known), dtype=np.bool_)
    for k in np.flatnonzero(known & (doses.additional > 0) & (doses.interval > 0)).tolist():
        subject = grouping.index[k]
        with np.errstate(over="ignore"):
            due = np.floor((end[subject] - times.values[k]) / doses.interval[k])
        total[subject] += min(due, doses.additional[k])
        over[k] = total[subject] > MOST_DOSES
    findings.add(
        over,
        "ADDL",
        lambda k: (
            f"at most {MOST_DOSES} doses before the subject's last record; II of "
            f"{doses.interval[k]:.6g} makes {total[grouping.index[k]]:.6g}"
        ),
        "Check that ADDL and II stand in their own columns and that II has the unit of TIME.",
    )
