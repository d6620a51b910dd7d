"""What a right-hand side receives: values by name, as attributes or as items."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from pytensor.tensor.variable import TensorVariable

from bnode_nlme.dynamics.errors import UnknownNameError
from bnode_nlme.dynamics.mlp import MLP

__all__ = ["Named", "bind"]

T = TypeVar("T")


class Named(Generic[T]):
    """Read-only values by name: ``y.depot`` and ``y["depot"]`` are the same variable.

    Parameters
    ----------
    group : str
        What the user calls it: ``"y"``, ``"p"``, ``"nn"`` or ``"c"``.
    kind : str
        What it holds, in the plural: ``"states"``, ...
    values : mapping
        The values in the order of their declaration.

    Raises
    ------
    UnknownNameError
        On a name that was not declared; it lists the declared ones and suggests the nearest.
    """

    __slots__ = ("_group", "_kind", "_values")

    def __init__(self, group: str, kind: str, values: Mapping[str, T]) -> None:
        object.__setattr__(self, "_group", group)
        object.__setattr__(self, "_kind", kind)
        object.__setattr__(self, "_values", dict(values))

    def __getitem__(self, name: str) -> T:
        values: dict[str, T] = self._values
        if name not in values:
            raise UnknownNameError(str(name), self._group, self._kind, values)
        return values[name]

    def __getattr__(self, name: str) -> T:
        if name.startswith("_"):
            # Python itself asks for such names (copying, display); they are never declared.
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(
            f"{self._group}.{name} cannot be set: a right-hand side returns its results in a dict."
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __dir__(self) -> list[str]:
        return list(self._values)

    def __repr__(self) -> str:
        return f"<{self._group}: {self._kind} {', '.join(self._values) or '(none)'}>"


def bind(network: MLP, weights: TensorVariable) -> Callable[..., TensorVariable]:
    """Return `network` as a function of its inputs alone, with `weights` (size,) in place."""

    def call(*inputs: Any) -> TensorVariable:
        return network(weights, *inputs)

    call.__name__ = network.name
    return call
