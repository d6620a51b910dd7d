"""What fails at a point where a model cannot be started, in words."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from bnode_nlme.distributions.solve_nodes import solve_nodes
from bnode_nlme.distributions.solver_report import SolverReport
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.inference.flat_model import FlatModel, Vector
from bnode_nlme.study.dimensions import SUBJECT

_NAMED = 10


def failures_at(flat: FlatModel, x: Vector) -> list[str]:
    """Lines about a point: subjects by the status of their solves, and terms that are not finite.

    Parameters
    ----------
    flat
        The model.
    x : ndarray (size,)

    Returns
    -------
    list of str
        At least one: where solves succeed and all terms are finite, it is about the gradient.
    """
    model = flat.model
    statuses = [node.outputs[1] for node in solve_nodes(model)]
    named = [*model.basic_RVs, *model.potentials]
    terms: Any = model.logp(vars=named, sum=False)
    values = flat.function([*model.replace_rvs_by_values(statuses), *terms])(x)
    labels = [str(label) for label in model.coords.get(SUBJECT, ())]
    lines = []
    for found in values[: len(statuses)]:
        known = labels if len(labels) == len(found) else [str(n) for n in range(1, len(found) + 1)]
        for status in SolveStatus:
            failed = [known[place] for place in np.flatnonzero(found == status)]
            if failed and status != SolveStatus.SUCCESS:
                lines.append(f"subjects {_some(failed)}: {status.message}")
    for variable, value in zip(named, values[len(statuses) :], strict=True):
        wrong = int(np.sum(~np.isfinite(value)))
        if wrong:
            lines.append(
                f"log-probability of {variable.name!r} not finite, of {wrong} in {np.size(value)} "
                "values"
            )
    return lines or ["log-probability finite, its gradient not, or an adjoint solve failed"]


def counted_since(before: SolverReport, now: SolverReport) -> SolverReport:
    """What a model's solver report has gained."""
    return SolverReport(
        MappingProxyType({s: count - before.counts[s] for s, count in now.counts.items()}),
        now.methods,
        now.handed_over - before.handed_over,
    )


def _some(labels: Sequence[str]) -> str:
    more = len(labels) - _NAMED
    return ", ".join(labels[:_NAMED]) + (f" and {more} more" if more > 0 else "")
