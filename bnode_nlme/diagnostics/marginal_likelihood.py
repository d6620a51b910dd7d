"""Integrating the random effects of a subject out of its likelihood."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.special import gammaln

from bnode_nlme.diagnostics.draws import require_dimensions
from bnode_nlme.study.dimensions import SUBJECT

_DRAWS = ("chain", "draw")


def effect_proposal(
    eta: xr.DataArray,
    points: int = 200,
    *,
    freedom: float = 5.0,
    widening: float = 1.2,
    seed: int = 0,
) -> xr.Dataset:
    """Points at which to integrate over the random effects of each subject.

    Parameters
    ----------
    eta : xarray.DataArray (chain, draw, subject, effect)
        Random effects at draws of the posterior of the whole study. The last dimension holds the
        effects, whatever its name.
    points
        How many, for each subject.
    freedom, widening
        Degrees of freedom of the t distribution that points are drawn from, and the factor on its
        scale: tails wider than the integrand's keep the weights bounded.
    seed
        Of the points.

    Returns
    -------
    xarray.Dataset
        `eta` (subject, point, effect) and `log_density` (subject, point) of the distribution they
        were drawn from: a multivariate t with the mean and covariance of the subject's posterior.
        The same points serve at every draw of the population's parameters.

    Raises
    ------
    ValueError
        When a dimension is missing or an effect does not vary over the draws.
    """
    require_dimensions(eta, (*_DRAWS, SUBJECT), "eta")
    (effect,) = [name for name in eta.dims if name not in (*_DRAWS, SUBJECT)]
    draws = eta.stack(sample=_DRAWS, create_index=False).transpose(SUBJECT, "sample", effect)
    values = draws.to_numpy()
    mean = values.mean(axis=1)
    centred = values - mean[:, None]
    covariance = np.einsum("sdi,sdj->sij", centred, centred) / (values.shape[1] - 1)
    try:
        factor = widening * np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        raise ValueError(
            "The draws of some subject's random effects have no positive definite covariance. "
            "Leave out effects that do not vary, and give more draws than effects."
        ) from None
    size = mean.shape[1]
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=(mean.shape[0], points, size))
    scale = np.sqrt(freedom / rng.chisquare(freedom, size=(mean.shape[0], points, 1)))
    standard = normal * scale
    drawn = mean[:, None] + np.einsum("sij,spj->spi", factor, standard)
    log_determinant = np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    log_density = (
        _t_constant(freedom, size)
        - 0.5 * (freedom + size) * np.log1p((standard**2).sum(axis=2) / freedom)
        - log_determinant[:, None]
    )
    kept = {name: eta[name] for name in (SUBJECT, effect) if name in eta.coords}
    return xr.Dataset(
        {
            "eta": ((SUBJECT, "point", effect), drawn),
            "log_density": ((SUBJECT, "point"), log_density),
        },
        coords=kept,
    )


def marginal_log_likelihood(
    log_likelihood: xr.DataArray, log_weight: xr.DataArray | None = None
) -> xr.Dataset:
    """Log-likelihood of a subject with its random effects integrated out.

    Parameters
    ----------
    log_likelihood : xarray.DataArray (chain, draw, subject, point)
        Of all measurements of a subject, at random effects drawn for it anew.
    log_weight : xarray.DataArray (..., point), optional
        Logarithm of the population's density of those random effects, at the draw's parameters,
        over the density that they were drawn from (`effect_proposal`). Left out where they were
        drawn from the population itself.

    Returns
    -------
    xarray.Dataset
        `log_likelihood` (chain, draw, subject): the logarithm of the mean of likelihood times
        weight. `error`: its Monte Carlo standard error (delta method). `efficiency`: the effective
        share of the points, (Σw)² / (M Σw²) with w likelihood times weight; where it is a few
        points' worth, the integral is not to be trusted.

    Raises
    ------
    ValueError
        When a dimension is missing.

    Notes
    -----
    Points from the population itself serve a subject with few measurements; with many, the
    likelihood is far narrower than the population, and points drawn near the subject's posterior
    are needed. Adaptive quadrature does the same in Merkle, Furr and Rabe-Hesketh 2019
    (doi:10.1007/s11336-019-09679-0).
    """
    require_dimensions(log_likelihood, (*_DRAWS, SUBJECT, "point"), "log_likelihood")
    terms = log_likelihood if log_weight is None else log_likelihood + log_weight
    largest = terms.max("point")
    weights = xr.ufuncs.exp(terms - largest)
    points = terms.sizes["point"]
    mean = weights.mean("point")
    efficiency = weights.sum("point") ** 2 / (points * (weights**2).sum("point"))
    relative = weights.std("point", ddof=1) / (mean * np.sqrt(points))
    return xr.Dataset(
        {
            "log_likelihood": largest + xr.ufuncs.log(mean),
            "error": relative,
            "efficiency": efficiency,
        }
    ).transpose(*_DRAWS, SUBJECT)


def _t_constant(freedom: float, size: int) -> float:
    return float(
        gammaln(0.5 * (freedom + size))
        - gammaln(0.5 * freedom)
        - 0.5 * size * np.log(freedom * np.pi)
    )
