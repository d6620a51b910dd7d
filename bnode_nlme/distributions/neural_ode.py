"""`NeuralODE`: measurements of a system's output, as a PyMC distribution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pymc as pm
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.distributions.error_model import ResidualErrorModel
from bnode_nlme.distributions.measured import Measured, error_parameters, measured_values
from bnode_nlme.distributions.measurement import measurement
from bnode_nlme.distributions.solve_nodes import shared_output
from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.options import Method
from bnode_nlme.engine.solve import solve
from bnode_nlme.study.study import Study


class NeuralODE:
    """Measurements of a system's outputs, given individual parameters and network weights.

    The system is solved on each subject's records; measurements scatter around the solution as
    `error` says. The values are observed from the study. Where a subject's solve fails, the
    log-probability is -inf and `solver_report` counts it; nothing is raised, so that a sampler
    simply rejects the point. Draws are NaN there.

    Parameters
    ----------
    name : str
        Name of the variable. It is also the output's, unless `output` is given or the system has
        only one. Where `error` is a mapping, each output's variable is ``f"{name}_{output}"``.
    system : System
    study : Study
        Subjects, doses and measurements. Rows of the output that hold a value enter the
        likelihood; prediction points (EVID 2) and missing values (MDV 1) do not. Censored rows
        (CENS) are treated as the error's ``blq=`` says.
    parameters : mapping of str to float or TensorVariable () or (subjects,)
        A value for each of ``system.parameters``.
    weights : mapping of str to TensorVariable (network.size,)
        The weights of each of the system's networks.
    error : ResidualErrorModel or mapping of str to ResidualErrorModel
        `Additive`, `Proportional`, `Combined`, `LogNormalError` or `StudentT`; `Poisson`,
        `NegativeBinomial`, `Bernoulli`, `Ordinal` or `Beta`. A mapping has one for each of several
        outputs, which share one solve.
    output : str, optional
        The output that is measured.
    method, rtol, atol, adjoint_rtol, adjoint_atol, max_steps, threads
        As for `bnode_nlme.solve`. Outputs of one system that are given the same study, parameters,
        weights and options share one solve.

    Returns
    -------
    TensorVariable (measurements,), or dict of str to TensorVariable
        With the dim ``f"{name}_observation"``, labelled by the rows of the table as
        ``study.coords["observation"]`` is. By output, where `error` is a mapping.

    Raises
    ------
    ValueError
        When an argument does not fit the system or the study.
    TableError
        When the study's labels do not fit the system, rows are censored and `error` has no
        ``blq=``, or it cannot produce a measured value.
    """

    def __new__(  # noqa: D102  a PyMC distribution makes a variable
        cls,
        name: str,
        system: System,
        study: Study,
        *,
        parameters: Mapping[str, Any],
        weights: Mapping[str, Any] | None = None,
        error: ResidualErrorModel | Mapping[str, ResidualErrorModel],
        output: str | None = None,
        method: Method = "auto",
        rtol: float = 1e-6,
        atol: float = 1e-8,
        adjoint_rtol: float | None = None,
        adjoint_atol: float | None = None,
        max_steps: int = 10_000,
        threads: int | None = None,
    ) -> Any:
        model = pm.modelcontext(None)
        caller = f"NeuralODE({name!r})"
        several = isinstance(error, Mapping)
        errors = _errors(caller, system, name, output, error)
        measured = {
            wanted: measured_values(caller, system, study, wanted, model_of_error)
            for wanted, model_of_error in errors.items()
        }
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
        variables = {}
        for wanted, model_of_error in errors.items():
            label = f"{name}_{wanted}" if several else name
            prediction = shared_output(solution, wanted, model)
            of_output = measured[wanted]
            variable = _random_variable(caller, study, prediction, model_of_error, of_output)
            dimension = f"{label}_observation"
            model.add_coord(dimension, of_output.rows)
            variables[wanted] = model.register_rv(
                variable, label, observed=of_output.values, dims=(dimension,)
            )
        return variables if several else next(iter(variables.values()))

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
        measured = measured_values(caller, system, study, output, _known_error(caller, error))
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
        return _random_variable(caller, study, solution.outputs[output], error, measured)


def _random_variable(
    caller: str,
    study: Study,
    prediction: TensorVariable,
    error: ResidualErrorModel,
    measured: Measured,
) -> TensorVariable:
    family = error.family
    bounds = [measured.lower, measured.upper] if error.blq in ("M3", "M4") else []
    if error.blq == "M3" and np.isnan(measured.lower).all():
        family, bounds = replace(family, blq=None), []  # type: ignore[type-var]
    return measurement(
        family,
        measured.of(prediction, study.n_observations),
        *error_parameters(caller, error, measured.positions.size),
        *bounds,
    )


def _errors(
    caller: str, system: System, name: str, output: str | None, error: Any
) -> dict[str, ResidualErrorModel]:
    """Error models by output."""
    if not isinstance(error, Mapping):
        if output is None and len(system.output_names) > 1:
            output = name
        return {_known_output(caller, system, output): _known_error(caller, error)}
    if output is not None:
        raise ValueError(
            f"{caller}: output= and a mapping as error= contradict each other. The mapping's keys "
            "are the outputs; leave output= out."
        )
    if not error:
        raise ValueError(f"{caller}: error= is an empty mapping; give an error for each output.")
    return {
        _known_output(caller, system, wanted): _known_error(caller, given)
        for wanted, given in error.items()
    }


def _known_error(caller: str, error: Any) -> ResidualErrorModel:
    if not isinstance(error, ResidualErrorModel):
        raise ValueError(
            f"{caller}: error= wants a residual error model (Additive, Proportional, Combined, "
            "LogNormalError, StudentT, Poisson, NegativeBinomial, Bernoulli, Ordinal or Beta); "
            f"found {error!r}. Write, for example, error=Additive(sigma)."
        )
    return error


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
