"""What is known of a value beyond a limit of quantification: CENS and LIMIT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.columns import Columns
from bnode_nlme.study.events import Events
from bnode_nlme.study.findings import Findings, Mask
from bnode_nlme.study.limit_column import limit_into_dv
from bnode_nlme.study.number_column import Numbers, read_numbers


@dataclass(frozen=True, eq=False)
class Censoring:
    """Kind of censoring and the far end of the interval, each of shape (R,)."""

    kind: NDArray[np.int64]
    limit: NDArray[np.float64]


def read_censoring(
    columns: Columns,
    censored: Numbers,
    events: Events,
    output: NDArray[np.str_],
    findings: Findings,
) -> Censoring:
    """Take CENS and LIMIT as Monolix does, and report what makes no interval.

    Where DV is ignored (MDV 1), so are they; LIMIT says nothing where CENS is 0. `output` is the
    DVID of each row, shape (R,).
    """
    known = np.isin(censored.values, (-1, 0, 1))
    findings.add(
        censored.given & ~known,
        "CENS",
        "1, -1, 0 or blank",
        "CENS is 1 where the truth lies below DV, -1 where it lies above DV, 0 where it was "
        "measured.",
    )
    findings.add(
        (events.evid > 0) & ~events.hidden & known & censored.nonzero,
        "CENS",
        "0 or blank where EVID is not 0",
        "Only observations are censored. Set MDV to 1 if DV and CENS are to be ignored.",
    )
    kind = np.where(events.observed & known & censored.given, censored.values, 0).astype(np.int64)

    limits = read_numbers(columns, "LIMIT", findings)
    if "CENS" not in columns:
        findings.add(
            limits.nonzero,
            "LIMIT",
            "0 or blank: the table has no column CENS",
            "LIMIT is the far end of the interval in which a censored truth lies. Say in a column "
            "CENS which rows are censored: 1 below DV, -1 above it.",
        )
    placeholder = zero_for_a_limit(kind, events.value, limits.values, output) & ~limits.bad
    findings.add(
        placeholder,
        "DV",
        "the limit of quantification: CENS is 1, and nothing measured lies below 0",
        "A zero is how many tables mark what is below the limit, but here DV must hold the limit: "
        f"{limit_into_dv(columns.heading('CENS'), columns.table.headings)}. If the limit is 0 "
        "indeed (a logarithm, a score with a floor), say so with a LIMIT below it, such as -1e6.",
    )
    used = (kind != 0) & limits.given
    beyond = np.where(kind == 1, limits.values < events.value, limits.values > events.value)
    findings.add(
        used & ~beyond & ~np.isnan(events.value) & ~placeholder,
        "LIMIT",
        lambda k: (
            f"less than DV, {events.value[k]:.12g}, or blank: CENS is 1"
            if kind[k] == 1
            else f"more than DV, {events.value[k]:.12g}, or blank: CENS is -1"
        ),
        "A censored truth lies between LIMIT and DV; where LIMIT is blank, the interval has no end "
        "on that side.",
    )
    return Censoring(kind, np.where(used, limits.values, np.nan))


def zero_for_a_limit(
    kind: NDArray[np.int64],
    value: NDArray[np.float64],
    limit: NDArray[np.float64],
    output: NDArray[np.str_],
) -> Mask:
    """Rows of CENS 1 whose value is 0, which marks them rather than being their limit.

    That is so unless LIMIT says that the truth may lie below 0, or another value of the same output
    does, as on a logarithmic scale. Each argument has shape (R,), NaN where there is none.
    """
    below = np.isin(output, output[value < 0.0])
    return (kind == 1) & (value == 0.0) & ~(limit < 0.0) & ~below
