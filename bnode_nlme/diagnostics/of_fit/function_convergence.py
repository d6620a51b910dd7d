"""Convergence of the functions that a fit's networks learned."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from bnode_nlme.diagnostics.function_convergence import function_convergence as convergence_of
from bnode_nlme.diagnostics.of_fit.learned_networks import (
    LearnedNetwork,
    learned_network,
    visited_by,
)
from bnode_nlme.diagnostics.percentiles import central_quantiles
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.nlme.network_inputs import judged_at
from bnode_nlme.results.population_draws import declaration_of

_DRAWS = 20
_CHAINS = ("chain", "draw")


def function_convergence(
    fit: Fit,
    network: str | None = None,
    *,
    inputs: ArrayLike | None = None,
    mass: float = 0.9,
) -> xr.Dataset:
    """R-hat and effective sample sizes of a learned function, in place of those of its weights.

    Parameters
    ----------
    fit
        Of a `bn.NLME` with a network in its system, or with a `CovariateNetwork`.
    network
        Name of the network, of a covariate network with its parameter before it ("CL_net"); may be
        left out where there is only one.
    inputs : array_like (points,) or (points, inputs), optional
        Where the function is judged. By default where the data are: of one input 50 points over
        the middle 98 % of what the network was given at the observation rows (20 draws of the
        individual predictions), of several inputs 50 of these points themselves; of a covariate
        network the subjects' covariates.
    mass
        Probability of the intervals.

    Returns
    -------
    xarray.Dataset
        Over ``point`` (and ``output`` of a network with several): ``r_hat``, ``ess_bulk``,
        ``ess_tail``; ``value``, also over ``chain`` and ``quantile``, median and interval of each
        chain. Coordinate ``inputs`` (point, input). `bn.plot_function_convergence` draws it.

    Raises
    ------
    ValueError
        When the fit has no declaration, its model no network of that name, or a shape is wrong.

    Notes
    -----
    Weights are not identified (hidden units permute, tanh flips sign): chains may agree on the
    function and disagree on every weight. Rank-normalised R-hat and effective sample sizes:
    Vehtari, Gelman, Simpson, Carpenter and Bürkner 2021, doi:10.1214/20-BA1221.
    """
    nlme = declaration_of(fit, "function_convergence")
    learned = learned_network(nlme, network, "function_convergence")
    name, net = learned.name, learned.network
    if inputs is None:
        points = _points(fit, learned)
    else:
        points = np.asarray(inputs, dtype=np.float64)
        points = points[:, None] if points.ndim == 1 else points
        if points.ndim != 2 or points.shape[1] != net.inputs:
            raise ValueError(
                f"function_convergence: inputs= wants points of the network {name!r}, of shape "
                f"(points, {net.inputs}); found shape {np.shape(inputs)}."
            )
    weights = fit.posterior[name].transpose(*_CHAINS, ...).to_numpy()
    values = net.evaluate(weights, points)
    dims = (*_CHAINS, "point") if net.outputs == 1 else (*_CHAINS, "point", "output")
    draws = xr.DataArray(values, dims=dims, coords={"chain": fit.posterior["chain"]})
    table = convergence_of(draws)
    table["value"] = draws.quantile(central_quantiles(mass), "draw")
    names = learned.covariates or [f"input {number + 1}" for number in range(net.inputs)]
    table = table.assign_coords(inputs=(("point", "input"), points), input=list(names))
    table.attrs = {"network": name, "mass": mass}
    return table


def _points(fit: Fit, learned: LearnedNetwork) -> NDArray[np.float64]:
    visited = visited_by(fit, learned, draws=_DRAWS, what="function_convergence")
    return np.asarray(np.unique(visited, axis=0)) if learned.covariates else judged_at(visited)
