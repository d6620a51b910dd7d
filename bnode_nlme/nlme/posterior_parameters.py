"""Individual parameters at draws of a posterior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from bnode_nlme.nlme.build import OCCASION_NAMES, SUBJECT_NAMES
from bnode_nlme.nlme.covariate_model import CovariateModel
from bnode_nlme.nlme.draw_arrays import Dims, draw_dims, of_draws
from bnode_nlme.nlme.individual_values import coefficient_name, individual_value, population_name
from bnode_nlme.nlme.prior import Prior
from bnode_nlme.study.dimensions import OCCASION, SUBJECT
from bnode_nlme.study.study import Study

if TYPE_CHECKING:
    from bnode_nlme.nlme.nlme import NLME


def individual_parameters(
    nlme: NLME, values: xr.Dataset, study: Study, random_effects: xr.Dataset
) -> xr.Dataset:
    """See `NLME.individual_parameters`."""
    cores = _population_variables(nlme)
    draw_dims(values, cores)  # which says what is missing
    both = values[list(cores)]
    both = both.drop_vars([name for name in random_effects.coords if name in both.coords])
    both = both.merge(random_effects, join="exact", compat="override", combine_attrs="drop")
    of_effects: dict[str, Dims] = {}
    if nlme.subject_effects:
        of_effects[SUBJECT_NAMES.values] = (SUBJECT, SUBJECT_NAMES.effect)
    if nlme.occasion_effects:
        of_effects[OCCASION_NAMES.values] = (OCCASION, OCCASION_NAMES.effect)
    cores |= of_effects
    dims = draw_dims(both, cores)
    arrays = {name: of_draws(both, name, core, dims) for name, core in cores.items()}
    ones = np.ones((1,) * len(dims))
    result = {}
    for name, declared in nlme.individual.items():
        eta = _effect(arrays, SUBJECT_NAMES.values, nlme.subject_effects, name)
        kappa = _effect(arrays, OCCASION_NAMES.values, nlme.occasion_effects, name)
        coefficients = {
            model.label: arrays.get(
                coefficient_name(name, model.label), ones * _known_coefficient(model)
            )
            for model in declared.covariates
        }
        typical = declared.typical
        value = individual_value(
            name,
            declared,
            study,
            np,
            typical=ones * typical
            if not isinstance(typical, Prior)
            else arrays[population_name(name)],
            coefficients=coefficients,
            effect=eta,
            occasion_effect=kappa,
        )
        dim = SUBJECT if kappa is None else OCCASION
        shape = (*(both.sizes[d] for d in dims), value.shape[-1])
        result[name] = ((*dims, dim), np.broadcast_to(value, shape))
    coords: dict[Any, Any] = {d: both[d] for d in dims if d in both.coords}
    coords[SUBJECT] = study.coords[SUBJECT]
    if nlme.occasion_effects:
        coords[OCCASION] = study.coords[OCCASION]
    return xr.Dataset(result, coords=coords)


def _population_variables(nlme: NLME) -> dict[str, Dims]:
    """The population parameters that the individual ones need, with their own dimensions."""
    cores: dict[str, Dims] = {}
    for name, declared in nlme.individual.items():
        if isinstance(declared.typical, Prior):
            cores[population_name(name)] = ()
        for model in declared.covariates:
            variable = coefficient_name(name, model.label)
            if model.known is None:
                cores[variable] = model.coefficient_dims(variable)
    return cores


def _known_coefficient(model: CovariateModel) -> float:
    return np.nan if model.known is None else model.known


def _effect(arrays: Any, variable: str, labels: tuple[str, ...], name: str) -> Any:
    return arrays[variable][..., labels.index(name)] if name in labels else None
