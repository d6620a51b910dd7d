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


def read_doses(columns: Columns, amounts: Numbers, events: Events, findings: Findings) -> Doses:
    """Take the doses and report the cells that do not make one."""
    dose = events.dose
    rates = read_numbers(columns, "RATE", findings)
    additional = read_numbers(columns, "ADDL", findings)
    intervals = read_numbers(columns, "II", findings)
    steady = read_numbers(columns, "SS", findings)
    findings.add(
        dose & steady.nonzero,
        "SS",
        "0 or blank: steady state is not supported yet",
        "Write out enough earlier doses, with ADDL and II, to reach the steady state.",
    )
    for name, numbers in {
        "AMT": amounts,
        "RATE": rates,
        "ADDL": additional,
        "II": intervals,
        "SS": steady,
    }.items():
        findings.add(
            events.no_dose & numbers.nonzero,
            name,
            "0 or blank where EVID is 0, 2 or 3",
            "A dose needs EVID 1, or 4 for a reset and dose, and a row of its own.",
        )

    # AMT=0 is right for a constant infusion at steady state, which has been reported already.
    at_steady_state = steady.nonzero
    excused = at_steady_state & (amounts.missing | (amounts.values == 0))
    findings.add(
        dose & ~excused & ~amounts.bad & ~(amounts.values > 0),
        "AMT",
        lambda k: f"a positive amount: EVID is {events.evid[k]}, a dose",
        "Give the amount, or set EVID to 2 if nothing was given.",
    )
    _check_rates(dose, amounts, rates, findings)
    _check_additional(dose, at_steady_state, additional, intervals, findings)
    fits = (additional.or_zero >= 0) & (additional.or_zero <= _MOST_ADDITIONAL)
    return Doses(
        amount=np.where(dose, amounts.or_zero, 0.0),
        rate=np.where(dose, rates.or_zero, 0.0),
        additional=np.where(dose & fits, additional.or_zero, 0.0).astype(np.int64),
        interval=np.where(dose, intervals.or_zero, 0.0),
    )


def _check_rates(dose: Mask, amounts: Numbers, rates: Numbers, findings: Findings) -> None:
    modelled = dose & np.isin(rates.values, (-1, -2))
    findings.add(
        modelled,
        "RATE",
        "0, positive or blank: rates (-1) and durations (-2) from the model are not supported yet",
        "If the infusion's duration is known, give RATE = AMT / duration.",
    )
    findings.add(
        dose & ~modelled & (rates.values < 0),
        "RATE",
        "blank or 0 for a bolus, or the positive rate of an infusion",
    )
    infused = dose & (rates.values > 0) & (amounts.values > 0)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        duration = amounts.values / rates.values
    findings.add(
        infused & ~(np.isfinite(duration) & (duration > 0)),
        "RATE",
        "a rate for which AMT / RATE, the infusion's duration, is a positive number",
    )


def _check_additional(
    dose: Mask, at_steady_state: Mask, additional: Numbers, intervals: Numbers, findings: Findings
) -> None:
    count = additional.or_zero
    uncountable = (count < 0) | (count != np.floor(count)) | (count > _MOST_ADDITIONAL)
    findings.add(
        dose & uncountable,
        "ADDL",
        f"a whole number from 0 to {_MOST_ADDITIONAL}",
        "ADDL is the number of doses after the one of its row.",
    )
    findings.add(dose & (intervals.values < 0), "II", "a positive interval between doses, or blank")
    repeated = dose & (count > 0) & ~at_steady_state
    findings.add(
        repeated & (intervals.missing | (intervals.values == 0)),
        "II",
        "a positive interval between doses: ADDL is given",
        "Give II, the time from one dose to the next, or set ADDL to 0.",
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
