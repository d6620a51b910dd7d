"""The columns that have a meaning, found under whatever case they are written in."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bnode_nlme.study.cells import read_cell
from bnode_nlme.study.errors import Problem, TableError, printable
from bnode_nlme.study.limit_column import limit_into_dv
from bnode_nlme.study.misspelt import looks_like
from bnode_nlme.study.raw_table import RawTable

EVENT_COLUMNS: Final = (
    "ID",
    "TIME",
    "EVID",
    "AMT",
    "RATE",
    "ADDL",
    "II",
    "SS",
    "CMT",
    "DV",
    "DVID",
    "MDV",
    "CENS",
    "LIMIT",
    "OCC",
)
REFUSED_COLUMNS: Final = (
    "LLOQ",
    "DATE",
    "DAT1",
    "DAT2",
    "DAT3",
)


@dataclass(frozen=True, eq=False)
class Columns:
    """Which column of a table means what.

    Attributes
    ----------
    table : RawTable
    place : dict of str to int
        Position of each column of meaning, by its NONMEM name, and of each covariate, by the name
        that the user gave it.
    """

    table: RawTable
    place: dict[str, int]

    def heading(self, name: str) -> str:
        """Spell the name of the column as the table does."""
        return self.table.headings[self.place[name]] if name in self.place else name

    def cells(self, name: str) -> list[Any]:
        """Get the cells of a column, all missing where the table does not have it."""
        if name not in self.place:
            return [None] * len(self.table.rows)
        return self.table.cells[self.place[name]]

    def __contains__(self, name: str) -> bool:
        return name in self.place


def find_columns(table: RawTable, covariates: Sequence[str]) -> Columns:
    """Find the columns of meaning and the covariates.

    Raises
    ------
    TableError
        If a required column or a covariate is missing, two columns have one meaning, the table
        has no rows, or a column that is not used is spelt nearly like one of meaning.
    """
    headings = table.headings
    named: dict[str, list[int]] = {}
    for position, heading in enumerate(headings):
        if heading:
            named.setdefault(heading.upper(), []).append(position)

    problems: list[Problem] = []
    place: dict[str, int] = {}
    for name in (*EVENT_COLUMNS, *REFUSED_COLUMNS, *covariates):
        positions = named.get(name.upper(), [])
        if len(positions) > 1:
            found = f"{len(positions)} columns: {_listed([headings[k] for k in positions])}"
            cure = "Column names are read in upper or lower case alike. Rename or drop one."
            problems.append(Problem(None, None, name, found, "one column", cure))
        elif positions:
            place[name] = positions[0]

    problems += _missing(table, place, covariates, named)
    if not problems:
        problems += _misspelt(table, place)
    if not problems and not table.rows:
        wanted = "at least one row below the header"
        problems.append(Problem(None, None, "ID", "a table without rows", wanted))
    if problems:
        raise TableError(problems, source=table.source)
    return Columns(table, place)


def _missing(
    table: RawTable,
    place: dict[str, int],
    covariates: Sequence[str],
    named: dict[str, list[int]],
) -> list[Problem]:
    # A column that stands there twice has its own problem already.
    absent = [name for name in ("ID", "TIME") if name.upper() not in named]
    if "DV" not in named and "EVID" not in named:
        absent.append("DV")
    absent += [name for name in covariates if name.upper() not in named]
    problems = []
    for name in absent:
        unused = [h for k, h in enumerate(table.headings) if h and k not in place.values()]
        near = [h for h in unused if looks_like(h, name)]
        near = near or difflib.get_close_matches(name, unused, n=2)
        if name in table.index_names:
            cure = f"{printable(name)} is in the DataFrame's index: give table.reset_index()."
        elif near:
            cure = f"Rename {_listed(near)} to {printable(name)} if that is what it means."
        elif name in covariates:
            cure = "covariates= names columns of the table. " + _those(table)
        else:
            cure = "Name the columns as NONMEM does. " + _those(table)
        wanted = "a covariate of this name" if name in covariates else f"a column {name}"
        wanted += ", or EVID if nothing is observed" if name == "DV" else ""
        problems.append(Problem(None, None, name, "no such column", wanted, cure))
    return problems


def _misspelt(table: RawTable, place: dict[str, int]) -> list[Problem]:
    problems = []
    for name in (*EVENT_COLUMNS, *REFUSED_COLUMNS):
        if name in place:
            continue
        for position, heading in enumerate(table.headings):
            if position in place.values() or not looks_like(heading, name):
                continue
            # A column of blanks and zeros says nothing under any name.
            if all(read_cell(raw) in (None, 0.0) for raw in table.cells[position]):
                continue
            cure = (
                f"Rename it to {name}. If it means something else, drop it, rename it, or list it "
                "in covariates=."
            )
            if heading.upper().startswith(("DUR", "TINF")):
                cure = (
                    "Give the infusion's rate instead: RATE = AMT / duration. Or drop the column."
                )
            if name == "CENS":
                cure += (
                    " CENS is 1 where the truth lies below DV: DV must hold the limit of "
                    "quantification there, not 0. "
                    f"Write {limit_into_dv(heading, table.headings)}."
                )
            if name == "LLOQ":
                cure = (
                    "Limits of quantification stand in DV, where a column CENS is 1: "
                    f"{limit_into_dv('CENS', table.headings)}. If it means something else, drop it, "
                    "rename it, or list it in covariates=."
                )
            wanted = f"{name}, which the table lacks and this name resembles"
            problems.append(Problem(None, None, heading, f"a column {heading!r}", wanted, cure))
    return problems


def _those(table: RawTable) -> str:
    shown = [heading for heading in table.headings if heading]
    return f"The table has {_listed(shown)}." if shown else "The table has no named columns."


def _listed(names: Sequence[str]) -> str:
    shown = [printable(name) for name in names[:30]]
    return ", ".join(shown) + (f", and {len(names) - 30} more" if len(names) > 30 else "")
