"""Predictions at given draws of the population and of random effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.results.draw_solver import DrawSolver
from bnode_nlme.results.error_numbers import errors_of
from bnode_nlme.results.population_draws import SAMPLE, network_weights, parameter_arrays
from bnode_nlme.study.dimensions import OBSERVATION, SUBJECT
from bnode_nlme.study.study import Study


def predicted_at(
    nlme: NLME,
    values: xr.Dataset,
    study: Study,
    effects: xr.Dataset,
    rng: np.random.Generator | None,
    states: bool,
) -> xr.Dataset:
    """Predict at draws of the population and of random effects.

    Parameters
    ----------
    nlme, study
        The declaration, and whom to predict.
    values : xarray.Dataset (sample, ...)
        Draws of the population.
    effects : xarray.Dataset
        Random effects, as `NLME.known_effects` gives them.
    rng
        For residual errors; None for none.
    states
        Whether to return states.
    """
    draws = values.sizes[SAMPLE]
    individual = nlme.individual_parameters(values, study, effects)
    arrays = parameter_arrays(individual, draws)
    system = nlme.system
    names = dict.fromkeys((*system.output_names, *(system.states if states else ())))
    solver = DrawSolver(system, study, nlme.solver)
    solved = solver(arrays, network_weights(nlme, values), list(names))
    variables: dict[str, Any] = {
        name: ((SAMPLE, OBSERVATION), array) for name, array in solved.values.items()
    }
    if rng is not None:
        variables |= _measured(nlme, values, solved.values, rng)
    for name, array in arrays.items():
        if name in variables:
            continue
        variables[name] = ((SAMPLE, individual[name].dims[-1]), array)
    variables["status"] = ((SAMPLE, SUBJECT), solved.status)
    observed = study.observations
    coords: dict[str, Any] = study.coords | {
        "time": (OBSERVATION, study.records.time[observed]),
        "subject_of_observation": (OBSERVATION, study.subjects[study.records.subject[observed]]),
    }
    for name in ("chain", "draw"):
        if name in values.coords:
            coords[name] = (SAMPLE, values[name].to_numpy())
    return xr.Dataset(variables, coords=coords).assign(_aligned(effects, draws))


def _aligned(effects: xr.Dataset, draws: int) -> Mapping[str, xr.DataArray]:
    """Random effects over samples, also where they are the same at each."""
    aligned = {}
    for name, values in effects.data_vars.items():
        if SAMPLE not in values.dims:
            values = values.expand_dims({SAMPLE: draws})
        aligned[str(name)] = values.transpose(SAMPLE, ...).drop_vars(
            ["chain", "draw"], errors="ignore"
        )
    return aligned


def _measured(
    nlme: NLME,
    values: xr.Dataset,
    predictions: Mapping[str, NDArray[np.float64]],
    rng: np.random.Generator,
) -> dict[str, Any]:
    errors = errors_of(nlme, values, values.sizes[SAMPLE])
    return {
        measured_name(output): ((SAMPLE, OBSERVATION), error.drawn(predictions[output], rng))
        for output, error in errors.items()
    }


def measured_name(output: str) -> str:
    """Name of the measurements drawn around an output."""
    return f"{output}_measured"


def output_of(nlme: NLME, output: str | None, what: str) -> str:
    """The output asked for, or the only one.

    Raises
    ------
    ValueError
        When there are several and none is named, or it is not measured.
    """
    names: Sequence[str] = nlme.outputs
    if output is None and len(names) == 1:
        return names[0]
    if output not in names:
        found = "none" if output is None else repr(output)
        raise ValueError(
            f"{what}: output= wants one of {', '.join(map(repr, names))}; found {found}."
        )
    return str(output)
