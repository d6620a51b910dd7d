"""What a plot is given: a fit, or the numbers that were worked out of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def refuse_options[T](table: T, options: Mapping[str, Any]) -> T:
    """Return numbers as they are; they cannot be worked out in another way any more.

    Raises
    ------
    TypeError
        When there are options.
    """
    if options:
        raise TypeError(
            f"{', '.join(f'{name}=' for name in options)} say how numbers are worked out of a fit, "
            "and here the numbers are given already. Give them to the function that did it."
        )
    return table
