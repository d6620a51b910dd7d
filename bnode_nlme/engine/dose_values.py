"""What a system says of a study's doses: how late, in what part, over how long, at what rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.graph.basic import Variable
from pytensor.graph.replace import vectorize_graph
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.delivery import MODELLED_DURATION, MODELLED_RATE, RATE, STATE
from bnode_nlme.engine.plan import Plan
from bnode_nlme.engine.varying import elements_used
from bnode_nlme.study.study import Study


class DoseValues(NamedTuple):
    """What a layout takes beside its plan; arrays or PyTensor variables.

    Attributes
    ----------
    lag, bioavailability : (D,)
        Of each dose record.
    modelled : (D,)
        The rate where RATE is -1, the duration where it is -2; unused elsewhere.
    shifts : (M,)
        By how much each shift of the plan changes its parameter.
    steady : (J, n)
        The steady state of each dose record that has SS.
    """

    lag: Any
    bioavailability: Any
    modelled: Any
    shifts: Any
    steady: Any


def values_in_table(plan: Plan) -> DoseValues:
    """The values of doses of which the system says nothing."""
    count = len(plan.doses)
    return DoseValues(
        lag=np.zeros(count),
        bioavailability=np.ones(count),
        modelled=np.full(count, np.nan),
        shifts=np.zeros(len(plan.shifted)),
        steady=np.full((len(plan.steady_records), plan.states), np.nan),
    )


def _modelled(system: System, plan: Plan) -> Iterator[tuple[str, NDArray[np.int64], Variable]]:
    """What the system says of the doses that there are: a field of `DoseValues`, which, and what."""
    for (state, quantity), expression in system.graph.dosing.items():
        concerned = plan.doses[:, STATE] == system.states.index(state)
        field = quantity
        if quantity in ("rate", "duration"):
            code = MODELLED_RATE if quantity == "rate" else MODELLED_DURATION
            concerned = concerned & (plan.dose_values[:, RATE] == code)
            field = "modelled"
        if concerned.any():
            yield field, np.flatnonzero(concerned), expression


def is_fixed(system: System, plan: Plan) -> bool:
    """Whether a plan's schedule is the same for all parameters."""
    return (
        next(_modelled(system, plan), None) is None
        and not len(plan.shifted)
        and not len(plan.steady_records)
    )


def symbolic_values(
    system: System,
    study: Study,
    plan: Plan,
    columns: Sequence[TensorVariable],
    by_occasion: Sequence[bool],
) -> DoseValues:
    """The values of a plan's doses, as expressions of the parameters; steady states are still NaN.

    Parameters
    ----------
    system, study, plan
    columns
        Each of the system's parameters: a scalar, or a vector over subjects or occasions.
    by_occasion
        Which of them are vectors over occasions.

    Returns
    -------
    DoseValues
        Of PyTensor variables.
    """
    values = values_in_table(plan)._asdict()
    for field, positions, expression in _modelled(system, plan):
        value = _at_doses(
            system, study, plan.dose_records[positions], expression, columns, by_occasion
        )
        values[field] = pt.as_tensor_variable(values[field])[positions].set(value)
    for parameter in np.unique(plan.shifted[:, 0]).tolist():
        (positions,) = np.nonzero(plan.shifted[:, 0] == parameter)
        _, old, new = plan.shifted[positions].T
        change = columns[parameter][new] - columns[parameter][old]
        values["shifts"] = pt.as_tensor_variable(values["shifts"])[positions].set(change)
    return DoseValues(**{name: pt.as_tensor_variable(value) for name, value in values.items()})


def _at_doses(
    system: System,
    study: Study,
    records: NDArray[np.int64],
    expression: Variable,
    columns: Sequence[TensorVariable],
    by_occasion: Sequence[bool],
) -> Any:
    """An expression of parameters and covariates at dose records: a scalar, or one for each."""
    subjects = study.records.subject[records]
    occasions = study.records.occasion[records]
    replacements: dict[Any, Any] = {}
    for element, position in elements_used([expression], system.graph.parameters).items():
        column = columns[position]
        if column.ndim and column.type.shape != (1,):
            replacements[element] = column[occasions if by_occasion[position] else subjects]
        else:
            replacements[element] = column[0] if column.ndim else column
    for element, position in elements_used([expression], system.graph.covariates).items():
        name = system.covariates[position]
        at_records = (
            study.varying[name][records]
            if name in study.varying
            else study.covariates[name][subjects]
        )
        replacements[element] = pt.as_tensor_variable(at_records.astype(np.float64))
    return vectorize_graph(expression, replacements) if replacements else expression
