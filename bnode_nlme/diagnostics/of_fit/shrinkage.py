"""Shrinkage of random effects and residuals of a fit."""

from __future__ import annotations

import numpy as np
import xarray as xr

from bnode_nlme.diagnostics.of_fit.effect_levels import effect_levels
from bnode_nlme.diagnostics.of_fit.goodness_of_fit import residuals
from bnode_nlme.diagnostics.shrinkage import epsilon_shrinkage, eta_shrinkage
from bnode_nlme.distributions.continuous import Continuous
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.results.population_draws import declaration_of


def shrinkage(fit: Fit, *, mass: float = 0.9) -> xr.Dataset:
    """How far the subjects' effects, and residuals, are drawn to the population.

    Parameters
    ----------
    fit
        Of a `bn.NLME`.
    mass
        Probability of the intervals.

    Returns
    -------
    xarray.Dataset
        Over ``effect``: ``sd``, ``variance``, ``pooling`` and intervals, as
        `bnode_nlme.diagnostics.eta_shrinkage` defines them. Over ``occasion_effect``, where there
        are effects of occasions: ``kappa_sd``, ``kappa_variance``, ``kappa_pooling``, ..., the same
        of these, over all occasions of all subjects. Over ``output``: ``epsilon``
        (`epsilon_shrinkage`) of the continuous outputs. Shares of 1. Residuals of Student-t errors
        are taken in units of their standard deviation, the scale times ``sqrt(nu / (nu - 2))``, at
        each draw; ``epsilon`` is NaN where nu is 2 or less at some draw.

    Raises
    ------
    ValueError
        When the fit has no declaration, or there are no random effects.

    Notes
    -----
    A subject with one occasion does not tell its effect from that of the occasion; each is then
    drawn to the population the more.
    """
    nlme = declaration_of(fit, "shrinkage")
    table = xr.Dataset()
    for level in effect_levels(fit, "shrinkage"):
        own = eta_shrinkage(
            level.values(fit), level.standard_deviations(fit), mass=mass, over=level.over
        )
        table = table.merge(own.rename({name: f"{level.prefix}{name}" for name in own.data_vars}))
    outputs = [o for o, error in nlme.errors.items() if isinstance(error.family, Continuous)]
    epsilon = [_epsilon(fit, output) for output in outputs]
    return table.assign(epsilon=("output", epsilon)).assign_coords(output=outputs)


def _epsilon(fit: Fit, output: str) -> float:
    iwres = residuals(fit, output, of_sd=True, what="shrinkage")["iwres"].to_numpy()
    return float(np.nan) if np.isnan(iwres).all() else epsilon_shrinkage(iwres)
