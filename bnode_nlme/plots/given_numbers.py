"""What a plot is given: a fit, or the numbers that were worked out of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr


def given_numbers[T](
    table: T, options: Mapping[str, Any], function: str, kind: type, holds: Sequence[str] = ()
) -> T:
    """Return numbers as they are, where they are those that `function` gives.

    Parameters
    ----------
    table
        What the plot was given that is no fit.
    options
        Of `function`; numbers cannot be worked out in another way any more.
    function
        The diagnostic whose numbers are drawn: "vpc".
    kind
        Of its result.
    holds
        Variables that its result has.

    Raises
    ------
    TypeError
        When these are other numbers, or there are options.
    """
    variables = list(map(str, table.data_vars)) if isinstance(table, xr.Dataset) else []
    missing = [name for name in holds if name not in variables]
    if not isinstance(table, kind) or missing:
        found = f"{type(table).__module__.split('.')[0]}.{type(table).__name__}"
        if isinstance(table, kind):
            found += f" without {', '.join(map(repr, missing))}"
        raise TypeError(
            f"plot_{function} wants a fit, or what bn.{function}(fit) gave; found an object of "
            f"type {found}."
        )
    if options:
        raise TypeError(
            f"{', '.join(f'{name}=' for name in options)} say how numbers are worked out of a fit, "
            f"and here the numbers are given already. Give them to bn.{function}."
        )
    return table
