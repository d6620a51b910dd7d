"""The solves in a model's graph: found there, and shared by the outputs of one system."""

from __future__ import annotations

from typing import Any

import pymc as pm
from pytensor.graph.basic import Apply, equal_computations
from pytensor.graph.replace import graph_replace
from pytensor.graph.traversal import applys_between
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.engine.solve import Solution
from bnode_nlme.engine.solve_op import SolveOp


def solve_nodes(model: pm.Model) -> list[Apply]:
    """Every application of a `SolveOp` in a model's graph, whoever put it there."""
    variables = [*model.basic_RVs, *model.deterministics, *model.potentials]
    return [node for node in applys_between([], variables) if isinstance(node.op, SolveOp)]


def shared_output(solution: Solution, output: str, model: pm.Model) -> TensorVariable:
    """An output of a solution, read off an equal solve that the model already holds, if any.

    The graph is compared rather than left to PyTensor to merge, because the gradient is taken
    before that: two solves would become two adjoint solves, each with a part of the cotangents.

    Returns
    -------
    TensorVariable (rows,)
    """
    prediction, node = solution.outputs[output], solution.status.owner
    for other in solve_nodes(model):
        same_solver = other.op.solver == node.op.solver
        if same_solver and equal_computations([*other.inputs], [*node.inputs]):
            replacements = dict(zip(node.outputs, other.outputs, strict=True))
            replaced: Any = graph_replace([prediction], replacements, strict=False)
            return replaced[0]
    return prediction
