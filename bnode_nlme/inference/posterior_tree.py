"""From draws to an xarray DataTree with dimensions and coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr
from numpy.typing import NDArray
from pymc.backends.arviz import find_constants, find_observations

from bnode_nlme.inference.draws import Draws
from bnode_nlme.inference.flat_model import FlatModel

_SAMPLE = ("chain", "draw")


def posterior_tree(
    flat: FlatModel,
    draws: Draws,
    *,
    log_likelihood: bool = False,
    attributes: Mapping[str, Any] | None = None,
) -> xr.DataTree:
    """Name what draws stand for.

    Parameters
    ----------
    flat
        The model of the draws.
    draws
        On the unconstrained scale.
    log_likelihood
        Whether to compute the log-likelihood of each measurement at each draw.
    attributes
        Further attributes of the tree.

    Returns
    -------
    xarray.DataTree
        Groups ``posterior`` (free variables and Deterministics), ``unconstrained_posterior``
        (``position`` over chain, draw and unconstrained), ``sample_stats``, ``observed_data``,
        ``constant_data`` where there are any, and ``log_likelihood`` if asked for.
    """
    model = flat.model
    chains, length = draws.positions.shape[:2]
    sample = {"chain": np.arange(chains), "draw": np.arange(length)}
    values = flat.expand(draws.positions)
    groups = {
        "posterior": _named(model, values, _SAMPLE, sample),
        "unconstrained_posterior": xr.Dataset(
            {"position": ((*_SAMPLE, "unconstrained"), draws.positions)},
            coords=sample | {"unconstrained": list(flat.labels)},
        ),
        "sample_stats": xr.Dataset(
            {name: (_SAMPLE, array) for name, array in draws.statistics.items()}, coords=sample
        ),
        "observed_data": _named(model, find_observations(model), (), {}),
        "constant_data": _named(model, find_constants(model), (), {}),
    }
    tree = xr.DataTree.from_dict(
        {f"/{name}": group for name, group in groups.items() if group.data_vars}
    )
    if log_likelihood:
        tree = pm.compute_log_likelihood(tree, model=model, progressbar=False)
    tree.attrs = dict(draws.attributes) | dict(attributes or {})
    return tree


def _named(
    model: pm.Model,
    values: Mapping[str, NDArray[Any]],
    lead: tuple[str, ...],
    coords: Mapping[str, Any],
) -> xr.Dataset:
    variables = {}
    used: dict[str, Any] = dict(coords)
    for name, array in values.items():
        array = np.asarray(array)
        own = model.named_vars_to_dims.get(name) or ()
        n_own = array.ndim - len(lead)
        dims = tuple(
            own[axis] if axis < len(own) and own[axis] is not None else f"{name}_dim_{axis}"
            for axis in range(n_own)
        )
        variables[name] = ((*lead, *dims), array)
        for dim in dims:
            labels = model.coords.get(dim)
            if labels is not None:
                used[str(dim)] = np.asarray(labels)
    return xr.Dataset(variables, coords=used)
