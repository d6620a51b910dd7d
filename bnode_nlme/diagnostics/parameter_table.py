"""The table of parameters, as papers print it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr

from bnode_nlme.diagnostics.draws import require_dimensions
from bnode_nlme.diagnostics.percentiles import central_quantiles

_DRAWS = ("chain", "draw")
_FEWEST = 3
"""Draws of a chain up to which nothing can be said of convergence."""
EffectDistribution = Literal["log-normal", "normal", "logit-normal"]


def parameter_table(
    posterior: xr.Dataset,
    *,
    typical: Sequence[str] = (),
    omegas: Sequence[str] = (),
    correlations: Sequence[str] = (),
    errors: Sequence[str] = (),
    others: Sequence[str] = (),
    distributions: Mapping[str, EffectDistribution] | None = None,
    shrinkage: Mapping[str, float] | None = None,
    units: Mapping[str, str] | None = None,
    mass: float = 0.9,
) -> pd.DataFrame:
    """Estimates with their uncertainty, variability, shrinkage and convergence.

    Parameters
    ----------
    posterior : xarray.Dataset (chain, draw, ...)
        Draws.
    typical, omegas, correlations, errors, others
        Names of variables, by their role: typical values, standard deviations of random effects,
        correlation matrices of them, residual errors, and any more. A variable with dimensions
        gives a row for each element, named "omega[CL]"; of a correlation matrix, each pair once.
    distributions
        By the label of an effect ("CL"), or by the row's name, how the individual parameter is
        distributed; log-normal where nothing is said. Only that of a log-normal has a coefficient
        of variation.
    shrinkage
        By the label of an effect or the row's name, as a share (`eta_shrinkage`,
        `epsilon_shrinkage`).
    units
        By the row's name.
    mass
        Probability of the intervals.

    Returns
    -------
    pandas.DataFrame
        Rows by `role` and `name`. `unit`; `estimate` (median), `mean`, `sd`, `rse` (sd over
        absolute mean, %; NaN for correlations), `lower`, `upper` (central interval), `cv`,
        `cv_lower`, `cv_upper` (100 sqrt(exp(ω²) - 1) at each draw, its median and interval, %),
        `shrinkage` (%), `r_hat`, `ess_bulk`, `ess_tail` (Vehtari 2021, doi:10.1214/20-BA1221). NaN
        where there is nothing to say, as of the spread of one draw.

    Raises
    ------
    ValueError
        When the posterior lacks a variable or the dimensions chain and draw, nothing is named, or
        a unit is given for a row that the table does not have.
    """
    roles = {
        "typical value": typical,
        "random effect": omegas,
        "correlation": correlations,
        "residual error": errors,
        "other": others,
    }
    wanted = [name for names in roles.values() for name in names]
    missing = [name for name in wanted if name not in posterior]
    if missing or not wanted:
        raise ValueError(
            f"The posterior has no {', '.join(map(repr, missing)) or 'variable that was named'}; "
            f"it has {', '.join(map(repr, posterior.data_vars))}."
        )
    quantiles = central_quantiles(mass)
    rows = {}
    for role, names in roles.items():
        for name in names:
            require_dimensions(posterior[name], _DRAWS, name)
            for row, label, draws in _elements(posterior[name], pairs=role == "correlation"):
                line = _summary(draws, quantiles)
                line["unit"] = (units or {}).get(row, "")
                given = distributions or {}
                if role == "correlation":
                    line["rse"] = np.nan
                if (
                    role == "random effect"
                    and given.get(row, given.get(label, "log-normal")) == "log-normal"
                ):
                    cv = 100.0 * np.sqrt(np.expm1(draws.to_numpy() ** 2))
                    line["cv_lower"], line["cv"], line["cv_upper"] = np.quantile(cv, quantiles)
                    if "lower" not in line:  # of one draw
                        line["cv_lower"] = line["cv_upper"] = np.nan
                if role in ("random effect", "residual error"):
                    known = shrinkage or {}
                    line["shrinkage"] = 100.0 * known.get(row, known.get(label, np.nan))
                rows[role, row] = line
    unnamed = [name for name in units or {} if name not in {row for _, row in rows}]
    if unnamed:
        raise ValueError(
            f"parameter_table: units= names {', '.join(map(repr, unnamed))}, which the table has "
            f"not; its rows are {', '.join(repr(row) for _, row in rows)}."
        )
    columns = ["unit", "estimate", "mean", "sd", "rse", "lower", "upper", "cv", "cv_lower",
               "cv_upper", "shrinkage", "r_hat", "ess_bulk", "ess_tail"]  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index").reindex(columns=columns)
    table.index = pd.MultiIndex.from_tuples(list(rows), names=["role", "name"])
    return table


def format_parameter_table(table: pd.DataFrame, *, digits: int = 3) -> pd.DataFrame:
    """The table of parameters as papers print it: a table of text, of a few significant digits.

    Parameters
    ----------
    table : pandas.DataFrame
        As `parameter_table` gives it.
    digits
        Significant digits.

    Returns
    -------
    pandas.DataFrame
        `Parameter` (with unit), `Estimate (interval)`, `RSE, %`, `CV, %`, `Shrinkage, %`, `R-hat`,
        `ESS`, all of them text; a dash where there is nothing to say. A notebook shows all columns,
        and so does ``print(found.to_string())``; plain `print` leaves out what is wider than the
        screen.
    """

    def number(value: float, wanted: int = digits) -> str:
        if np.isnan(value):
            return "–"
        rounded = float(f"{value:.{wanted - 1}e}")
        before = math.floor(math.log10(abs(rounded))) if rounded else 0
        return f"{rounded:.{max(0, wanted - 1 - before)}f}"

    lines = []
    for (role, name), (_, row) in zip(table.index, table.iterrows(), strict=True):
        lines.append(
            {
                "Role": role,
                "Parameter": f"{name} ({row.unit})" if row.unit else name,
                "Estimate (interval)": f"{number(row.estimate)} "
                f"({number(row.lower)} to {number(row.upper)})",
                "RSE, %": number(row.rse, 2),
                "CV, %": number(row.cv, 2),
                "Shrinkage, %": number(row.shrinkage, 2),
                "R-hat": "–" if np.isnan(row.r_hat) else f"{row.r_hat:.2f}",
                "ESS": "–" if np.isnan(row.ess_bulk) else f"{min(row.ess_bulk, row.ess_tail):.0f}",
            }
        )
    return pd.DataFrame(lines).set_index("Role")


def _elements(values: xr.DataArray, *, pairs: bool) -> Iterator[tuple[str, str, xr.DataArray]]:
    """Row name, label and draws (chain, draw) of each element."""
    name = str(values.name)
    inner = [dimension for dimension in values.dims if dimension not in _DRAWS]
    labels = [[str(label) for label in values[dimension].to_numpy()] for dimension in inner]
    for index in np.ndindex(*(values.sizes[dimension] for dimension in inner)):
        if pairs and len(index) == 2 and index[0] >= index[1]:
            continue
        draws = values.isel(dict(zip(inner, index, strict=True))).transpose(*_DRAWS)
        label = ", ".join(own[at] for own, at in zip(labels, index, strict=True))
        yield (f"{name}[{label}]" if inner else name), label, draws


def _summary(draws: xr.DataArray, quantiles: tuple[float, float, float]) -> dict[str, float | str]:
    values = draws.to_numpy()
    lower, middle, upper = np.quantile(values, quantiles)
    mean = values.mean()
    told: dict[str, float | str] = {"estimate": middle, "mean": mean}
    if values.size < 2:
        return told  # of a mode there is one draw, and no spread
    sd = values.std(ddof=1)
    told |= {
        "sd": sd,
        "rse": 100.0 * sd / abs(mean) if mean else np.nan,
        "lower": lower,
        "upper": upper,
    }
    # What does not vary, or has a few draws only, has not converged nor failed to.
    if sd > 0.0 and values.shape[1] > _FEWEST:
        one = draws.rename("value").reset_coords(drop=True).to_dataset()
        told |= {
            "r_hat": float(az.rhat(one)["value"]),
            "ess_bulk": float(az.ess(one, method="bulk")["value"]),
            "ess_tail": float(az.ess(one, method="tail")["value"]),
        }
    return told
