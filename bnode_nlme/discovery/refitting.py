"""Candidates put back into the equations, fitted to the data, and compared."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from bnode_nlme.diagnostics.function_convergence import function_convergence
from bnode_nlme.diagnostics.of_fit.loo import loo
from bnode_nlme.discovery.candidate import Candidate, Constant
from bnode_nlme.discovery.form_fit import FormFit
from bnode_nlme.discovery.learned_function import LearnedFunction
from bnode_nlme.discovery.ranking import is_worse, paired
from bnode_nlme.discovery.replacing import constant_name, warm_start, with_form, without_term
from bnode_nlme.dynamics.errors import DeclarationError
from bnode_nlme.inference.fit import Method
from bnode_nlme.inference.fit import fit as fit_model
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.inference.named_values import sampled_as
from bnode_nlme.inference.starting_values import StartError
from bnode_nlme.nlme.individual_values import population_name
from bnode_nlme.nlme.nlme import NLME

_ATTEMPTS, _LARGEST_R_HAT = 3, 1.1
_SHORT_RUN = {"draws": 250, "tune": 300, "chains": 2, "compiled_anew": False}
"""Of NUTS, for candidates: a few constants in the place of a network are sampled in a second."""


def refit_settings(
    fitted: Fit, method: Method | None, seed: int, progress: bool, options: dict[str, Any]
) -> dict[str, Any]:
    """Arguments of `bn.fit` for candidates: of the fit with the network, but for short chains."""
    settings: dict[str, Any] = {"method": method or fitted.method, "seed": seed}
    if settings["method"] == "nuts":
        settings |= _SHORT_RUN
    elif settings["method"] == fitted.method:
        settings["draws"] = int(fitted.posterior.sizes["draw"])
    return settings | {"progress": progress} | options


def posterior_means(fitted: Fit) -> dict[str, Any]:
    """Of what the model with a form has too: typical values, omega, residual errors."""
    posterior = fitted.posterior
    endings = tuple(f"{output}_" for output in fitted.nlme.outputs)
    return {
        str(name): posterior[name].mean(("chain", "draw")).to_numpy()
        for name in posterior.data_vars
        if str(name).endswith(population_name("")) or str(name).startswith((*endings, "omega"))
    }


def refitted(
    candidate: Candidate,
    found: FormFit,
    network: Candidate,
    function: LearnedFunction,
    settings: dict[str, Any],
    values: dict[str, Any],
    loo_draws: int,
) -> Candidate:
    """Fit the data with a form, anew where the fit contradicts itself or what is known."""
    name, visited, fitted = function.name, function.visited, network.fit
    if visited is None or fitted is None:
        return candidate
    doubt = ""
    for attempt in range(_ATTEMPTS):
        again = {"seed": settings["seed"] + 1000 * attempt}
        if attempt and "tune" in settings:
            again["tune"] = 2 * settings["tune"]
        try:
            nlme = with_form(fitted.nlme, name, found, visited)
            own = _fit(nlme, fitted, warm_start(nlme, values, found, name), settings | again)
        except (DeclarationError, StartError) as error:
            return replace(candidate, note=_first_line(error))
        draws = {
            constant: own.posterior[population_name(constant_name(name, constant))]
            for constant in found.form.constants
        }
        constants = {constant: Constant.of(own.to_numpy()) for constant, own in draws.items()}
        tried = compared(replace(candidate, fit=own, constants=constants, note=""), loo_draws)
        doubt = _doubt(tried, network, draws)
        if not doubt:
            return tried
    return replace(candidate, note=f"not compared: {doubt}, in {_ATTEMPTS} fits")


def _doubt(tried: Candidate, network: Candidate, draws: dict[str, xr.DataArray]) -> str:
    """Why a fit is not believed; nothing where it is."""
    if tried.elpd is None:
        return ""
    if draws and all(own.sizes["chain"] > 1 for own in draws.values()):
        r_hat = max(float(function_convergence(own)["r_hat"]) for own in draws.values())
        if r_hat > _LARGEST_R_HAT:
            return f"chains disagree (R-hat {r_hat:.2f})"
    # A form as near to the function as its posterior is wide cannot fit the data far worse.
    if network.elpd is None or tried.misfit >= 1.0:
        return ""
    apart = paired(tried.elpd.elpd_i.to_numpy(), network.elpd.elpd_i.to_numpy())
    return "it resembles the network and predicts far worse" if is_worse(*apart) else ""


def refitted_without(
    fitted: Fit,
    function: LearnedFunction,
    settings: dict[str, Any],
    values: dict[str, Any],
    loo_draws: int,
) -> Candidate:
    """Fit the data without the term."""
    candidate = Candidate("without the term", "without")
    try:
        nlme = without_term(fitted.nlme, function.name)
        own = _fit(nlme, fitted, warm_start(nlme, values, None, function.name), settings)
    except (DeclarationError, StartError) as error:
        return replace(candidate, note=_first_line(error))
    return compared(replace(candidate, fit=own), loo_draws)


def _fit(nlme: NLME, fitted: Fit, start: dict[str, Any], settings: dict[str, Any]) -> Fit:
    if fitted.study is None:
        raise ValueError("discover wants the study of the fit: what candidates are fitted to.")
    model = nlme.build(fitted.study)
    known = {str(variable.name) for variable in model.free_RVs} | set(sampled_as(model).values())
    with warnings.catch_warnings():
        # What an approximation warns of is in fit.attrs; the comparison has its own diagnostics.
        warnings.simplefilter("ignore", UserWarning)
        return fit_model(
            nlme,
            fitted.study,
            start={name: value for name, value in start.items() if name in known},
            **settings,
        )


def compared(candidate: Candidate, loo_draws: int) -> Candidate:
    """With its ELPD by subject, or a note why there is none."""
    try:
        with warnings.catch_warnings():
            # Of Pareto k: counted instead.
            warnings.simplefilter("ignore", UserWarning)
            elpd = loo(candidate.fit, by="subject", draws=loo_draws)  # type: ignore[arg-type]
    except ValueError as error:
        return replace(candidate, note=_first_line(error))
    k = np.asarray(elpd.pareto_k)
    return replace(candidate, elpd=elpd, doubtful=int(np.sum(k > elpd.good_k)))


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
