"""From covariates that were found to a declaration with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bnode_nlme.discovery.covariate_shapes import ShapeName
from bnode_nlme.nlme.categorical_covariate import Categorical
from bnode_nlme.nlme.continuous_covariates import Exponential, Linear, Power
from bnode_nlme.nlme.covariate_model import CovariateModel
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.nlme.spline import Spline
from bnode_nlme.study.study import Study

_DIGITS = 3


def covariate_model(
    covariate: str, shape: ShapeName, study: Study, *, logarithmic: bool
) -> CovariateModel:
    """The covariate model that a shape stands for.

    Parameters
    ----------
    covariate, shape
        Its name, and what was found.
    study
        Whose median, rounded to three digits, is the reference.
    logarithmic
        Whether the parameter is log-normal.

    Returns
    -------
    CovariateModel
        A straight line on the parameter's scale: `Exponential` for a log-normal parameter, else
        `Linear`. A line in the logarithm: `Power`. A curve: `Spline`. Categories:
        `Categorical`.
    """
    values = study.covariates[covariate]
    if shape == "categories":
        return Categorical(covariate, tuple(float(v) for v in np.unique(values)))
    levels = np.unique(values)
    # Of two codes one is the reference; a median may lie between them.
    center = float(levels[0]) if levels.size == 2 else _rounded(float(np.median(values)))
    if shape == "power":
        return Power(covariate, center)
    if shape == "linear":
        return (Exponential if logarithmic else Linear)(covariate, center)
    return Spline.of(study, covariate)


def with_covariates(
    nlme: NLME, study: Study, found: Mapping[str, Sequence[tuple[str, ShapeName]]]
) -> NLME:
    """The declaration with covariate models added.

    Parameters
    ----------
    nlme, study
        The declaration, and the study that gives the references.
    found : mapping of str to sequence of (covariate, shape)
        By parameter.

    Returns
    -------
    NLME
    """
    individual = dict(nlme.individual)
    for parameter, additions in found.items():
        declared = individual[parameter]
        added = [
            covariate_model(name, shape, study, logarithmic=declared.scale.logarithmic)
            for name, shape in additions
        ]
        individual[parameter] = replace(declared, covariates=[*declared.covariates, *added])
    return replace(nlme, individual=individual)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
