"""`simulate`: the same solve with numbers in and an xarray Dataset out."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.arguments import (
    covariate_matrix,
    first_occasions,
    over_occasions,
    parameter_columns,
    weight_vectors,
)
from bnode_nlme.engine.dose_numbers import values_of
from bnode_nlme.engine.joined import join
from bnode_nlme.engine.options import Method, SolverOptions
from bnode_nlme.engine.population import ForwardResult, PopulationSolver
from bnode_nlme.engine.schedule import Schedule, laid_out
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.study.dimensions import OBSERVATION, SUBJECT
from bnode_nlme.study.study import Study


def _floats(value: Any) -> NDArray[np.float64]:
    return np.asarray(value, dtype=np.float64)


def simulate(
    system: System,
    study: Study,
    parameters: Mapping[str, Any],
    weights: Mapping[str, Any] | None = None,
    *,
    method: Method = "auto",
    rtol: float = 1e-6,
    atol: float = 1e-8,
    max_steps: int = 10_000,
    threads: int | None = None,
) -> xr.Dataset:
    """Solve a system on a study's records for given numbers.

    Parameters
    ----------
    system
        What is solved.
    study
        Subjects and records.
    parameters
        A float or an array over the subjects for each of ``system.parameters``; where the study has
        occasions, also an array over ``study.occasions``.
    weights
        The flat weight vector (``mlp.size``,) of each of the system's networks, by name.
    method, rtol, atol, max_steps, threads
        As for `solve`.

    Returns
    -------
    xarray.Dataset
        Each output and state over `observation` (labelled by the table's row numbers), with the
        coordinates `time` and `subject_of_observation`; `status` (a `SolveStatus`), `message`,
        `steps` and `method` (what solved it, empty where there was nothing to solve) over
        `subject`. Values are NaN where a subject's solve failed. The attributes record the method
        asked for and the tolerances.

    Raises
    ------
    ValueError
        When parameters, weights or covariates do not fit the system.
    TableError
        When a dose goes to a compartment that the system does not have, or has a RATE of -1 or -2
        and the system gives no rate or duration.
    SundialsUnavailableError
        Where CVODES cannot be reached.
    """
    options = SolverOptions(method, rtol, atol, max_steps=max_steps, threads=threads)
    return simulator(system, study, options)(parameters, weights)


def simulator(
    system: System, study: Study, options: SolverOptions
) -> Callable[[Mapping[str, Any], Mapping[str, Any] | None], xr.Dataset]:
    """What `simulate` does for parameters and weights, with the study laid out once."""
    numbers = solutions(system, study, options)
    observed = study.observations
    coordinates = study.coords | {
        "time": (OBSERVATION, study.records.time[observed]),
        "subject_of_observation": (
            OBSERVATION,
            study.subjects[study.records.subject[observed]],
        ),
    }
    attributes = {"method": options.method, "rtol": options.rtol, "atol": options.atol}

    def solved(
        parameters: Mapping[str, Any], weights: Mapping[str, Any] | None = None
    ) -> xr.Dataset:
        readouts, result = numbers(parameters, weights)
        statuses = [SolveStatus(int(code)) for code in result.status]
        messages = np.array([status.message for status in statuses], dtype=object)
        variables: dict[str, Any] = {
            name: (OBSERVATION, result.predictions[:, column])
            for column, name in enumerate(readouts)
        }
        variables |= {
            "status": (SUBJECT, result.status),
            "message": (SUBJECT, messages),
            "steps": (SUBJECT, result.steps),
            "method": (SUBJECT, options.methods_of(result.engines)),
        }
        return xr.Dataset(variables, coords=coordinates, attrs=attributes)

    return solved


def solutions(
    system: System, study: Study, options: SolverOptions
) -> Callable[[Mapping[str, Any], Mapping[str, Any] | None], tuple[Sequence[str], ForwardResult]]:
    """The numbers of `simulate` as they are, for thousands of small solves: no labels."""
    covariates = covariate_matrix(system, study)
    subjects = np.arange(study.n_subjects)

    @functools.cache
    def prepared(by_occasion: tuple[bool, ...]) -> tuple[PopulationSolver, Callable[..., Schedule]]:
        joined = join(system, study, by_occasion)
        solver = PopulationSolver(joined.kernels, options)
        plan, fixed = joined.plan, joined.schedule
        if fixed is not None:
            return solver, lambda columns, weights: fixed
        values = values_of(system, study, plan, by_occasion, options)
        return solver, lambda columns, weights: laid_out(plan, values(columns, weights))

    def solved(
        parameters: Mapping[str, Any], weights: Mapping[str, Any] | None = None
    ) -> tuple[Sequence[str], ForwardResult]:
        matrix = np.empty((study.n_subjects, len(system.parameters)))
        given = parameter_columns(system, study, parameters, _floats, np.shape)
        by_occasion = tuple(over_occasions(study, np.shape(column)) for column in given)
        solver, schedule_of = prepared(by_occasion)
        for i, column in enumerate(given):
            matrix[:, i] = column[first_occasions(study)] if by_occasion[i] else column
        vectors = weight_vectors(system, weights, _floats, np.shape)
        vector = np.concatenate([np.empty(0), *vectors])
        schedule = schedule_of(given, vector)
        result = solver.forward(matrix, vector, covariates, schedule, subjects)
        return solver.kernels.readouts, result

    return solved
