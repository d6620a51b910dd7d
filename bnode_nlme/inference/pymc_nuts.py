"""PyMC's own NUTS, for where nutpie is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
from numpy.typing import NDArray

from bnode_nlme.inference.draws import Draws
from bnode_nlme.inference.flat_model import FlatModel
from bnode_nlme.inference.nuts import NUTSSettings

_STATISTICS = (
    "lp",
    "energy",
    "energy_error",
    "diverging",
    "n_steps",
    "tree_depth",
    "reached_max_treedepth",
    "step_size",
    "acceptance_rate",
)


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
    tree: Any = pm.sample(
        draws=settings.draws,
        tune=settings.tune,
        chains=settings.chains,
        cores=min(settings.cores, settings.chains),
        random_seed=seed,
        initvals=initial,
        init="adapt_diag",
        nuts_sampler="pymc",
        nuts={"target_accept": settings.target_accept, "max_treedepth": settings.max_treedepth},
        model=flat.model,
        progressbar=progress,
        compute_convergence_checks=False,
        idata_kwargs={"include_transformed": True},
    )
    groups = [tree[name] for name in ("unconstrained_posterior", "posterior") if name in tree]
    columns = []
    for value in flat.point(starts[0]):
        (array,) = (group[value].to_numpy() for group in groups if value in group)
        columns.append(array.reshape(settings.chains, settings.draws, -1))
    statistics = {name: tree["sample_stats"][name].to_numpy() for name in _STATISTICS}
    return Draws(
        np.concatenate(columns, axis=2),
        statistics,
        {
            "sampler": "pymc",
            "tune": settings.tune,
            "target_accept": settings.target_accept,
            "max_treedepth": settings.max_treedepth,
        },
    )
