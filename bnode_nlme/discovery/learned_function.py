"""The posterior of a function that a network learned, and where data speak of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from bnode_nlme.diagnostics.of_fit.learned_networks import learned_network, visited_by
from bnode_nlme.discovery.function_prior import prior_weights
from bnode_nlme.discovery.function_table import QUANTILES, function_table, values_of
from bnode_nlme.discovery.visited import Visited
from bnode_nlme.dynamics.mlp import MLP
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.results.population_draws import declaration_of

Array = NDArray[np.float64]

_CHAINS = ("chain", "draw")


@dataclass(frozen=True, eq=False, repr=False)
class LearnedFunction:
    """Draws of a learned function over a grid. `print` says what they mean.

    Attributes
    ----------
    name
        Of the network.
    data : xarray.Dataset
        Over ``chain``, ``draw`` and ``point``: ``value``, and its ``derivative`` by the input that
        varies. Over ``quantile`` and ``point``: their bands ``band`` and ``derivative_band``, and
        ``prior_band``. Over ``point``: ``density`` of the visited inputs, ``extrapolated`` (no
        data near), ``r_hat``, ``ess_bulk`` and ``ess_tail`` of the function's values, and
        ``contraction``, one less the posterior over the prior variance. The coordinate ``x`` is
        the input. A network of several inputs has ``along`` besides, the input that varies while
        the others are ``held`` at their medians; where points were given it has their ``inputs``
        (point, input) in its place, and no derivative and no density.
    visited : Visited or None
        What the network was given along the fitted paths.
    network : MLP
    output
        Which output of the network.
    input_names : tuple of str
    weights : ndarray (chain, draw, size)
    """

    name: str
    data: xr.Dataset
    visited: Visited | None
    network: MLP
    output: int
    input_names: tuple[str, ...]
    weights: Array

    def evaluate(self, inputs: ArrayLike) -> Array:
        """The function at any points, at every draw.

        Parameters
        ----------
        inputs : array_like (points, inputs), or (points,) of a function of one input

        Returns
        -------
        ndarray (chain, draw, points)
        """
        return values_of(self.network, self.output, self.weights, _points(inputs, self.network))

    def surface(self, first: str | int, second: str | int, points: int = 25) -> xr.Dataset:
        """The function over two of its inputs, the others at their medians.

        Parameters
        ----------
        first, second
            Inputs, by name or number.
        points
            Along each.

        Returns
        -------
        xarray.Dataset
            ``band`` (quantile, first, second) and ``extrapolated`` (first, second), with the
            values of the inputs as coordinates.

        Raises
        ------
        ValueError
            When the network has no two such inputs, or what it was given is not known.
        """
        if self.visited is None:
            raise ValueError("surface: what the network was given is not known.")
        one, other = (self._place(given) for given in (first, second))
        if one == other:
            raise ValueError(f"surface wants two different inputs; found {first!r} twice.")
        across, up = (self.visited.grid(place, points) for place in (one, other))
        every = np.tile(self.visited.medians, (points, points, 1))
        every[..., one], every[..., other] = across[:, None], up
        flat = every.reshape(points * points, -1)
        draws = self.evaluate(flat).reshape(-1, points, points)
        names = (self.input_names[one], self.input_names[other])
        return xr.Dataset(
            {
                "band": (("quantile", *names), np.quantile(draws, QUANTILES, axis=0)),
                "extrapolated": (names, self.visited.extrapolated(flat).reshape(points, points)),
            },
            coords={names[0]: across, names[1]: up, "quantile": list(QUANTILES)},
        )

    def _place(self, given: str | int) -> int:
        if given in self.input_names:
            return self.input_names.index(str(given))
        if isinstance(given, int) and 0 <= given < len(self.input_names):
            return given
        raise ValueError(
            f"{self.name} has no input {given!r}; its inputs are "
            f"{', '.join(map(repr, self.input_names))}."
        )

    def __repr__(self) -> str:
        table = self.data
        lines = [f"Learned function {self.name!r} of {', '.join(self.input_names)}"]
        if self.visited is not None:
            ends = [
                f"{name} {low:.4g} to {high:.4g}"
                for name, low, high in zip(self.input_names, *self.visited.ends, strict=True)
            ]
            lines.append(f"  data lie at     {', '.join(ends)}")
            apart = int(table["extrapolated"].sum())
            lines.append(f"  extrapolated    {apart} of {table['extrapolated'].size} points")
            table = table.where(~table["extrapolated"])
        if np.isfinite(table["r_hat"]).any():
            lines.append(
                f"  R-hat           up to {float(table['r_hat'].max()):.3f}, effective draws from "
                f"{float(table['ess_bulk'].min()):.0f} (bulk) and "
                f"{float(table['ess_tail'].min()):.0f} (tail)"
            )
        if np.isfinite(table["contraction"]).any():
            lines.append(
                f"  contraction     {float(table['contraction'].min()):.2f} to "
                f"{float(table['contraction'].max()):.2f} (1: the data say all, 0: the prior)"
            )
        if table.attrs.get("repaired_curvature"):
            lines.append(
                "  NOTE: the Laplace approximation has no positive definite curvature, and this band "
                "means nothing. Fit with method='nuts'."
            )
        return "\n".join(lines)


def learned_function(
    fit: Fit,
    network: str | None = None,
    *,
    inputs: ArrayLike | None = None,
    points: int = 61,
    output: int = 0,
    names: Sequence[str] | None = None,
    draws: int = 20,
    prior_draws: int = 500,
    seed: int = 0,
) -> LearnedFunction:
    """The posterior of a function that a network learned.

    Parameters
    ----------
    fit
        Of a `bn.NLME` with a network in its system, or with a `CovariateNetwork`.
    network
        Its name, of a covariate network with its parameter before it ("CL_net"); may be left out
        where there is only one.
    inputs : array_like (points,) or (points, inputs), optional
        Where to evaluate it. By default over what the network was given at the observation rows
        (the middle 98 %) and a tenth of this range on either side; of several inputs a slice along
        each, the others at their medians.
    points
        Of the default grid.
    output
        Which output, of a network with several.
    names
        Of the inputs, for tables and axes.
    draws
        Of the posterior, at which individual predictions are made to see what was visited.
    prior_draws, seed
        Of the network's prior.

    Returns
    -------
    LearnedFunction
        `bn.plot_learned_function` draws it.

    Raises
    ------
    ValueError
        When the fit has no declaration, its model no such network, or an argument does not fit it.

    Notes
    -----
    A point is extrapolated where less than 1 % of the visited inputs lie within a tenth of their
    range (times the square root of the number of inputs) in every input. There the band is the
    prior's way to go on, and no finding. R-hat and effective sample sizes are those of the
    function, for weights are not identified (Vehtari, Gelman, Simpson, Carpenter and Bürkner 2021,
    doi:10.1214/20-BA1221).
    """
    nlme = declaration_of(fit, "learned_function")
    learned = learned_network(nlme, network, "learned_function")
    net = learned.network
    if not 0 <= output < net.outputs:
        raise ValueError(
            f"learned_function: the network {learned.name!r} has {net.outputs} outputs, counted "
            f"from 0; found output={output!r}."
        )
    if points < 2:
        raise ValueError(f"learned_function: points= wants 2 or more; found {points!r}.")
    labels = tuple(names or learned.covariates or _default_names(net.inputs))
    if len(labels) != net.inputs or len(set(labels)) != len(labels):
        raise ValueError(
            f"learned_function: names= wants {net.inputs} different names, one for each input of "
            f"{learned.name!r}; found {labels}."
        )
    visited = None
    if inputs is None or fit.study is not None:
        visited = Visited(
            visited_by(fit, learned, draws=draws, what="learned_function"),
            tuple(net.period or ()),  # type: ignore[arg-type]
        )
    weights = fit.posterior[learned.name].transpose(*_CHAINS, ...).to_numpy()
    prior = prior_weights(fit, learned.name, prior_draws, seed)
    places: list[int] | None = list(range(net.inputs))
    if inputs is not None:
        at = _points(inputs, net)[None]
        places = [0] if net.inputs == 1 else None
    else:
        at = np.stack(
            [_slice(visited, place, points) for place in range(net.inputs)]  # type: ignore[arg-type]
        )
    table = function_table(net, output, weights, prior, at, places, visited)
    table = table.assign_coords(chain=fit.posterior["chain"], draw=fit.posterior["draw"])
    if places is None:
        table = table.isel(along=0).assign_coords(
            inputs=(("point", "input"), at[0]), input=list(labels)
        )
    elif net.inputs == 1:
        table = table.isel(along=0).assign_coords(x=("point", at[0, :, 0]))
    else:
        across = np.stack([at[place, :, place] for place in places])
        held = np.asarray(visited.medians)  # type: ignore[union-attr]
        table = table.assign_coords(
            along=list(labels), x=(("along", "point"), across), held=("along", held)
        )
    table.attrs = {
        "network": learned.name,
        "output": output,
        "repaired_curvature": int(fit.attrs.get("repaired_curvature", 0)),
    }
    return LearnedFunction(learned.name, table, visited, net, output, labels, weights)


def _default_names(inputs: int) -> tuple[str, ...]:
    return ("input",) if inputs == 1 else tuple(f"input {number + 1}" for number in range(inputs))


def _points(given: ArrayLike, network: MLP) -> Array:
    try:
        points = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"inputs= wants numbers, points at which the network {network.name!r} is evaluated; "
            f"found {given!r}. Names of the inputs are names=."
        ) from error
    if points.ndim == 1 and network.inputs == 1:
        points = points[:, None]
    if points.ndim != 2 or points.shape[1] != network.inputs or not len(points):
        raise ValueError(
            f"inputs= wants points of the network {network.name!r}, of shape (points, "
            f"{network.inputs}); found shape {np.shape(given)}."
        )
    return points


def _slice(visited: Visited, place: int, points: int) -> Array:
    at = np.tile(visited.medians, (points, 1))
    at[:, place] = visited.grid(place, points)
    return at
