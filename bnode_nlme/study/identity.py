"""What a cell names: the same subject or occasion however a number is written."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

from bnode_nlme.study.cells import read_cell, whole_number_text


def identity(raw: Any) -> str | None:
    """Take the cell of an ID or an occasion as text, or None where it names nothing.

    ``7``, ``7.0`` and ``"7.0"`` are ``"7"``; ``"007"`` stays as written.
    """
    whole = whole_number_text(raw)
    if whole is not None:
        return whole
    cell = read_cell(raw)
    if isinstance(raw, str) and isinstance(cell, (str, float)):
        # As written: "007" is a name, not the number 7.
        text = raw.strip()
        return text if text.isprintable() and not _infinite(cell) else None
    # A number that float rounds, such as a long Decimal, could merge two subjects.
    exact = isinstance(cell, float) and not _infinite(cell) and bool(raw == cell)
    return repr(cell) if exact and not isinstance(raw, numbers.Integral) else None


def as_integers(names: Sequence[str]) -> list[int] | list[str]:
    """Turn names into integers where all of them are whole numbers of 64 bits."""
    whole = all(whole_number_text(name) == name and _fits(name) for name in names)
    return [int(name) for name in names] if whole else list(names)


def _infinite(cell: float | str) -> bool:
    # "1e999" is text that overflows, "inf" text that says so: neither is a name.
    return isinstance(cell, float) and math.isinf(cell)


def _fits(name: str) -> bool:
    return len(name) <= 20 and -(2**63) <= int(name) < 2**63
