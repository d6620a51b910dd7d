"""Individual parameters from population parameters, covariates and random effects.

One formula for the graph of a model and for numbers at draws of a posterior.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.nlme.covariate_model import covariate_columns
from bnode_nlme.nlme.individual import Individual
from bnode_nlme.study.study import Study


def population_name(parameter: str) -> str:
    """Name of the typical value of a parameter."""
    return f"{parameter}_pop"


def coefficient_name(parameter: str, label: str) -> str:
    """Name of the coefficient of a covariate model of a parameter."""
    return f"{parameter}_{label}"


def occasions_of(study: Study, parameters: list[str]) -> NDArray[np.int64]:
    """The subject of each occasion, (K,).

    Raises
    ------
    ValueError
        When the study has no occasions.
    """
    if study.occasions is None:
        raise ValueError(
            f"Between-occasion effects ({', '.join(parameters)}) need occasions, which the study "
            f"{study.name!r} does not have. Read a table with a column OCC, or leave "
            "occasion=True out."
        )
    return study.occasions.subject


def individual_value(
    parameter: str,
    declared: Individual,
    study: Study,
    xp: ModuleType,
    *,
    typical: Any,
    coefficients: Mapping[str, Any],
    effect: Any,
    occasion_effect: Any,
) -> Any:
    """The values of one parameter.

    Parameters
    ----------
    parameter, declared
        Its name and declaration.
    study
        Of the subjects.
    xp
        NumPy, or PyTensor's tensor module.
    typical : (...)
        Leading axes are draws, here and below.
    coefficients : mapping of str to (...) or (..., coefficients)
        By the label of each covariate model.
    effect : (..., subjects) or None
        The subjects' random effects.
    occasion_effect : (..., occasions) or None
        The occasions' random effects.

    Returns
    -------
    (..., subjects), or (..., occasions) where there is an occasion effect
    """
    scale = declared.scale
    value = scale.forward(typical, xp)[..., None] + np.zeros(study.n_subjects)
    for model in declared.covariates:
        columns = covariate_columns(parameter, model, study)
        value = value + model.term(coefficients[model.label], columns, scale, xp)
    if effect is not None:
        value = value + effect
    if occasion_effect is not None:
        value = value[..., occasions_of(study, [parameter])] + occasion_effect
    return scale.back(value, xp)
