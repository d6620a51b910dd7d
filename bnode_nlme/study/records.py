"""Records: the rows of a dosing table, as read-only columns."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.read_only import read_only

_DTYPES: dict[str, type[np.generic]] = {
    "subject": np.int64,
    "row": np.int64,
    "time": np.float64,
    "evid": np.int64,
    "amount": np.float64,
    "rate": np.float64,
    "compartment": np.str_,
    "additional": np.int64,
    "interval": np.float64,
    "output": np.str_,
    "value": np.float64,
    "steady_state": np.int64,
    "occasion": np.int64,
    "censoring": np.int64,
    "limit": np.float64,
}
# What a column that is left out holds in every row.
_LEFT_OUT: dict[str, float] = {"steady_state": 0, "occasion": -1, "censoring": 0, "limit": np.nan}
_CODES: dict[str, tuple[int, ...]] = {
    "evid": (0, 1, 2, 3, 4, 5),
    "steady_state": (0, 1, 2),
    "censoring": (-1, 0, 1),
}
_NOTHING: Any = None
CHANGE: Final = 5  # the EVID of a record that only carries covariates and an occasion


@dataclass(frozen=True, eq=False)
class Records:
    """One line per row of the table, in the table's order; every array is read-only.

    Units are those of the table: time, amount, amount per time, and the output's own.

    Attributes
    ----------
    subject : ndarray of int64, shape (R,)
        Index into `Study.subjects`; non-decreasing.
    row : ndarray of int64, shape (R,)
        Number of the row in the source table, counted from 1 below the header.
    time : ndarray of float64, shape (R,)
        Time; non-decreasing within a subject. May be negative.
    evid : ndarray of int64, shape (R,)
        0 observation, 1 dose, 2 prediction point, 3 reset, 4 reset and dose; 5 a change: a row that
        is neither acted on nor reported, and only says what the covariates and the occasion are
        then. No table has it: `Study.select` and `Study.at_times` leave it where they drop an
        observation, so that what happens to the subject stays the same, and `Study.from_regimen`
        puts it where something changes between records.
    amount : ndarray of float64, shape (R,)
        Amount of a dose; 0 where the row is no dose, and for a constant infusion at steady state.
    rate : ndarray of float64, shape (R,)
        Rate of an infusion; 0 is a bolus; -1 a rate and -2 a duration that the system gives.
    compartment : ndarray of str, shape (R,)
        CMT as a label: ``"depot"``, or a number as text, ``"1"``; ``""`` where none is given.
    additional : ndarray of int64, shape (R,)
        ADDL, the number of further doses; 0 where there are none.
    interval : ndarray of float64, shape (R,)
        II, the time between the further doses, and between those of a steady state; 0 where none is
        given.
    output : ndarray of str, shape (R,)
        DVID as a label: ``"cp"`` or ``"1"``; ``""`` where none is given.
    value : ndarray of float64, shape (R,)
        DV; NaN where EVID is not 0 or MDV is 1. Where `censoring` is not 0, the limit of
        quantification.
    steady_state : ndarray of int64, shape (R,)
        SS: 1 the state becomes the steady state of this dose, earlier infusions and pending doses
        end, then the dose is given; 2 that steady state is added to the present one; 0 neither.
        Zeros if left out.
    occasion : ndarray of int64, shape (R,)
        Index into `Study.occasions`; -1 in every row where the study has none, as if left out.
    censoring : ndarray of int64, shape (R,)
        CENS: 0 measured; 1 left-censored, the truth lies below `value`; -1 right-censored, it lies
        above. Zeros if left out.
    limit : ndarray of float64, shape (R,)
        LIMIT: the other end of the interval in which a censored truth lies, below `value` where
        `censoring` is 1 and above it where -1; NaN where the interval has no other end and where
        nothing is censored. NaN if left out.

    Raises
    ------
    ValueError
        If the vectors differ in length, the rows of a subject are not together and in order of
        time, or a code (EVID, SS, CENS) is none of those above.
    """

    subject: NDArray[np.int64]
    row: NDArray[np.int64]
    time: NDArray[np.float64]
    evid: NDArray[np.int64]
    amount: NDArray[np.float64]
    rate: NDArray[np.float64]
    compartment: NDArray[np.str_]
    additional: NDArray[np.int64]
    interval: NDArray[np.float64]
    output: NDArray[np.str_]
    value: NDArray[np.float64]
    steady_state: NDArray[np.int64] = _NOTHING
    occasion: NDArray[np.int64] = _NOTHING
    censoring: NDArray[np.int64] = _NOTHING
    limit: NDArray[np.float64] = _NOTHING

    def __post_init__(self) -> None:
        for field in fields(self):
            column = getattr(self, field.name)
            if column is None and field.name in _LEFT_OUT:
                column = np.full(np.shape(self.subject), _LEFT_OUT[field.name])
            frozen = read_only(column, _DTYPES[field.name], field.name)
            object.__setattr__(self, field.name, frozen)
        lengths = {field.name: len(getattr(self, field.name)) for field in fields(self)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"All columns of Records must have one length, and have {lengths}.")
        same = self.subject[1:] == self.subject[:-1]
        if np.any(self.subject[1:] < self.subject[:-1]):
            raise ValueError("Records.subject must not decrease: a subject's rows stand together.")
        if np.any(same & ~(self.time[1:] >= self.time[:-1])):
            raise ValueError("Records.time must not decrease within a subject.")
        for name, codes in _CODES.items():
            odd = np.setdiff1d(getattr(self, name), codes)
            if len(odd):
                raise ValueError(
                    f"Records.{name} must be one of {codes}, and holds {odd.tolist()}."
                )

    # Pickles and deep copies go through __init__, because NumPy forgets that an array is read-only.
    def __reduce__(self) -> tuple[Any, ...]:
        return Records, tuple(getattr(self, field.name) for field in fields(self))

    def __len__(self) -> int:
        return len(self.subject)

    def __repr__(self) -> str:
        count = len(np.unique(self.subject))
        rows, subjects = (
            "row" if len(self) == 1 else "rows",
            "subject" if count == 1 else "subjects",
        )
        return f"Records({len(self)} {rows} of {count} {subjects})"

    def keep(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Records:
        """Keep the records at `rows`, a mask of shape (R,) or increasing indices."""
        return Records(*(getattr(self, field.name)[rows] for field in fields(self)))
