"""The measurements of one output in a study: which rows, what values, what is censored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.distributions.error_model import ResidualErrorModel
from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.labels import resolve_outputs
from bnode_nlme.study.errors import Problem, TableError
from bnode_nlme.study.study import Study


@dataclass(frozen=True, eq=False)
class Measured:
    """Measurements of one output that enter a likelihood.

    Attributes
    ----------
    positions : ndarray (M,)
        Of the measurements among the study's observation rows.
    rows : ndarray (M,)
        Their row numbers in the table.
    values : ndarray (M,)
        What was measured; the limit of quantification where censored.
    lower, upper : ndarray (M,)
        Ends of the interval in which a censored measurement lies; both NaN where measured.
    """

    positions: NDArray[np.intp]
    rows: NDArray[np.int64]
    values: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]

    def of(self, prediction: TensorVariable, n_observations: int) -> TensorVariable:
        """Take the measurements' predictions from those of all observation rows."""
        whole = self.positions.size == n_observations
        return prediction if whole else prediction[self.positions]


def measured_values(
    caller: str, system: System, study: Study, output: str, error: ResidualErrorModel
) -> Measured:
    """Find the measurements of one output that an error model weighs.

    Raises
    ------
    ValueError
        When there is none.
    TableError
        When rows are censored and the error model is not told what to do with them, or it cannot
        produce a measured value.
    """
    positions = np.flatnonzero(resolve_outputs(system, study) == system.output_names.index(output))
    records = study.records
    measured = study.observations[positions]
    censored = records.censoring[measured] != 0
    if error.blq is None:
        _check(study, measured[censored], lambda record: _unhandled(study, record, error))
    if error.blq == "M1":
        positions, measured = positions[~censored], measured[~censored]
        censored = censored[~censored]
    if not positions.size:
        raise ValueError(
            f"{caller}: the study {study.name!r} holds no measurement of {output!r}. A likelihood "
            "needs data; for predictions use bn.simulate, or bn.solve inside a model."
        )
    values = records.value[measured]
    _check(study, measured[error.impossible(values)], lambda r: _impossible(study, r, error))
    other, below = records.limit[measured], records.censoring[measured] == 1
    # A left-censored truth lies between LIMIT and DV, a right-censored one between DV and LIMIT.
    lower = np.where(below, np.where(np.isnan(other), -np.inf, other), values)
    upper = np.where(below, values, np.where(np.isnan(other), np.inf, other))
    return Measured(
        positions=positions,
        rows=records.row[measured],
        values=values,
        lower=np.where(censored, lower, np.nan),
        upper=np.where(censored, upper, np.nan),
    )


def _check(study: Study, records: NDArray[np.int64], problem: Callable[[int], Problem]) -> None:
    if records.size:
        raise TableError(
            [problem(int(record)) for record in records], source=study.name, joining=True
        )


def _unhandled(study: Study, record: int, error: ResidualErrorModel) -> Problem:
    name = type(error).__name__
    cure = (
        f"Say what is done with censored measurements: {name}(..., blq='M3') for their "
        "probability, 'M4' for that of a positive quantity, 'M1' to leave them out."
        if error.takes_blq
        else f"{name} has no censored likelihood: leave the rows out of the table."
    )
    return Problem(
        subject=study.subjects[study.records.subject[record]].item(),
        row=int(study.records.row[record]),
        column="CENS",
        found=str(int(study.records.censoring[record])),
        wanted=f"0: {name} is not told what a censored measurement is",
        cure=cure,
    )


def _impossible(study: Study, record: int, error: ResidualErrorModel) -> Problem:
    return Problem(
        subject=study.subjects[study.records.subject[record]].item(),
        row=int(study.records.row[record]),
        column="DV",
        found=repr(float(study.records.value[record])),
        wanted=f"a value that {type(error).__name__} can produce: {error.support}",
        cure="Leave the rows out, or use an error model that can produce them.",
    )


def error_parameters(
    caller: str, error: ResidualErrorModel, n_measured: int
) -> list[TensorVariable]:
    """The parameters of an error model as variables, in the order of its random variable.

    Raises
    ------
    ValueError
        When one is missing, is no variable, or has a shape that does not fit.
    """
    variables = []
    kind = type(error).__name__
    for (name, value), core in zip(error.parameters.items(), error.family.core_ndims, strict=False):
        if value is None:
            raise ValueError(
                f"{caller}: {name}= of {kind} has no value. Give it a number or a random variable, "
                f"such as {name}=pm.HalfNormal({name!r}); bn.NLME gives priors by default."
            )
        variable = _variable(f"{caller}: {name}= of {kind}", value)
        shape = variable.type.shape
        if core:
            if variable.ndim != 1:
                raise ValueError(f"{caller}: {name}= of {kind} wants a vector; found {shape}.")
        elif variable.ndim > 1 or (variable.ndim == 1 and shape[0] not in (None, 1, n_measured)):
            raise ValueError(
                f"{caller}: {name}= of {kind} wants a scalar or a vector over the "
                f"{n_measured} measurements of the output; found shape {shape}."
            )
        variables.append(variable)
    return variables


def _variable(what: str, value: Any) -> TensorVariable:
    try:
        return pt.as_tensor_variable(value)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ValueError(
            f"{what} wants a number or a PyTensor variable; found {value!r}."
        ) from error
