"""Who takes part, in the order of the tables."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.contenders.bn_method import bn_method
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.diffrax_one_system import diffrax_one_system
from benchmarks.contenders.diffrax_vmap import diffrax_vmap
from benchmarks.contenders.pymc_ode import pymc_ode
from benchmarks.contenders.stan import stan
from benchmarks.contenders.sunode import sunode
from benchmarks.problems.problem import Problem

BN_METHODS = tuple(os.environ.get("BN_METHODS", "auto,tsit5,bdf,adams").split(","))
"""Methods of the package that take part; one that the package does not have is left out."""

STAN_SUBJECTS = {"pk-net": 16, "pkpd-net": 4, "multi-dose": 1, "stiff": 4, "latent": 16}
"""Stan takes milliseconds a subject, and its time is proportional to their number."""


@dataclass(frozen=True)
class Entry:
    """A contender that is yet to be made.

    Attributes
    ----------
    name
        As in the tables.
    family
        ``"bn"``, ``"diffrax"``, ``"stan"``, ``"sunode"`` or ``"pymc"``.
    make
        Of a problem, rtol and atol; raises `ContenderUnavailableError` with the reason.
    only
        Problems in which it takes part; all by default.
    vmapped
        Whether it is diffrax as its documentation shows it.
    """

    name: str
    family: str
    make: Callable[[Problem, float, float], Contender]
    only: tuple[str, ...] = ()
    vmapped: bool = False

    def takes_part(self, problem: str) -> bool:
        """Whether it takes part in this problem."""
        return not self.only or problem in self.only


def _bn(method: str) -> Entry:
    return Entry(
        f"bn {method}",
        "bn",
        lambda problem, rtol, atol: bn_method(problem, rtol, atol, method=method),
    )


def _diffrax(name: str, only: tuple[str, ...], **settings: object) -> Entry:
    return Entry(
        f"diffrax {name}, vmap",
        "diffrax",
        lambda problem, rtol, atol: diffrax_vmap(problem, rtol, atol, **settings),
        only,
        vmapped=True,
    )


def _stan(solver: str, only: tuple[str, ...] = ()) -> Entry:
    return Entry(
        f"Stan {solver}",
        "stan",
        lambda problem, rtol, atol: stan(
            problem,
            rtol,
            atol,
            solver=solver,
            subjects=min(STAN_SUBJECTS[problem.name], problem.study.n_subjects),
        ),
        only,
    )


NON_STIFF = ("pk-net", "pkpd-net", "multi-dose", "latent")
STIFF = ("stiff",)
FIRST_STEP = 1e-5
"""On the stiff problem diffrax's own choice of the first step makes the gradient NaN."""

ENTRIES: tuple[Entry, ...] = (
    *map(_bn, BN_METHODS),
    _diffrax("Tsit5", NON_STIFF),
    Entry("diffrax Tsit5, one system", "diffrax", diffrax_one_system, NON_STIFF),
    _diffrax("Kvaerno5", ("pk-net",), solver="Kvaerno5"),
    _diffrax("Kvaerno3", STIFF, solver="Kvaerno3", first_step=FIRST_STEP),
    _diffrax("Kvaerno5", STIFF, solver="Kvaerno5", first_step=FIRST_STEP),
    _diffrax("Kvaerno5 Chord", STIFF, solver="Kvaerno5", first_step=FIRST_STEP, chord=True),
    _stan("ode_rk45", NON_STIFF),
    _stan("ode_bdf"),
    _stan("ode_adjoint"),
    Entry("sunode", "sunode", sunode, ("pk-net",)),
    Entry("pm.ode.DifferentialEquation", "pymc", pymc_ode, ("pk-net",)),
)
