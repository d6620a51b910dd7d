"""`simulate`: the same solve with numbers in and an xarray Dataset out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.arguments import covariate_matrix, in_order
from bnode_nlme.engine.kernels import kernels_of
from bnode_nlme.engine.options import Method, SolverOptions
from bnode_nlme.engine.population import PopulationSolver
from bnode_nlme.engine.schedule import build_schedule
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.study.dimensions import OBSERVATION, SUBJECT
from bnode_nlme.study.study import Study


def _over_subjects(name: str, value: Any, n_subjects: int) -> NDArray[np.float64]:
    array = np.asarray(value, dtype=np.float64)
    if array.shape not in ((), (1,), (n_subjects,)):
        raise ValueError(
            f"parameters[{name!r}] wants a number or an array over the {n_subjects} subjects; "
            f"found shape {array.shape}."
        )
    return np.broadcast_to(array, (n_subjects,))


def _flat_weights(system: System, weights: Mapping[str, Any] | None) -> NDArray[np.float64]:
    names = tuple(network.name for network in system.networks)
    vectors = [np.empty(0)]
    for network, value in zip(system.networks, in_order(weights, names, "weights"), strict=True):
        vector = np.asarray(value, dtype=np.float64)
        if vector.shape != (network.size,):
            raise ValueError(
                f"weights[{network.name!r}] wants one flat vector of length {network.size}; "
                f"found shape {vector.shape}."
            )
        vectors.append(vector)
    return np.concatenate(vectors)


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
    method, rtol, atol, max_steps
        As for `solve`.

    Returns
    -------
    xarray.Dataset
        Each output and state over `observation` (labelled by the table's row numbers), with the
        coordinates `time` and `subject_of_observation`; `status` (a `SolveStatus`), `message` and
        `steps` over `subject`. Values are NaN where a subject's solve failed. The attributes
        record the method and the tolerances.

    Raises
    ------
    ValueError
        When parameters, weights or covariates do not fit the system.
    TableError
        When a dose goes to a compartment that the system does not have.
    SundialsUnavailableError
        Where CVODES cannot be reached.
    """
    options = SolverOptions(method, rtol, atol, max_steps=max_steps)
    schedule = build_schedule(system, study)
    columns = [
        _over_subjects(name, value, study.n_subjects)
        for name, value in zip(
            system.parameters, in_order(parameters, system.parameters, "parameters"), strict=True
        )
    ]
    matrix = np.column_stack(columns) if columns else np.empty((study.n_subjects, 0))
    solver = PopulationSolver(kernels_of(system), options)
    result = solver.forward(
        matrix,
        _flat_weights(system, weights),
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
        },
        coords=study.coords
        | {
            "time": (OBSERVATION, records.time[study.observations]),
            "subject_of_observation": (
                OBSERVATION,
                study.subjects[records.subject[study.observations]],
            ),
        },
        attrs={"method": options.resolved_method, "rtol": rtol, "atol": atol},
    )
