"""The numbers of a learned function over a grid: draws, bands, convergence, contraction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.diagnostics.function_convergence import function_convergence
from bnode_nlme.discovery.visited import Visited
from bnode_nlme.dynamics.mlp import MLP

Array = NDArray[np.float64]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Ends of the 90 % and 50 % bands, and the median."""

_CHAINS = ("chain", "draw")
_STEP = 1e-4


def values_of(network: MLP, output: int, weights: Array, points: Array) -> Array:
    """One output at points (points, inputs), at weights (..., size): (..., points)."""
    values = network.evaluate(weights, points)
    return values if network.outputs == 1 else np.asarray(values[..., output])


def function_table(
    network: MLP,
    output: int,
    weights: Array,
    prior: Array | None,
    at: Array,
    places: Sequence[int] | None,
    visited: Visited | None,
) -> xr.Dataset:
    """What `LearnedFunction.data` holds.

    Parameters
    ----------
    network, output
        Which.
    weights : ndarray (chain, draw, size)
        Of the posterior.
    prior : ndarray (draws, size), optional
        Of the prior.
    at : ndarray (along, point, inputs)
        Slices, or one set of points.
    places
        The input that varies along each slice; None where points were given.
    visited
        What the network was given.
    """
    along, count = at.shape[:2]
    flat = at.reshape(along * count, -1)

    def evaluated(w: Array, points: Array) -> Array:
        found = values_of(network, output, w, points)
        return found.reshape(*found.shape[:-1], along, count)

    grid = ("along", "point")
    over = (*_CHAINS, *grid)
    value = evaluated(weights, flat)
    variables: dict[str, Any] = {"value": (over, value), "band": _band(value, grid)}
    if places is not None:
        moved = np.zeros((len(places), 1, at.shape[2]))
        scale = np.ones(at.shape[2]) if network.scale is None else np.asarray(network.scale)
        moved[np.arange(len(places)), 0, places] = (
            _STEP * np.broadcast_to(scale, at.shape[2:])[list(places)]
        )
        ends = [evaluated(weights, (at + sign * moved).reshape(flat.shape)) for sign in (1, -1)]
        steps = 2.0 * moved.sum(axis=2)
        derivative = (ends[0] - ends[1]) / steps
        variables["derivative"] = (over, derivative)
        variables["derivative_band"] = _band(derivative, grid)
    if visited is not None:
        variables["extrapolated"] = (grid, visited.extrapolated(flat).reshape(along, count))
        if places is not None:
            density = [visited.density(p, at[n, :, p]) for n, p in enumerate(places)]
            variables["density"] = (grid, np.stack(density))
    table = xr.Dataset(variables, coords={"quantile": list(QUANTILES)})
    for name, found in function_convergence(table["value"]).items():
        table[name] = (grid, found.transpose(*grid).to_numpy())
    if prior is None:
        return table.assign(contraction=(grid, np.full((along, count), np.nan)))
    before = evaluated(prior, flat)
    table["prior_band"] = (("quantile", *grid), np.quantile(before, QUANTILES, axis=0))
    spread = before.var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        shrunk = 1.0 - value.reshape(-1, along, count).var(axis=0, ddof=1) / spread
    # At an anchor nothing varies, before or after.
    table["contraction"] = (grid, np.where(spread > 0.0, shrunk, np.nan))
    return table


def _band(values: Array, grid: tuple[str, ...]) -> tuple[tuple[str, ...], Array]:
    draws = values.reshape(-1, *values.shape[2:])
    return ("quantile", *grid), np.quantile(draws, QUANTILES, axis=0)
