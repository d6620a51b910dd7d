"""The symbolic graph of a system: what the engine lowers to native code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytensor.tensor as pt
from pytensor.configdefaults import config
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.dynamics.arguments import Named, bind
from bnode_nlme.dynamics.dosing import Dosing
from bnode_nlme.dynamics.errors import DeclarationError, listed, nearest
from bnode_nlme.dynamics.expression import Expression, call_declared, scalar_expression
from bnode_nlme.dynamics.mlp import MLP
from bnode_nlme.dynamics.outside import check_inside, check_used

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
    dosing : mapping of (str, str) to TensorVariable ()
        By state and quantity (``"lag"``, ``"bioavailability"``, ``"duration"``, ``"rate"``), what
        was declared of the doses into it, from `parameters` and `covariates` only.
    """

    time: Expression
    state: Expression
    parameters: Expression
    weights: Expression
    covariates: Expression
    derivative: Expression
    outputs: Expression
    initial: Expression
    dosing: Mapping[tuple[str, str], Expression]


def build_graph(
    *,
    states: tuple[str, ...],
    parameters: tuple[str, ...],
    covariates: tuple[str, ...],
    networks: tuple[MLP, ...],
    weight_slices: Mapping[str, slice],
    rhs: Callable[..., Any],
    outputs: Mapping[str, Callable[..., Any]] | None,
    initial: Mapping[str, Callable[..., Any]],
    dosing: Mapping[str, Dosing],
) -> SystemGraph:
    """Call a system's functions once on symbols, and check what they return.

    The arguments are those of `bnode_nlme.dynamics.system.System`, names already checked.

    Raises
    ------
    DeclarationError
        Naming the state, output, parameter or network at fault.
    """
    n_weights = max((place.stop for place in weight_slices.values()), default=0)
    time = pt.scalar("t", dtype="float64")
    y, y_by_name = _vector("y", states)
    p, p_by_name = _vector("p", parameters)
    c, c_by_name = _vector("c", covariates)
    w = pt.vector("w", shape=(n_weights,), dtype="float64")
    w_by_name = {name: w[place] for name, place in weight_slices.items()}
    functions = {net.name: bind(net, w_by_name[net.name]) for net in networks}

    read = {
        **{name: f"y.{name}" for name in states},
        **{name: f"p.{name}" for name in parameters},
        **{name: f"nn.{name}" for name in functions},
        **{name: f"c.{name}" for name in covariates},
    }
    p_named = Named("p", "parameters", p_by_name, read)
    c_named = Named("c", "covariates", c_by_name, read)
    everything = (
        time,
        Named("y", "states", y_by_name, read),
        p_named,
        Named("nn", "networks", functions, read),
        c_named,
    )

    # Under floatX=float32 PyTensor would round the functions' Python constants.
    with config.change_flags(floatX="float64"):
        derivative = _derivative(rhs, states, everything)
        observed = y_by_name
        if outputs is not None:
            observed = _evaluated(outputs, "output", "t, y, p, nn, c", everything)
        start = {name: scalar_expression(0.0, "initial") for name in states}
        start |= _evaluated(initial, "initial value of state", "p, c", (p_named, c_named))
        doses = {
            (state, quantity): scalar_expression(
                call_declared(function, where, "p, c", (p_named, c_named)), where
            )
            for state, declared in dosing.items()
            for quantity, function in declared.given.items()
            for where in [_dosing_place(state, quantity)]
        }

    results = [
        *((f"rhs, state {name!r}", value) for name, value in derivative.items()),
        *((f"output {name!r}", value) for name, value in observed.items()),
        *((f"initial value of state {name!r}", value) for name, value in start.items()),
        *((_dosing_place(*key), value) for key, value in doses.items()),
    ]
    check_inside(results, (time, y, p, w, c))
    check_used(
        [value for _, value in results],
        parameters=p_by_name,
        networks=w_by_name,
        covariates=c_by_name,
    )
    return SystemGraph(
        time=time,
        state=y,
        parameters=p,
        weights=w,
        covariates=c,
        derivative=pt.stack([derivative[name] for name in states]),
        outputs=pt.stack(list(observed.values())),
        initial=pt.stack([start[name] for name in states]),
        dosing=doses,
    )


def _dosing_place(state: str, quantity: str) -> str:
    return f"{quantity} of the doses into state {state!r}"


def _vector(symbol: str, names: tuple[str, ...]) -> tuple[Expression, dict[str, Expression]]:
    vector = pt.vector(symbol, shape=(len(names),), dtype="float64")
    elements = {name: vector[position] for position, name in enumerate(names)}
    for name, element in elements.items():
        element.name = name
    return vector, elements


def _derivative(
    rhs: Callable[..., Any], states: tuple[str, ...], arguments: tuple[Any, ...]
) -> dict[str, Expression]:
    returned = call_declared(rhs, "rhs", "t, y, p, nn, c", arguments)
    wanted = f"a dict with one scalar for each state ({listed(states)})"
    if not isinstance(returned, Mapping):
        found = (
            f"a PyTensor variable of shape {returned.type.shape}"
            if isinstance(returned, TensorVariable)
            else f"{returned!r} of type {type(returned).__name__}"
        )
        raise DeclarationError(
            f"rhs: wanted {wanted}, found {found}. Return {{{states[0]!r}: ..., ...}}."
        )
    missing = [name for name in states if name not in returned]
    unknown = [str(name) for name in returned if name not in states]
    if unknown:
        near = nearest(unknown[0], missing)
        guess = f"Did you mean {near!r}? " if near else ""
        raise DeclarationError(
            f"rhs: returned a derivative for {listed(unknown)}, which is no state. Declared "
            f"states: {listed(states)}. {guess}Correct the name, or add it to states=."
        )
    if missing:
        raise DeclarationError(
            f"rhs: no derivative for state {listed(missing)}; wanted {wanted}. "
            "Return 0.0 for a state that only doses change."
        )
    return {name: scalar_expression(returned[name], f"rhs, state {name!r}") for name in states}


def _evaluated(
    declared: Mapping[str, Callable[..., Any]],
    what: str,
    signature: str,
    arguments: tuple[Any, ...],
) -> dict[str, Expression]:
    return {
        name: scalar_expression(
            call_declared(function, f"{what} {name!r}", signature, arguments), f"{what} {name!r}"
        )
        for name, function in declared.items()
    }
