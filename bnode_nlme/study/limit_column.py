"""A limit of quantification in a column of its own, which belongs into DV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bnode_nlme.study.errors import printable

_NAMES: Final = frozenset({"LLOQ", "LOQ", "LLQ", "LLOD", "LOD"})


def limit_column(headings: Sequence[str]) -> str | None:
    """Heading of the column that holds the lower limit of quantification, if there is one."""
    return next((heading for heading in headings if heading.upper() in _NAMES), None)


def limit_into_dv(flag: str, headings: Sequence[str]) -> str:
    """What puts the limit into DV where the column `flag` is 1, in the user's own words.

    Parameters
    ----------
    flag
        Heading of the column that tells censored rows.
    headings
        Of the table.
    """
    value = next((heading for heading in headings if heading.upper() == "DV"), "DV")
    limit = limit_column(headings)
    rows = f"table.loc[table[{flag!r}] == 1, {value!r}]"
    if limit is None:
        return f"{rows} = 0.05 where the limit is 0.05"
    return f"{rows} = table[{limit!r}]; then drop the column {printable(limit)}, which is not read"
