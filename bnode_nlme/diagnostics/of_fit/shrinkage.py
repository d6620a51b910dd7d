"""Shrinkage of random effects and residuals of a fit."""

from __future__ import annotations

import xarray as xr

from bnode_nlme.diagnostics.of_fit.goodness_of_fit import goodness_of_fit
from bnode_nlme.diagnostics.shrinkage import epsilon_shrinkage, eta_shrinkage
from bnode_nlme.distributions.continuous import Continuous
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.nlme.build import SUBJECT_NAMES
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
        `bnode_nlme.diagnostics.eta_shrinkage` defines them; over ``output``: ``epsilon``
        (`epsilon_shrinkage`) of the continuous outputs. Shares of 1.

    Raises
    ------
    ValueError
        When the fit has no declaration, or there are no random effects.
    """
    nlme = declaration_of(fit, "shrinkage")
    if not nlme.subject_effects:
        raise ValueError("shrinkage wants a model with random effects of subjects.")
    posterior = fit.posterior
    table = eta_shrinkage(posterior[SUBJECT_NAMES.values], posterior[SUBJECT_NAMES.sd], mass=mass)
    outputs = [o for o, error in nlme.errors.items() if isinstance(error.family, Continuous)]
    epsilon = [epsilon_shrinkage(goodness_of_fit(fit, output)["iwres"]) for output in outputs]
    return table.assign(epsilon=("output", epsilon)).assign_coords(output=outputs)
