"""Random effects of a fit."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.diagnostics.effects import covariate_correlations, effect_distributions
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.nlme.build import SUBJECT_NAMES
from bnode_nlme.results.population_draws import declaration_of
from bnode_nlme.study.study import Study

_FEWEST = 4


def random_effects(fit: Fit, *, mass: float = 0.9, seed: int = 0) -> xr.Dataset:
    """How random effects are distributed over the subjects, and vary with covariates.

    Parameters
    ----------
    fit
        Of a `bn.NLME`.
    mass
        Probability of the intervals.
    seed
        Of the draws of the population's correlations.

    Returns
    -------
    xarray.Dataset
        What `bnode_nlme.diagnostics.effect_distributions` gives and, where the study has covariates
        and four subjects or more, what `covariate_correlations` gives. `bn.plot_random_effects` and
        `bn.plot_covariates` draw it.

    Raises
    ------
    ValueError
        When the fit has no declaration, or there are no random effects.
    """
    nlme = declaration_of(fit, "random_effects")
    if not nlme.subject_effects:
        raise ValueError("random_effects wants a model with random effects of subjects.")
    eta = fit.posterior[SUBJECT_NAMES.values]
    table = effect_distributions(eta, mass=mass)
    covariates = {} if fit.study is None else varied_covariates(fit.study)
    if covariates and len(eta["subject"]) >= _FEWEST:
        table = table.merge(covariate_correlations(eta, covariates, mass=mass, seed=seed))
    return table


def varied_covariates(study: Study) -> dict[str, NDArray[np.float64]]:
    """Covariates that are not the same in all subjects."""
    return {name: v for name, v in study.covariates.items() if np.ptp(v) > 0.0}
