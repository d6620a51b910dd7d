"""Records: the rows of a dosing table, as read-only columns."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

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
}


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
        0 observation, 1 dose, 2 prediction point, 3 reset, 4 reset and dose.
    amount : ndarray of float64, shape (R,)
        Amount of a dose; 0 where the row is no dose.
    rate : ndarray of float64, shape (R,)
        Rate of an infusion; 0 is a bolus.
    compartment : ndarray of str, shape (R,)
        CMT as a label: ``"depot"``, or a number as text, ``"1"``; ``""`` where none is given.
    additional : ndarray of int64, shape (R,)
        ADDL, the number of further doses; 0 where there are none.
    interval : ndarray of float64, shape (R,)
        II, the time between the further doses; 0 where none is given.
    output : ndarray of str, shape (R,)
        DVID as a label: ``"cp"`` or ``"1"``; ``""`` where none is given.
    value : ndarray of float64, shape (R,)
        DV; NaN where EVID is not 0 or MDV is 1.

    Raises
    ------
    ValueError
        If the vectors differ in length, or the rows of a subject are not together and in order of
        time.
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

    def __post_init__(self) -> None:
        for field in fields(self):
            frozen = read_only(getattr(self, field.name), _DTYPES[field.name], field.name)
            object.__setattr__(self, field.name, frozen)
        lengths = {field.name: len(getattr(self, field.name)) for field in fields(self)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"All columns of Records must have one length, and have {lengths}.")
        same = self.subject[1:] == self.subject[:-1]
        if np.any(self.subject[1:] < self.subject[:-1]):
            raise ValueError("Records.subject must not decrease: a subject's rows stand together.")
        if np.any(same & ~(self.time[1:] >= self.time[:-1])):
            raise ValueError("Records.time must not decrease within a subject.")

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
