"""`NeuralODE`: measurements of a system's output, as a PyMC distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.distributions.residual_error import ResidualErrorModel
from bnode_nlme.distributions.solve_nodes import shared_output
from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.labels import resolve_outputs
from bnode_nlme.engine.options import Method
from bnode_nlme.engine.solve import solve
from bnode_nlme.study.errors import Problem, TableError
from bnode_nlme.study.study import Study


class NeuralODE:
    """Measurements of one output of a system, given individual parameters and network weights.

    The system is solved on each subject's records; measurements scatter around the solution as
    `error` says. The values are observed from the study. Where a subject's solve fails, the
    log-probability is -inf and `solver_report` counts it; nothing is raised, so that a sampler
    simply rejects the point. Draws are NaN there.

    Parameters
    ----------
    name : str
        Name of the variable. It is also the output's, unless `output` is given or the system has
        only one.
    system : System
    study : Study
        Subjects, doses and measurements. Rows of the output that hold a value enter the
        likelihood; prediction points (EVID 2) and missing values (MDV 1) do not.
    parameters : mapping of str to float or TensorVariable () or (subjects,)
        A value for each of ``system.parameters``.
    weights : mapping of str to TensorVariable (network.size,)
        The weights of each of the system's networks.
    error : ResidualErrorModel
        `Additive`, `Proportional`, `Combined` or `LogNormalError`.
    output : str, optional
        The output that is measured.
    method, rtol, atol, adjoint_rtol, adjoint_atol, max_steps, threads
        As for `bnode_nlme.solve`. Outputs of one system that are given the same study, parameters,
        weights and options share one solve.

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
    """

    def __new__(  # type: ignore[misc]  # noqa: D102  a PyMC distribution makes a variable
        cls,
        name: str,
        system: System,
        study: Study,
        *,
        parameters: Mapping[str, Any],
        weights: Mapping[str, Any] | None = None,
        error: ResidualErrorModel,
        output: str | None = None,
        method: Method = "auto",
        rtol: float = 1e-6,
        atol: float = 1e-8,
        adjoint_rtol: float | None = None,
        adjoint_atol: float | None = None,
        max_steps: int = 10_000,
        threads: int | None = None,
    ) -> TensorVariable:
        model = pm.modelcontext(None)
        caller = f"NeuralODE({name!r})"
        if output is None and len(system.output_names) > 1:
            output = name
        output = _known_output(caller, system, output)
        rows = _measured_rows(caller, system, study, output, error)
        solution = solve(
            system,
            study,
            parameters,
            weights,
            method=method,
            rtol=rtol,
            atol=atol,
            adjoint_rtol=adjoint_rtol,
            adjoint_atol=adjoint_atol,
            max_steps=max_steps,
            threads=threads,
        )
        prediction = shared_output(solution, output, model)
        variable = error.rv_type.rv_op(
            _at(rows, study, prediction), *_error_parameters(caller, error, rows.size)
        )
        measured = study.observations[rows]
        dimension = f"{name}_observation"
        model.add_coord(dimension, study.records.row[measured])
        return model.register_rv(
            variable, name, observed=study.records.value[measured], dims=(dimension,)
        )

    @classmethod
    def dist(
        cls,
        system: System,
        study: Study,
        *,
        parameters: Mapping[str, Any],
        weights: Mapping[str, Any] | None = None,
        error: ResidualErrorModel,
        output: str | None = None,
        method: Method = "auto",
        rtol: float = 1e-6,
        atol: float = 1e-8,
        adjoint_rtol: float | None = None,
        adjoint_atol: float | None = None,
        max_steps: int = 10_000,
        threads: int | None = None,
    ) -> TensorVariable:
        """Make the distribution without a name or a model, for `pymc.draw` and `pymc.logp`.

        Parameters
        ----------
        system, study, parameters, weights, error
            As for the class.
        output
            The output that is measured; needed where the system has several.
        method, rtol, atol, adjoint_rtol, adjoint_atol, max_steps, threads
            As for `bnode_nlme.solve`.

        Returns
        -------
        TensorVariable (measurements,)
            Over the study's rows that measure the output, in the order of the table.

        Raises
        ------
        ValueError, TableError
            As for the class.
        """
        caller = "NeuralODE.dist"
        output = _known_output(caller, system, output)
        rows = _measured_rows(caller, system, study, output, error)
        solution = solve(
            system,
            study,
            parameters,
            weights,
            method=method,
            rtol=rtol,
            atol=atol,
            adjoint_rtol=adjoint_rtol,
            adjoint_atol=adjoint_atol,
            max_steps=max_steps,
            threads=threads,
        )
        return error.rv_type.rv_op(
            _at(rows, study, solution.outputs[output]),
            *_error_parameters(caller, error, rows.size),
        )


def _known_output(caller: str, system: System, output: str | None) -> str:
    names = system.output_names
    if output is None and len(names) == 1:
        return names[0]
    if output not in names:
        found = "none" if output is None else repr(output)
        where = "output=" if caller == "NeuralODE.dist" else "its own name or output="
        raise ValueError(
            f"{caller} wants one of the system's outputs ({', '.join(map(repr, names))}) as "
            f"{where}; found {found}."
        )
    return output


def _measured_rows(
    caller: str, system: System, study: Study, output: str, error: ResidualErrorModel
) -> NDArray[np.intp]:
    """Positions, among the study's observation rows, of the measurements of one output."""
    if not isinstance(error, ResidualErrorModel):
        raise ValueError(
            f"{caller}: error= wants a residual error model (Additive, Proportional, Combined or "
            f"LogNormalError); found {error!r}. Write, for example, error=Additive(sigma)."
        )
    rows = np.flatnonzero(resolve_outputs(system, study) == system.output_names.index(output))
    if not rows.size:
        raise ValueError(
            f"{caller}: the study {study.name!r} holds no measurement of {output!r}. A likelihood "
            "needs data; for predictions use bn.simulate, or bn.solve inside a model."
        )
    records = study.records
    measured = study.observations[rows]
    problems = [
        Problem(
            subject=study.subjects[records.subject[record]].item(),
            row=int(records.row[record]),
            column="DV",
            found=repr(float(records.value[record])),
            wanted=f"a value that {type(error).__name__} can produce: above 0",
            cure="Leave the rows out, or use an error model with an additive part.",
        )
        for record in measured[error.impossible(records.value[measured])]
    ]
    if problems:
        raise TableError(problems, source=study.name)
    return rows


def _at(rows: NDArray[np.intp], study: Study, prediction: TensorVariable) -> TensorVariable:
    return prediction if rows.size == study.n_observations else prediction[rows]


def _error_parameters(
    caller: str, error: ResidualErrorModel, n_measured: int
) -> list[TensorVariable]:
    variables = []
    for name, value in error.parameters.items():
        variable = pt.as_tensor_variable(value)
        shape = variable.type.shape
        if variable.ndim > 1 or (variable.ndim == 1 and shape[0] not in (None, 1, n_measured)):
            raise ValueError(
                f"{caller}: {name}= of {type(error).__name__} wants a scalar or a vector over the "
                f"{n_measured} measurements of the output; found shape {shape}."
            )
        variables.append(variable)
    return variables
