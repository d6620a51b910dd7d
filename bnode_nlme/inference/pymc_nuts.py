"""PyMC's own NUTS, for where nutpie is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
from numpy.typing import NDArray

from bnode_nlme.inference.draws import Draws
from bnode_nlme.inference.flat_model import FlatModel
from bnode_nlme.inference.nuts import NUTSSettings

_STATISTICS = {
    "lp": "model_logp",
    "energy": "energy",
    "energy_error": "energy_error",
    "diverging": "diverging",
    "n_steps": "n_steps",
    "tree_depth": "depth",
    "reached_max_treedepth": "reached_max_treedepth",
    "step_size": "step_size",
    "acceptance_rate": "mean_tree_accept",
}


def sample_with_pymc(
    flat: FlatModel, starts: NDArray[np.float64], seed: int, settings: NUTSSettings, progress: bool
) -> Draws:
    """Sample with `pymc.sample`.

    Parameters
    ----------
    flat
        The model.
    starts : ndarray (chains, size)
    seed
        Of the run.
    settings
        See there.
    progress
        Whether to show PyMC's progress bar.

    Returns
    -------
    Draws
    """
    values = flat.expand(starts)
    initial = [{name: values[name][c] for name in flat.names} for c in range(settings.chains)]
    trace: Any = pm.sample(
        draws=settings.draws,
        tune=settings.tune,
        chains=settings.chains,
        cores=min(settings.cores, settings.chains),
        random_seed=seed,
        initvals=initial,
        init="adapt_diag",
        nuts_sampler="pymc",
        target_accept=settings.target_accept,
        nuts={"max_treedepth": settings.max_treedepth},
        model=flat.model,
        progressbar=progress,
        compute_convergence_checks=False,
        return_inferencedata=False,
    )
    positions = np.stack(
        [
            np.concatenate(
                [
                    np.reshape(trace.get_values(value, chains=[chain]), (settings.draws, -1))
                    for value in flat.point(starts[0])
                ],
                axis=1,
            )
            for chain in trace.chains
        ]
    )
    statistics = {
        name: np.stack(
            [np.ravel(v) for v in trace.get_sampler_stats(theirs, combine=False, squeeze=False)]
        )
        for name, theirs in _STATISTICS.items()
    }
    return Draws(
        positions,
        statistics,
        {
            "sampler": "pymc",
            "tune": settings.tune,
            "target_accept": settings.target_accept,
            "max_treedepth": settings.max_treedepth,
        },
    )
