"""A PyMC model as a function of one vector: log-probability, gradient, and what a draw stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray
from pymc.pytensorf import compile as compile_pymc
from pymc.util import get_default_varnames
from pytensor.gradient import grad
from pytensor.graph.replace import clone_replace
from pytensor.graph.rewriting.utils import rewrite_graph

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FlatModel:
    """A model over the vector of its unconstrained free variables, in the order of the model.

    Functions are compiled when they are first called.

    Attributes
    ----------
    model : pymc.Model
    names : tuple of str
        The free random variables.
    shapes : tuple of tuple of int
        Of their unconstrained values.
    """

    model: pm.Model
    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    @property
    def size(self) -> int:
        """Length of the vector."""
        return sum(int(np.prod(shape)) for shape in self.shapes)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each free variable stands in the vector."""
        ends = np.cumsum([0, *(int(np.prod(shape)) for shape in self.shapes)])
        return {
            name: slice(int(begin), int(end))
            for name, begin, end in zip(self.names, ends[:-1], ends[1:], strict=True)
        }

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """A name for each component."""
        return tuple(
            f"{name}[{', '.join(map(str, index))}]" if index else name
            for name, shape in zip(self.names, self.shapes, strict=True)
            for index in np.ndindex(*shape)
        )

    def vector(self, point: Mapping[str, Any]) -> Vector:
        """Join unconstrained values, by the names of the value variables, into a vector."""
        parts = [
            np.ravel(np.asarray(point[self._value_name(name)], dtype=np.float64))
            for name in self.names
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def point(self, x: Vector) -> dict[str, NDArray[np.float64]]:
        """Split a vector into unconstrained values by the names of the value variables."""
        return {
            self._value_name(name): x[self.slices[name]].reshape(shape)
            for name, shape in zip(self.names, self.shapes, strict=True)
        }

    def logp_and_gradient(self, x: Vector) -> tuple[float, Vector]:
        """Log-density of the vector (with the transformations' Jacobian) and its gradient."""
        value, gradient = self._density(x)
        return float(value), np.asarray(gradient)

    def natural_logp_and_gradient(self, x: Vector) -> tuple[float, Vector]:
        """Log-density of the variables themselves, without the Jacobian, and its gradient."""
        value, gradient = self._natural_density(x)
        return float(value), np.asarray(gradient)

    def logp_without(self, names: Sequence[str], x: Vector) -> tuple[float, Vector]:
        """Log-density without the terms of the free variables `names`, and its gradient."""
        value, gradient = self._partial(tuple(names))(x)
        return float(value), np.asarray(gradient)

    @cached_property
    def _density(self) -> Any:
        return self._compiled(self.model.logp())

    @cached_property
    def _natural_density(self) -> Any:
        return self._compiled(self.model.logp(jacobian=False))

    @cached_property
    def _partials(self) -> dict[tuple[str, ...], Any]:
        return {}

    def _partial(self, names: tuple[str, ...]) -> Any:
        if names not in self._partials:
            model = self.model
            kept = [v for v in [*model.basic_RVs, *model.potentials] if v.name not in names]
            self._partials[names] = self._compiled(model.logp(vars=kept))
        return self._partials[names]

    @cached_property
    def expanded_names(self) -> tuple[str, ...]:
        """Variables of a posterior: free variables as the model declares them, Deterministics."""
        return tuple(
            get_default_varnames([v.name for v in self.model.unobserved_value_vars], False)
        )

    def expand(self, draws: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
        """What vectors stand for: every free variable and Deterministic at each draw.

        Parameters
        ----------
        draws : (..., size)

        Returns
        -------
        dict of str to ndarray (..., *shape of the variable)
        """
        lead = draws.shape[:-1]
        rows = [self._expansion(x) for x in np.ascontiguousarray(draws.reshape(-1, self.size))]
        values = {}
        for place, name in enumerate(self.expanded_names):
            stacked = np.stack([np.asarray(row[place]) for row in rows])
            values[name] = stacked.reshape(*lead, *stacked.shape[1:])
        return values

    @cached_property
    def _expansion(self) -> Any:
        by_name = {v.name: v for v in self.model.unobserved_value_vars}
        return self.function([by_name[name] for name in self.expanded_names])

    def _value_name(self, name: str) -> str:
        return str(self.model.rvs_to_values[self.model[name]].name)

    def _compiled(self, logp: Any) -> Any:
        # As nutpie does: stable forms first, because a gradient of an unstable one is lost.
        logp = rewrite_graph(logp, include=["canonicalize", "stabilize"])
        return self.function([logp, self.gradient_of(logp)])

    def gradient_of(self, scalar: Any) -> Any:
        """Gradient of an expression of the value variables, as one vector (size,)."""
        gradients: Any = grad(scalar, self._values, disconnected_inputs="ignore")
        return pt.concatenate([part.ravel() for part in gradients])

    @property
    def _values(self) -> list[Any]:
        return [self.model.rvs_to_values[self.model[name]] for name in self.names]

    def function(self, outputs: Sequence[Any], inputs: Sequence[Any] = ()) -> Any:
        """Compile expressions of the value variables as a function of the vector, and `inputs`."""
        x = pt.TensorType("float64", shape=(self.size,))("x")
        replacements = {
            value: x[self.slices[name]].reshape(shape).astype(value.dtype)
            for name, shape, value in zip(self.names, self.shapes, self._values, strict=True)
        }
        replaced = clone_replace(list(outputs), replacements)
        with self.model:  # which says whether bounds of parameters are checked
            compiled = compile_pymc([x, *inputs], replaced, on_unused_input="ignore")
        compiled.trust_input = True
        return compiled


def flat_model(model: pm.Model) -> FlatModel:
    """Look at a model as a function of one vector.

    Raises
    ------
    ValueError
        When a free variable is discrete, or there is none.
    """
    discrete = [v.name for v in model.free_RVs if not str(v.dtype).startswith("float")]
    if discrete:
        raise ValueError(
            f"fit wants continuous unobserved variables; {', '.join(map(repr, discrete))} of this "
            "model are discrete. Sum them out, or use pm.sample."
        )
    if not model.free_RVs:
        raise ValueError("fit wants a model with an unobserved variable; this one has none.")
    point = model.initial_point()
    names = tuple(str(v.name) for v in model.free_RVs)
    shapes = tuple(tuple(np.shape(point[str(model.rvs_to_values[v].name)])) for v in model.free_RVs)
    return FlatModel(model, names, shapes)
