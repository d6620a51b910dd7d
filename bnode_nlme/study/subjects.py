"""Which row belongs to whom, and in which order a subject's rows stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.cells import Unreadable, read_cell
from bnode_nlme.study.columns import Columns
from bnode_nlme.study.findings import Findings, Mask
from bnode_nlme.study.identity import as_integers, identity
from bnode_nlme.study.number_column import Numbers


@dataclass(frozen=True, eq=False)
class Grouping:
    """The subjects of a table.

    Attributes
    ----------
    ids : list
        The distinct IDs in the order of the table: ints if all are whole numbers, else text.
    index : ndarray of int64, shape (R,)
        Position in `ids` of each row's subject; -1 where the ID cannot be read.
    """

    ids: list[int] | list[str]
    index: NDArray[np.int64]

    def of_rows(self) -> list[int | str | None]:
        """Look up the ID of each row, or None."""
        return [None if k < 0 else self.ids[k] for k in self.index.tolist()]


def group_rows(columns: Columns) -> Grouping:
    """Group the rows by ID, wherever they stand."""
    labels = [identity(raw) for raw in columns.cells("ID")]
    distinct = list(dict.fromkeys(label for label in labels if label is not None))
    place = {label: k for k, label in enumerate(distinct)}
    index = np.array([-1 if label is None else place[label] for label in labels], dtype=np.int64)
    return Grouping(as_integers(distinct), index)


def check_subjects(columns: Columns, grouping: Grouping, findings: Findings) -> None:
    """Report IDs that cannot be read and subjects whose rows do not stand together."""
    cells = [read_cell(raw) for raw in columns.cells("ID")]
    unknown = grouping.index < 0
    odd = np.array([isinstance(cell, (bool, Unreadable)) for cell in cells], dtype=np.bool_)
    blank = np.array([cell is None for cell in cells], dtype=np.bool_)
    findings.add(unknown & blank, "ID", "the subject's ID", "Delete rows that hold nothing.")
    findings.add(unknown & odd, "ID", "a number or text")
    findings.add(unknown & ~blank & ~odd, "ID", "a finite number or printable text")

    rows = columns.table.rows
    last_seen: dict[int, int] = {}
    again: dict[int, int] = {}
    current = -1
    for k, subject in enumerate(grouping.index.tolist()):
        if subject < 0:
            continue
        if subject != current and subject in last_seen:
            again[k] = last_seen[subject]
        last_seen[subject] = k
        current = subject
    split = np.zeros(len(rows), dtype=np.bool_)
    split[list(again)] = True
    findings.add(
        split,
        "ID",
        lambda k: f"an ID not seen before: this subject's rows ended at row {rows[again[k]]}",
        "A subject's rows stand together: sort the table by ID and TIME, or, if these are different "
        "people, give them IDs of their own. Occasions of one subject go into the column OCC.",
    )


def check_order(
    columns: Columns, grouping: Grouping, times: Numbers, resets: Mask, findings: Findings
) -> Mask:
    """Report times that go backwards within a subject; return where, shape (R,)."""
    findings.add(times.missing, "TIME", "a number: every record has a time")
    rows, given = columns.table.rows, times.given
    earlier: dict[int, int] = {}
    after_reset: list[int] = []
    previous, was_reset = -1, False
    for k, subject in enumerate(grouping.index.tolist()):
        if subject < 0:
            continue
        if previous < 0 or grouping.index[previous] != subject:
            previous, was_reset = -1, False
        was_reset |= bool(resets[k])
        if not given[k]:
            continue
        if previous >= 0 and times.values[k] < times.values[previous]:
            earlier[k] = previous
            if was_reset:
                after_reset.append(k)
        previous, was_reset = k, bool(resets[k])
    late = np.zeros(len(rows), dtype=np.bool_)
    late[list(earlier)] = True
    reset = np.zeros_like(late)
    reset[after_reset] = True

    def wanted(k: int) -> str:
        before = earlier[k]
        return f"at least {times.values[before]:.12g}, the time of row {rows[before]}"

    findings.add(
        late & ~reset,
        "TIME",
        wanted,
        "Times do not go back within a subject: sort the table by ID and TIME. Rows of equal time "
        "act in the order of the table, so keep the order in which they happened.",
    )
    findings.add(
        late & reset,
        "TIME",
        wanted,
        "A reset (EVID 3 or 4) does not turn the clock back here, unlike in NONMEM: add the "
        "time of the reset to the times that follow it.",
    )
    return late
