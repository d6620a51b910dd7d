"""sunode: listed so that its absence is seen."""

from __future__ import annotations

import importlib.util
from typing import NoReturn

from benchmarks.contenders.contender import ContenderUnavailableError
from benchmarks.problems.problem import Problem

MEASURED = 749.0
"""µs per subject and gradient of pk-net by sunode 0.6, measured on such a core for the design."""


def sunode(problem: Problem, rtol: float, atol: float) -> NoReturn:
    """Refuse, with the reason."""
    if importlib.util.find_spec("sunode") is None:
        raise ContenderUnavailableError(
            "sunode is not installed: it is on conda-forge only and needs SUNDIALS 5; "
            f"measured earlier, apart from this run: {MEASURED:.0f} µs per subject"
        )
    raise ContenderUnavailableError("sunode is installed, but nobody has written its turn yet")
