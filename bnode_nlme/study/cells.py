"""What one cell of a table says."""

from __future__ import annotations

import math
import numbers
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pandas as pd

MISSING_TEXTS: Final = frozenset({"", ".", "NA", "NaN", "nan", "<NA>"})

# Stricter than float(), which also takes "1_000" and the digits of every script.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE | re.ASCII)
_WHOLE = re.compile(r"(-?(?:0|[1-9]\d*))(?:\.0*)?", re.ASCII)
_LONGEST_SHOWN = 40
_MOST_DIGITS = 302  # of a whole number that still is a finite float


@dataclass(frozen=True)
class Unreadable:
    """A cell that is neither blank, number, text nor boolean: a list, a date, an object."""

    shown: str


Cell = float | bool | str | Unreadable | None


def read_cell(raw: Any) -> Cell:
    """Read the meaning of a cell.

    Parameters
    ----------
    raw
        Text of a file, or whatever a DataFrame holds.

    Returns
    -------
    None, float, bool, str or Unreadable
        None for a missing cell (``None``, NaN, NaT, ``pd.NA``, and the texts blank, ``.``, ``NA``,
        ``NaN``, ``nan``, ``<NA>``); a float, perhaps infinite, never NaN, for a number or the text
        of one; stripped text otherwise.
    """
    if type(raw) is float:  # most cells of a large DataFrame
        return None if math.isnan(raw) else raw
    if isinstance(raw, str):
        return _read_text(raw.strip())
    if raw is None or raw is pd.NA or raw is pd.NaT:
        return None
    if isinstance(raw, (bool, np.bool_)):
        return bool(raw)
    if isinstance(raw, (numbers.Real, Decimal)):
        try:
            number = float(raw)
        except OverflowError:
            return math.inf  # an integer of more than 308 digits; its sign changes nothing
        except (ValueError, TypeError):
            return Unreadable(show(raw))
        return None if math.isnan(number) else number
    return Unreadable(show(raw))


def _read_text(text: str) -> float | str | None:
    if text in MISSING_TEXTS:
        return None
    if _NUMBER.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text):
        return -math.inf if text.startswith("-") else math.inf
    return text


def whole_number_text(raw: Any) -> str | None:
    """Write a whole number as text, exactly, or give None where the cell is not one.

    ``1``, ``1.0`` and ``"1.0"`` give ``"1"``; ``"001"`` and ``"1e3"`` are no plain whole numbers
    and give None. Integers are not sent through float, which would merge IDs beyond 2**53.
    """
    if isinstance(raw, str):
        match = _WHOLE.fullmatch(raw.strip())
        text = match.group(1) if match and len(match.group(1)) < _MOST_DIGITS else None
    elif isinstance(raw, (bool, np.bool_)):
        return None
    elif isinstance(raw, numbers.Integral):
        text = str(int(raw)) if abs(int(raw)) < 10 ** (_MOST_DIGITS - 2) else None
    else:
        number = read_cell(raw)
        text = None
        if isinstance(number, float) and abs(number) < 1e30 and number.is_integer():
            text = str(int(number)) if raw == number else None
    return "0" if text == "-0" else text


def show(raw: Any) -> str:
    """Show a cell as error messages do: short, on one line, text in quotes, numbers as written."""
    try:
        number = isinstance(raw, str) and isinstance(read_cell(raw), float)
        text = raw.strip() if number else repr(raw) if isinstance(raw, str) else str(raw)
        if not text.isprintable():
            text = repr(text)
    except Exception:  # the objects in a DataFrame may do anything when they are printed
        text = f"<{type(raw).__name__}>"
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."
