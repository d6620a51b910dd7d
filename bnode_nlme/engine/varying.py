"""Inputs of a system that change within a subject: further states of the solve.

A covariate that varies in time, or a parameter that differs between occasions, becomes a state with
derivative zero after the system's own. Its initial value is that at the subject's first record,
from the covariates or parameters of the solve; entries of the schedule add the changes, or set the
slope where a covariate is interpolated. Users never see these states.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytensor.tensor as pt
from pytensor.graph.basic import Constant, Variable
from pytensor.graph.replace import graph_replace
from pytensor.graph.traversal import ancestors
from pytensor.tensor.subtensor import Subtensor, indices_from_subtensor

from bnode_nlme.dynamics.graph import SystemGraph
from bnode_nlme.dynamics.system import System
from bnode_nlme.study.study import Study


@dataclass(frozen=True)
class Varying:
    """Which inputs vary: positions among the system's parameters, and among its covariates.

    The states that stand for them follow the system's own, parameters first.
    """

    parameters: tuple[int, ...] = ()
    covariates: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.parameters) + len(self.covariates)

    @property
    def codes(self) -> tuple[int, ...]:
        """What each of the states stands for: a parameter's position, or -1 less a covariate's."""
        return (*self.parameters, *(-1 - position for position in self.covariates))

    def names(self, system: System) -> tuple[str, ...]:
        """The varying inputs, by name."""
        return (
            *(system.parameters[position] for position in self.parameters),
            *(system.covariates[position] for position in self.covariates),
        )


NOTHING_VARIES = Varying()


def elements_used(expressions: Sequence[Variable], vector: Variable) -> dict[Variable, int]:
    """The elements of an input vector that expressions depend on, with their positions."""
    found: dict[Variable, int] = {}
    for variable in ancestors(list(expressions)):
        node: Any = variable.owner
        if node is not None and isinstance(node.op, Subtensor) and node.inputs[0] is vector:
            index: Any = indices_from_subtensor(node.inputs[1:], node.op.idx_list)[0]
            found[variable] = int(index.data) if isinstance(index, Constant) else int(index)
    return found


def varying_inputs(system: System, study: Study, by_occasion: Sequence[bool]) -> Varying:
    """What varies within some subject of a study, and moves the system.

    Parameters
    ----------
    system, study
        What is solved, and on which records.
    by_occasion
        For each of the system's parameters, whether it is given for each occasion.

    Returns
    -------
    Varying
        Without what only the doses depend on: they take the value at their record.
    """
    graph = system.graph
    expressions = [graph.derivative, graph.outputs, graph.initial]
    parameters = set(elements_used(expressions, graph.parameters).values())
    covariates = set(elements_used(expressions, graph.covariates).values())
    return Varying(
        tuple(i for i in sorted(parameters) if by_occasion[i]),
        tuple(i for i in sorted(covariates) if system.covariates[i] in study.varying),
    )


def with_varying(graph: SystemGraph, varying: Varying) -> SystemGraph:
    """The graph of a system whose varying inputs are states after its own.

    The initial values of the system's own states stay expressions of parameters and covariates: a
    solve gives them the values of the moment where there is a reset.
    """
    if not len(varying):
        return graph
    own = graph.state.type.shape[0]
    state = pt.vector("y", shape=(own + len(varying),), dtype="float64")
    places = {code: own + index for index, code in enumerate(varying.codes)}
    replacements: dict[Variable, Variable] = {graph.state: state[:own]}
    expressions = [graph.derivative, graph.outputs]
    for variable, position in elements_used(expressions, graph.parameters).items():
        if position in places:
            replacements[variable] = state[places[position]]
    for variable, position in elements_used(expressions, graph.covariates).items():
        if -1 - position in places:
            replacements[variable] = state[places[-1 - position]]
    replaced: Any = graph_replace(expressions, replacements, strict=False)
    derivative, outputs = replaced
    return replace(
        graph,
        state=state,
        derivative=pt.concatenate([derivative, pt.zeros(len(varying))]),
        outputs=outputs,
        initial=pt.concatenate(
            [
                graph.initial,
                *(graph.parameters[i : i + 1] for i in varying.parameters),
                *(graph.covariates[i : i + 1] for i in varying.covariates),
            ]
        ),
    )
