"""`learned_modes`: whether chains, or runs of Pathfinder, learned different functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import arviz as az
import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.special import logsumexp

from bnode_nlme.diagnostics.of_fit.function_convergence import function_convergence
from bnode_nlme.diagnostics.of_fit.learned_networks import learned_network
from bnode_nlme.discovery.modes.network_symmetry import flips, in_one_order, symmetries
from bnode_nlme.discovery.modes.pathfinder_runs import pathfinder_runs
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.inference.importance import RELIABLE
from bnode_nlme.results.population_draws import declaration_of

Array = NDArray[np.float64]

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_CHAINS = ("chain", "draw")


@dataclass(frozen=True, eq=False, repr=False)
class LearnedModes:
    """What `learned_modes` found. `print` says it, `bn.plot_learned_modes` draws it.

    Attributes
    ----------
    data : xarray.Dataset
        Over ``member`` (a chain, or a run of Pathfinder): ``mode_of``, counted from 1, and the mean
        ``log_density``; over ``member`` and ``member_bis`` their ``distance``; over ``member``,
        ``quantile`` and ``point`` (and ``output``) ``value``. Over ``mode``: ``weight``, and
        ``mode_log_density``, the largest of its members; a weight is NaN where the runs of some mode
        do not tell it. Coordinate ``inputs`` (point, input). Runs
        of Pathfinder have ``log_evidence`` and ``pareto_k`` besides. Attributes: ``network``,
        ``source`` ("chains" or "pathfinder"), ``separation``, ``symmetries``, and of chains the
        largest ``r_hat_function``, ``r_hat_weights``, and ``r_hat_ordered``, of the weights with
        hidden units put into one order.
    """

    data: xr.Dataset

    @property
    def n_modes(self) -> int:
        """How many different functions there are."""
        return int(self.data.sizes["mode"])

    @property
    def differ(self) -> bool:
        """Whether there is more than one."""
        return self.n_modes > 1

    def __repr__(self) -> str:
        data, attrs = self.data, self.data.attrs
        members = "chains" if attrs["source"] == "chains" else "runs of Pathfinder"
        count = data.sizes["member"]
        if count == 1:
            members = "chain" if attrs["source"] == "chains" else "run of Pathfinder"
        what = (
            f"{count} {members} learned {self.n_modes} different functions"
            if self.differ
            else f"{count} {members} learned one function"
        )
        lines = [f"LearnedModes of {attrs['network']!r}: {what}"]
        for place in range(self.n_modes):
            own = np.flatnonzero(data["mode_of"].to_numpy() == place + 1)
            names = ", ".join(str(data["member"].to_numpy()[m]) for m in own[:8])
            weight = float(data["weight"][place])
            said = "not known" if np.isnan(weight) else f"{weight:.2f}"
            lines.append(
                f"  mode {place + 1}: weight {said}, log density "
                f"{float(data['mode_log_density'][place]):.1f}; {members} {names}"
                + (f" and {len(own) - 8} more" if len(own) > 8 else "")
            )
        if self.differ:
            apart = data["distance"].to_numpy()
            between = apart[np.not_equal.outer(data["mode_of"].values, data["mode_of"].values)]
            lines.append(
                f"  the nearest of different modes are {between.min():.1f} standard deviations "
                f"apart (limit {attrs['separation']:g})"
            )
        if count == 1:
            lines.append(
                "  There is nothing to compare it with, and other modes may exist: write "
                "learned_modes(..., runs=16), or fit by NUTS with several chains."
            )
        elif attrs["source"] == "chains":
            lines.append(
                f"  R-hat, largest: function {attrs['r_hat_function']:.2f}, weights "
                f"{attrs['r_hat_weights']:.2f}, weights in one order of hidden units "
                f"{attrs['r_hat_ordered']:.2f}"
            )
            if self.differ:
                lines.append(
                    "  Weights are shares of chains, which follow from where chains began; "
                    "learned_modes(..., runs=16) weighs modes by their evidence."
                )
        elif self.differ and np.isnan(data["weight"]).any():
            lines.append(
                "  How much each weighs is not known: no run of some mode has importance weights "
                f"that can be trusted (Pareto k below {RELIABLE:g}). What is sure is that the modes "
                "exist."
            )
        lines.append(
            f"  {attrs['symmetries']} weight vectors have the same function (hidden units permute"
            + (", signs flip" if attrs["flips"] else "")
            + "): that is harmless, and not counted here."
        )
        return "\n".join(lines)


def learned_modes(
    fit: Fit,
    network: str | None = None,
    *,
    inputs: ArrayLike | None = None,
    runs: int = 0,
    draws: int = 400,
    separation: float = 2.0,
    seed: int = 0,
) -> LearnedModes:
    """Say whether chains learned different functions.

    Parameters
    ----------
    fit
        Of a `bn.NLME` with a network.
    network
        Its name; may be left out where there is only one.
    inputs : array_like (points,) or (points, inputs), optional
        Where functions are compared; by default where the data are, see `function_convergence`.
    runs
        Instead of the fit's chains, so many runs of Pathfinder from starts as wide as the prior of
        the network's weights: they find modes that chains, begun near one point, may all miss.
    draws
        Of each run.
    separation
        Two functions differ where their means, over the points, are further apart than so many of
        their own standard deviations (root mean square). At 2 normal distributions share a third
        of their mass.
    seed
        Of the runs.

    Returns
    -------
    LearnedModes

    Raises
    ------
    ValueError
        When the fit has no declaration or network, or runs= is used after loading without it.
    RuntimeError
        When no run of Pathfinder succeeds.

    Notes
    -----
    Members are clustered by complete linkage, so that no two of one mode are further apart than
    `separation`. What is compared are functions, never weights: a network's weights have many
    symmetric copies, which are one function. Weights of runs: evidence by importance sampling
    around each mode, from runs whose importance weights can be trusted (Zhang, Carpenter, Gelman and Vehtari 2022, JMLR 23:306, for Pathfinder); all
    modes have as many symmetric copies, which therefore do not matter. Draws of chains in different
    modes are no sample of the posterior: Yao, Vehtari and Gelman 2022, JMLR 23:79.
    """
    nlme = declaration_of(fit, "learned_modes")
    learned = learned_network(nlme, network, "learned_modes")
    table = function_convergence(fit, learned.name, inputs=inputs)
    points = table["inputs"].to_numpy()
    net = learned.network
    attrs: dict[str, Any] = {
        "network": learned.name,
        "separation": separation,
        "symmetries": symmetries(net),
        "flips": int(flips(net)),
    }
    extra: dict[str, Any] = {}
    trusted: tuple[Array, NDArray[np.bool_]] | None = None
    if runs:
        if runs < 2 or fit.model is None:
            raise ValueError(
                "learned_modes: runs= wants 2 or more, of a fit with its model (load it with its "
                f"declaration); found {runs!r}."
            )
        found = pathfinder_runs(fit, learned.name, runs, draws, seed)
        weights, log_density = found.weights, found.log_density
        labels = np.arange(1, runs + 1)[found.which]
        attrs["source"] = "pathfinder"
        attrs["failed"] = runs - len(found.which)
        extra = {
            "log_evidence": ("member", found.log_evidence),
            "pareto_k": ("member", found.pareto_k),
        }
        trusted = found.log_evidence, found.pareto_k < RELIABLE
    else:
        weights = fit.posterior[learned.name].transpose(*_CHAINS, ...).to_numpy()
        log_density = _log_density(fit)
        labels = fit.posterior["chain"].to_numpy()
        attrs["source"] = "chains"
        attrs["r_hat_function"] = float(table["r_hat"].max())
        attrs["r_hat_weights"] = _largest_r_hat(weights)
        attrs["r_hat_ordered"] = _largest_r_hat(in_one_order(net, weights))
    values = net.evaluate(weights, points)
    distance = function_distance(values)
    mode = _modes(distance, log_density, separation)
    count = int(mode.max())
    share = (
        np.bincount(mode, minlength=count + 1)[1:] / mode.size
        if trusted is None
        else _masses(mode, *trusted)
    )
    own = ("point",) if net.outputs == 1 else ("point", "output")
    data = xr.Dataset(
        {
            "mode_of": ("member", mode),
            "log_density": ("member", log_density),
            "distance": (("member", "member_bis"), distance),
            "value": (("quantile", "member", *own), np.quantile(values, _QUANTILES, axis=1)),
            "weight": ("mode", share),
            "mode_log_density": (
                "mode",
                [log_density[mode == m].max() for m in range(1, count + 1)],
            ),
            **extra,
        },
        coords={
            "member": labels,
            "member_bis": labels,
            "mode": np.arange(1, count + 1),
            "quantile": list(_QUANTILES),
            "inputs": (("point", "input"), points),
            "input": table["input"].to_numpy(),
        },
        attrs=attrs,
    )
    return LearnedModes(data)


def function_distance(values: Array) -> Array:
    """How far apart the functions of members are, in their own standard deviations.

    Parameters
    ----------
    values : ndarray (members, draws, points, ...)

    Returns
    -------
    ndarray (members, members)
        Root mean square over the points of the difference of means over the pooled standard
        deviation within the two.
    """
    flat = values.reshape(*values.shape[:2], -1)
    mean, variance = flat.mean(axis=1), flat.var(axis=1)
    pooled = 0.5 * (variance[:, None] + variance[None])
    floor = np.finfo(np.float64).tiny + 1e-16 * np.max(mean**2)
    apart = (mean[:, None] - mean[None]) ** 2 / (pooled + floor)
    distance = np.sqrt(apart.mean(axis=-1))
    np.fill_diagonal(distance, 0.0)
    return np.asarray(distance)


def _modes(distance: Array, log_density: Array, separation: float) -> NDArray[np.int64]:
    """The mode of each member, the one with the largest log-density first."""
    if len(distance) == 1:
        return np.ones(1, dtype=np.int64)
    tree = linkage(squareform(distance, checks=False), method="complete")
    cluster = fcluster(tree, t=separation, criterion="distance")
    best = {c: log_density[cluster == c].max() for c in np.unique(cluster)}
    order = sorted(best, key=lambda c: -best[c])
    return np.array([order.index(c) + 1 for c in cluster], dtype=np.int64)


def _masses(mode: NDArray[np.int64], evidence: Array, trusted: NDArray[np.bool_]) -> Array:
    """Share of each mode, from those of its runs that can be trusted; NaN where one has none."""
    own = [evidence[(mode == m + 1) & trusted] for m in range(int(mode.max()))]
    if len(own) > 1 and not all(found.size for found in own):
        return np.full(len(own), np.nan)
    if len(own) == 1:
        return np.ones(1)
    mass = np.array([logsumexp(found) - np.log(found.size) for found in own])
    return np.asarray(np.exp(mass - logsumexp(mass)))


def _log_density(fit: Fit) -> Array:
    """Mean over each chain, of the unconstrained draws where the sampler noted it."""
    if "sample_stats" in fit.data.children and "lp" in fit.sample_stats:
        return np.asarray(fit.sample_stats["lp"].mean("draw").to_numpy(), dtype=np.float64)
    return np.full(fit.posterior.sizes["chain"], np.nan)


def _largest_r_hat(weights: Array) -> float:
    if weights.shape[0] < 2 or weights.shape[1] < 4:
        return float("nan")
    draws = xr.Dataset({"w": (("chain", "draw", "weight"), weights)})
    return float(az.rhat(draws)["w"].max())
