"""Residuals, and the table that goodness of fit is judged and drawn from."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from bnode_nlme.study.dimensions import OBSERVATION


def weighted_residuals(
    observed: ArrayLike, prediction: ArrayLike, sd: ArrayLike
) -> NDArray[np.float64]:
    """Measurement less prediction, in residual standard deviations.

    Parameters
    ----------
    observed : array_like (N,)
    prediction, sd : array_like (..., N)
        With the individual prediction and its residual standard deviation these are IWRES. For a
        log-normal error give logarithms of measurement and prediction.

    Returns
    -------
    ndarray (..., N)
        NaN where a measurement is missing.

    Raises
    ------
    ValueError
        When a standard deviation is not positive.
    """
    spread = np.asarray(sd, dtype=float)
    if (spread <= 0.0).any():
        raise ValueError(
            f"Wanted positive residual standard deviations; found {(spread <= 0.0).sum()} of "
            f"{spread.size} that are not. A proportional error has none where the prediction is "
            "zero; leave those rows out, or use a combined error."
        )
    return (np.asarray(observed, dtype=float) - np.asarray(prediction, dtype=float)) / spread


def goodness_of_fit(
    time: ArrayLike,
    subject: ArrayLike,
    observed: ArrayLike,
    *,
    population: ArrayLike,
    individual: ArrayLike,
    sd: ArrayLike,
    npde: ArrayLike | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Measurements, predictions and residuals, a line for each measurement.

    Parameters
    ----------
    time, subject, observed : array_like (N,)
        Of the measurements; NaN where there is none.
    population, individual : array_like (N,) or (D, N)
        Predictions with the random effects at zero, and with the subject's own; at D draws of the
        posterior, or one of each. NaN where a solve failed.
    sd : array_like (N,) or (D, N)
        Residual standard deviation at the individual prediction.
    npde : array_like (N,), optional
        As `npde` gives them.
    seed
        Of the draw that `iwres_sampled` is taken from.

    Returns
    -------
    xarray.Dataset (observation)
        `observed`; `pred`, `ipred`: means over the draws; `population_residual`,
        `individual_residual`: observed less these; `iwres`: mean of the individual weighted
        residual over the draws; `iwres_sampled`: the individual weighted residual at a draw of
        the posterior, another for each subject; `npde` where given; `failed`: the number of draws
        at which a prediction is missing. Coordinates `time`, `subject`. Means are over the draws
        that are there, and NaN where there is none.

    Raises
    ------
    ValueError
        When shapes disagree or a standard deviation is not positive.

    Notes
    -----
    With few measurements a subject, means over draws shrink: `iwres` is then too narrow however
    good the model (see `epsilon_shrinkage`), while `iwres_sampled` is standard normal under the
    true model (Gelman, Meng and Stern 1996, Stat Sin 6:733; in population models Lavielle and
    Ribba 2016, doi:10.1007/s11095-016-2020-3).
    """
    measured = np.asarray(observed, dtype=float)
    owner = np.asarray(subject)
    means, draws = {}, 1
    given: dict[str, NDArray[np.float64]] = {}
    for name, raw in (("population", population), ("individual", individual), ("sd", sd)):
        found = np.shape(raw)
        values = given[name] = np.atleast_2d(np.asarray(raw, dtype=float))
        if values.ndim != 2 or values.shape[1] != measured.size:
            raise ValueError(
                f"Wanted `{name}` of shape ({measured.size},) or (draws, {measured.size}), one for "
                f"each measurement; found {found}."
            )
        means[name] = _mean(values)
        draws = max(draws, len(values))
    residuals = np.broadcast_to(
        weighted_residuals(measured, given["individual"], given["sd"]), (draws, measured.size)
    )
    failed = np.isnan(given["individual"]) | np.isnan(given["population"])
    drawn = _draw_of_each(owner, np.isnan(given["individual"]), draws, seed)
    columns: dict[str, NDArray[np.generic]] = {
        "observed": measured,
        "pred": means["population"],
        "ipred": means["individual"],
        "population_residual": measured - means["population"],
        "individual_residual": measured - means["individual"],
        "iwres": _mean(residuals),
        "iwres_sampled": residuals[drawn, np.arange(measured.size)],
    }
    columns["failed"] = np.broadcast_to(failed, (draws, measured.size)).sum(axis=0)
    if npde is not None:
        columns["npde"] = np.asarray(npde, dtype=float)
    return xr.Dataset(
        {name: (OBSERVATION, values) for name, values in columns.items()},
        coords={
            "time": (OBSERVATION, np.asarray(time, dtype=float)),
            "subject": (OBSERVATION, owner),
        },
    )


def _mean(draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the draws (D, N) that are there; NaN where there is none."""
    there = ~np.isnan(draws)
    total = np.where(there, draws, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / there.sum(axis=0))


def _draw_of_each(
    owner: NDArray[np.generic], missing: NDArray[np.bool_], draws: int, seed: int
) -> NDArray[np.intp]:
    """A draw for each row, the same for a subject's rows, at which its solves succeeded."""
    _, whose = np.unique(owner, return_inverse=True)
    chances = np.random.default_rng(seed).random(whose.max(initial=0) + 1)
    chosen = np.zeros(owner.size, dtype=np.intp)
    for subject, chance in enumerate(chances):
        rows = whose == subject
        lost = missing[:, rows]
        whole = np.flatnonzero(~lost[:, ~lost.all(axis=0)].any(axis=1))
        if len(missing) == 1:
            whole = np.arange(draws)
        if whole.size:
            chosen[rows] = whole[int(chance * whole.size)]
    return chosen
