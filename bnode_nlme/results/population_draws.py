"""Draws of the population, from a fit."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.nlme.build import OCCASION_NAMES, SUBJECT_NAMES
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.study.dimensions import OCCASION, SUBJECT
from bnode_nlme.study.study import Study

SAMPLE = "sample"
MOST = 1000
"""Draws that are used where no number is asked for."""

Parameters = Literal["draws", "mean"]


def declaration_of(fit: Fit, what: str) -> NLME:
    """The declaration that was fitted.

    Raises
    ------
    TypeError
        When it is no fit.
    ValueError
        When there is none.
    """
    require_fit(fit, what)
    if isinstance(fit.nlme, NLME):
        return fit.nlme
    raise ValueError(
        f"{what} wants a fit of a bn.NLME; this one was fitted to a plain model, or loaded without "
        "its declaration. Declare the model with bn.NLME, or write Fit.load(path, nlme). For a "
        "plain model pm.sample_posterior_predictive draws measurements."
    )


def _kind(found: object) -> str:
    return f"an object of type {type(found).__module__.split('.')[0]}.{type(found).__name__}"


def require_fit(fit: object, what: str) -> None:
    """Refuse what is no fit.

    Raises
    ------
    TypeError
        Naming what was found.
    """
    if not isinstance(fit, Fit):
        raise TypeError(
            f"{what} wants a fit, as bn.fit and bn.load_fit return it; found {_kind(fit)}. Give "
            "the fit itself, not its data or its posterior."
        )


def require_study(study: object, what: str) -> None:
    """Refuse what is no study.

    Raises
    ------
    TypeError
        Naming what was found.
    """
    if not isinstance(study, Study):
        raise TypeError(
            f"{what} wants a bn.Study, as bn.read_nonmem and Study.from_regimen return it; found "
            f"{_kind(study)}."
        )


def chosen_draws(fit: Fit, count: int | None) -> NDArray[np.intp]:
    """Which draws are used, evenly spaced over all chains; in turn where more are wanted.

    Parameters
    ----------
    fit
        Of any method.
    count
        How many; all, but `MOST` at most, where None.

    Returns
    -------
    ndarray (draws,)
        Chain by chain, counted from 0.

    Raises
    ------
    ValueError
        When `count` is below 1.
    """
    sizes = fit.posterior.sizes
    total = int(sizes["chain"] * sizes["draw"])
    wanted = min(total, MOST) if count is None else count
    if not isinstance(wanted, int | np.integer) or wanted < 1:
        raise ValueError(f"draws= wants 1 or more, a whole number; found {count!r}.")
    if wanted > total:
        return np.arange(wanted, dtype=np.intp) % total
    return np.arange(wanted, dtype=np.intp) * total // wanted


def population_draws(
    fit: Fit, indices: NDArray[np.intp], parameters: Parameters = "draws"
) -> xr.Dataset:
    """The population's parameters and the known subjects' random effects at some draws.

    Parameters
    ----------
    fit
        Of an NLME.
    indices : ndarray (draws,)
        Of draws, as `chosen_draws` gives them.
    parameters
        ``"mean"``: each has the posterior mean at every draw.

    Returns
    -------
    xarray.Dataset
        Over ``sample``, with ``chain`` and ``draw`` as coordinates.

    Raises
    ------
    ValueError
        When `parameters` is neither, or the mean of a network's weights is asked for.
    """
    if parameters not in get_args(Parameters):
        raise ValueError(f"parameters= wants 'draws' or 'mean'; found {parameters!r}.")
    posterior = fit.posterior
    effects = (SUBJECT_NAMES.values, OCCASION_NAMES.values)
    kept = [
        name
        for name, values in posterior.data_vars.items()
        if name in effects or not {SUBJECT, OCCASION} & set(values.dims)
    ]
    stacked = posterior[kept].stack({SAMPLE: ("chain", "draw")}, create_index=False)
    if parameters == "draws":
        return stacked.isel({SAMPLE: indices})
    networks = declaration_of(fit, "parameters='mean'").all_networks
    if networks and stacked.sizes[SAMPLE] > 1:
        raise ValueError(
            "parameters='mean' wants a model without networks; found "
            f"{', '.join(map(repr, networks))}. Hidden units permute, so that the mean of a network's "
            "weights is no network that the posterior knows. Use parameters='draws'."
        )
    mean = stacked.mean(SAMPLE).drop_vars(["chain", "draw"], errors="ignore")
    return mean.expand_dims({SAMPLE: indices.size})


def network_weights(nlme: NLME, values: xr.Dataset) -> dict[str, NDArray[np.float64]]:
    """The weights of each network at each draw, (draws, size)."""
    return {
        network.name: np.asarray(values[network.name].transpose(SAMPLE, ...).to_numpy())
        for network in nlme.system.networks
    }


def parameter_arrays(individual: xr.Dataset, draws: int) -> dict[str, Any]:
    """Individual parameters as arrays (draws, subjects or occasions), also where draws agree."""
    arrays = {}
    for name, values in individual.data_vars.items():
        if SAMPLE not in values.dims:
            values = values.expand_dims({SAMPLE: draws})
        arrays[str(name)] = values.transpose(SAMPLE, ...).to_numpy()
    return arrays
