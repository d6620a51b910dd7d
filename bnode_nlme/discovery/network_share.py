"""How much of each state's change along the fitted paths is the networks' doing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytensor.tensor as pt
import xarray as xr
from numpy.typing import NDArray
from pytensor.compile.maker import function
from pytensor.compile.mode import Mode
from pytensor.graph.replace import vectorize_graph

from bnode_nlme.dynamics.arguments import Named
from bnode_nlme.dynamics.mlp import MLP
from bnode_nlme.dynamics.system import System
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.results.population_draws import (
    SAMPLE,
    chosen_draws,
    declaration_of,
    population_draws,
)
from bnode_nlme.results.predict import predict
from bnode_nlme.study.dimensions import SUBJECT
from bnode_nlme.study.study import Study

Array = NDArray[np.float64]

# A few small graphs on whole arrays: NumPy is as fast, and there is nothing to wait for.
_MODE = Mode(linker="py", optimizer="fast_compile")


def network_share(fit: Fit, *, draws: int = 20) -> xr.DataArray:
    """Share of the networks in each state's rate of change, along the subjects' fitted paths.

    Parameters
    ----------
    fit
        Of a `bn.NLME` whose system has networks.
    draws
        Of the posterior.

    Returns
    -------
    xarray.DataArray (sample, state)
        At each observation row the rate with networks is f, and f0 with all networks at 0; the
        share is the sum over the rows of abs(f - f0), over that of abs(f - f0) + abs(f0). 0: the
        networks do nothing; 1: they do everything. NaN where a state does not change at all.

    Raises
    ------
    ValueError
        When the fit has no declaration or study, or the system no networks.
    """
    nlme = declaration_of(fit, "network_share")
    if fit.study is None:
        raise ValueError("network_share wants a fit that holds its study; this one does not.")
    system, study = nlme.system, fit.study
    if not system.networks:
        raise ValueError("network_share wants a system with networks; this one has none.")
    predicted = predict(fit, study, draws=draws, states=True)
    values = population_draws(fit, chosen_draws(fit, draws))
    rate = _rate(system)
    rows, covariates = study.observations, _covariates(system, study)
    shares = np.full((draws, len(system.states)), np.nan)
    for draw in range(draws):
        at = predicted.isel({SAMPLE: draw})
        given = (
            study.records.time[rows],
            np.stack([at[name].to_numpy() for name in system.states], axis=-1),
            np.stack([_at_rows(at[name], study) for name in system.parameters], axis=-1),
            np.concatenate(
                [values[net.name].isel({SAMPLE: draw}).to_numpy() for net in system.networks]
            ),
            covariates,
        )
        full, without = np.array(rate(*given, 1.0)), np.array(rate(*given, 0.0))
        sound = np.isfinite(full).all(axis=0)
        of_networks = np.abs(full - without)[:, sound].sum(axis=1)
        total = of_networks + np.abs(without)[:, sound].sum(axis=1)
        np.divide(of_networks, total, out=shares[draw], where=total > 0.0)
    return xr.DataArray(
        shares, dims=(SAMPLE, "state"), coords={"state": list(system.states)}, name="share"
    )


def _covariates(system: System, study: Study) -> Array:
    rows = study.observations
    columns = [
        study.varying[name][rows]
        if name in study.varying
        else study.covariates[name][study.records.subject[rows]]
        for name in system.covariates
    ]
    return np.stack(columns, axis=-1) if columns else np.zeros((rows.size, 0))


def _at_rows(values: xr.DataArray, study: Study) -> Array:
    owner = study.records.subject if SUBJECT in values.dims else study.records.occasion
    return np.asarray(values.to_numpy()[owner[study.observations]])


def _rate(system: System) -> Callable[..., list[Array]]:
    """The right-hand side at R rows, for each state (R,), its networks times a number."""
    graph = system.graph
    switch = pt.scalar("switch", dtype="float64")

    def switched(net: MLP) -> Callable[..., Any]:
        own = graph.weights[system.weight_slices[net.name]]
        return lambda *inputs: switch * net(own, *inputs)

    def named(symbol: str, vector: Any, names: tuple[str, ...]) -> Named[Any]:
        return Named(symbol, symbol, {n: vector[place] for place, n in enumerate(names)}, {})

    rates = system.rhs(
        graph.time,
        named("y", graph.state, system.states),
        named("p", graph.parameters, system.parameters),
        Named("nn", "networks", {net.name: switched(net) for net in system.networks}, {}),
        named("c", graph.covariates, system.covariates),
    )
    rows: Mapping[Any, Any] = {
        graph.time: pt.vector("t", dtype="float64"),
        graph.state: pt.matrix("y", dtype="float64"),
        graph.parameters: pt.matrix("p", dtype="float64"),
        graph.covariates: pt.matrix("c", dtype="float64"),
    }
    time, state, parameters, covariates = rows.values()
    # A rate that is the same at every row, a constant say, gets the rows all the same.
    zeros = pt.zeros_like(time)
    columns = [
        zeros + vectorize_graph(pt.as_tensor_variable(rates[name]), rows) for name in system.states
    ]
    compiled: Callable[..., list[Array]] = function(
        [time, state, parameters, graph.weights, covariates, switch],
        columns,
        mode=_MODE,
        on_unused_input="ignore",
    )
    return compiled
