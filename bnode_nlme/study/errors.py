"""The one error of a bad table: every offending row, what was found, what was wanted, the cure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_HEADINGS = ("row", "ID", "column", "found", "wanted")
_SHOWN = 6
"""Rows with the same fault that are shown one by one; all others are listed in one line."""


@dataclass(frozen=True)
class Problem:
    """One cell, row or column of a table that cannot be read.

    Parameters
    ----------
    subject
        ID of the subject, or None where the problem concerns no one subject.
    row
        Number of the row, counted from 1 below the header, or None where the problem concerns
        the table as a whole.
    column
        Name of the column as the table spells it, or None.
    found
        What the table holds, in words or as written.
    wanted
        What would have been right.
    cure
        What the user can do about it; may be empty. Equal cures are printed once.
    """

    subject: int | str | None
    row: int | None
    column: str | None
    found: str
    wanted: str
    cure: str = ""


class TableError(ValueError):
    """A table that cannot be read as a study, or not be joined to a system.

    Nothing of the table has been used when this is raised.

    Parameters
    ----------
    problems
        Every problem; at least one. They are kept sorted by row, those of the whole table first.
    source
        Name of the table or file, for the first line of the message.
    joining
        Whether a study that was read, or made, is being joined to a model; otherwise a table is
        being read.

    Attributes
    ----------
    problems : tuple of Problem
    source : str
    joining : bool
    """

    problems: tuple[Problem, ...]
    source: str
    joining: bool

    def __init__(
        self, problems: Iterable[Problem], *, source: str = "table", joining: bool = False
    ) -> None:
        # A stable sort keeps the order of the columns within a row.
        self.problems = tuple(sorted(problems, key=lambda p: -1 if p.row is None else p.row))
        self.source, self.joining = source, joining
        if not self.problems:
            raise ValueError("TableError wants at least one problem and got none.")
        super().__init__(_message(self.problems, source, joining))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.problems, self.source, self.joining)


def _rebuild(problems: tuple[Problem, ...], source: str, joining: bool) -> TableError:
    return TableError(problems, source=source, joining=joining)


def _ranges(rows: list[int]) -> str:
    """Rows in ascending order as text: 3-7, 9."""
    runs: list[list[int]] = []
    for row in rows:
        if runs and row == runs[-1][1] + 1:
            runs[-1][1] = row
        elif not runs or row != runs[-1][1]:
            runs.append([row, row])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def _shortened(problems: tuple[Problem, ...]) -> tuple[list[Problem], list[str]]:
    """Problems to show one by one, and a line for each fault that many more rows have."""
    alike: dict[tuple[Any, ...], list[Problem]] = {}
    for p in problems:
        alike.setdefault((p.column, p.found, p.wanted), []).append(p)
    hidden: set[int] = set()
    lines = []
    for (column, found, _), group in alike.items():
        more = [p for p in group[_SHOWN:] if p.row is not None]
        if len(more) < 2:
            continue
        hidden.update(map(id, more))
        what = found if column is None else f"{printable(column)} {found}"
        rows = _ranges([p.row for p in more if p.row is not None])
        lines.append(f"{what}: the same in {len(more)} more rows ({rows})")
    return [p for p in problems if id(p) not in hidden], lines


def _message(problems: tuple[Problem, ...], source: str, joining: bool) -> str:
    shown, more = _shortened(problems)
    lines = [
        (
            "-" if p.row is None else str(p.row),
            "-" if p.subject is None else printable(p.subject),
            "-" if p.column is None else printable(p.column),
            p.found,
            p.wanted,
        )
        for p in shown
    ]
    widths = [max(len(line[k]) for line in [_HEADINGS, *lines]) for k in range(4)]

    def aligned(line: tuple[str, str, str, str, str]) -> str:
        numbers = [line[k].rjust(widths[k]) for k in (0, 1)]
        texts = [line[k].ljust(widths[k]) for k in (2, 3)]
        return "  " + "  ".join([*numbers, *texts, line[4]])

    parts = [_first_line(problems, source, joining), "", aligned(_HEADINGS), *map(aligned, lines)]
    parts += [
        textwrap.fill(line, 100, initial_indent="  ", subsequent_indent="      ") for line in more
    ]
    cures: dict[str, dict[str, None]] = {}
    for p in problems:
        if p.cure:
            cures.setdefault(p.cure, {})[printable(p.column) if p.column else "rows"] = None
    if cures:
        parts += ["", "What to do:"]
    for cure, columns in cures.items():
        text = f"{', '.join(columns)}: {cure}"
        parts.append(textwrap.fill(text, 100, initial_indent="  ", subsequent_indent="      "))
    return "\n".join(parts)


def _first_line(problems: tuple[Problem, ...], source: str, joining: bool) -> str:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    rows = len({p.row for p in problems if p.row is not None})
    if rows == 0:
        return f"{printable(source)}: {count}; nothing was read."
    where = "1 row" if rows == 1 else f"{rows} rows"
    if joining:
        return (
            f"Study {printable(source)!r} does not fit the model: {count} in {where} (rows as in "
            "study.records.row; those of a table are counted from 1 below its header)."
        )
    return (
        f"{printable(source)}: {count} in {where} (rows are counted from 1 below the header); "
        "nothing was read."
    )


def printable(name: object) -> str:
    """`name` as text that any terminal can show on one line."""
    text = str(name)
    return text if text.isprintable() and text else repr(text)
