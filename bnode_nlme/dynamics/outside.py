"""Which symbols a system's expressions use: none from outside, and every declared one."""

from collections.abc import Iterable, Mapping
from typing import Any

from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Constant, Variable
from pytensor.graph.traversal import ancestors, toposort
from pytensor.tensor.random.type import RandomType

from bnode_nlme.dynamics.errors import DeclarationError, UnusedNamesError, listed
from bnode_nlme.dynamics.expression import Expression

__all__ = ["check_inside", "check_used"]

type AnyVariable = Variable[Any, Any]


def check_inside(results: Iterable[tuple[str, Expression]], symbols: Iterable[Expression]) -> None:
    """Refuse results that depend on anything but the system's own symbols and constants.

    Parameters
    ----------
    results : iterable of (str, TensorVariable)
        Where each expression comes from, for the message, and the expression.
    symbols : iterable of TensorVariable
        The system's inputs.

    Raises
    ------
    DeclarationError
        Listing every outside variable and where it was found.
    """
    own: set[AnyVariable] = set(symbols)
    faults = [
        f"{where}: {_described(variable)}"
        for where, result in results
        for variable in _outside(result, own)
    ]
    if faults:
        raise DeclarationError(
            "The system uses variables from outside it, found in\n  "
            + "\n  ".join(faults)
            + "\nIts functions may use their own arguments, networks and constants only. Declare "
            "each such variable in parameters=, read it as p.<name>, and pass it where the system "
            "is solved; a shared variable that never changes can be written as its value."
        )


def check_used(
    results: Iterable[Expression],
    *,
    parameters: Mapping[str, Expression],
    networks: Mapping[str, Expression],
    covariates: Mapping[str, Expression],
) -> None:
    """Refuse a declared parameter, network or covariate that no result depends on.

    Raises
    ------
    UnusedNamesError
        Naming what is unused.
    """
    used = set(ancestors(list(results)))
    groups = {
        "parameters": ("p.{}", parameters),
        "networks": ("nn.{}(...)", networks),
        "covariates": ("c.{}", covariates),
    }
    for group, (reading, variables) in groups.items():
        unused = [name for name, variable in variables.items() if variable not in used]
        if unused:
            raise UnusedNamesError(
                f"{group}: {listed(unused)} declared, but neither rhs nor outputs nor initial "
                f"nor dosing depend on it. Use it there as {reading.format(unused[0])}, or remove it from "
                f"{group}=. Declared {group}: {listed(variables)}.",
                group,
                unused,
            )


def _outside(result: Expression, own: set[AnyVariable]) -> list[AnyVariable]:
    """Outside variables that `result` depends on, as close to the user's names as possible."""
    touched: set[AnyVariable] = set(own)
    for node in toposort([result], blockers=own):
        if any(variable in touched for variable in node.inputs):
            touched.update(node.outputs)
    found: dict[AnyVariable, None] = {}
    stack: list[AnyVariable] = [result]
    seen: set[AnyVariable] = set()
    while stack:
        variable = stack.pop()
        if variable in seen or variable in own or isinstance(variable, Constant):
            continue
        seen.add(variable)
        roots = _roots(variable, own)
        if not roots:
            continue
        named = variable.name is not None and variable not in touched
        if variable.owner is None or named or _is_random(variable):
            found[variable] = None
        else:
            stack.extend(reversed(variable.owner.inputs))
    return list(found)


def _roots(variable: AnyVariable, own: set[AnyVariable]) -> list[AnyVariable]:
    return [
        root
        for root in ancestors([variable], blockers=own)
        if root.owner is None and root not in own and not isinstance(root, Constant)
    ]


def _is_random(variable: AnyVariable) -> bool:
    return variable.owner is not None and any(
        isinstance(source.type, RandomType) for source in variable.owner.inputs
    )


def _described(variable: AnyVariable) -> str:
    name = repr(variable.name) if variable.name is not None else "without a name"
    if _is_random(variable):
        return f"the random variable {name}"
    if isinstance(variable, SharedVariable):
        return f"the shared variable {name}"
    return f"the variable {name} ({variable.type})"
