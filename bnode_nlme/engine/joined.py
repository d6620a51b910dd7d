"""A system joined to a study: what is solved, whatever the parameters are."""

from __future__ import annotations

from dataclasses import dataclass

from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.dose_values import is_fixed, values_in_table
from bnode_nlme.engine.kernels import Kernels, kernels_of
from bnode_nlme.engine.plan import Plan, build_plan
from bnode_nlme.engine.schedule import Schedule, laid_out
from bnode_nlme.engine.varying import varying_inputs
from bnode_nlme.study.study import Study


@dataclass(frozen=True, eq=False)
class Joined:
    """A plan and the kernels that solve it.

    Attributes
    ----------
    plan : Plan
    kernels : Kernels
        Of the system, with the inputs that vary in the study as further states.
    schedule : Schedule or None
        The plan's schedule where it is the same for all parameters.
    """

    plan: Plan
    kernels: Kernels
    schedule: Schedule | None


def join(system: System, study: Study, by_occasion: tuple[bool, ...]) -> Joined:
    """Join a system to a study.

    Parameters
    ----------
    system, study
        What is solved, and on which records.
    by_occasion
        For each of the system's parameters, whether it is given for each occasion.

    Returns
    -------
    Joined

    Raises
    ------
    TableError
        When doses do not fit the system, with every such row.
    """
    varying = varying_inputs(system, study, by_occasion)
    plan = build_plan(system, study, varying)
    fixed = is_fixed(system, plan)
    return Joined(
        plan,
        kernels_of(system, varying),
        laid_out(plan, values_in_table(plan)) if fixed else None,
    )
