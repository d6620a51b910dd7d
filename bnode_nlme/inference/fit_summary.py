"""A fit in words and numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bnode_nlme.inference.convergence import FUNCTIONS, convergence
from bnode_nlme.inference.parameter_summary import parameter_summary, weight_variables

_ROWS = 40


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
    judged = convergence(tree)
    lines += judged.lines
    lines += _sampler_lines(attrs)
    lines += _function_lines(posterior, attrs)
    if attrs["method"] == "nuts":
        lines += [f"NOTE: {text}." for text in judged.problems]
    table = table[_is_of_interest(table)]
    shown = table.head(_ROWS)
    formatted = shown.map(lambda number: f"{number:.4g}").astype(object)
    lines += ["", formatted.to_string()]
    if len(table) > _ROWS:
        lines.append(f"... and {len(table) - _ROWS} more rows")
    return "\n".join(lines)


def _is_of_interest(table: pd.DataFrame) -> list[bool]:
    """Whether rows are not constant."""
    found = []
    for label, mean, sd in zip(map(str, table.index), table["mean"], table["sd"], strict=True):
        constant = sd <= 1e-12 * abs(mean)
        if np.isnan(sd) and label.partition("[")[0].endswith("correlation"):
            # Of one draw there is no sd; correlations that are declared to be 0 or 1 are known by that.
            constant = min(abs(mean), abs(mean - 1.0)) < 1e-12
        found.append(not constant)
    return found


def _function_lines(posterior: xr.Dataset, attrs: Mapping[Any, Any]) -> list[str]:
    """What is said of networks in place of their weights."""
    judged = json.loads(attrs.get(FUNCTIONS, "{}"))
    lines = []
    for name in weight_variables(posterior):
        line = f"network {name}: weights are not shown, for they are not identified; "
        found = judged.get(name)
        if found is None:
            line += "bn.plot_function_convergence shows the function"
        elif not found["points"]:
            line += "the function could not be judged: nothing was solved"
        else:
            least = min(found["ess_bulk"], found["ess_tail"])
            line += (
                f"its function, at {found['points']:.0f} points where the data are: largest R-hat "
                f"{found['r_hat']:.3f}, smallest ESS {least:.0f}"
            )
        lines.append(line)
    return lines


def _sampler_lines(attrs: Mapping[Any, Any]) -> list[str]:
    lines = []
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
    if attrs.get("repaired_curvature"):
        lines.append(
            "NOTE: the curvature at the optimum is not positive definite: some combination of "
            "parameters, or of a network's weights, is not determined. Draws, and standard errors "
            "and bands that come of them, mean nothing there. Fit with method='nuts', or give "
            "narrower priors."
        )
    if attrs["method"] == "map":
        lines.append(
            "NOTE: the mode of the joint density gives typical values; it does not estimate omega "
            "and residual errors, for which there are method='laplace' and 'nuts'."
        )
    if "solver_report" in attrs:
        lines.append(str(attrs["solver_report"]))
    return lines
