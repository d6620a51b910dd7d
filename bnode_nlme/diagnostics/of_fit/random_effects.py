"""Random effects of a fit."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.diagnostics.effects import covariate_correlations, effect_distributions
from bnode_nlme.diagnostics.of_fit.effect_levels import OF_OCCASIONS, OF_SUBJECTS, effect_levels
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.nlme.individual_values import occasions_of
from bnode_nlme.study.dimensions import OCCASION, SUBJECT
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
        What `bnode_nlme.diagnostics.effect_distributions` gives of the subjects' effects, over
        ``effect``, and, where the study has covariates and four subjects or more, what
        `covariate_correlations` gives. Where there are effects of occasions: ``kappa_mean``,
        ``kappa_sd``, ``kappa_skewness``, ``kappa_kurtosis`` over ``occasion_effect``, and
        ``kappa_individual_mean`` and ``kappa_individual_sd`` also over ``occasion``, with the
        coordinate ``subject_of_occasion``. `bn.plot_random_effects` and `bn.plot_covariates` draw
        it.

    Raises
    ------
    ValueError
        When the fit has no declaration, or there are no random effects.
    """
    table = xr.Dataset()
    for level in effect_levels(fit, "random_effects"):
        values = level.values(fit)
        own = effect_distributions(values, mass=mass, over=level.over)
        table = table.merge(own.rename({name: f"{level.prefix}{name}" for name in own.data_vars}))
        if fit.study is None:
            continue
        if level is OF_OCCASIONS:
            owner = fit.study.subjects[occasions_of(fit.study, [])]
            table = table.assign_coords(subject_of_occasion=(OCCASION, owner))
        covariates = varied_covariates(fit.study) if level is OF_SUBJECTS else {}
        if covariates and values.sizes[SUBJECT] >= _FEWEST:
            table = table.merge(covariate_correlations(values, covariates, mass=mass, seed=seed))
    return table


def varied_covariates(study: Study) -> dict[str, NDArray[np.float64]]:
    """Covariates that are not the same in all subjects."""
    return {name: v for name, v in study.covariates.items() if np.ptp(v) > 0.0}
