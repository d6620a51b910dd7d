"""The native kernels of one system: what a solver needs to know of it, as LLVM IR."""

from __future__ import annotations

import functools
import weakref
from dataclasses import dataclass, field

import numpy as np
import pytensor.tensor as pt
from pytensor.configdefaults import config
from pytensor.graph.basic import Variable

from bnode_nlme.dynamics.graph import SystemGraph
from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.kernel_header import kernel_header
from bnode_nlme.engine.lane_kernels import SYMBOLS, emit_lanes
from bnode_nlme.engine.lane_programs import lane_programs
from bnode_nlme.engine.llvm import emit
from bnode_nlme.engine.lowering import lower, vector_jacobian_product
from bnode_nlme.engine.native import compile_ir, content_hash
from bnode_nlme.engine.program import Program
from bnode_nlme.engine.varying import NOTHING_VARIES, Varying, with_varying
from bnode_nlme.engine.workspace import Workspace

SCALAR_KERNELS = (
    "derivative",
    "jacobian",
    "state_adjoint",
    "parameter_adjoint",
    "readout",
    "readout_adjoint",
    "initial",
    "initial_adjoint",
)
"""The kernels of one subject."""

KERNELS = (*SCALAR_KERNELS, *SYMBOLS)
"""All kernels of a system, in the order of their addresses."""


@dataclass(frozen=True)
class Kernels:
    """A system's native kernels; picklable, compiled where they are first used.

    Attributes
    ----------
    source : str
        LLVM IR, readable: a header names the system, registers keep the names of states,
        parameters and covariates.
    states, parameters, weights, covariates : int
        Lengths of the input arrays.
    varying : tuple of int
        What the last of the states stand for, where inputs vary: see `Varying.codes`.
    readouts : tuple of str
        What a solve reports at each observation row: the outputs, then the states.
    readout_weights : int
        How many cotangents of weights the adjoint of the readouts gives: all or none.
    kept : int
        Rows that a stage of a step in lanes keeps for its adjoint.
    workspace : Workspace
        Layout of the memory of a group of lanes.
    """

    source: str = field(repr=False)
    states: int
    varying: tuple[int, ...]
    parameters: int
    weights: int
    covariates: int
    readouts: tuple[str, ...]
    readout_weights: int
    kept: int
    workspace: Workspace

    @functools.cached_property
    def key(self) -> str:
        """Content hash: equal for equal systems, in every process."""
        return content_hash(self.source)

    def addresses(self) -> tuple[int, ...]:
        """Addresses of the compiled kernels in this process, in the order of `KERNELS`."""
        module = compile_ir(self.source, KERNELS)
        return tuple(module.addresses[symbol] for symbol in KERNELS)


def _expressions(
    system: System, graph: SystemGraph, seed: Variable, readout_seed: Variable
) -> dict[str, list[Variable]]:
    readout = _readout(system, graph)
    inputs: list[Variable] = [graph.state, graph.parameters, graph.weights]
    dynamics = graph.derivative
    return {
        # Lowered at once: most of the time goes into PyTensor's rewriting of what they share.
        "dynamics": [dynamics, *vector_jacobian_product(dynamics, [*inputs, graph.time], seed)],
        "readout": [readout],
        "readout_adjoint": vector_jacobian_product(readout, [graph.time, *inputs], readout_seed),
        "initial": [graph.initial],
        "initial_adjoint": vector_jacobian_product(graph.initial, [graph.parameters], seed),
    }


def _jacobian(adjoint: Program, states: int) -> Program:
    """The Jacobian, column by column as CVODES stores it, from its product with a seed.

    Row i is the product with the unit vector i: what that makes zero is folded away, far sooner
    than by differentiating and rewriting each row as a graph of its own.
    """
    program = adjoint.specialised("seed", np.eye(states).tolist())
    rows = program.outputs
    program.outputs = [rows[i * states + j] for j in range(states) for i in range(states)]
    return program


def readout_names(system: System) -> tuple[str, ...]:
    """Names of what a solve reports at each observation row: the outputs, then the states."""
    return (*system.output_names, *(s for s in system.states if s not in system.output_names))


