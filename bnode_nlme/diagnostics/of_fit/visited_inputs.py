"""What a system's network was given along the solutions."""

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
from bnode_nlme.dynamics.mlp_arguments import check_tensor
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


def visited_inputs(fit: Fit, study: Study, network: MLP, *, draws: int) -> Array:
    """Inputs of a network at the observation rows, at individual predictions of some draws.

    Parameters
    ----------
    fit
        Of an NLME whose system has the network.
    study
        The one that was fitted.
    network
        Which.
    draws
        Of the posterior.

    Returns
    -------
    ndarray (draws * rows * calls, inputs)
        For each call of the network in the right-hand side and in the outputs. Rows at which a
        solve failed are left out.
    """
    nlme = declaration_of(fit, "function_convergence")
    system = nlme.system
    predicted = predict(fit, study, draws=draws, states=True)
    of_draw = _recorder(system, network)
    values = population_draws(fit, chosen_draws(fit, draws))
    rows, records = study.observations, study.records
    covariates = np.stack(
        [
            study.varying[name][rows]
            if name in study.varying
            else study.covariates[name][records.subject[rows]]
            for name in system.covariates
        ],
        axis=-1,
    ) if system.covariates else np.zeros((rows.size, 0))  # fmt: skip
    found = []
    for draw in range(draws):
        at = predicted.isel({SAMPLE: draw})
        weights = [values[net.name].isel({SAMPLE: draw}).to_numpy() for net in system.networks]
        found += of_draw(
            records.time[rows],
            np.stack([at[name].to_numpy() for name in system.states], axis=-1),
            np.stack([_at_rows(at[name], study) for name in system.parameters], axis=-1),
            np.concatenate(weights),
            covariates,
        )
    every = np.concatenate(found)
    return np.asarray(every[np.isfinite(every).all(axis=1)])


def _at_rows(values: xr.DataArray, study: Study) -> Array:
    owner = study.records.subject if SUBJECT in values.dims else study.records.occasion
    return np.asarray(values.to_numpy()[owner[study.observations]])


def _recorder(system: System, network: MLP) -> Callable[..., list[Array]]:
    """The function from (t, y, p, w, c) at R rows to the network's inputs (R, inputs), by call."""
    graph = system.graph
    recorded: list[Any] = []

    def bound(net: MLP) -> Callable[..., Any]:
        own = graph.weights[system.weight_slices[net.name]]

        def call(*inputs: Any) -> Any:
            if net.name == network.name:
                recorded.append(check_tensor(net.name, net.inputs, inputs))
            return net(own, *inputs)

        return call

    def named(symbol: str, vector: Any, names: tuple[str, ...]) -> Named[Any]:
        elements = {name: vector[place] for place, name in enumerate(names)}
        return Named(symbol, symbol, elements, {})

    arguments = (
        graph.time,
        named("y", graph.state, system.states),
        named("p", graph.parameters, system.parameters),
        Named("nn", "networks", {net.name: bound(net) for net in system.networks}, {}),
        named("c", graph.covariates, system.covariates),
    )
    system.rhs(*arguments)
    for output in (system.outputs or {}).values():
        output(*arguments)
    rows: Mapping[Any, Any] = {
        graph.time: pt.vector("t", dtype="float64"),
        graph.state: pt.matrix("y", dtype="float64"),
        graph.parameters: pt.matrix("p", dtype="float64"),
        graph.covariates: pt.matrix("c", dtype="float64"),
    }
    time, state, parameters, covariates = rows.values()
    # An input that is the same at every row, a constant say, gets the rows all the same.
    ones = pt.ones_like(time)[:, None]
    inputs = [ones * vectorize_graph(x, rows) for x in recorded]
    compiled: Callable[..., list[Array]] = function(
        [time, state, parameters, graph.weights, covariates],
        inputs,
        mode=_MODE,
        on_unused_input="ignore",
    )
    return compiled
