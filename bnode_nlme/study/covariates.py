"""Covariates: values that a table gives and a model conditions on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.columns import EVENT_COLUMNS, REFUSED_COLUMNS, Columns
from bnode_nlme.study.filling import filled, given_before, same_time
from bnode_nlme.study.findings import Findings
from bnode_nlme.study.interpolation import Interpolation
from bnode_nlme.study.number_column import Numbers, read_numbers
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
        if name.upper() in (*EVENT_COLUMNS, *REFUSED_COLUMNS):
            raise ValueError(
                f"{name!r} cannot be a covariate: it is one of the event columns "
                f"{', '.join((*EVENT_COLUMNS, *REFUSED_COLUMNS))}. Copy it under another name."
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


@dataclass(frozen=True, eq=False)
class Covariates:
    """The covariates of a table.

    Attributes
    ----------
    first : dict of str to ndarray of float64, shape (S,)
        The value at each subject's first record.
    varying : dict of str to ndarray of float64, shape (R,)
        The value at each record, of those that vary within a subject.
    """

    first: dict[str, NDArray[np.float64]]
    varying: dict[str, NDArray[np.float64]]


def read_covariates(
    columns: Columns,
    names: Sequence[str],
    grouping: Grouping,
    times: Numbers,
    interpolation: Interpolation,
    findings: Findings,
) -> Covariates:
    """Read the covariates and fill their blank cells.

    Reported are subjects whose cells are all blank, and for ``"linear"`` two values at one time.
    """
    result = Covariates({}, {})
    index = grouping.index
    present, starts = np.unique(index, return_index=True)
    starts = starts[present >= 0]
    for name in names:
        numbers = read_numbers(columns, name, findings, booleans=True)
        usable = numbers.given & (index >= 0)
        if interpolation == "linear":
            _check_one_value_at_a_time(columns, name, grouping, times, numbers, findings)

        blank = np.zeros(len(index), dtype=np.bool_)
        blank[starts] = ~np.isin(index[starts], index[usable | numbers.bad])
        findings.add(
            blank,
            name,
            "a number in at least one of the subject's rows",
            "A missing covariate must be filled in by you, for example with the median, or its "
            "subject left out.",
        )
        values = filled(index, times.values, numbers.values, usable, interpolation)
        result.first[name] = values[starts]
        if len(starts) and np.any(values != values[starts][index]):
            result.varying[name] = values
    return result


def _check_one_value_at_a_time(
    columns: Columns,
    name: str,
    grouping: Grouping,
    times: Numbers,
    numbers: Numbers,
    findings: Findings,
) -> None:
    usable = numbers.given & times.given & (grouping.index >= 0)
    before = given_before(grouping.index, usable)
    earlier = np.concatenate([[-1], before[:-1]])  # of the row above
    jump = usable & (earlier >= 0) & (grouping.index[earlier] == grouping.index)
    jump &= same_time(times.values[earlier], times.values)
    jump &= numbers.values[earlier] != numbers.values
    rows = columns.table.rows
    findings.add(
        jump,
        name,
        lambda k: (
            f"{numbers.values[earlier[k]]:.12g} as in row {rows[earlier[k]]}, of the same time: a "
            "straight line does not jump"
        ),
        "Give rows of equal time one value, or read the table with interpolation='locf' or 'nocb'.",
    )
