"""What a right-hand side receives: values by name, as attributes or as items."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bnode_nlme.dynamics.errors import UnknownNameError, listed, nearest
from bnode_nlme.dynamics.expression import Expression
from bnode_nlme.dynamics.mlp import MLP

__all__ = ["Named", "bind", "with_entry"]


class Named[T]:
    """Read-only values by name: ``y.depot`` and ``y["depot"]`` are the same variable.

    Parameters
    ----------
    group : str
        What the user calls it: ``"y"``, ``"p"``, ``"nn"`` or ``"c"``.
    kind : str
        What it holds, in the plural: ``"states"``, ...
    values : mapping
        The values in the order of their declaration.
    elsewhere : mapping of str to str
        Names that are declared as something else, and how they are read: ``{"CL": "p.CL"}``.

    Raises
    ------
    UnknownNameError
        On a name that was not declared; it lists the declared ones and suggests the nearest.
    """

    __slots__ = ("_elsewhere", "_group", "_kind", "_values")

    _elsewhere: Mapping[str, str]
    _group: str
    _kind: str
    _values: dict[str, T]

    def __init__(
        self, group: str, kind: str, values: Mapping[str, T], elsewhere: Mapping[str, str]
    ) -> None:
        object.__setattr__(self, "_group", group)
        object.__setattr__(self, "_kind", kind)
        object.__setattr__(self, "_values", dict(values))
        object.__setattr__(self, "_elsewhere", elsewhere)

    def __getitem__(self, name: str) -> T:
        if name not in self._values:
            raise UnknownNameError(self._unknown(str(name)))
        return self._values[name]

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

    def _unknown(self, name: str) -> str:
        if name in self._elsewhere:
            cure = f"Write {self._elsewhere[name]}."
        else:
            near = nearest(name, self._values)
            guess = f"Did you mean {self._group}.{near}? " if near else ""
            cure = f"{guess}Correct the name, or add {name!r} to {self._kind}=."
        return (
            f"{self._group}.{name}: the system has no {self._kind[:-1]} named {name!r}. "
            f"Declared {self._kind}: {listed(self._values)}. {cure}"
        )


def bind(network: MLP, weights: Expression) -> Callable[..., Expression]:
    """Return `network` as a function of its inputs alone, with `weights` (size,) in place."""

    def call(*inputs: Any) -> Expression:
        return network(weights, *inputs)

    call.__name__ = network.name
    return call


def with_entry[T](named: Named[T], name: str, value: T) -> Named[T]:
    """Return the values with one more, or with another in the place of one."""
    values = {own: named[own] for own in named} | {name: value}
    return Named(named._group, named._kind, values, named._elsewhere)
