"""The table of parameters of a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import xarray as xr

from bnode_nlme.diagnostics.of_fit.effect_levels import LEVELS, effect_levels
from bnode_nlme.diagnostics.of_fit.shrinkage import shrinkage
from bnode_nlme.diagnostics.parameter_table import EffectDistribution
from bnode_nlme.diagnostics.parameter_table import parameter_table as table_of_draws
from bnode_nlme.distributions.continuous import Continuous
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.nlme.individual_values import coefficient_name, population_name
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.nlme.units import variable_units
from bnode_nlme.results.population_draws import declaration_of

_DISTRIBUTIONS: Mapping[str, EffectDistribution] = {
    "lognormal": "log-normal",
    "normal": "normal",
    "logitnormal": "logit-normal",
}


def parameter_table(
    fit: Fit, *, units: Mapping[str, str] | None = None, mass: float = 0.9
) -> pd.DataFrame:
    """Estimates with uncertainty, variability, shrinkage and convergence.

    Parameters
    ----------
    fit
        Of a `bn.NLME`.
    units
        By the name of a row, such as ``{"CL_pop": "L/h"}``; where nothing is said, those of
        ``bn.NLME(..., units=...)``.
    mass
        Probability of the intervals.

    Returns
    -------
    pandas.DataFrame
        As `bnode_nlme.diagnostics.parameter_table` gives it; `format_parameter_table` rounds it, as
        papers print it. ``omega[CL]`` is the standard deviation of the subjects' effects, ``omega_occasion[CL]``
        that of the effects of occasions, each with its %CV and its shrinkage. Correlations that the model has at zero, and weights of networks, are left out.

    Raises
    ------
    ValueError
        When the fit has no declaration.
    """
    nlme = declaration_of(fit, "parameter_table")
    posterior = fit.posterior
    roles = {role: [n for n in names if n in posterior] for role, names in _roles(nlme).items()}
    table = table_of_draws(
        posterior,
        distributions=_distributions(nlme),
        shrinkage=_shrinkage(fit, nlme),
        units=_units(nlme, posterior, roles) | dict(units or {}),
        mass=mass,
        **roles,
    )
    correlations = table.index.get_level_values("role") == "correlation"
    return table[~(correlations & (table["estimate"] == 0.0))]


def _roles(nlme: NLME) -> dict[str, list[str]]:
    coefficients = [
        coefficient_name(name, model.label)
        for name, declared in nlme.individual.items()
        for model in declared.covariates
        if coefficient_name(name, model.label) not in nlme.all_networks
    ]
    return {
        "typical": [population_name(name) for name in nlme.parameters],
        "omegas": [level.names.sd for level in LEVELS],
        "correlations": [level.names.correlation for level in LEVELS],
        "errors": [
            f"{output}_{parameter}"
            for output, error in nlme.errors.items()
            for parameter in error.parameters
        ],
        "others": coefficients,
    }


def _units(nlme: NLME, posterior: xr.Dataset, roles: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """By row, as the declaration says."""
    rows = [name for names in roles.values() for name in names if posterior[name].ndim == 2]
    declared = variable_units(nlme)
    return {name: declared[name] for name in rows if name in declared}


def _distributions(nlme: NLME) -> dict[str, EffectDistribution]:
    return {name: _DISTRIBUTIONS[d.distribution] for name, d in nlme.individual.items()}


def _shrinkage(fit: Fit, nlme: NLME) -> dict[str, float]:
    """By row: that of an effect beside its omega, that of residuals beside each of their scales."""
    if not (nlme.subject_effects or nlme.occasion_effects) or fit.study is None:
        return {}
    found = shrinkage(fit)
    shares = {
        f"{level.names.sd}[{label}]": float(share)
        for level in effect_levels(fit, "parameter_table")
        for label, share in found[f"{level.prefix}sd"].to_series().items()
    }
    for output, error in nlme.errors.items():
        if isinstance(error.family, Continuous):
            epsilon = float(found["epsilon"].sel(output=output))
            scales = list(error.parameters)[error.family.noise.n_parameters :]
            shares |= {f"{output}_{parameter}": epsilon for parameter in scales}
    return shares
