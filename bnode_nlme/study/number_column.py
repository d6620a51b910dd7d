"""A column of cells as numbers."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.cells import Cell, Unreadable, read_cell
from bnode_nlme.study.columns import Columns
from bnode_nlme.study.findings import Findings, Mask

_CLOCK = re.compile(r"\d{1,4}\s*[:/-]\s*\d{1,2}.*", re.ASCII | re.DOTALL)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
CLOCK_CURE: Final = (
    "Turn dates and clock times into a number, such as the hours since the subject's first dose."
)


@dataclass(frozen=True, eq=False)
class Numbers:
    """One column, parsed.

    Attributes
    ----------
    values : ndarray of float64, shape (R,)
        NaN where a cell is missing or no finite number.
    missing : ndarray of bool, shape (R,)
        Blank cells.
    bad : ndarray of bool, shape (R,)
        Cells that are no finite number; they have been reported, and no further rule looks at them.
    """

    values: NDArray[np.float64]
    missing: Mask
    bad: Mask

    @property
    def given(self) -> Mask:
        """Cells that hold a number, shape (R,)."""
        return ~self.missing & ~self.bad

    @property
    def nonzero(self) -> Mask:
        """Cells that hold a number other than 0, shape (R,)."""
        return np.asarray(self.given & (self.values != 0), dtype=np.bool_)

    @property
    def or_zero(self) -> NDArray[np.float64]:
        """The values, with 0 for what is missing or bad, shape (R,)."""
        return np.where(self.given, self.values, 0.0)


def read_numbers(
    columns: Columns, name: str, findings: Findings, *, booleans: bool = False
) -> Numbers:
    """Parse the column `name` and report its cells that are no finite numbers.

    Parameters
    ----------
    columns, name
        The column; one that the table does not have reads as missing everywhere.
    findings
        Where bad cells are reported.
    booleans
        Whether True and False may stand for 1 and 0.
    """
    cells = columns.cells(name)
    size = len(cells)
    values = np.full(size, np.nan)
    missing = np.zeros(size, dtype=np.bool_)
    wanted: dict[int, tuple[str, str]] = {}
    known: dict[str, Cell] = {}  # the same few texts fill most of a large file
    for k, raw in enumerate(cells):
        if type(raw) is str:
            cell = known[raw] if raw in known else known.setdefault(raw, read_cell(raw))
        else:
            cell = read_cell(raw)
        if cell is None:
            missing[k] = True
        elif isinstance(cell, float) and math.isfinite(cell):
            values[k] = cell
        elif isinstance(cell, bool) and booleans:
            values[k] = float(cell)
        else:
            wanted[k] = _wanted(cell, raw, name)
    bad = np.zeros(size, dtype=np.bool_)
    bad[list(wanted)] = True
    for kind in dict.fromkeys(wanted.values()):
        where = np.zeros(size, dtype=np.bool_)
        where[[k for k, each in wanted.items() if each == kind]] = True
        findings.add(where, name, *kind)
    return Numbers(values, missing, bad)


def _wanted(cell: float | bool | str | Unreadable, raw: Any, name: str) -> tuple[str, str]:
    if isinstance(cell, bool):
        return "a number, not a boolean", ""
    if isinstance(cell, float):
        return "a finite number", ""
    text = cell if isinstance(cell, str) else cell.shown
    if name == "TIME" and (_CLOCK.fullmatch(text) or hasattr(raw, "total_seconds")):
        return "a number, not a date or a clock time", CLOCK_CURE
    if isinstance(cell, str) and _DECIMAL_COMMA.fullmatch(cell):
        return "a number", "Write numbers with a decimal point: 1.5, not 1,5."
    if name == "DV":
        return "a number, or blank", (
            "For a value below the limit of quantification, write the limit into DV and 1 into a "
            "column CENS (-1 above an upper limit). If nothing was measured, leave DV blank and set "
            "MDV to 1."
        )
    return "a number", "Write numbers in digits. Blank, '.' and NA mark a missing cell."
