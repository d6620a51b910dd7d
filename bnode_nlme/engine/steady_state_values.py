"""The steady states of a study's dose records, as expressions of parameters and weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.counts import SolveCounter
from bnode_nlme.engine.delivery import (
    AMOUNT,
    INTERVAL,
    MODELLED_DURATION,
    MODELLED_RATE,
    RATE,
    STATE,
    STEADY,
    TIME,
)
from bnode_nlme.engine.dose_values import DoseValues
from bnode_nlme.engine.options import SolverOptions
from bnode_nlme.engine.plan import Plan
from bnode_nlme.engine.steady_state_op import SteadyStateOp
from bnode_nlme.engine.steady_state_solver import steady_state_solver
from bnode_nlme.study.study import Study


def with_steady_states(
    values: DoseValues,
    system: System,
    study: Study,
    plan: Plan,
    columns: Sequence[TensorVariable],
    weights: TensorVariable,
    by_occasion: Sequence[bool],
    options: SolverOptions,
    counter: SolveCounter,
) -> DoseValues:
    """The values of a plan's doses with the steady state of each record that has SS.

    Parameters
    ----------
    values
        Lag, bioavailability and modelled values of all doses, as variables.
    system, study, plan
    columns
        Each of the system's parameters: a scalar, or a vector over subjects or occasions.
    weights
        Those of all networks, in one vector.
    by_occasion
        Which parameters are vectors over occasions.
    options
        How the study is solved.
    counter
        Of the study's solve.

    Returns
    -------
    DoseValues
        The same ones where the study has no such record: nothing is added to the graph.
    """
    if not len(plan.steady_records):
        return values
    doses = np.flatnonzero(plan.doses[:, STEADY])
    table = plan.dose_values[doses]
    amounts = values.bioavailability[doses] * table[:, AMOUNT]
    steady: Any = SteadyStateOp(steady_state_solver(system, options), counter)(
        _parameters(study, plan, columns, by_occasion),
        weights,
        _covariates(system, study, plan),
        plan.doses[doses, STATE],
        table[:, TIME],
        amounts,
        _durations(amounts, values.modelled[doses], table[:, RATE]),
        table[:, INTERVAL],
        values.lag[doses],
        table[:, RATE],
    )
    return values._replace(steady=steady[0])


def _parameters(
    study: Study, plan: Plan, columns: Sequence[TensorVariable], by_occasion: Sequence[bool]
) -> TensorVariable:
    """Each parameter as it is at the records with SS, shape (J, P)."""
    records = plan.steady_records
    subjects, occasions = study.records.subject[records], study.records.occasion[records]
    matrix = pt.zeros((len(records), len(columns)))
    for index, (column, over) in enumerate(zip(columns, by_occasion, strict=True)):
        if column.ndim and column.type.shape != (1,):
            column = column[occasions if over else subjects]
        matrix = matrix[:, index].set(column)
    return matrix


def _covariates(system: System, study: Study, plan: Plan) -> NDArray[np.float64]:
    """Each covariate of the system as it is at the records with SS, shape (J, C)."""
    records = plan.steady_records
    covariates = np.empty((len(records), len(system.covariates)))
    for index, name in enumerate(system.covariates):
        if name in study.varying:
            covariates[:, index] = study.varying[name][records]
        else:
            covariates[:, index] = study.covariates[name][study.records.subject[records]]
    return covariates


def _durations(
    amounts: TensorVariable, modelled: TensorVariable, rates: NDArray[np.float64]
) -> TensorVariable:
    """How long each infusion lasts, as `duration_of` has it; 0 for a bolus."""
    durations = pt.zeros_like(amounts)
    for places, found in (
        (rates > 0.0, lambda at: amounts[at] / rates[at]),
        (rates == MODELLED_RATE, lambda at: amounts[at] / modelled[at]),
        (rates == MODELLED_DURATION, lambda at: modelled[at]),
    ):
        if places.any():
            at = np.flatnonzero(places)
            durations = durations[at].set(found(at))
    return durations
