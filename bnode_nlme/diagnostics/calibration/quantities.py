"""The quantities whose true values are ranked among posterior draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bnode_nlme.dynamics.mlp import MLP
from bnode_nlme.inference.flat_model import FlatModel
from bnode_nlme.study.dimensions import OCCASION, SUBJECT

LOG_LIKELIHOOD = "log_likelihood"


@dataclass(frozen=True, eq=False)
class Quantities:
    """Numbers that each position of a model stands for.

    Attributes
    ----------
    names : tuple of str
    """

    names: tuple[str, ...]
    _function: Any
    _kept: NDArray[np.intp]

    def at(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute them at positions (..., size), given the measurements that the model holds.

        Returns
        -------
        ndarray (..., quantities)
        """
        flat = positions.reshape(-1, positions.shape[-1])
        values = np.array([_joined(self._function, row) for row in np.ascontiguousarray(flat)])
        return values[:, self._kept].reshape(*positions.shape[:-1], self._kept.size)


def ranked_quantities(
    flat: FlatModel,
    order: Sequence[str],
    networks: Mapping[str, MLP],
    functions: Mapping[str, ArrayLike],
    probes: NDArray[np.float64],
) -> Quantities:
    """Find the quantities of a model that are worth ranking.

    They are its population parameters, random-effect scales and correlations among them; the values
    of networks at `functions`; and the log-likelihood, which depends on the measurements and so
    shows what parameters alone do not (Modrák et al. 2023, doi:10.1214/23-BA1404). The variables
    of single subjects and networks' weights are left out, and so is what is constant or orders the
    `probes` as an earlier quantity does, such as a parameter's logarithm: it has the same ranks.

    Parameters
    ----------
    flat
        The model.
    order
        Names of its variables in the order of the declaration, which a copied model does not keep.
    networks
        Its networks, by the name of their weights.
    functions : mapping of str to array_like (points,) or (points, inputs)
        By the name of the network, inputs at which its value is ranked.
    probes : ndarray (probes, size)
        Draws of the prior.

    Returns
    -------
    Quantities

    Raises
    ------
    ValueError
        When `functions` does not fit the networks.
    """
    model = flat.model
    by_name = {str(variable.name): variable for variable in model.unobserved_value_vars}
    deterministic = {str(variable.name) for variable in model.deterministics}
    place = {name: index for index, name in enumerate(order)}
    names = [
        name
        for name in sorted(
            deterministic.union(flat.names), key=lambda n: (n not in deterministic, place[n])
        )
        if not (
            _of_individuals(model.named_vars_to_dims.get(name) or ())
            or name.endswith("_cholesky")
            or any(name == n or name.startswith(f"{n}_") for n in networks)
        )
    ]
    judged = [
        (name, network, _inputs(name, network, points))
        for name, points in functions.items()
        for network in [_network(name, networks)]
    ]
    values_of_networks = [network(by_name[name], at) for name, network, at in judged]
    function = flat.function(
        [*(by_name[name] for name in names), *values_of_networks, model.observedlogp]
    )
    shapes = [np.shape(value) for value in function(probes[0])]
    labels = [
        label
        for name, shape in zip(names, shapes, strict=False)
        for label in _labels(flat, name, shape)
    ]
    for judged_network in judged:
        labels += _function_labels(*judged_network)
    labels.append(LOG_LIKELIHOOD)
    kept = _distinct(np.array([_joined(function, probe) for probe in probes]))
    return Quantities(tuple(labels[place] for place in kept), function, kept)


def _joined(function: Any, position: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([np.ravel(value) for value in function(position)])


def _of_individuals(dims: Sequence[Any]) -> bool:
    return any(dim in (SUBJECT, OCCASION) or str(dim).endswith("observation") for dim in dims)


def _network(name: str, networks: Mapping[str, MLP]) -> MLP:
    if name not in networks:
        valid = ", ".join(map(repr, networks)) or "none"
        raise ValueError(f"sbc: functions= names {name!r}; the model's networks are: {valid}.")
    return networks[name]


def _inputs(name: str, network: MLP, points: ArrayLike) -> NDArray[np.float64]:
    inputs = np.asarray(points, dtype=np.float64)
    if inputs.ndim == 1 and network.inputs == 1:
        inputs = inputs[:, None]
    if inputs.ndim != 2 or inputs.shape[1] != network.inputs or not np.isfinite(inputs).all():
        raise ValueError(
            f"sbc: functions= wants finite inputs of shape (points, {network.inputs}) for the "
            f"network {name!r}; found shape {inputs.shape}."
        )
    return inputs


def _function_labels(name: str, network: MLP, inputs: NDArray[np.float64]) -> list[str]:
    points = [", ".join(f"{value:g}" for value in row) for row in inputs]
    if network.outputs == 1:
        return [f"{name}({point})" for point in points]
    return [f"{name}({p})[{k}]" for p in points for k in range(network.outputs)]


def _labels(flat: FlatModel, name: str, shape: tuple[int, ...]) -> list[str]:
    if not shape:
        return [name]
    dims = flat.model.named_vars_to_dims.get(name) or (None,) * len(shape)
    axes = [flat.model.coords.get(dim) if dim is not None else None for dim in dims]
    return [f"{name}[{', '.join(map(str, _at(axes, index)))}]" for index in np.ndindex(*shape)]


def _at(axes: Sequence[Any], index: tuple[int, ...]) -> list[Any]:
    return [place if axis is None else axis[place] for place, axis in zip(index, axes, strict=True)]


def _distinct(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Columns that vary, less those that order the rows as an earlier one does."""
    orders: list[bytes] = []
    kept = []
    for place, column in enumerate(values.T):
        order = np.argsort(column, kind="stable").tobytes()
        if not np.allclose(column, column[0], rtol=1e-12, atol=0.0) and order not in orders:
            orders.append(order)
            kept.append(place)
    return np.array(kept, dtype=np.intp)
