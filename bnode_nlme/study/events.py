"""What kind of record each row is: EVID, MDV and DV."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.columns import Columns
from bnode_nlme.study.findings import Findings, Mask
from bnode_nlme.study.number_column import Numbers, read_numbers


@dataclass(frozen=True, eq=False)
class Events:
    """Kinds of the rows.

    Attributes
    ----------
    evid : ndarray of int64, shape (R,)
        0 to 4; -1 where it cannot be read.
    value : ndarray of float64, shape (R,)
        The observed value; NaN where the row is none.
    observed : ndarray of bool, shape (R,)
        Rows that are observations: EVID 0, and MDV not 1.
    hidden : ndarray of bool, shape (R,)
        Rows with MDV 1, whose DV is to be ignored.
    """

    evid: NDArray[np.int64]
    value: NDArray[np.float64]
    observed: Mask
    hidden: Mask

    @property
    def dose(self) -> Mask:
        """Rows with EVID 1 or 4, shape (R,)."""
        return np.isin(self.evid, (1, 4))

    @property
    def no_dose(self) -> Mask:
        """Rows with EVID 0, 2 or 3, shape (R,)."""
        return np.isin(self.evid, (0, 2, 3))

    @property
    def seen(self) -> Mask:
        """Rows with EVID 0 or 2, at which a solution is reported, shape (R,)."""
        return np.isin(self.evid, (0, 2))

    @property
    def reset(self) -> Mask:
        """Rows with EVID 3 or 4, shape (R,)."""
        return np.isin(self.evid, (3, 4))


def read_events(
    columns: Columns, amounts: Numbers, censored: Numbers, findings: Findings
) -> Events:
    """Classify the rows and take the observed values.

    Where the table has no column EVID, a row is a dose if AMT is not 0, a prediction point
    (EVID 2) if MDV is 1, else an observation, as NM-TRAN and rxode2 have it.
    """
    mdv = read_numbers(columns, "MDV", findings, booleans=True)
    odd_mdv = mdv.given & ~np.isin(mdv.values, (0, 1))
    findings.add(odd_mdv, "MDV", "0, 1 or blank", "MDV is 1 where DV is to be ignored.")
    hidden = mdv.values == 1

    if "EVID" in columns:
        given = read_numbers(columns, "EVID", findings)
        known = np.isin(given.values, (0, 1, 2, 3, 4))
        findings.add(
            ~known & ~given.bad,
            "EVID",
            "0, 1, 2, 3 or 4",
            "EVID is 0 for an observation, 1 a dose, 2 a prediction point, 3 a reset, 4 a reset and"
            " dose. Without a column EVID, rows with an AMT are doses and the others observations.",
        )
        evid = np.where(known, given.values, -1).astype(np.int64)
    else:
        evid = np.where(amounts.nonzero, 1, np.where(hidden, 2, 0)).astype(np.int64)
        evid[amounts.bad] = -1

    values = read_numbers(columns, "DV", findings)
    other = evid > 0
    findings.add(
        other & (mdv.values == 0),
        "MDV",
        "1 or blank where EVID is not 0",
        "MDV=0 says that DV is an observation: only rows with EVID 0 are. Give an observation made "
        "at the time of a dose a row of its own.",
    )
    # NONMEM ignores these values; here they have to be declared, lest an observation be lost.
    findings.add(
        other & mdv.missing & values.nonzero,
        "DV",
        "blank or 0 where EVID is not 0",
        "Give an observation made at the time of a dose a row of its own, or set MDV to 1 if DV is "
        "to be ignored.",
    )
    observed = (evid == 0) & ~hidden & ~odd_mdv & ~mdv.bad
    limit = observed & values.missing & censored.nonzero
    findings.add(
        limit,
        "DV",
        lambda k: f"the limit of quantification: CENS is {censored.values[k]:g}",
        "A censored row has the limit in DV: with CENS 1 the truth lies below it, with -1 above.",
    )
    findings.add(
        observed & values.missing & ~limit,
        "DV",
        "a number: the row is an observation",
        "If nothing was measured, set MDV to 1 (or EVID to 2) to predict at that time only, or "
        "delete the row.",
    )
    return Events(evid, np.where(observed, values.values, np.nan), observed, hidden)
