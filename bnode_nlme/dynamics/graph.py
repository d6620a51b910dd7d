"""The symbolic graph of a system: what the engine lowers to native code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytensor
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.dynamics.arguments import Named, bind
from bnode_nlme.dynamics.errors import DeclarationError, listed
from bnode_nlme.dynamics.expression import call_declared, scalar_expression
from bnode_nlme.dynamics.outside import check_inside, check_used

if TYPE_CHECKING:
    from bnode_nlme.dynamics.system import System

__all__ = ["SystemGraph", "build_graph"]


@dataclass(frozen=True, eq=False)
class SystemGraph:
    """A system as PyTensor expressions; everything float64, every shape static.

    Attributes
    ----------
    time : TensorVariable ()
    state : TensorVariable (n,)
        In the order of ``System.states``.
    parameters : TensorVariable (P,)
        In the order of ``System.parameters``.
    weights : TensorVariable (W,)
        The networks' weights, one after the other in the order of ``System.networks``.
    covariates : TensorVariable (C,)
        In the order of ``System.covariates``.
    derivative : TensorVariable (n,)
        Time derivative of the state, from all of the above.
    outputs : TensorVariable (n_out,)
        In the order of ``System.output_names``, from all of the above.
    initial : TensorVariable (n,)
        State before the first record, from `parameters` and `covariates` only.
    """

    time: TensorVariable
    state: TensorVariable
    parameters: TensorVariable
    weights: TensorVariable
    covariates: TensorVariable
    derivative: TensorVariable
    outputs: TensorVariable
    initial: TensorVariable


def build_graph(system: "System") -> SystemGraph:
    """Call a system's functions once on symbols, and check what they return.

    Raises
    ------
    DeclarationError
        Naming the state, output, parameter or network at fault.
    """
    # Under floatX=float32 PyTensor would round the functions' Python constants.
    with pytensor.config.change_flags(floatX="float64"):
        return _build(system)


def _build(system: "System") -> SystemGraph:
    time = pt.scalar("t", dtype="float64")
    state = pt.vector("y", shape=(len(system.states),), dtype="float64")
    parameters = pt.vector("p", shape=(len(system.parameters),), dtype="float64")
    weights = pt.vector("w", shape=(system.n_weights,), dtype="float64")
    covariates = pt.vector("c", shape=(len(system.covariates),), dtype="float64")

    p = _elements(parameters, system.parameters)
    c = _elements(covariates, system.covariates)
    w = {name: weights[place] for name, place in system.weight_slices.items()}
    y_ = Named("y", "states", _elements(state, system.states))
    p_ = Named("p", "parameters", p)
    c_ = Named("c", "covariates", c)
    nn_ = Named(
        "nn",
        "networks",
        {network.name: bind(network, w[network.name]) for network in system.networks},
    )
    arguments = (time, y_, p_, nn_, c_)

    derivative = _derivative(system, arguments)
    outputs = {name: y_[name] for name in system.states}
    if system.outputs is not None:
        outputs = _evaluated(system.outputs, "output", "t, y, p, nn, c", arguments)
    initial = {name: scalar_expression(0.0, "") for name in system.states}
    initial |= _evaluated(system.initial, "initial value of state", "p, c", (p_, c_))

    results = [
        *((f"rhs, state {name!r}", value) for name, value in derivative.items()),
        *((f"output {name!r}", value) for name, value in outputs.items()),
        *((f"initial value of state {name!r}", value) for name, value in initial.items()),
    ]
    check_inside(results, (time, state, parameters, weights, covariates))
    check_used([value for _, value in results], parameters=p, networks=w, covariates=c)
    return SystemGraph(
        time=time,
        state=state,
        parameters=parameters,
        weights=weights,
        covariates=covariates,
        derivative=pt.stack(list(derivative.values())),
        outputs=pt.stack(list(outputs.values())),
        initial=pt.stack([initial[name] for name in system.states]),
    )


def _elements(vector: TensorVariable, names: tuple[str, ...]) -> dict[str, TensorVariable]:
    elements = {}
    for position, name in enumerate(names):
        elements[name] = vector[position]
        elements[name].name = name
    return elements


def _derivative(system: "System", arguments: tuple[Any, ...]) -> dict[str, TensorVariable]:
    returned = call_declared(system.rhs, "rhs", "t, y, p, nn, c", arguments)
    wanted = f"a dict with one scalar for each state ({listed(system.states)})"
    if not isinstance(returned, Mapping):
        raise DeclarationError(
            f"rhs: wanted {wanted}, found {_described(returned)}. "
            f"Return {{{system.states[0]!r}: ..., ...}}."
        )
    unknown = [str(name) for name in returned if name not in system.states]
    if unknown:
        raise DeclarationError(
            f"rhs: returned a derivative for {listed(unknown)}, which the system does not have. "
            f"Declared states: {listed(system.states)}. Correct the name or add it to states=."
        )
    missing = [name for name in system.states if name not in returned]
    if missing:
        raise DeclarationError(
            f"rhs: no derivative for state {listed(missing)}; wanted {wanted}. "
            "Return 0.0 for a state that changes by doses only."
        )
    return {
        name: scalar_expression(returned[name], f"rhs, state {name!r}") for name in system.states
    }


def _evaluated(
    declared: Mapping[str, Callable[..., Any]],
    what: str,
    signature: str,
    arguments: tuple[Any, ...],
) -> dict[str, TensorVariable]:
    return {
        name: scalar_expression(
            call_declared(function, f"{what} {name!r}", signature, arguments), f"{what} {name!r}"
        )
        for name, function in declared.items()
    }


def _described(value: object) -> str:
    if isinstance(value, TensorVariable):
        return f"a PyTensor variable of shape {value.type.shape}"
    return f"{value!r} of type {type(value).__name__}"
