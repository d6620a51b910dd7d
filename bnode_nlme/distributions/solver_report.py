"""What became of a model's solves: how many succeeded, how many failed and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pymc as pm

from bnode_nlme.distributions.solve_nodes import solve_nodes
from bnode_nlme.engine.status import SolveStatus


@dataclass(frozen=True)
class SolverReport:
    """Outcomes of the solves of a model, one for each subject and evaluation.

    Attributes
    ----------
    counts : mapping of SolveStatus to int
    methods : tuple of str
        The method of each solve in the model, as it was asked for.
    handed_over : int
        Solves that ``"auto"`` began with ``"tsit5"`` and handed over to ``"bdf"``: those of groups
        that turned out stiff, and of subjects that failed.
    """

    counts: Mapping[SolveStatus, int]
    methods: tuple[str, ...]
    handed_over: int

    @property
    def solves(self) -> int:
        """All solves."""
        return sum(self.counts.values())

    @property
    def failures(self) -> int:
        """Solves that did not succeed."""
        return self.solves - self.counts[SolveStatus.SUCCESS]

    @property
    def _methods(self) -> str:
        return ", ".join(dict.fromkeys(self.methods))

    def __str__(self) -> str:
        lines = [f"{self.failures} of {self.solves} solves failed (method {self._methods})"]
        if self.handed_over:
            lines.append(f"  {self.handed_over} handed over from tsit5 to bdf")
        lines += [
            f"  {count}: {status.message}"
            for status, count in self.counts.items()
            if count and status != SolveStatus.SUCCESS
        ]
        return "\n".join(lines)


def solver_report(model: pm.Model | None = None, *, reset: bool = False) -> SolverReport:
    """Count the outcomes of all solves that a model has made, in every chain.

    Parameters
    ----------
    model
        A model with `NeuralODE` distributions; by default that of the context.
    reset
        Whether to set the counts to zero afterwards.

    Returns
    -------
    SolverReport
        Counts since the model was made or last reset: each subject of each evaluation counts
        once, and once more where its adjoint solve failed.

    Raises
    ------
    ValueError
        When the model has no solve.
    """
    model = pm.modelcontext(model)
    nodes = solve_nodes(model)
    counters = {node.op.counter for node in nodes}
    if not counters:
        raise ValueError(
            "solver_report wants a model with a NeuralODE (or a solve of one's own that a "
            "likelihood or a Deterministic uses); found none in this model."
        )
    totals = dict.fromkeys(SolveStatus, 0)
    handed_over = 0
    for counter in counters:
        for status, count in counter.read().items():
            totals[status] += count
        handed_over += counter.handed_over()
        if reset:
            counter.reset()
    return SolverReport(
        MappingProxyType(totals),
        methods=tuple(node.op.solver.options.method for node in nodes),
        handed_over=handed_over,
    )
