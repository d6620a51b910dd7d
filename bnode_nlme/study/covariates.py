"""Static covariates: one value a subject."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.columns import EVENT_COLUMNS, LATER_COLUMNS, Columns
from bnode_nlme.study.findings import Findings
from bnode_nlme.study.interpolation import Interpolation
from bnode_nlme.study.number_column import read_numbers
from bnode_nlme.study.subjects import Grouping


def check_covariate_names(covariates: Sequence[str], interpolation: str) -> tuple[str, ...]:
    """Check the names of the covariates, before any table is opened.

    Raises
    ------
    TypeError
        If `covariates` is one text, or holds something that is no text.
    ValueError
        If a name repeats or belongs to an event column, or `interpolation` is unknown.
    """
    if isinstance(covariates, (str, bytes)):
        raise TypeError(
            f"covariates must be a list of column names, and is {covariates!r}. "
            f"Write covariates=[{covariates!r}]."
        )
    names: list[Any] = list(covariates)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"covariates must hold names of columns, and holds {name!r}.")
        if name.upper() in (*EVENT_COLUMNS, *LATER_COLUMNS):
            raise ValueError(
                f"{name!r} cannot be a covariate: it is one of the event columns "
                f"{', '.join((*EVENT_COLUMNS, *LATER_COLUMNS))}. Copy it under another name."
            )
        if not name.strip() or name != name.strip():
            raise ValueError(f"{name!r} is no name of a column: it is empty or has blanks around.")
    folded = [name.upper() for name in names]
    repeated = [name for name in names if folded.count(name.upper()) > 1]
    if repeated:
        raise ValueError(
            f"covariates must name each column once, and holds {repeated}. "
            "Column names are read in upper or lower case alike."
        )
    if interpolation not in get_args(Interpolation):
        raise ValueError(
            f"interpolation must be one of {list(get_args(Interpolation))}, and is "
            f"{interpolation!r}."
        )
    return tuple(names)


def read_covariates(
    columns: Columns, names: Sequence[str], grouping: Grouping, findings: Findings
) -> dict[str, NDArray[np.float64]]:
    """One value for each subject and covariate, shape (S,).

    Blank cells are filled from the subject's other rows; a subject whose rows are all blank, or
    differ, is reported.
    """
    result = {}
    size, rows = len(grouping.ids), columns.table.rows
    for name in names:
        numbers = read_numbers(columns, name, findings, booleans=True)
        usable = np.flatnonzero(numbers.given & (grouping.index >= 0))
        first = np.full(size, -1, dtype=np.int64)
        # From the last row to the first, so that the first one stays.
        first[grouping.index[usable[::-1]]] = usable[::-1]
        values = np.where(first >= 0, numbers.values[first], np.nan)

        differs = np.zeros(len(grouping.index), dtype=np.bool_)
        differs[usable] = numbers.values[usable] != values[grouping.index[usable]]

        def wanted(
            k: int, first: NDArray[np.int64] = first, values: NDArray[np.float64] = values
        ) -> str:
            subject = grouping.index[k]
            return (
                f"{values[subject]:.12g} as in row {rows[first[subject]]}: covariates that change "
                "with time are not supported yet"
            )

        findings.add(
            differs,
            name,
            wanted,
            "Give each subject one value, for example the one at baseline.",
        )
        unreadable = np.zeros(size, dtype=np.bool_)
        unreadable[grouping.index[numbers.bad & (grouping.index >= 0)]] = True
        lacking = (first < 0) & ~unreadable
        present, starts = np.unique(grouping.index, return_index=True)
        blank = np.zeros(len(grouping.index), dtype=np.bool_)
        blank[[s for p, s in zip(present, starts, strict=True) if p >= 0 and lacking[p]]] = True
        findings.add(
            blank,
            name,
            "a number in at least one of the subject's rows",
            "A missing covariate must be filled in by you, for example with the median, or its "
            "subject left out.",
        )
        result[name] = values
    return result
