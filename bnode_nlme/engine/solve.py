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
from bnode_nlme.engine.arguments import (
    covariate_matrix,
    first_occasions,
    over_occasions,
    parameter_columns,
    weight_vectors,
)
from bnode_nlme.engine.columns_op import ColumnsOp
from bnode_nlme.engine.counts import SolveCounter
from bnode_nlme.engine.dose_values import symbolic_values
from bnode_nlme.engine.joined import join
from bnode_nlme.engine.layout_op import LayoutOp
from bnode_nlme.engine.options import Method, SolverOptions
from bnode_nlme.engine.population import PopulationSolver
from bnode_nlme.engine.solve_op import SolveOp
from bnode_nlme.engine.steady_state_values import with_steady_states
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
        Steps that the solver took, those that it rejected included.
    engines : TensorVariable (subjects,), int64
        What solved each subject: `LANES_UNIT` or `CVODES_UNIT` of `bnode_nlme.engine.units`.
    counter : SolveCounter
        Outcomes of all solves made so far, in all threads and processes.
    """

    outputs: Mapping[str, TensorVariable]
    states: Mapping[str, TensorVariable]
    status: TensorVariable
    steps: TensorVariable
    engines: TensorVariable
    counter: SolveCounter


def _floats(value: Any) -> TensorVariable:
    return pt.as_tensor_variable(value).astype("float64")


def _static_shape(variable: TensorVariable) -> tuple[int | None, ...]:
    return tuple(variable.type.shape)


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
    threads: int | None = None,
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
        numbers. Where the study has occasions, also a vector over ``study.occasions``: the
        parameter changes where the occasion does.
    weights
        The flat weight vector (``mlp.size``,) of each of the system's networks, by name.
    method
        ``"auto"``, ``"tsit5"``, ``"bdf"`` or ``"adams"``; see `SolverOptions` for the rule behind
        ``"auto"``.
    rtol, atol
        Tolerances of the forward solve; `atol` in the states' units.
    adjoint_rtol, adjoint_atol
        Tolerances of the gradient, see `SolverOptions`; by default `rtol`, and a hundredth of
        `adjoint_rtol`.
    max_steps
        Largest number of steps for one subject.
    threads
        Most threads of one solve; by default as many as there are cores, less where other chains
        solve at the same time.

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
        When a dose goes to a compartment that the system does not have, or has a RATE of -1 or -2
        and the system gives no rate or duration.
    SundialsUnavailableError
        Where CVODES cannot be reached.

    Notes
    -----
    With ``"tsit5"`` (Tsitouras 2011, doi:10.1016/j.camwa.2011.06.002) gradients are the exact
    derivatives of the numbers computed, step sizes held fixed: the discrete adjoint (Sandu 2006,
    doi:10.1007/11758549_80). With CVODES (Hindmarsh et al. 2005, doi:10.1145/1089014.1089020) they
    come from the continuous adjoint equation (Cao, Li, Petzold and Serban 2003,
    doi:10.1137/S1064827501380630), integrated backwards over the trajectory of the forward solve,
    and are as accurate as its tolerances.

    The steady state of each record with SS is found by the same method, one interval between doses
    at a time and ten times as closely: from a few doses by Newton's method, whose Jacobian adjoint
    solves give; its gradient is that of the implicit function theorem. A study without such records
    pays nothing for it. Where none is found, as when more is given than can be eliminated, the
    subject's status is ``SolveStatus.NO_STEADY_STATE``::

        regimen = bn.Regimen(100, every=12, steady_state=True)
        study = bn.Study.from_regimen(regimen, times=[0.5, 6, 12])
        bn.simulate(system, study, {"CL": 3.0, "V": 20.0})["message"]
    """
    options = SolverOptions(method, rtol, atol, adjoint_rtol, adjoint_atol, max_steps, threads)
    covariates = covariate_matrix(system, study)
    given = parameter_columns(system, study, parameters, _floats, _static_shape)
    by_occasion = tuple(over_occasions(study, _static_shape(column)) for column in given)
    vectors = weight_vectors(system, weights, _floats, _static_shape)
    vector = pt.concatenate(vectors) if vectors else pt.zeros((0,), dtype="float64")
    counter = SolveCounter()
    joined = join(system, study, by_occasion)
    if joined.schedule is not None:
        schedule: Any = joined.schedule.arrays
    else:
        plan = joined.plan
        values = symbolic_values(system, study, plan, given, by_occasion)
        values = with_steady_states(
            values, system, study, plan, given, vector, by_occasion, options, counter
        )
        laid: Any = LayoutOp()(*plan.arrays, *values)
        schedule = laid[:5]
    columns = [
        pt.atleast_1d(column[first_occasions(study)] if over else column)
        for column, over in zip(given, by_occasion, strict=True)
    ]
    shared = tuple(column.type.shape == (1,) for column in columns)
    matrix = ColumnsOp(system.parameters, shared, study.n_subjects)(*columns)
    solver = PopulationSolver(joined.kernels, options)
    outputs: Any = SolveOp(solver, counter)(
        matrix,
        vector,
        covariates,
        *schedule,
        np.arange(study.n_subjects),
        np.int64(joined.plan.rows),
    )
    predictions, status, steps, engines, *_ = outputs
    columns_of = {name: predictions[:, i] for i, name in enumerate(solver.kernels.readouts)}
    return Solution(
        outputs=MappingProxyType({name: columns_of[name] for name in system.output_names}),
        states=MappingProxyType({name: columns_of[name] for name in system.states}),
        status=status,
        steps=steps,
        engines=engines,
        counter=counter,
    )