def _readout(system: System, graph: SystemGraph) -> Variable:
    extra = [i for i, name in enumerate(system.states) if name not in system.output_names]
    return (
        pt.concatenate([graph.outputs, pt.stack([graph.state[i] for i in extra])])
        if extra
        else graph.outputs
    )


def _labels(system: System, varying: Varying) -> dict[tuple[str, int], str]:
    named = {
        "state": (*system.states, *varying.names(system)),
        "parameters": system.parameters,
        "covariates": system.covariates,
    }
    labels = {
        (array, index): f"{array}.{name}"
        for array, names in named.items()
        for index, name in enumerate(names)
    }
    for network, place in system.weight_slices.items():
        for index in range(place.start, place.stop):
            labels["weights", index] = f"{network}.{index - place.start}"
    return labels


def _without_idle_weights(adjoint: Program, first: int) -> int:
    """Drop the cotangents of weights where readouts have none; returns how many are left.

    Hundreds of zeros would be written, and added up, at every observation.
    """
    if all(adjoint.value_of(number) == 0.0 for number in adjoint.outputs[first:]):
        del adjoint.outputs[first:]
    return len(adjoint.outputs) - first


def build_kernels(system: System, varying: Varying = NOTHING_VARIES) -> Kernels:
    """Differentiate, lower and print a system's right-hand side, outputs and initial state.

    Parameters
    ----------
    system
        The declared system.
    varying
        Which of its inputs change within a subject.

    Returns
    -------
    Kernels

    Raises
    ------
    LoweringError
        When the system uses an operation without a native counterpart.
    """
    graph = with_varying(system.graph, varying)
    names = readout_names(system)
    states = len(system.states) + len(varying)
    seed = pt.tensor("seed", shape=(states,), dtype="float64")
    readout_seed = pt.tensor("seed", shape=(len(names),), dtype="float64")
    programs: dict[str, Program] = {}
    # PyTensor would note for each of thousands of variables where it was made.
    with config.change_flags(traceback__limit=0):
        for kernel, outputs in _expressions(system, graph, seed, readout_seed).items():
            inputs = [
                ("time", graph.time),
                ("state", graph.state),
                ("parameters", graph.parameters),
                ("weights", graph.weights),
                ("covariates", graph.covariates),
                ("seed", readout_seed if kernel == "readout_adjoint" else seed),
            ]
            programs[kernel] = lower(inputs, outputs)
    dynamics = programs.pop("dynamics")
    for kernel, first, last in (
        ("derivative", 0, states),
        ("state_adjoint", states, 2 * states),
        ("parameter_adjoint", 2 * states, len(dynamics.outputs) - 1),
    ):
        programs[kernel] = dynamics.part(first, last)
    programs["jacobian"] = _jacobian(programs["state_adjoint"], states)
    readout_weights = _without_idle_weights(
        programs["readout_adjoint"], 1 + states + len(system.parameters)
    )
    lanes = lane_programs(dynamics, states)
    space = Workspace.of(
        states=states,
        parameters=len(system.parameters),
        weights=system.n_weights,
        covariates=len(system.covariates),
        fixed=lanes.fixed,
        kept=lanes.kept,
    )
    labels = _labels(system, varying)
    bodies: list[str] = []
    needed: set[str] = set()
    for kernel in SCALAR_KERNELS:
        body, used = emit(kernel, programs[kernel], labels=labels)
        bodies.append(body)
        needed |= used
    functions, used = emit_lanes(lanes, space, states, labels)
    bodies += functions
    needed |= used
    source = (
        "\n\n".join([kernel_header(system, names, varying.names(system)), *sorted(needed), *bodies])
        + "\n"
    )
    return Kernels(
        source,
        states=states,
        varying=varying.codes,
        parameters=len(system.parameters),
        weights=system.n_weights,
        covariates=len(system.covariates),
        readouts=names,
        readout_weights=readout_weights,
        kept=lanes.kept,
        workspace=space,
    )


_BUILT: weakref.WeakKeyDictionary[System, dict[Varying, Kernels]] = weakref.WeakKeyDictionary()


def kernels_of(system: System, varying: Varying = NOTHING_VARIES) -> Kernels:
    """The kernels of a system of which some inputs vary, built on the first request."""
    built = _BUILT.setdefault(system, {})
    if varying not in built:
        built[varying] = build_kernels(system, varying)
    return built[varying]
