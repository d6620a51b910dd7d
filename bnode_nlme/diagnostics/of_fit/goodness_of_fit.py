"""Predictions and residuals of a fit."""

from __future__ import annotations

import numpy as np
import xarray as xr

from bnode_nlme.diagnostics.of_fit.measured_output import measured_output
from bnode_nlme.diagnostics.of_fit.npde import npde
from bnode_nlme.diagnostics.residuals import goodness_of_fit as goodness_of_fit_of_arrays
from bnode_nlme.distributions.continuous import Continuous
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.results.error_numbers import error_numbers
from bnode_nlme.results.failed_solves import warn_of_failed_solves
from bnode_nlme.results.population_draws import chosen_draws, population_draws
from bnode_nlme.results.predict import Kind, predicted_draws
from bnode_nlme.study.dimensions import OBSERVATION


def goodness_of_fit(
    fit: Fit,
    output: str | None = None,
    *,
    draws: int | None = None,
    replicates: int = 0,
    seed: int = 0,
) -> xr.Dataset:
    """Measurements, predictions and residuals of one output.

    Parameters
    ----------
    fit
        Of a `bn.NLME`.
    output
        Which; may be left out where there is only one.
    draws
        How many draws of the posterior; all, up to 1000, by default.
    replicates
        Simulated data sets for ``npde``, which is left out where this is 0.
    seed
        Of all that is drawn.

    Returns
    -------
    xarray.Dataset
        As `bnode_nlme.diagnostics.goodness_of_fit` gives it, over ``observation`` (labelled by the
        rows of the table). Censored measurements are NaN; the attribute ``censored`` counts them,
        ``limits`` holds where they are censored. Residuals of a log-normal error are those
        of the logarithm; those of a Student-t error are in its scale. ``failed`` counts the draws
        at which a row's solve failed: means are over the others, and NaN where there is none.
        `bn.plot_goodness_of_fit` draws it.

    Raises
    ------
    ValueError
        When the output is not continuous, or the fit has no declaration or study.

    Warns
    -----
    UserWarning
        When solves failed: how many, at how many draws, of which subjects, and why.
    """
    return residuals(
        fit, output, draws=draws, replicates=replicates, seed=seed, what="goodness_of_fit"
    )


def residuals(
    fit: Fit,
    output: str | None = None,
    *,
    draws: int | None = None,
    replicates: int = 0,
    seed: int = 0,
    of_sd: bool = False,
    what: str,
) -> xr.Dataset:
    """As `goodness_of_fit`; with `of_sd`, weighted residuals in units of the error's own sd.

    For Student-t errors that is the scale times ``sqrt(nu / (nu - 2))`` at each draw; the residuals
    are NaN where nu is 2 or less at some draw. `what` is the name of the caller.
    """
    rows = measured_output(fit, output, what)
    indices = chosen_draws(fit, draws)
    error = error_numbers(rows.nlme, rows.output, population_draws(fit, indices), indices.size)
    kinds: tuple[Kind, ...] = ("individual", "population")
    predicted = {kind: predicted_draws(fit, kind=kind, draws=draws) for kind in kinds}
    warn_of_failed_solves(
        what,
        {f"{kind} predictions": predicted[kind]["status"] for kind in kinds},
        "means and residuals are over the other draws, and NaN where there is none",
    )
    predictions = {
        kind: predicted[kind][rows.output].to_numpy()[:, rows.positions] for kind in kinds
    }
    solved = ~np.isnan(predictions["individual"])
    measured = np.where(rows.censoring == 0, rows.value, np.nan)
    scale = np.where(solved, error.scale(predictions["individual"]), np.nan)
    sd = scale * error.noise_sd() if of_sd else scale
    given = (
        {"npde": npde(fit, rows.output, replicates=replicates, calibrate=0, seed=seed)["npde"]}
        if replicates
        else {}
    )
    logarithmic = isinstance(error.family, Continuous) and error.family.log_scale
    # A prediction of 0 has no logarithm, and with a proportional error no scale: no residual.
    with np.errstate(divide="ignore", invalid="ignore"):
        possible = (sd > 0.0) & np.isfinite(predictions["individual"])
        if logarithmic:
            possible &= predictions["individual"] > 0.0
        usable = np.all(possible | ~solved, axis=0) & solved.any(axis=0)
    table = goodness_of_fit_of_arrays(
        rows.time,
        rows.subject,
        measured,
        population=predictions["population"],
        individual=predictions["individual"],
        sd=np.where(usable, sd, 1.0),
        seed=seed,
        **given,
    )
    if logarithmic:
        on_logs = goodness_of_fit_of_arrays(
            rows.time,
            rows.subject,
            np.log(np.where(measured > 0.0, measured, np.nan)),
            population=predictions["population"],
            individual=np.log(np.where(usable, predictions["individual"], 1.0)),
            sd=np.where(usable, sd, 1.0),
            seed=seed,
        )
        table = table.assign({name: on_logs[name] for name in ("iwres", "iwres_sampled")})
    for name in ("iwres", "iwres_sampled"):
        table[name] = table[name].where(usable)
    table = table.assign_coords({OBSERVATION: rows.row})
    censored = rows.censoring != 0
    table.attrs |= {
        "output": rows.output,
        "draws": indices.size,
        "censored": int(censored.sum()),
        "limits": np.unique(rows.value[censored]).tolist(),
    } | rows.units
    return table
