"""`solve`: a population's solution as PyTensor variables, for a likelihood of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.arguments import covariate_matrix, in_order
from bnode_nlme.engine.counts import SolveCounter
from bnode_nlme.engine.kernels import kernels_of
from bnode_nlme.engine.options import Method, SolverOptions
from bnode_nlme.engine.population import PopulationSolver
from bnode_nlme.engine.schedule import build_schedule
from bnode_nlme.engine.solve_op import SolveOp
from bnode_nlme.study.study import Study


@dataclass(frozen=True, eq=False)
class Solution:
    """A population's solution at the study's observation rows.

    Attributes
    ----------
    outputs : mapping of str to TensorVariable (rows,)
        Each output of the system at each observation row; NaN where the subject's solve failed.
    states : mapping of str to TensorVariable (rows,)
        Each state, likewise.
    status : TensorVariable (subjects,), int64
        A `SolveStatus` for each subject.
    steps : TensorVariable (subjects,), int64
        Steps that the solver took.
    counter : SolveCounter
        Outcomes of all solves made so far, in all threads and processes.
    """

    outputs: Mapping[str, TensorVariable]
    states: Mapping[str, TensorVariable]
    status: TensorVariable
    steps: TensorVariable
    counter: SolveCounter


def _over_subjects(name: str, value: Any, n_subjects: int) -> TensorVariable:
    variable = pt.as_tensor_variable(value).astype("float64")
    length = variable.type.shape[0] if variable.ndim == 1 else None
    if variable.ndim > 1 or (length is not None and length not in (1, n_subjects)):
        raise ValueError(
            f"parameters[{name!r}] wants a scalar or a vector over the {n_subjects} subjects; "
            f"found shape {variable.type.shape}."
        )
    if variable.ndim == 1 and length != 1:
        return variable
    return pt.broadcast_to(variable, (n_subjects,))


def _flat_weights(system: System, weights: Mapping[str, Any] | None) -> TensorVariable:
    names = tuple(network.name for network in system.networks)
    vectors = []
    for network, value in zip(system.networks, in_order(weights, names, "weights"), strict=True):
        vector = pt.as_tensor_variable(value).astype("float64")
        if vector.ndim != 1 or vector.type.shape[0] not in (None, network.size):
            raise ValueError(
                f"weights[{network.name!r}] wants one flat vector of length {network.size}; "
                f"found shape {vector.type.shape}. NetworkWeights({network.name!r}, ...) makes one."
            )
        vectors.append(vector)
    return pt.concatenate(vectors) if vectors else pt.zeros((0,), dtype="float64")


def solve(
    system: System,
    study: Study,
    parameters: Mapping[str, Any],
    weights: Mapping[str, Any] | None = None,
    *,
    method: Method = "auto",
    rtol: float = 1e-6,
    atol: float = 1e-8,
    adjoint_rtol: float | None = None,
    adjoint_atol: float | None = None,
    max_steps: int = 10_000,
) -> Solution:
    """Solve a system on a study's records, differentiably.

    Parameters
    ----------
    system
        What is solved.
    study
        Subjects and records.
    parameters
        A scalar or a vector over the subjects for each of ``system.parameters``; symbolic or
        numbers.
    weights
        The flat weight vector (``mlp.size``,) of each of the system's networks, by name.
    method
        ``"bdf"``, ``"adams"`` or ``"auto"`` (which is ``"bdf"``); see `SolverOptions`.
    rtol, atol
        Tolerances of the forward solve; `atol` in the states' units.
    adjoint_rtol, adjoint_atol
        Tolerances of the gradient, see `SolverOptions`; by default `rtol`, and a hundredth of
        `adjoint_rtol`.
    max_steps
        Largest number of steps for one subject.

    Returns
    -------
    Solution
        Vectors over the study's observation rows (EVID 0 and 2), in the order of
        ``study.observations``.

    Raises
    ------
    ValueError
        When parameters, weights or covariates do not fit the system.
    TableError
        When a dose goes to a compartment that the system does not have.
    SundialsUnavailableError
        Where CVODES cannot be reached.

    Notes
    -----
    Gradients come from the continuous adjoint equation (Cao, Li, Petzold and Serban 2003,
    doi:10.1137/S1064827501380630), integrated by CVODES (Hindmarsh et al. 2005,
    doi:10.1145/1089014.1089020) backwards over the trajectory of the forward solve.
    """
    options = SolverOptions(method, rtol, atol, adjoint_rtol, adjoint_atol, max_steps)
    schedule = build_schedule(system, study)
    covariates = covariate_matrix(system, study)
    columns = [
        _over_subjects(name, value, study.n_subjects)
        for name, value in zip(
            system.parameters, in_order(parameters, system.parameters, "parameters"), strict=True
        )
    ]
    matrix = pt.stack(columns, axis=1) if columns else pt.zeros((study.n_subjects, 0))
    counter = SolveCounter()
    solver = PopulationSolver(kernels_of(system), options)
    predictions, status, steps, *_ = SolveOp(solver, counter)(
        matrix,
        _flat_weights(system, weights),
        covariates,
        *schedule.arrays,
        np.arange(study.n_subjects),
        np.int64(schedule.rows),
    )
    columns_of = {name: predictions[:, i] for i, name in enumerate(solver.kernels.readouts)}
    return Solution(
        outputs=MappingProxyType({name: columns_of[name] for name in system.output_names}),
        states=MappingProxyType({name: columns_of[name] for name in system.states}),
        status=status,
        steps=steps,
        counter=counter,
    )
