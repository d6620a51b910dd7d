"""Solutions at draws of a posterior."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.options import SolverOptions
from bnode_nlme.engine.simulate import simulator
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.study.dimensions import SUBJECT
from bnode_nlme.study.study import Study


def trajectories(
    system: System,
    study: Study,
    posterior: xr.Dataset,
    *,
    parameters: Mapping[str, str] | None = None,
    weights: Mapping[str, str] | None = None,
    draws: int = 200,
    seed: int = 0,
    **options: Any,
) -> xr.Dataset:
    """Solve a system at draws of a posterior.

    Parameters
    ----------
    system, study
        What is solved, on which records; `Study.at_times` gives records at other times.
    posterior : xarray.Dataset (chain, draw, ...)
        With a variable for each parameter, over nothing or over `subject`, and for each network.
    parameters, weights
        Names of the posterior's variables by names of the system's parameters and networks; by
        default the same names.
    draws
        How many draws to use, chosen at random without replacement.
    seed
        Of the choice.
    **options
        As for `SolverOptions`: method, rtol, atol, max_steps, threads.

    Returns
    -------
    xarray.Dataset
        As `simulate` returns it, with the dimension `sample` in front.

    Raises
    ------
    KeyError
        When the posterior lacks a variable.

    Warns
    -----
    UserWarning
        When a solve failed, with the number of draws.
    """
    stacked = posterior.stack(sample=("chain", "draw"), create_index=False)
    count = stacked.sizes["sample"]
    chosen = np.random.default_rng(seed).choice(count, size=min(draws, count), replace=False)
    names = _names(posterior, system.parameters, parameters)
    networks = _names(posterior, [network.name for network in system.networks], weights)
    solve = simulator(system, study, SolverOptions(**options))
    solved = []
    for sample in np.sort(chosen):
        at = stacked.isel(sample=sample)
        solved.append(
            solve(
                {name: at[variable].to_numpy() for name, variable in names.items()},
                {name: at[variable].to_numpy() for name, variable in networks.items()},
            )
        )
    curves = xr.concat(solved, "sample", data_vars="all", coords="minimal", compat="override")
    failed = int((curves["status"] != SolveStatus.SUCCESS).any(SUBJECT).sum())
    if failed:
        warnings.warn(
            f"In {failed} of {curves.sizes['sample']} draws the solve of a subject failed; its "
            "values are NaN there. The variables `status` and `message` say which and why.",
            stacklevel=2,
        )
    return curves


def _names(
    posterior: xr.Dataset, wanted: Sequence[str], given: Mapping[str, str] | None
) -> dict[str, str]:
    names = {name: (given or {}).get(name, name) for name in wanted}
    missing = [variable for variable in names.values() if variable not in posterior]
    if missing:
        raise KeyError(
            f"The posterior has no {', '.join(map(repr, missing))}; it has "
            f"{', '.join(map(repr, posterior.data_vars))}."
        )
    return names
