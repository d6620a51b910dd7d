"""Value and gradient of a population by the engine, without compiling a PyTensor function."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.dynamics.system import System
from bnode_nlme.engine import slots as at
from bnode_nlme.engine.arguments import covariate_matrix
from bnode_nlme.engine.kernels import kernels_of
from bnode_nlme.engine.options import SolverOptions
from bnode_nlme.engine.population import BackwardResult, ForwardResult, PopulationSolver
from bnode_nlme.engine.schedule import build_schedule
from bnode_nlme.engine.tape import ALIGNED, FULL, doubles_of_step
from bnode_nlme.engine.workspace import LANES
from bnode_nlme.study.study import Study

Array = NDArray[np.float64]


def value_and_gradient(
    system: System,
    study: Study,
    parameters: Array,
    weights: Array,
    cotangents: Array | None = None,
    lean: bool = False,
    **options: Any,
) -> tuple[ForwardResult, BackwardResult]:
    """Forward and adjoint solve; the cotangents are ones where not given.

    Small populations have a full tape, unless a lean one is asked for.
    """
    solver = PopulationSolver(kernels_of(system), SolverOptions(**options))
    solver.tape_hint[:] = 1_000_000
    if lean:
        groups = -(-study.n_subjects // LANES)
        limit = (
            64 * groups * doubles_of_step.py_func(solver.kernels.states, solver.kernels.kept, FULL)
        )
        solver.template[at.TAPE_LIMIT] = limit - 1
        solver.tape_hint[:] = limit // groups - ALIGNED
    covariates = covariate_matrix(system, study)
    schedule = build_schedule(system, study)
    subjects = np.arange(study.n_subjects)
    forward = solver.forward(parameters, weights, covariates, schedule, subjects, keep_tape=True)
    if cotangents is None:
        cotangents = np.ones_like(forward.predictions)
    return forward, solver.backward(parameters, weights, covariates, schedule, forward, cotangents)
