"""The problems of the race, by name; each is built once a process."""

from __future__ import annotations

from functools import cache

from benchmarks.problems.latent import latent
from benchmarks.problems.multi_dose import multi_dose
from benchmarks.problems.pk_net import pk_net
from benchmarks.problems.pkpd_net import pkpd_net
from benchmarks.problems.problem import Problem
from benchmarks.problems.stiff import stiff

_BUILDERS = {
    "pk-net": pk_net,
    "pkpd-net": pkpd_net,
    "multi-dose": multi_dose,
    "stiff": stiff,
    "latent": latent,
}

NAMES = tuple(_BUILDERS)


@cache
def problem(name: str) -> Problem:
    """The problem of this name."""
    return _BUILDERS[name]()
