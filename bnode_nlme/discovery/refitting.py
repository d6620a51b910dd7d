"""Candidates put back into the equations, fitted to the data, and compared."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from bnode_nlme.discovery.candidate import Candidate, Constant
from bnode_nlme.discovery.form_fit import FormFit
from bnode_nlme.discovery.learned_function import LearnedFunction
from bnode_nlme.discovery.left_out_subjects import left_out_subjects
from bnode_nlme.discovery.refit_convergence import LARGEST_R_HAT, NO_CURVATURE, Agreement, agreement
from bnode_nlme.discovery.replacing import constant_name, warm_start, with_form, without_term
from bnode_nlme.dynamics.errors import DeclarationError
from bnode_nlme.inference.convergence import ConvergenceWarning
from bnode_nlme.inference.fit import Method
from bnode_nlme.inference.fit import fit as fit_model
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.inference.named_values import sampled_as
from bnode_nlme.inference.starting_values import StartError
from bnode_nlme.inference.variational_check import ApproximationWarning
from bnode_nlme.nlme.individual_values import population_name
from bnode_nlme.nlme.nlme import NLME

_ATTEMPTS = 2
_FAILURES = (DeclarationError, StartError, ArithmeticError, RuntimeError, np.linalg.LinAlgError)
"""Of one candidate's fit, which say nothing of the others."""
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


def posterior_means(fitted: Fit) -> dict[str, xr.DataArray]:
    """Of what the model with a form has too: typical values, omega, residual errors."""
    posterior = fitted.posterior
    endings = tuple(f"{output}_" for output in fitted.nlme.outputs)
    return {
        str(name): posterior[name].mean(("chain", "draw"))
        for name in posterior.data_vars
        if str(name).endswith(population_name("")) or str(name).startswith((*endings, "omega"))
    }


def refitted(
    candidate: Candidate,
    found: FormFit,
    function: LearnedFunction,
    fitted: Fit,
    settings: dict[str, Any],
    values: dict[str, xr.DataArray],
    comparison: dict[str, Any],
) -> Candidate:
    """Fit the data with a form in the place of the network, and foretell each left-out subject."""
    name, visited = function.name, function.visited
    if visited is None:
        return candidate
    try:
        nlme = with_form(fitted.nlme, name, found, visited)
        start = warm_start(nlme, values, found, name)
        own, chains = _settled_fit(nlme, fitted, start, settings)
    except _FAILURES as error:
        return replace(candidate, note=_first_line(error))
    constants = {
        constant: Constant.of(
            own.posterior[population_name(constant_name(name, constant))].to_numpy()
        )
        for constant in found.form.constants
    }
    again = replace(candidate, fit=own, constants=constants, dropped=_dropped(fitted, own), note="")
    return compared(_with_agreement(again, chains), comparison)


def refitted_without(
    function: LearnedFunction,
    fitted: Fit,
    settings: dict[str, Any],
    values: dict[str, xr.DataArray],
    comparison: dict[str, Any],
) -> Candidate:
    """Fit the data without the term."""
    candidate = Candidate("without the term", "without")
    try:
        nlme = without_term(fitted.nlme, function.name)
        start = warm_start(nlme, values, None, function.name)
        own, chains = _settled_fit(nlme, fitted, start, settings)
    except _FAILURES as error:
        return replace(candidate, note=_first_line(error))
    again = replace(candidate, fit=own, dropped=_dropped(fitted, own))
    return compared(_with_agreement(again, chains), comparison)


def network_itself(fitted: Fit, function: LearnedFunction, comparison: dict[str, Any]) -> Candidate:
    """The fit with the network; unsettled where its chains learned different functions."""
    table = function.data.where(~function.data["extrapolated"])
    r_hat, ess = float(table["r_hat"].max()), float(table["ess_bulk"].min())
    unsettled = ""
    if function.data.attrs["repaired_curvature"]:
        unsettled = NO_CURVATURE
    elif r_hat > LARGEST_R_HAT:
        unsettled = f"chains disagree on the function where data lie (R-hat {r_hat:.2f})"
    candidate = Candidate("network", "network", complexity=function.network.size, fit=fitted)
    return compared(_with_agreement(candidate, Agreement(r_hat, ess, unsettled)), comparison)


def _with_agreement(candidate: Candidate, chains: Agreement) -> Candidate:
    return replace(candidate, r_hat=chains.r_hat, ess=chains.ess, unsettled=chains.unsettled)


def compared(candidate: Candidate, comparison: dict[str, Any]) -> Candidate:
    """With its log predictive density of each left-out subject, or a note why there is none."""
    fitted = candidate.fit
    if fitted is None:
        return candidate
    try:
        left_out = left_out_subjects(fitted, **comparison)
    except (ArithmeticError, ValueError) as error:
        return replace(candidate, note=_first_line(error))
    note = candidate.note
    if not np.isfinite(left_out["elpd"]).all():
        note = "not compared: a left-out subject has no finite predictive density"
    return replace(candidate, left_out=left_out, note=note)


def _settled_fit(
    nlme: NLME, fitted: Fit, start: dict[str, Any], settings: dict[str, Any]
) -> tuple[Fit, Agreement]:
    """The fit whose chains agree best, anew while they do not; and how far they do.

    What a fit predicts is not looked at, lest a comparison be repeated until it comes out.
    """
    tried: list[tuple[Fit, Agreement]] = []
    for attempt in range(_ATTEMPTS):
        again = {"seed": settings["seed"] + 1000 * attempt}
        if "tune" in settings:
            again["tune"] = 2**attempt * settings["tune"]
            again["draws"] = 2**attempt * settings["draws"]
        own = _fit(nlme, fitted, start, settings | again)
        chains = agreement(own)
        if not chains.unsettled:
            return own, chains
        tried.append((own, chains))
    best, chains = min(tried, key=lambda one: one[1].r_hat)
    return best, replace(chains, unsettled=f"{chains.unsettled}, in {_ATTEMPTS} fits")


def _fit(nlme: NLME, fitted: Fit, start: dict[str, Any], settings: dict[str, Any]) -> Fit:
    if fitted.study is None:
        raise ValueError("discover wants the study of the fit: what candidates are fitted to.")
    model = nlme.build(fitted.study)
    known = {str(variable.name) for variable in model.free_RVs} | set(sampled_as(model).values())
    with warnings.catch_warnings():
        # Both are told with the candidate.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", ApproximationWarning)
        return fit_model(
            nlme,
            fitted.study,
            start={name: value for name, value in start.items() if name in known},
            **settings,
        )


def _dropped(fitted: Fit, own: Fit) -> tuple[str, ...]:
    before, after = fitted.nlme.system, own.nlme.system
    kept = {*after.parameters, *after.covariates}
    return tuple(name for name in (*before.parameters, *before.covariates) if name not in kept)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
