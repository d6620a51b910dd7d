"""A fit in words and numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.study.dimensions import OCCASION, SUBJECT

_ROWS = 40


def population_variables(posterior: xr.Dataset) -> list[str]:
    """Variables that are not of single subjects, occasions or measurements."""
    of_individuals = {SUBJECT, OCCASION}
    return [
        str(name)
        for name, values in posterior.data_vars.items()
        if not of_individuals & set(values.dims)
        and not any(str(dim).endswith("observation") for dim in values.dims)
        and not any(part.startswith("cholesky") for part in str(name).split("_"))
        # The logarithm or logit of a parameter that is there itself.
        and not any(
            str(name).endswith(ending) and str(name).removesuffix(ending) in posterior
            for ending in ("_log", "_logit")
        )
    ]


def parameter_summary(posterior: xr.Dataset) -> pd.DataFrame:
    """Mean, standard deviation and 5, 50 and 95 % quantiles of the population parameters.

    With several chains also R-hat and effective sample size (Vehtari et al. 2021,
    doi:10.1214/20-BA1221).

    Returns
    -------
    pandas.DataFrame
        One row a number, labelled ``name[label]``.
    """
    several = posterior.sizes["chain"] > 1 and posterior.sizes["draw"] > 3
    rows: dict[str, dict[str, float]] = {}
    for name in population_variables(posterior):
        values = posterior[name]
        rhat, ess = np.empty(0), np.empty(0)
        if several:
            # The diagonal of a correlation matrix does not vary: NaN.
            with np.errstate(divide="ignore", invalid="ignore"):
                rhat, ess = az.rhat(values).to_numpy(), az.ess(values).to_numpy()
        stacked = values.stack(sample=("chain", "draw"), create_index=False)
        array = stacked.transpose("sample", ...).to_numpy()
        for index in np.ndindex(*array.shape[1:]):
            column = array[(slice(None), *index)]
            row = {
                "mean": column.mean(),
                "sd": column.std(ddof=1) if column.size > 1 else np.nan,
                **dict(
                    zip(("5%", "50%", "95%"), np.quantile(column, (0.05, 0.5, 0.95)), strict=True)
                ),
            }
            if several:
                row |= {"r_hat": float(rhat[index]), "ess": float(ess[index])}
            rows[_label(values, index)] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def _label(values: xr.DataArray, index: tuple[int, ...]) -> str:
    if not index:
        return str(values.name)
    dims = [dim for dim in values.dims if dim not in ("chain", "draw")]
    parts = [
        str(values[dim].to_numpy()[place]) if dim in values.coords else str(place)
        for dim, place in zip(dims, index, strict=True)
    ]
    return f"{values.name}[{', '.join(parts)}]"


def fit_text(tree: xr.DataTree) -> str:
    """The summary that printing a fit shows."""
    attrs = tree.attrs
    posterior = tree["posterior"].to_dataset()
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    lines = [
        f"Fit by {attrs['method']}: "
        + (f"{chains} chains of {draws} draws" if chains > 1 else f"{draws} draws")
        + f", {attrs.get('seconds', np.nan):.1f} s"
    ]
    table = parameter_summary(posterior)
    if "r_hat" in table:
        worst = table["r_hat"].idxmax(), table["ess"].idxmin()
        lines.append(
            f"largest R-hat {table['r_hat'].max():.3f} ({worst[0]}), "
            f"smallest ESS {table['ess'].min():.0f} ({worst[1]})"
        )
    lines += _sampler_lines(tree, attrs)
    shown = table.head(_ROWS)
    formatted = shown.map(lambda number: f"{number:.4g}").astype(object)
    lines += ["", formatted.to_string()]
    if len(table) > _ROWS:
        lines.append(f"... and {len(table) - _ROWS} more rows")
    return "\n".join(lines)


def _sampler_lines(tree: xr.DataTree, attrs: Mapping[Any, Any]) -> list[str]:
    lines = []
    statistics = tree["sample_stats"].to_dataset() if "sample_stats" in tree.children else {}
    if "diverging" in statistics:
        lines.append(_divergences(statistics["diverging"].to_numpy()))
    again = [s for chain in json.loads(attrs.get("segments", "{}")).values() for s in chain[1:]]
    if again:
        discarded = sum(segment["discarded"] for segment in again)
        lines.append(
            f"resumed: chains taken up again {len(again)} times, {discarded} draws of new "
            "adaptation left out"
        )
    if "pareto_k" in attrs:
        corrected = ", importance resampled" if attrs["importance_resampled"] else ""
        lines.append(f"Pareto k of the importance weights {attrs['pareto_k']:.2f}{corrected}")
    if "objective" in attrs:
        lines.append(f"objective function value {attrs['objective']:.3f} ({attrs['form']})")
    if "converged" in attrs:
        lines.append("converged" if attrs["converged"] else "NOT converged")
    if "solver_report" in attrs:
        lines.append(str(attrs["solver_report"]))
    return lines


def _divergences(diverging: NDArray[np.bool_]) -> str:
    count = int(np.sum(diverging))
    if not count:
        return "0 divergences"
    share = f"{100.0 * count / diverging.size:.2g} % of the draws"
    return f"{count} divergences ({share}); target_accept=0.99 takes smaller steps"
