"""`simulate`: the same solve with numbers in and an xarray Dataset out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.arguments import covariate_matrix, parameter_columns, weight_vectors
from bnode_nlme.engine.kernels import kernels_of
from bnode_nlme.engine.options import Method, SolverOptions
from bnode_nlme.engine.population import PopulationSolver
from bnode_nlme.engine.schedule import build_schedule
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
        A float or an array over the subjects for each of ``system.parameters``.
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
        When a dose goes to a compartment that the system does not have.
    SundialsUnavailableError
        Where CVODES cannot be reached.
    """
    options = SolverOptions(method, rtol, atol, max_steps=max_steps, threads=threads)
    schedule = build_schedule(system, study)
    matrix = np.empty((study.n_subjects, len(system.parameters)))
    for i, column in enumerate(parameter_columns(system, study, parameters, _floats, np.shape)):
        matrix[:, i] = column
    vectors = weight_vectors(system, weights, _floats, np.shape)
    solver = PopulationSolver(kernels_of(system), options)
    result = solver.forward(
        matrix,
        np.concatenate([np.empty(0), *vectors]),
        covariate_matrix(system, study),
        schedule,
        np.arange(study.n_subjects),
    )
    records = study.records
    variables: dict[str, Any] = {
        name: (OBSERVATION, result.predictions[:, column])
        for column, name in enumerate(solver.kernels.readouts)
    }
    statuses = [SolveStatus(int(code)) for code in result.status]
    return xr.Dataset(
        variables
        | {
            "status": (SUBJECT, result.status),
            "message": (SUBJECT, np.array([status.message for status in statuses], dtype=object)),
            "steps": (SUBJECT, result.steps),
            "method": (SUBJECT, options.methods_of(result.engines)),
        },
        coords=study.coords
        | {
            "time": (OBSERVATION, records.time[study.observations]),
            "subject_of_observation": (
                OBSERVATION,
                study.subjects[records.subject[study.observations]],
            ),
        },
        attrs={"method": options.method, "rtol": rtol, "atol": atol},
    )
