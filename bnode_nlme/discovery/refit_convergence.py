"""Whether the chains of a candidate's fit can be believed, whatever they say of the candidate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnode_nlme.inference.chain_agreement import chain_agreement
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.inference.function_agreement import function_agreement
from bnode_nlme.inference.parameter_summary import parameter_summary

LARGEST_R_HAT, FEWEST = 1.1, 25.0
"""R-hat, and effective draws in all: fewer leave the posterior mean uncertain by a fifth of its
standard deviation, which is little beside the standard error of a difference between models."""

NO_CURVATURE = "its Laplace approximation has no positive definite curvature"


@dataclass(frozen=True)
class Agreement:
    """How far the chains of a fit agree.

    Attributes
    ----------
    r_hat, ess
        The largest R-hat and the smallest bulk effective sample size, of the population parameters,
        of the functions that networks learned (where data lie; not of their weights) and of the
        log-posterior; NaN of one chain or an approximation.
    unsettled
        Why the draws are not to be relied upon, in words; empty where there is no such sign.
    """

    r_hat: float = np.nan
    ess: float = np.nan
    unsettled: str = ""


def agreement(fit: Fit) -> Agreement:
    """How far the chains of a fit agree, and what to say of it.

    The criterion knows nothing of how well the candidate predicts: a fit may be repeated for what
    is found here without favouring any outcome of the comparison.

    Parameters
    ----------
    fit
        Of a model with a form in the place of a network, or with networks.
    """
    if fit.attrs.get("repaired_curvature"):
        return Agreement(unsettled=NO_CURVATURE)
    if fit.method != "nuts" or fit.posterior.sizes["chain"] < 2 or fit.posterior.sizes["draw"] < 4:
        return Agreement()
    table = parameter_summary(fit.posterior).reindex(columns=["r_hat", "ess_bulk"])
    if "sample_stats" in fit.data.children and "lp" in fit.sample_stats:
        own = chain_agreement(fit.sample_stats["lp"])
        table.loc["log-posterior"] = [float(own[name]) for name in table.columns]
    if fit.study is not None and fit.nlme.all_networks:
        learned = function_agreement(fit.nlme, fit.study, fit.posterior)
        for name, found in learned.items():
            table.loc[f"the function {name!r}"] = [found["r_hat"], found["ess_bulk"]]
    table = table.dropna()
    if table.empty:
        return Agreement()
    worst, least = float(table["r_hat"].max()), float(table["ess_bulk"].min())
    unsettled = ""
    if worst > LARGEST_R_HAT:
        unsettled = f"chains disagree (R-hat {worst:.2f} of {table['r_hat'].idxmax()})"
    elif least < FEWEST:
        unsettled = f"{least:.0f} effective draws of {table['ess_bulk'].idxmin()}"
    return Agreement(worst, least, unsettled)
