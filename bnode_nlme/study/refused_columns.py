"""Columns that other programs read and this one does not: refused, never ignored."""

from __future__ import annotations

import numpy as np

from bnode_nlme.study.cells import read_cell
from bnode_nlme.study.columns import Columns
from bnode_nlme.study.findings import Findings
from bnode_nlme.study.limit_column import limit_into_dv
from bnode_nlme.study.number_column import CLOCK_CURE


def refuse_columns(columns: Columns, findings: Findings) -> None:
    """Report every cell that gives a limit of quantification or a date."""
    cells = [read_cell(raw) for raw in columns.cells("LLOQ")]
    asked = np.array([cell is not None and cell != 0 for cell in cells], dtype=np.bool_)
    findings.add(
        asked,
        "LLOQ",
        "0 or blank: limits of quantification stand in DV, beside CENS",
        "In the censored rows set CENS to 1 and DV to the limit of quantification: "
        f"{limit_into_dv(columns.heading('CENS'), columns.table.headings)}.",
    )
    for name in ("DATE", "DAT1", "DAT2", "DAT3"):
        cells = [read_cell(raw) for raw in columns.cells(name)]
        given = np.array([cell is not None for cell in cells], dtype=np.bool_)
        findings.add(
            given,
            name,
            "no dates: TIME alone says when",
            f"{CLOCK_CURE} If TIME is such a number already, drop the column {name}.",
        )
