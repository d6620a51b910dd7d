"""What a system's network was given along the solutions, and where its function is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

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
from bnode_nlme.engine.options import SolverOptions
from bnode_nlme.engine.simulate import simulator
from bnode_nlme.study.dimensions import SUBJECT
from bnode_nlme.study.study import Study

if TYPE_CHECKING:
    from bnode_nlme.nlme.nlme import NLME

Array = NDArray[np.float64]

# A few small graphs on whole arrays: NumPy is as fast, and there is nothing to wait for.
_MODE = Mode(linker="py", optimizer="fast_compile")

_POINTS = 50
_LEFT_OUT = 0.01


def network_inputs(nlme: NLME, study: Study, values: xr.Dataset, network: MLP) -> Array:
    """Inputs of a network at the observation rows, at individual predictions of some draws.

    Parameters
    ----------
    nlme, study
        Whose system has the network; what was fitted.
    values : xarray.Dataset (sample, ...)
        Draws of the posterior: population parameters, weights and the subjects' random effects.
    network
        Which.

    Returns
    -------
    ndarray (draws * rows * calls, inputs)
        For each call of the network in the right-hand side and in the outputs. Rows at which a
        solve failed are left out.
    """
    every = inputs_at_rows(nlme, study, values, network).reshape(-1, network.inputs)
    return np.asarray(every[np.isfinite(every).all(axis=1)])


def inputs_at_rows(nlme: NLME, study: Study, values: xr.Dataset, network: MLP) -> Array:
    """As `network_inputs`, by row.

    Returns
    -------
    ndarray (draws, calls, rows, inputs)
        NaN where a solve failed.
    """
    system = nlme.system
    solve = simulator(system, study, SolverOptions(**nlme.solver))
    of_draw = _recorder(system, network)
    individual = nlme.individual_parameters(values, study)
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
    for draw in range(values.sizes["sample"]):
        own = {name: _at(individual[name], draw) for name in system.parameters}
        weights = {net.name: _at(values[net.name], draw).to_numpy() for net in system.networks}
        solved = solve({name: of_all.to_numpy() for name, of_all in own.items()}, weights)
        calls = of_draw(
            records.time[rows],
            np.stack([solved[name].to_numpy() for name in system.states], axis=-1),
            np.stack([_at_rows(own[name], study) for name in system.parameters], axis=-1),
            np.concatenate(list(weights.values())),
            covariates,
        )
        found.append(np.stack(calls))
    return np.stack(found)


def judged_at(visited: Array) -> Array:
    """Where a function is judged: at points among those that its network was given.

    Parameters
    ----------
    visited : ndarray (visited, inputs)

    Returns
    -------
    ndarray (points, inputs)
        Of one input, evenly over the middle 98 %; of several, some of the points themselves.
    """
    if visited.shape[1] == 1:
        first, last = np.quantile(visited[:, 0], [_LEFT_OUT, 1.0 - _LEFT_OUT])
        return np.linspace(first, last, _POINTS)[:, None]
    order = np.lexsort(visited.T[::-1])
    return np.asarray(visited[order[np.linspace(0, len(order) - 1, _POINTS).astype(np.intp)]])


def _at(values: xr.DataArray, draw: int) -> xr.DataArray:
    return values.isel(sample=draw) if "sample" in values.dims else values


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
