"""A study seen by a solver: for each subject, what happens when, in the order in which it acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.actions import Action as Action
from bnode_nlme.engine.actions import is_zero_length as is_zero_length
from bnode_nlme.engine.dose_values import DoseValues, is_fixed, values_in_table
from bnode_nlme.engine.layout import layout_call
from bnode_nlme.engine.plan import Plan, build_plan
from bnode_nlme.engine.varying import varying_inputs
from bnode_nlme.study.study import Study


@dataclass(frozen=True, eq=False)
class Schedule:
    """The entries of all subjects, one after the other.

    Attributes
    ----------
    offsets : ndarray (S + 1,), int64
        Entries ``offsets[s]`` to ``offsets[s + 1]`` are those of subject s.
    actions, targets : ndarray (E,), int64
        See `Action`.
    times, amounts : ndarray (E,), float64
    rows : int
        Number of observation rows of the study; `Action.OBSERVE` targets count them from 0.
    """

    offsets: NDArray[np.int64]
    actions: NDArray[np.int64]
    targets: NDArray[np.int64]
    times: NDArray[np.float64]
    amounts: NDArray[np.float64]
    rows: int

    def __post_init__(self) -> None:
        for name, kind in [
            ("offsets", np.int64),
            ("actions", np.int64),
            ("targets", np.int64),
            ("times", np.float64),
            ("amounts", np.float64),
        ]:
            # Compiled code reads these arrays' bare memory.
            array = np.ascontiguousarray(getattr(self, name), dtype=kind)
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Offsets, actions, targets, times and amounts: the order in which a solve takes them."""
        return self.offsets, self.actions, self.targets, self.times, self.amounts


def build_schedule(system: System, study: Study) -> Schedule:
    """Lay out a study's records for a system of which nothing is modelled.

    Parameters
    ----------
    system, study
        What is solved, and on which records.

    Returns
    -------
    Schedule

    Raises
    ------
    TableError
        When a dose goes to a compartment that the system does not have, or has a rate that the
        system should give and does not, with every such row.
    ValueError
        When the system says of the doses what depends on parameters, or an input varies.
    """
    varying = varying_inputs(system, study, [False] * len(system.parameters))
    plan = build_plan(system, study)
    if len(varying) or not is_fixed(system, plan):
        raise ValueError("The schedule depends on parameters, or inputs vary: see joined.join.")
    return laid_out(plan, values_in_table(plan))


def laid_out(plan: Plan, values: DoseValues) -> Schedule:
    """The schedule of a plan, for given values of its doses."""
    offsets, actions, targets, times, amounts, *_ = layout_call(*plan.arrays, *values)
    return Schedule(offsets, actions, targets, times, amounts, plan.rows)
