"""A table before anything in it is understood: from a file or a DataFrame."""

from __future__ import annotations

import csv
import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bnode_nlme.study.errors import Problem, TableError

_ANOTHER_READER = (
    "Read the file yourself and give the DataFrame, for example "
    "read_nonmem(pd.read_csv(path, sep=';'))."
)


@dataclass(frozen=True, eq=False)
class RawTable:
    """Columns of uninterpreted cells.

    Attributes
    ----------
    source : str
        What error messages call the table: the file's name, or ``"table"``.
    name : str
        What the study is called: the stem of the file's name, or ``"table"``.
    headings : tuple of str
        Stripped names of the columns, in order; ``""`` for a column that has none.
    cells : tuple of list
        One list of R cells for each column.
    rows : list of int
        Numbers of the R rows, counted from 1 below the header.
    index_names : tuple of str
        Names of a DataFrame's index levels: columns that the user may have hidden there.
    """

    source: str
    name: str
    headings: tuple[str, ...]
    cells: tuple[list[Any], ...]
    rows: list[int]
    index_names: tuple[str, ...] = ()


def raw_table(table: str | Path | pd.DataFrame) -> RawTable:
    """Take the cells of a comma-separated file or of a DataFrame.

    Raises
    ------
    TableError
        If the file is no table: not text, ragged, with stray quotes.
    FileNotFoundError, IsADirectoryError
        If the path leads to no file.
    TypeError
        If `table` is neither a path nor a DataFrame.
    """
    if isinstance(table, pd.DataFrame):
        return _from_frame(table)
    if isinstance(table, (str, Path)):
        return _from_file(table)
    raise TypeError(
        "read_nonmem wants the path of a CSV file or a pandas DataFrame, and got "
        f"{type(table).__name__}. Turn it into a DataFrame: pd.DataFrame(...)."
    )


def _from_frame(frame: pd.DataFrame) -> RawTable:
    return RawTable(
        source="table",
        name="table",
        headings=tuple(c.strip() if isinstance(c, str) else "" for c in frame.columns),
        cells=tuple(frame.iloc[:, k].tolist() for k in range(frame.shape[1])),
        rows=list(range(1, len(frame) + 1)),
        index_names=tuple(n for n in frame.index.names if isinstance(n, str)),
    )


def _from_file(given: str | Path) -> RawTable:
    path = _existing(given)
    lines = _lines(path)
    header = lines[0] if lines else []
    if not any(cell.strip() for cell in header):
        wanted = "a first line with the names of the columns"
        raise TableError([Problem(None, None, None, "no header", wanted)], source=path.name)
    for separator, called in ((";", "semicolons"), ("\t", "tabs"), (None, "blanks")):
        if len(header) == 1 and len(header[0].split(separator)) > 1:
            problem = Problem(
                None, None, None, f"a header with {called}", "commas between cells", _ANOTHER_READER
            )
            raise TableError([problem], source=path.name)

    # An empty line keeps its number, so that row r always stands on line r + 1 of the file.
    numbered = [(number, cells) for number, cells in enumerate(lines) if number and cells]
    width = len(header)
    ragged = [
        Problem(
            None,
            number,
            None,
            f"{len(cells)} cells",
            f"{width} cells, as many as the header has names",
            "A comma too many or too few shifts every cell after it. A decimal comma does that too:"
            " write 1.5, not 1,5.",
        )
        for number, cells in numbered
        if len(cells) < width or any(cell.strip() for cell in cells[width:])
    ]
    if ragged:
        raise TableError(ragged, source=path.name)
    return RawTable(
        source=path.name,
        name=path.stem,
        headings=tuple(cell.strip() for cell in header),
        cells=tuple([cells[k] for _, cells in numbered] for k in range(width)),
        rows=[number for number, _ in numbered],
    )


def _existing(given: str | Path) -> Path:
    path = Path(given)
    if any(character in str(given) for character in "\n\r\0"):
        raise FileNotFoundError(
            "read_nonmem wants the path of a file, and got text of several lines. If it is the "
            "table itself, give pd.read_csv(io.StringIO(text))."
        )
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder. Give the path of a CSV file in it.")
    if not path.is_file():
        folder = path.parent
        there = sorted(p.name for p in folder.glob("*") if p.is_file()) if folder.is_dir() else []
        near = difflib.get_close_matches(path.name, there, n=3, cutoff=0.6)
        place = "which does not exist" if not folder.is_dir() else f"which holds {len(there)} files"
        raise FileNotFoundError(
            f"There is no file {path.name!r} in {str(folder.resolve())!r}, {place}."
            + (f" Close names there: {', '.join(near)}." if near else "")
        )
    return path


def _lines(path: Path) -> list[list[str]]:
    lines: list[list[str]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines.extend(csv.reader(stream, strict=True))
    except UnicodeDecodeError:
        problem = Problem(
            None,
            None,
            None,
            "bytes that are not UTF-8 text",
            "a CSV file in UTF-8",
            "Save the table as 'CSV UTF-8', or read it with pandas and give the DataFrame.",
        )
    except csv.Error as error:
        # The rows read so far survive in `lines`, so the culprit is the one after them.
        problem = Problem(
            None, len(lines) or None, None, f"bad quoting ({error})", "cells in matched quotes"
        )
    else:
        return lines
    raise TableError([problem], source=path.name)
