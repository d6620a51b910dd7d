"""Priors of residual errors: as given, or by default."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bnode_nlme.distributions.categories import Ordinal
from bnode_nlme.distributions.error_model import ResidualErrorModel
from bnode_nlme.distributions.residual_error import Additive, Combined, StudentT
from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.labels import resolve_outputs
from bnode_nlme.nlme.prior import HalfNormal, LogNormal, Normal, Prior
from bnode_nlme.nlme.pymc_prior import PyMCPrior
from bnode_nlme.study.study import Study

RELATIVE = HalfNormal(0.5)
"""Of proportional and log-normal errors: most mass below a coefficient of variation of 100 %."""

_DEFAULTS: dict[str, Prior] = {
    "sigma": RELATIVE,
    "proportional": RELATIVE,
    # Juárez and Steel 2010, doi:10.1198/jbes.2009.07145.
    "nu": PyMCPrior("Gamma", alpha=2.0, beta=0.1),
    "overdispersion": HalfNormal(1.0),
    "precision": LogNormal(10.0, 1.0),
}
CUTPOINT, GAP = Normal(0.0, 3.0), HalfNormal(3.0)


def in_units_of_the_output(error: ResidualErrorModel, parameter: str) -> bool:
    """Whether a parameter's default prior comes from the measured values of its output."""
    inner = error.error if isinstance(error, StudentT) else error
    if isinstance(inner, Combined):
        return parameter == "additive"
    return isinstance(inner, Additive) and parameter == "sigma"


def default_text(error: ResidualErrorModel, output: str, parameter: str) -> str:
    """The default prior in words, before a study is known."""
    if in_units_of_the_output(error, parameter):
        return f"HalfNormal(sd of the measured {output})"
    if parameter == "cutpoints":
        return f"first {CUTPOINT.text}, gaps {GAP.text}"
    return _DEFAULTS[parameter].text


def _default(
    error: ResidualErrorModel, parameter: str, system: System, study: Study, output: str
) -> Prior:
    if not in_units_of_the_output(error, parameter):
        return _DEFAULTS[parameter]
    at = resolve_outputs(system, study) == system.output_names.index(output)
    values = study.records.value[study.observations[at]]
    sd = float(np.std(values)) if values.size else 0.0
    return HalfNormal(sd if sd > 0.0 else 1.0)


def error_with_variables(
    output: str, error: ResidualErrorModel, system: System, study: Study
) -> ResidualErrorModel:
    """The error model with each prior turned into a variable ``f"{output}_{parameter}"``.

    Numbers and variables stay; what is None gets its default prior.
    """
    values: dict[str, Any] = {}
    for parameter, given in error.parameters.items():
        name = f"{output}_{parameter}"
        if given is None and isinstance(error, Ordinal):
            values[parameter] = _cutpoints(name, error)
            continue
        prior = _default(error, parameter, system, study, output) if given is None else given
        if isinstance(prior, Prior):
            values[parameter] = prior.variable(name)
    return error.with_parameters(values)


def _cutpoints(name: str, error: Ordinal) -> Any:
    """The first cutpoint and the positive gaps to the next ones, so that they increase."""
    count = (error.categories or 0) - 1
    dim = f"{name}_after"
    pm.modelcontext(None).add_coord(dim, error.first + np.arange(count))
    first = CUTPOINT.variable(f"{name}_first")
    if count == 1:
        return pm.Deterministic(name, first[None], dims=dim)
    gap = f"{name}_gap_after"
    pm.modelcontext(None).add_coord(gap, error.first + np.arange(count - 1))
    gaps = GAP.variable(f"{name}_gaps", dims=gap)
    return pm.Deterministic(name, first + pt.concatenate([pt.zeros(1), pt.cumsum(gaps)]), dims=dim)
