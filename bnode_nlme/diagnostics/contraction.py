"""What the data taught: prior against posterior."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from bnode_nlme.diagnostics.draws import require_dimensions

_DRAWS = ("chain", "draw")


def contraction(prior: xr.Dataset, posterior: xr.Dataset) -> xr.Dataset:
    """How far the posterior of each parameter is from its prior.

    Parameters
    ----------
    prior, posterior : xarray.Dataset (chain, draw, ...)
        Draws; the variables that both have are compared.

    Returns
    -------
    xarray.Dataset
        The compared variables, each over `measure` and its own dimensions: "contraction", one less
        the posterior over the prior variance (1: the data say all, 0: the prior does; negative
        where the posterior is the wider); "shift", the difference of means in prior standard
        deviations; "overlap", the area that the two densities share (see `overlap`).

    Raises
    ------
    ValueError
        When they have no variable in common, or one lacks the dimensions chain and draw.

    References
    ----------
    Betancourt 2018, arXiv:1803.08393 (contraction). Garrett and Zeger, Biometrics 2000;56:1055,
    doi:10.1111/j.0006-341X.2000.01055.x (overlap; over 0.35 they call a parameter weakly
    identified).
    """
    shared = [name for name in posterior.data_vars if name in prior.data_vars]
    if not shared:
        raise ValueError(
            "Prior and posterior have no variable in common; the prior has "
            f"{', '.join(map(repr, prior.data_vars))}, the posterior "
            f"{', '.join(map(repr, posterior.data_vars))}."
        )
    result = {}
    for name in shared:
        before, after = prior[name], posterior[name]
        require_dimensions(before, _DRAWS, f"prior[{name!r}]")
        require_dimensions(after, _DRAWS, f"posterior[{name!r}]")
        common = xr.apply_ufunc(
            overlap,
            before.stack(prior_sample=_DRAWS, create_index=False),
            after.stack(posterior_sample=_DRAWS, create_index=False),
            input_core_dims=[["prior_sample"], ["posterior_sample"]],
            vectorize=True,
        )
        shift = (after.mean(_DRAWS) - before.mean(_DRAWS)) / before.std(_DRAWS, ddof=1)
        shrunk = 1.0 - after.var(_DRAWS, ddof=1) / before.var(_DRAWS, ddof=1)
        result[name] = xr.concat(
            [shrunk, shift, common], xr.Variable("measure", ["contraction", "shift", "overlap"])
        )
    return xr.Dataset(result)


def overlap(first: ArrayLike, second: ArrayLike) -> float:
    """Area that two densities share, from draws of each.

    Parameters
    ----------
    first, second : array_like (draws,)
        Any numbers of draws of each.

    Returns
    -------
    float
        Between 0 (apart) and 1 (the same).

    Notes
    -----
    The area does not change under a monotone transformation, so draws are first ranked in the
    mixture of the two, in equal parts; there both densities are bounded by 2 and have no
    tails, and a histogram serves without a bandwidth and without a boundary (a scale parameter's
    density ends at 0). The number of cells is twice the cube root of the smaller number of draws;
    the error of the area is some hundredths with 1000 draws.
    """
    one, other = np.sort(np.ravel(first)), np.sort(np.ravel(second))
    cells = max(2, round(min(one.size, other.size) ** (1.0 / 3.0)) * 2)
    pooled = np.concatenate([one, other])
    weight = np.concatenate(
        [np.full(one.size, 0.5 / one.size), np.full(other.size, 0.5 / other.size)]
    )
    order = np.argsort(pooled, kind="stable")
    mixture = np.cumsum(weight[order])
    cuts = pooled[order][np.searchsorted(mixture, np.arange(1, cells) / cells)]
    shares = [
        np.diff(np.concatenate([[0], np.searchsorted(draws, cuts, side="right"), [draws.size]]))
        / draws.size
        for draws in (one, other)
    ]
    return float(np.minimum(*shares).sum())
