"""How well each left-out subject is foretold, by smoothing where it can be trusted, else by refit."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import logsumexp

from bnode_nlme.diagnostics.of_fit.loo import (
    is_of_approximation,
    loo_by_subject,
    subject_log_likelihood,
)
from bnode_nlme.discovery.refit_convergence import agreement
from bnode_nlme.inference.convergence import ConvergenceWarning
from bnode_nlme.inference.fit import fit as fit_model
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.inference.same_run import ASKED
from bnode_nlme.results.population_draws import declaration_of
from bnode_nlme.study.dimensions import SUBJECT
from bnode_nlme.study.study import Study

Array = NDArray[np.float64]

_NO_SETTINGS = ("seed", "logp")
_PRECISE = 0.1
"""Nats: Monte Carlo standard error of a subject's integral above which it is doubtful. Twelve
subjects at that have a third of a nat together, little beside the four that are worthwhile."""


def left_out_subjects(
    fit: Fit,
    *,
    draws: int | None = None,
    refits: int = 10,
    refit_options: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Log predictive density of each left-out subject.

    Parameters
    ----------
    fit
        Of a `bn.NLME`.
    draws
        Of the posterior; up to 400 by default.
    refits
        How many subjects at most, those with the largest Pareto k first, are left out by fitting
        again without them, where the smoothed importance weights cannot be trusted.
    refit_options
        Of `bnode_nlme.fit`, for those fits. What is not given is as it was in the fit: its method,
        draws, chains, warm-up, target acceptance rate and so on.
    seed
        Of the integration over random effects and of the refits.

    Returns
    -------
    xarray.Dataset
        Over ``subject``: ``elpd`` (nats; NaN where there is no number at all), ``pareto_k``,
        ``refitted``, ``doubtful`` (k too large, or no finite number, and not refitted; refitted
        by chains that disagree; or an integral over its random effects with a Monte Carlo standard
        error above 0.1 nats) and ``reason``, why a subject that was to be refitted was not, or
        is doubtful yet, else empty. ``fitted``: log predictive density of the subject by the fit
        that knows it, which that of the left-out subject is never above. ``approximate``:
        whether the draws are of an approximation to the posterior (``"laplace"``, say), so that the
        numbers may be wrong without a sign.

    Raises
    ------
    ValueError
        When the fit has no declaration or study, or too few draws for Pareto smoothing.
    """
    nlme = declaration_of(fit, "left_out_subjects")
    if fit.study is None:
        raise ValueError("left_out_subjects wants a fit that holds its study.")
    integrated = subject_log_likelihood(fit, fit.study, draws=draws, seed=seed)
    subjects = integrated[SUBJECT].to_numpy()
    elpd, k = np.full(subjects.size, np.nan), np.full(subjects.size, np.inf)
    error = np.zeros(subjects.size)
    reason = np.full(subjects.size, "", dtype=object)
    finite = xr.ufuncs.isfinite(integrated["log_likelihood"]).all(("chain", "draw")).to_numpy()
    reason[~finite] = "its measurements have no density at some draw"
    good = -np.inf
    if finite.any():
        with warnings.catch_warnings():
            # Large values of Pareto k are mended here, or told with the result.
            warnings.filterwarnings("ignore", message=".*Pareto.*", category=UserWarning)
            found = loo_by_subject(integrated.isel({SUBJECT: finite}))
        elpd[finite], k[finite] = found.elpd_i.to_numpy(), found.pareto_k.to_numpy()
        error[finite] = found.elpd_i["integration_error"].to_numpy()
        good = float(found.good_k)
    refitted = np.zeros(elpd.size, dtype=bool)
    settled = error <= _PRECISE
    for place in np.flatnonzero(~settled):
        reason[place] = _of_integral(error[place])
    doubtful = np.flatnonzero(~(k <= good))
    for place in doubtful[np.argsort(-k[doubtful])][:refits]:
        try:
            own, unsettled = _refitted(
                fit, fit.study, nlme, subjects[place], draws, seed, refit_options or {}
            )
        except (ArithmeticError, RuntimeError, ValueError) as failure:
            # A solver or sampler that gives up on one subject says nothing about the others.
            reason[place] = f"the fit without it failed: {str(failure).splitlines()[0]}"
            continue
        if np.isfinite(own):
            elpd[place], refitted[place], settled[place] = own, True, not unsettled
            reason[place] = f"the fit without it: {unsettled}" if unsettled else ""
        else:
            reason[place] = "without it, the fit gives its measurements no density"
    known = integrated["log_likelihood"].transpose("chain", "draw", SUBJECT).to_numpy()
    known = known.reshape(-1, subjects.size)
    trusted = ((k <= good) | refitted) & settled
    return xr.Dataset(
        {
            "elpd": (SUBJECT, elpd),
            "pareto_k": (SUBJECT, k),
            "refitted": (SUBJECT, refitted),
            "doubtful": (SUBJECT, ~trusted),
            "reason": (SUBJECT, reason.astype(str)),
            "fitted": (SUBJECT, logsumexp(known, axis=0) - np.log(len(known))),
            "approximate": is_of_approximation(fit),
        },
        coords={SUBJECT: subjects},
    )


def _refitted(
    fit: Fit,
    study: Study,
    nlme: Any,
    subject: Any,
    draws: int | None,
    seed: int,
    options: Mapping[str, Any],
) -> tuple[float, str]:
    """The log predictive density of a subject, from a fit to all others, and what is amiss with it."""
    others = study.subjects[study.subjects != subject]
    given = settings_of(fit) if options.get("method", fit.method) == fit.method else {}
    given |= {"seed": seed, "progress": False} | dict(options)
    with warnings.catch_warnings():
        # Told with the result, where the disagreement matters to it.
        warnings.simplefilter("ignore", ConvergenceWarning)
        again = fit_model(nlme, study.select(subjects=list(others)), **given)
    own = subject_log_likelihood(again, study.select(subjects=[subject]), draws=draws, seed=seed)
    density = own["log_likelihood"].to_numpy().ravel()
    total = float(logsumexp(density))
    # The mean of the likelihoods, whose errors are independent.
    error = float(np.linalg.norm(np.exp(density - total) * own["error"].to_numpy().ravel()))
    unsettled = agreement(again).unsettled or (_of_integral(error) if error > _PRECISE else "")
    return total - float(np.log(density.size)), unsettled


def _of_integral(error: float) -> str:
    return f"the integral over its random effects is uncertain (standard error {error:.2f} nats)"


def settings_of(fit: Fit) -> dict[str, Any]:
    """The method of a fit and its settings, as `bnode_nlme.fit` takes them.

    Of a fit that did not keep them: the method, and the number of its draws and chains.
    """
    if ASKED in fit.attrs:
        asked: dict[str, Any] = json.loads(fit.attrs[ASKED])
        return {name: value for name, value in asked.items() if name not in _NO_SETTINGS}
    known: dict[str, Any] = {"method": fit.method, "draws": fit.posterior.sizes["draw"]}
    if fit.method == "nuts":
        known["chains"] = fit.posterior.sizes["chain"]
    return known
