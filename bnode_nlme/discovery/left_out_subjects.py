"""How well each left-out subject is foretold, by smoothing where it can be trusted, else by refit."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import logsumexp

from bnode_nlme.diagnostics.of_fit.loo import loo, subject_log_likelihood
from bnode_nlme.inference.fit import fit as fit_model
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.results.population_draws import declaration_of
from bnode_nlme.study.dimensions import SUBJECT


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
        Of `bnode_nlme.fit`, for those fits; the method and number of draws are those of the fit.
    seed
        Of the integration over random effects and of the refits.

    Returns
    -------
    xarray.Dataset
        Over ``subject``: ``elpd``, ``pareto_k``, and ``refitted`` and ``doubtful`` (k too large,
        and not refitted). ``approximate``: whether the draws are of an approximation to the
        posterior (``"laplace"``, say), so that the numbers may be wrong without a sign.

    Raises
    ------
    ValueError
        As `loo` does.
    """
    nlme = declaration_of(fit, "left_out_subjects")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = loo(fit, by="subject", draws=draws, seed=seed)
    approximate = any("of an approximation" in str(warning.message) for warning in told)
    for warning in told:
        # Pareto k is mended here, or told with the result, as is an approximation.
        if "Pareto" not in str(warning.message):
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    elpd = found.elpd_i.to_numpy().copy()
    k = found.pareto_k.to_numpy()
    subjects = found.elpd_i[SUBJECT].to_numpy()
    refitted = np.zeros(elpd.size, dtype=bool)
    doubtful = np.flatnonzero(~(k <= found.good_k))
    for place in doubtful[np.argsort(-k[doubtful])][:refits]:
        elpd[place] = _refitted(fit, nlme, subjects[place], draws, seed, refit_options or {})
        refitted[place] = True
    trusted = (k <= found.good_k) | refitted
    return xr.Dataset(
        {
            "elpd": (SUBJECT, elpd),
            "pareto_k": (SUBJECT, k),
            "refitted": (SUBJECT, refitted),
            "doubtful": (SUBJECT, ~trusted),
            "approximate": approximate,
        },
        coords={SUBJECT: subjects},
    )


def _refitted(
    fit: Fit, nlme: Any, subject: Any, draws: int | None, seed: int, options: Mapping[str, Any]
) -> float:
    """The log predictive density of a subject, from a fit to all others."""
    study = fit.study
    if study is None:
        raise ValueError("left_out_subjects wants a fit that holds its study.")
    others = study.subjects[study.subjects != subject]
    given: dict[str, Any] = {
        "method": fit.method,
        "draws": fit.posterior.sizes["draw"],
        "seed": seed,
        "progress": False,
    }
    again = fit_model(nlme, study.select(subjects=list(others)), **(given | dict(options)))
    density = subject_log_likelihood(
        again, study.select(subjects=[subject]), draws=draws, seed=seed
    ).to_numpy()
    return float(logsumexp(density) - np.log(density.size))
