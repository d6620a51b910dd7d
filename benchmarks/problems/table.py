"""A NONMEM-style table from doses and observations."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

import bnode_nlme as bn


class Table:
    """Rows in the order in which they are added; at equal times that order counts."""

    def __init__(self) -> None:
        self._rows: list[dict[str, object]] = []

    def dose(self, subject: int, time: float, amount: float, compartment: str = "") -> None:
        """Add a bolus."""
        self._rows.append(
            {"ID": subject, "TIME": time, "AMT": amount, "EVID": 1, "CMT": compartment}
        )

    def observe(self, subject: int, time: float, outputs: Iterable[str] = ("",)) -> None:
        """Add a row to be predicted for each output."""
        self._rows += [
            {"ID": subject, "TIME": time, "EVID": 0, "DV": 0.0, "DVID": output}
            for output in outputs
        ]

    def study(self) -> bn.Study:
        """Read the table."""
        table = pd.DataFrame(self._rows)
        for column in ("CMT", "DVID"):
            if column in table and not table[column].fillna("").any():
                del table[column]
        return bn.read_nonmem(table)
