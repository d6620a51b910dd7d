"""Whether the chains of a candidate's fit can be believed, whatever they say of the candidate."""

from __future__ import annotations

import numpy as np

from bnode_nlme.inference.chain_agreement import chain_agreement
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.inference.parameter_summary import parameter_summary

LARGEST_R_HAT, FEWEST = 1.1, 25.0
"""R-hat, and effective draws in all: fewer leave the posterior mean uncertain by a fifth of its
standard deviation, which is little beside the standard error of a difference between models."""


def disagreement(fit: Fit) -> tuple[float, str]:
    """How far the chains of a fit are from agreeing, and what to say of it.

    The criterion knows nothing of how well the candidate predicts: a fit may be repeated for what
    is found here without favouring any outcome of the comparison.

    Parameters
    ----------
    fit
        Of a model with a form in the place of a network.

    Returns
    -------
    float
        The largest R-hat of the population parameters and of the log-posterior; NaN of one chain
        or an approximation.
    str
        Empty where the chains agree and enough draws are independent, or where there are no chains
        to compare.
    """
    if fit.method != "nuts" or fit.posterior.sizes["chain"] < 2 or fit.posterior.sizes["draw"] < 4:
        return np.nan, ""
    table = parameter_summary(fit.posterior).reindex(columns=["r_hat", "ess_bulk"])
    if "sample_stats" in fit.data.children and "lp" in fit.sample_stats:
        own = chain_agreement(fit.sample_stats["lp"])
        table.loc["log-posterior"] = [float(own[name]) for name in table.columns]
    table = table.dropna()
    if table.empty:
        return np.nan, ""
    worst = float(table["r_hat"].max())
    if worst > LARGEST_R_HAT:
        return worst, f"chains disagree (R-hat {worst:.2f} of {table['r_hat'].idxmax()})"
    least = float(table["ess_bulk"].min())
    if least < FEWEST:
        return worst, f"{least:.0f} effective draws of {table['ess_bulk'].idxmin()}"
    return worst, ""
