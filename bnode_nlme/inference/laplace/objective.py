"""The objective-function value at given population parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr
from numpy.typing import NDArray
from pymc.initial_point import make_initial_point_fn

from bnode_nlme.inference.fit_result import Buildable
from bnode_nlme.inference.flat_model import flat_model
from bnode_nlme.inference.laplace.individual_terms import IndividualTerms, individual_terms
from bnode_nlme.inference.laplace.marginal import Marginal
from bnode_nlme.inference.laplace.settings import Form
from bnode_nlme.inference.named_values import free_values
from bnode_nlme.study.dimensions import SUBJECT
from bnode_nlme.study.study import Study


@dataclass(frozen=True, eq=False)
class ObjectiveValue:
    """Minus twice the approximate log-likelihood, without ``N log(2 pi)``.

    N is the number of measurements that have normal errors and are not censored: those of which
    NONMEM leaves the constant out.

    Attributes
    ----------
    value : float
    subjects : ndarray (subjects,)
        Each subject's share.
    form : {"focei", "laplace"}
    effects : xarray.Dataset
        The random effects' free variables at their modes.
    """

    value: float
    subjects: NDArray[np.float64]
    form: Form
    effects: xr.Dataset


def objective(
    nlme: Buildable | pm.Model,
    study: Study | None,
    values: Mapping[str, Any],
    *,
    form: Form | None = None,
) -> ObjectiveValue:
    """Evaluate the objective function that ``fit(method="laplace", priors=False)`` minimises.

    Parameters
    ----------
    nlme
        A declaration or a model.
    study
        Its data; None for a model whose measurements have ``subject`` as their first dimension.
    values
        Of every population parameter, by name: ``CL_pop``, ``omega``, ``cp_sigma``, ...
    form
        As in `LaplaceSettings`.

    Returns
    -------
    ObjectiveValue
        Comparable to that of NONMEM and nlmixr2: FOCE with interaction, or Laplace. Measurements
        with a log-normal error count with their own density, not that of their logarithms.

    Raises
    ------
    ValueError
        When a value is missing or there is one too many.
    ModeError
        When the modes of the random effects are not found.
    """
    model = nlme if isinstance(nlme, pm.Model) else nlme.build(study)  # type: ignore[arg-type]
    flat = flat_model(model)
    terms = individual_terms(flat, study)
    wanted = tuple(name for name in flat.names if name not in terms.effects)
    overrides = free_values(model, values, wanted, what="objective(values)")
    initial = make_initial_point_fn(model=model, overrides=overrides, return_transformed=True)
    marginal = Marginal(terms, chosen_form(terms, form))
    modes = marginal.modes(flat.vector(initial(0)))
    shares = marginal.subjects(modes)
    expanded = flat.expand(modes.x[None])
    effects = xr.Dataset(
        {name: (model.named_vars_to_dims[name], expanded[name][0]) for name in terms.effects},
        coords={SUBJECT: np.asarray(model.coords[SUBJECT])},
    )
    return ObjectiveValue(float(shares.sum()), shares, marginal.form, effects)


def chosen_form(terms: IndividualTerms, form: Form | None) -> Form:
    """The form asked for, or the default one.

    Raises
    ------
    ValueError
        When ``"focei"`` is asked for and cannot be had.
    """
    if form == "focei" and not terms.is_normal:
        raise ValueError(
            "laplace: form='focei' wants measurements that are normal given the random effects, "
            "without censoring. Use form='laplace'."
        )
    return form or ("focei" if terms.is_normal else "laplace")
