"""Prior against posterior of a fit."""

from __future__ import annotations

import pymc as pm
import xarray as xr
from pytensor.compile.mode import Mode

from bnode_nlme.diagnostics.contraction import contraction
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.inference.parameter_summary import population_variables
from bnode_nlme.results.population_draws import declaration_of, require_fit

# A few scalars a draw: compiling them takes longer than drawing them all without.
_MODE = Mode(linker="py", optimizer="fast_compile")


def prior_posterior(fit: Fit, *, draws: int = 2000, seed: int = 0) -> xr.Dataset:
    """What the data taught of each population parameter.

    Parameters
    ----------
    fit
        Of any method but ``"map"``.
    draws
        Of the prior.
    seed
        Of these.

    Returns
    -------
    xarray.Dataset
        As `bnode_nlme.diagnostics.contraction` gives it: contraction, shift and overlap.
        `bn.plot_prior_posterior` draws prior and posterior.

    Raises
    ------
    ValueError
        When the fit has neither model nor declaration and study.
    """
    prior = prior_draws(fit, draws=draws, seed=seed)
    return contraction(prior, fit.posterior[list(prior.data_vars)])


def prior_draws(fit: Fit, *, draws: int = 2000, seed: int = 0) -> xr.Dataset:
    """Draws of the prior of the population parameters; nothing is solved.

    Parameters
    ----------
    fit, draws, seed
        As for `prior_posterior`.

    Returns
    -------
    xarray.Dataset (chain, draw, ...)
        The variables that printing the fit shows, less those that are sampled on another scale and
        network weights.
    """
    require_fit(fit, "prior_posterior")
    model = fit.model
    if model is None:
        if fit.study is None:
            raise ValueError("Draws of the prior want the model; load the fit with its model.")
        model = declaration_of(fit, "prior_posterior").build(fit.study)
    names = population_variables(fit.posterior)
    tree = pm.sample_prior_predictive(
        draws, model=model, var_names=names, random_seed=seed, compile_kwargs={"mode": _MODE}
    )
    prior = tree["prior"].to_dataset()
    return prior[[name for name in names if name in prior]]
