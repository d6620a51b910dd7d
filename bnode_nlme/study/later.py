"""Columns that belong to NONMEM's records but are not read yet: refused, never ignored."""

from __future__ import annotations

import numpy as np

from bnode_nlme.study.cells import Cell, Unreadable, read_cell
from bnode_nlme.study.columns import Columns
from bnode_nlme.study.findings import Findings
from bnode_nlme.study.number_column import CLOCK_CURE
from bnode_nlme.study.subjects import Grouping


def refuse_later_columns(columns: Columns, grouping: Grouping, findings: Findings) -> None:
    """Report every cell that asks for censoring, occasions or dates."""
    for name in ("CENS", "LIMIT", "LLOQ"):
        cells = [read_cell(raw) for raw in columns.cells(name)]
        asked = np.array([cell is not None and cell != 0 for cell in cells], dtype=np.bool_)
        findings.add(
            asked,
            name,
            "0 or blank: censoring is not supported yet",
            "Drop the columns CENS, LIMIT and LLOQ, and set MDV to 1 in the censored rows to leave "
            "them out of the likelihood; otherwise their DV is read as measured.",
        )
    for name in ("DATE", "DAT1", "DAT2", "DAT3"):
        cells = [read_cell(raw) for raw in columns.cells(name)]
        given = np.array([cell is not None for cell in cells], dtype=np.bool_)
        findings.add(
            given,
            name,
            "no dates: they are not supported yet",
            f"{CLOCK_CURE} If TIME is such a number already, drop the column {name}.",
        )
    _refuse_occasions(columns, grouping, findings)


def _refuse_occasions(columns: Columns, grouping: Grouping, findings: Findings) -> None:
    cells = [read_cell(raw) for raw in columns.cells("OCC")]
    first: dict[int, Cell] = {}
    varies = np.zeros(len(cells), dtype=np.bool_)
    for k, (cell, subject) in enumerate(zip(cells, grouping.index.tolist(), strict=True)):
        if cell is not None and subject >= 0:
            varies[k] = first.setdefault(subject, cell) != cell or isinstance(cell, Unreadable)
    findings.add(
        varies,
        "OCC",
        "one occasion for each subject: several are not supported yet",
        "Drop the column OCC to read the table without occasions.",
    )
