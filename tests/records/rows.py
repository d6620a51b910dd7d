"""Rows of a NONMEM-style table, and a table with what is expected of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from tests.records.closed_forms import BEGINNING, Epoch
from tests.records.structures import DOSING, STRUCTURES, Structure

type Row = dict[str, Any]

COLUMNS = ("TIME", "EVID", "AMT", "RATE", "ADDL", "II", "SS", "CMT", "DV")
SPREAD = (0.3, 1.1, 2.6, 4.7, 7.3, 9.2, 13.4, 17.9, 23.6)


def observe(time: float, sees: int = 0, **more: Any) -> Row:
    """An observation; its expectation is looked up `sees` rounding units after its time.

    -1 is just before what happens at that time; doses expected one or two units late tell apart
    observations that stand between the records of one time.
    """
    return {"TIME": time, "EVID": 0, "look": later(time, sees), **more}


def predict(time: float, **more: Any) -> Row:
    return {"TIME": time, "EVID": 2, "look": time, **more}


def dose(
    time: float,
    amount: float,
    into: int = 0,
    *,
    rate: float = 0.0,
    additional: int = 0,
    every: float = 0.0,
    steady: int = 0,
    evid: int = 1,
    **more: Any,
) -> Row:
    return {
        "TIME": time,
        "EVID": evid,
        "AMT": amount,
        "RATE": rate,
        "ADDL": additional,
        "II": every,
        "SS": steady,
        "CMT": into + 1,
        **more,
    }


def reset(time: float, **more: Any) -> Row:
    return {"TIME": time, "EVID": 3, **more}


def later(time: float, units: int) -> float:
    for _ in range(abs(units)):
        time = math.nextafter(time, math.copysign(math.inf, units))
    return time


def spread(*events: Row, times: Sequence[float] = SPREAD) -> list[Row]:
    """Events, and observations at `times`, below the events of their own time."""
    return sorted([*events, *map(observe, times)], key=lambda row: row["TIME"])


def frame(rows: Sequence[Row], subject: int = 1) -> pd.DataFrame:
    """Rows as a table of one subject, columns that a row does not name being 0."""
    extra = [name for name in rows[0] if name.isupper() and name not in COLUMNS]
    cells = [{name: row.get(name, 0) for name in (*COLUMNS, *extra)} for row in rows]
    return pd.DataFrame([{"ID": subject, **each} for each in cells])


def looks(rows: Sequence[Row]) -> list[float]:
    return [row["look"] for row in rows if row["EVID"] in (0, 2)]


@dataclass(frozen=True)
class Table:
    """Records, and what they amount to.

    Attributes
    ----------
    rows
        In the order of the table.
    given
        For parameters: everything that flows in, as `Input` or, in several epochs, as `Epoch`.
    values
        Parameters that differ from the structures' own.
    rough
        Parameters in which the prediction jumps or bends at these values: it has no slope there.
    structures
        Those that have the compartments into which the rows give.
    dosing
        Whether lag, bioavailability, duration or rate of the system take part.
    """

    name: str
    rows: Sequence[Row]
    given: Callable[[Any], Sequence[Any]]
    values: Mapping[str, float] = field(default_factory=dict)
    rough: tuple[str, ...] = ()
    structures: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.structures:
            second = any(row.get("CMT") == 2 for row in self.rows)
            fitting = tuple(
                name for name, each in STRUCTURES.items() if len(each.states) > 1 or not second
            )
            object.__setattr__(self, "structures", fitting)

    @property
    def dosing(self) -> bool:
        return any(name in DOSING for name in self.values)

    def frame(self, subject: int = 1) -> pd.DataFrame:
        return frame(self.rows, subject)

    def epochs(self, parameters: Any) -> list[Epoch]:
        """What flows in, in epochs."""
        given = list(self.given(parameters))
        if given and isinstance(given[0], Epoch):
            return given
        return [Epoch(BEGINNING, given)]

    def slopes(self, structure: Structure) -> list[str]:
        """Parameters with respect to which a gradient is checked."""
        names = [*structure.kinetics, *(n for n in self.values if n not in structure.kinetics)]
        return [name for name in names if name not in self.rough]
