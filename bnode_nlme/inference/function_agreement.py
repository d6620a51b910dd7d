"""Whether chains agree on the functions that networks learned, whatever their weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from bnode_nlme.inference.chain_agreement import chain_agreement
from bnode_nlme.nlme.network_inputs import judged_at, network_inputs
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.study.study import Study

_DRAWS = 20


def function_agreement(
    nlme: NLME, study: Study, posterior: xr.Dataset
) -> dict[str, dict[str, float]]:
    """The worst R-hat and effective sample sizes of each learned function.

    Parameters
    ----------
    nlme, study
        What was fitted.
    posterior : xarray.Dataset (chain, draw, ...)

    Returns
    -------
    dict
        By the name of the network's weights: ``r_hat``, ``ess_bulk``, ``ess_tail``, each the worst
        over ``points`` points where the data are, the same that `bn.function_convergence` looks
        at. NaN, and no points, where the network was given nothing, because every solve failed.
    """
    total = posterior.sizes["chain"] * posterior.sizes["draw"]
    count = min(_DRAWS, total)
    stacked = posterior.stack(sample=("chain", "draw"), create_index=False)
    some = stacked.isel(sample=np.arange(count) * total // count)
    found = {}
    for name, network in nlme.all_networks.items():
        of_covariates = nlme.covariate_networks.get(name)
        points: Any
        if of_covariates is not None:
            columns = [study.covariates[covariate] for covariate in of_covariates.names]
            points = np.unique(np.stack(columns, axis=-1), axis=0)
        else:
            visited = network_inputs(nlme, study, some, network)
            points = judged_at(visited) if len(visited) else visited
        if len(points):
            found[name] = _worst(network.evaluate(_weights(posterior, name), points), len(points))
        else:
            found[name] = dict.fromkeys(("r_hat", "ess_bulk", "ess_tail"), np.nan) | {"points": 0.0}
    return found


def _weights(posterior: xr.Dataset, name: str) -> Any:
    return posterior[name].transpose("chain", "draw", ...).to_numpy()


def _worst(values: Any, points: int) -> dict[str, float]:
    inner = [f"place_{axis}" for axis in range(values.ndim - 2)]
    table = chain_agreement(xr.DataArray(values, dims=("chain", "draw", *inner)))
    return {
        "r_hat": float(table["r_hat"].max()),
        "ess_bulk": float(table["ess_bulk"].min()),
        "ess_tail": float(table["ess_tail"].min()),
        "points": float(points),
    }
