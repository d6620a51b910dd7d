"""CMT and DVID: a number counted from 1, or a name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.cells import read_cell, whole_number_text
from bnode_nlme.study.columns import Columns
from bnode_nlme.study.findings import Findings, Mask

_LARGEST = 10**9


def read_labels(
    columns: Columns, name: str, used: Mask, findings: Findings, *, things: str
) -> NDArray[np.str_]:
    """Read the column `name` as labels: ``"2"``, ``"depot"``, or ``""`` where blank.

    Parameters
    ----------
    columns, name
        The column.
    used
        Rows whose record makes use of the label, shape (R,). Elsewhere 0, with which tables fill
        cells that mean nothing, counts as blank.
    findings
        Where cells are reported that are neither a positive whole number nor a name.
    things
        What the labels stand for, in the plural, for the errors.
    """
    cells = columns.cells(name)
    labels = [""] * len(cells)
    bad, negative = np.zeros((2, len(cells)), dtype=np.bool_)
    for k, raw in enumerate(cells):
        cell = read_cell(raw)
        whole = whole_number_text(raw) if isinstance(cell, float) else None
        if whole is None and isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
            whole = str(int(cell))
        if whole is not None and 0 < int(whole) <= _LARGEST:
            labels[k] = whole
        elif isinstance(cell, str) and cell.isidentifier():
            labels[k] = cell
        elif name == "CMT" and isinstance(cell, float) and cell < 0:
            negative[k] = True
        elif cell is not None and not (cell == 0 and not isinstance(cell, bool) and not used[k]):
            bad[k] = True
    findings.add(
        bad,
        name,
        "a whole number from 1, a name, or blank",
        f"{name} counts the system's {things} from 1 or names one (letters, digits and _); blank is"
        " the default.",
    )
    findings.add(
        negative,
        name,
        "a positive number: compartments cannot be turned off",
        "Drop the rows that turn compartments off or on; EVID 3 resets all of them.",
    )
    return np.array(labels, dtype=np.str_)
