"""Problems gathered while a table is read, so that one error can list them all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.cells import read_cell, show
from bnode_nlme.study.columns import Columns
from bnode_nlme.study.errors import Problem, TableError

Mask = NDArray[np.bool_]


class Findings:
    """The problems of one table.

    Parameters
    ----------
    columns
        The table.
    subjects
        ID of each of its R rows as far as it could be read, else None.
    """

    def __init__(self, columns: Columns, subjects: list[int | str | None]) -> None:
        self._columns = columns
        self._subjects = subjects
        self._problems: list[Problem] = []

    def add(
        self, where: Mask, column: str, wanted: str | Callable[[int], str], cure: str = ""
    ) -> None:
        """Add one problem for each row in the mask `where`, shape (R,), about its cell in `column`.

        `wanted` may be a function of the row's position, for texts that differ from row to row.
        """
        cells = self._columns.cells(column)
        for k in np.flatnonzero(where).tolist():
            found = "blank" if read_cell(cells[k]) is None else show(cells[k])
            if column not in self._columns:
                found = f"no column {column}"
            self._problems.append(
                Problem(
                    self._subjects[k],
                    self._columns.table.rows[k],
                    self._columns.heading(column),
                    found,
                    wanted if isinstance(wanted, str) else wanted(k),
                    cure,
                )
            )

    def add_table(self, column: str, found: str, wanted: str, cure: str = "") -> None:
        """Add a problem of the table as a whole."""
        heading = self._columns.heading(column)
        self._problems.append(Problem(None, None, heading, found, wanted, cure))

    def raise_if_any(self) -> None:
        """Raise what was gathered as one `TableError`."""
        if not self._problems:
            return
        order = {heading: k for k, heading in enumerate(self._columns.table.headings)}
        self._problems.sort(key=lambda p: order.get(p.column or "", len(order)))
        raise TableError(self._problems, source=self._columns.table.source)
