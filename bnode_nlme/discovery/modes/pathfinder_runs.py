"""Short runs of Pathfinder from widely different starts, each kept by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymc.initial_point import make_initial_point_fn
from scipy.special import logsumexp

from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.inference.flat_model import FlatModel, flat_model
from bnode_nlme.inference.importance import RELIABLE, importance, resample
from bnode_nlme.inference.pathfinder import PathfinderSettings, best_on_path
from bnode_nlme.inference.starting_values import find_start, solves

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PathfinderRuns:
    """R runs that found an approximation.

    Attributes
    ----------
    which : ndarray (R,)
        Which of the runs asked for.
    weights : ndarray (R, draws, size)
        Of the network, drawn by importance; where the importance weights cannot be trusted, draws
        of the approximation as they are, because few of them would be drawn over and over.
    log_density, log_evidence, pareto_k : ndarray (R,)
        Mean log-density of the draws, logarithm of the mass around the mode, and how far the
        importance weights can be trusted.
    """

    which: NDArray[np.intp]
    weights: Array
    log_density: Array
    log_evidence: Array
    pareto_k: Array


def pathfinder_runs(fit: Fit, network: str, runs: int, draws: int, seed: int) -> PathfinderRuns:
    """Run Pathfinder from the typical values, the network's weights drawn from their prior.

    Raises
    ------
    RuntimeError
        When fewer than two runs found an approximation.
    """
    if fit.model is None:
        raise ValueError("Runs of Pathfinder want a fit with its model.")
    flat = flat_model(fit.model)
    rng = np.random.default_rng(seed)
    settings = PathfinderSettings(paths=runs)
    which, weights, numbers = [], [], []
    for run, start in enumerate(_starts(flat, network, runs, rng)):
        found = best_on_path(flat, start, rng, settings)
        if found is None:
            continue
        z = rng.standard_normal((draws, flat.size))
        positions = found.gaussian.transform(z)
        target = np.array([flat.logp_and_gradient(x)[0] for x in positions])
        proposal = found.gaussian.log_density(z)
        weighing = importance(target, proposal)
        chosen = resample(weighing.weights, draws, rng)
        ratio = np.where(np.isfinite(target), target - proposal, -np.inf)
        which.append(run)
        shown = chosen if weighing.pareto_k < RELIABLE else np.arange(draws)
        weights.append(flat.expand(positions[shown])[network])
        numbers.append((target[chosen].mean(), logsumexp(ratio) - np.log(draws), weighing.pareto_k))
    if len(which) < 2:
        raise RuntimeError(
            f"learned_modes: of {runs} runs of Pathfinder {len(which)} found an approximation; two "
            "are needed to compare. Give more runs=."
        )
    log_density, log_evidence, pareto_k = np.array(numbers).T
    return PathfinderRuns(np.array(which), np.stack(weights), log_density, log_evidence, pareto_k)


def _starts(flat: FlatModel, network: str, runs: int, rng: np.random.Generator) -> list[Array]:
    own = [name for name in flat.names if name == network or name.startswith(f"{network}_")]
    typical = find_start(flat, 1, rng).typical
    drawn = make_initial_point_fn(
        model=flat.model, jitter_rvs=set(), default_strategy="prior", return_transformed=True
    )
    starts = []
    for _ in range(runs):
        start = typical.copy()
        for _ in range(20):
            prior = flat.vector(drawn(int(rng.integers(2**31))))
            tried = typical.copy()
            for name in own:
                tried[flat.slices[name]] = prior[flat.slices[name]]
            if solves(flat, tried):
                start = tried
                break
        starts.append(start)
    return starts
