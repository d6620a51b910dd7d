"""An expression in the place of a network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytensor.tensor as pt

from bnode_nlme.dynamics.arguments import Named, with_entry
from bnode_nlme.dynamics.errors import DeclarationError
from bnode_nlme.dynamics.expression import Expression, call_declared, scalar_expression
from bnode_nlme.dynamics.mlp import MLP
from bnode_nlme.dynamics.mlp_arguments import check_tensor

__all__ = ["ReplacedNetwork"]


@dataclass(frozen=True)
class ReplacedNetwork:
    """A function of (t, y, p, nn, c) that calls an expression where it called a network.

    Parameters
    ----------
    declared : callable (t, y, p, nn, c)
        The function as it was declared.
    network : MLP
        The network that it called.
    function : callable (p, *inputs)
        The expression: a scalar, or as many as the network has outputs.
    dropped : tuple of str
        Parameters and covariates that only the network's arguments were made of: the declared
        function still reads them, and is given 1.
    """

    declared: Callable[..., Any]
    network: MLP
    function: Callable[..., Any]
    dropped: tuple[str, ...] = ()

    def __call__(self, t: Any, y: Any, p: Any, nn: Named[Any], c: Any) -> Any:
        """Call the declared function."""

        def call(*inputs: Any) -> Expression:
            x = check_tensor(self.network.name, self.network.inputs, inputs)
            return self._value(p, [x[..., place] for place in range(self.network.inputs)])

        given = p
        for name in self.dropped:
            one = pt.constant(1.0, dtype="float64")
            given, c = with_entry(given, name, one), with_entry(c, name, one)
        return self.declared(t, y, given, with_entry(nn, self.network.name, call), c)

    def _value(self, p: Any, inputs: list[Any]) -> Expression:
        name, outputs = self.network.name, self.network.outputs
        where = f"function in place of the network {name!r}"
        signature = ", ".join(["p", *(f"x{place + 1}" for place in range(len(inputs)))])
        found = call_declared(self.function, where, signature, (p, *inputs))
        if outputs == 1:
            if inputs[0].ndim == 0:
                return scalar_expression(found, where)
            # The declared function called the network on a tensor: a constant fits every point.
            return pt.as_tensor_variable(found) + pt.zeros_like(inputs[0])
        if not isinstance(found, Sequence) or len(found) != outputs:
            raise DeclarationError(
                f"{where}: wanted a sequence of {outputs} expressions, one for each output of the "
                f"network; found {found!r}."
            )
        return pt.stack([pt.as_tensor_variable(one) for one in found], axis=-1)
