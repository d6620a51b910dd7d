"""`NeuralODE`: measurements of a system's output, as a PyMC distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pymc as pm
from numpy.typing import NDArray
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.distributions.residual_error import ResidualError
from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.counts import SolveCounter
from bnode_nlme.engine.labels import resolve_outputs
from bnode_nlme.engine.options import Method
from bnode_nlme.engine.solve import Solution, solve
from bnode_nlme.study.errors import Problem, TableError
from bnode_nlme.study.study import Study

# Two outputs of one system in one model share one solve. The solutions are kept with what they
# were made from, so that an identity cannot be reused while it serves as a key.
_SOLUTIONS: WeakKeyDictionary[pm.Model, dict[Any, tuple[Solution, Any]]] = WeakKeyDictionary()


def _identity(values: Mapping[str, Any] | None) -> tuple[tuple[str, int], ...]:
    return tuple((name, id(value)) for name, value in (values or {}).items())


def _shared_solution(
    system: System,
    study: Study,
    parameters: Mapping[str, Any],
    weights: Mapping[str, Any] | None,
    options: dict[str, Any],
) -> Solution:
    model = pm.modelcontext(None)
    made = _SOLUTIONS.setdefault(model, {})
    key = (
        id(system),
        id(study),
        _identity(parameters),
        _identity(weights),
        tuple(sorted(options.items())),
    )
    if key not in made:
        solution = solve(system, study, parameters, weights, **options)
        made[key] = solution, (system, study, dict(parameters), dict(weights or {}))
    return made[key][0]


def counters_of(model: pm.Model) -> list[SolveCounter]:
    """The counters of a model's solves."""
    return [solution.counter for solution, _ in _SOLUTIONS.get(model, {}).values()]


def _output_name(name: str, system: System, output: str | None) -> str:
    names = system.output_names
    if output is None:
        output = names[0] if len(names) == 1 else name
    if output not in names:
        raise ValueError(
            f"NeuralODE({name!r}) wants the name of one of the system's outputs "
            f"({', '.join(map(repr, names))}), as its own name or as output=; found {output!r}."
        )
    return output


def _measured_rows(
    name: str, system: System, study: Study, output: str, error: ResidualError
) -> NDArray[np.int64]:
    """Positions, among the study's observation rows, of the measurements of one output."""
    rows = np.flatnonzero(resolve_outputs(system, study) == system.output_names.index(output))
    if not rows.size:
        raise ValueError(
            f"NeuralODE({name!r}): the study {study.name!r} holds no measurement of {output!r}. "
            "A distribution needs data; for predictions use bn.simulate."
        )
    records = study.records
    chosen = study.observations[rows]
    problems = [
        Problem(
            subject=study.subjects[records.subject[record]].item(),
            row=int(records.row[record]),
            column="DV",
            found=repr(float(records.value[record])),
            wanted=f"a value that {type(error).__name__} can produce: above 0",
            cure="Leave the row out, or use an error model with an additive part.",
        )
        for record in chosen[error.impossible(records.value[chosen])]
    ]
    if problems:
        raise TableError(problems, source=study.name)
    return rows


def _prediction(
    name: str,
    system: System,
    study: Study,
    output: str | None,
    error: ResidualError,
    solution: Solution,
) -> tuple[TensorVariable, NDArray[np.int64]]:
    output = _output_name(name, system, output)
    rows = _measured_rows(name, system, study, output, error)
    prediction = solution.outputs[output]
    everything = rows.size == len(study.observations)
    return (prediction if everything else prediction[rows]), rows


class NeuralODE:
    """Measurements of one output of a system, given individual parameters and network weights.

    The system is solved by CVODES on each subject's records; measurements scatter around the
    solution as `error` says. The values are observed from the study. Where a subject's solve
    fails, the log-probability is -inf and `solver_report` counts it; nothing is raised, so a
    sampler simply rejects the point.

    Parameters
    ----------
    name : str
        Name of the variable. It is also the output's, unless `output` is given or the system has
        only one.
    system : System
    study : Study
        Subjects, doses and measurements. Rows of the output with a value enter the likelihood.
    parameters : mapping of str to float or TensorVariable () or (subjects,)
        A value for each of ``system.parameters``.
    weights : mapping of str to TensorVariable (network.size,)
        The weights of each of the system's networks.
    error : ResidualError
        `Additive`, `Proportional`, `Combined` or `LogNormalError`.
    output : str, optional
        The output that is measured.
    method, rtol, atol, adjoint_rtol, adjoint_atol, max_steps
        As for `bnode_nlme.solve`. Outputs of one system that are given the same parameters and
        options share one solve.

    Returns
    -------
    TensorVariable (measurements,)
        With the dim ``f"{name}_observation"``, labelled by the rows of the table as
        ``study.coords["observation"]`` is.

    Raises
    ------
    ValueError
        When an argument does not fit the system or the study.
    TableError
        When the study's labels do not fit the system, or `error` cannot produce a measured value.

    Notes
    -----
    ``NeuralODE.dist(system, study, ...)`` gives the unnamed distribution, for `pymc.draw` and
    `pymc.logp`.
    """

    def __new__(
        cls,
        name: str,
        system: System,
        study: Study,
        *,
        parameters: Mapping[str, Any],
        weights: Mapping[str, Any] | None = None,
        error: ResidualError,
        output: str | None = None,
        method: Method = "auto",
        rtol: float = 1e-6,
        atol: float = 1e-8,
        adjoint_rtol: float | None = None,
        adjoint_atol: float | None = None,
        max_steps: int = 10_000,
    ) -> TensorVariable:
        model = pm.modelcontext(None)
        options = {
            "method": method,
            "rtol": rtol,
            "atol": atol,
            "adjoint_rtol": adjoint_rtol,
            "adjoint_atol": adjoint_atol,
            "max_steps": max_steps,
        }
        _check_error(name, error)
        solution = _shared_solution(system, study, parameters, weights, options)
        prediction, rows = _prediction(name, system, study, output, error, solution)
        dimension = f"{name}_observation"
        records = study.records
        chosen = study.observations[rows]
        model.add_coord(dimension, records.row[chosen])
        variable = error.rv_type.rv_op(prediction, *error.parameters)
        return model.register_rv(
            variable, name, observed=records.value[chosen], dims=(dimension,)
        )

    @classmethod
    def dist(
        cls,
        system: System,
        study: Study,
        *,
        parameters: Mapping[str, Any],
        weights: Mapping[str, Any] | None = None,
        error: ResidualError,
        output: str | None = None,
        **options: Any,
    ) -> TensorVariable:
        """The distribution without a name and a model; arguments as for the class."""
        _check_error("dist", error)
        solution = solve(system, study, parameters, weights, **options)
        name = output or system.output_names[0]
        prediction, _ = _prediction(name, system, study, output, error, solution)
        return error.rv_type.rv_op(prediction, *error.parameters)


def _check_error(name: str, error: Any) -> None:
    if not isinstance(error, ResidualError):
        raise ValueError(
            f"NeuralODE({name!r}): error= wants a residual error model (Additive, Proportional, "
            f"Combined, LogNormalError); found {error!r}. Write, for example, error=Additive(sigma)."
        )
