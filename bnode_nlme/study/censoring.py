"""What is known of a value beyond a limit of quantification: CENS and LIMIT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.columns import Columns
from bnode_nlme.study.events import Events
from bnode_nlme.study.findings import Findings
from bnode_nlme.study.number_column import Numbers, read_numbers


@dataclass(frozen=True, eq=False)
class Censoring:
    """Kind of censoring and the far end of the interval, each of shape (R,)."""

    kind: NDArray[np.int64]
    limit: NDArray[np.float64]


def read_censoring(
    columns: Columns, censored: Numbers, events: Events, findings: Findings
) -> Censoring:
    """Take CENS and LIMIT as Monolix does, and report what makes no interval.

    Where DV is ignored (MDV 1), so are they; LIMIT says nothing where CENS is 0.
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
    used = (kind != 0) & limits.given
    beyond = np.where(kind == 1, limits.values < events.value, limits.values > events.value)
    findings.add(
        used & ~beyond & ~np.isnan(events.value),
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
