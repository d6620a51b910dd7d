"""Normalised prediction discrepancies and distribution errors."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from bnode_nlme.diagnostics.replicated_data import ReplicatedData, replicated_data
from bnode_nlme.study.dimensions import OBSERVATION

_NAMED = 10


def npde(
    observed: ArrayLike,
    simulated: ArrayLike,
    subject: ArrayLike,
    *,
    censoring: ArrayLike | None = None,
    lloq: ArrayLike | None = None,
    uloq: ArrayLike | None = None,
    decorrelate: bool = True,
    calibrate: int = 0,
    seed: int = 0,
) -> xr.Dataset:
    """Compare each measurement with its distribution under the model.

    Under the true model each `npd` and each `npde` is standard normal. Those of different subjects
    are independent. Within a subject `npd` are correlated; `residual`, from which `npde` come, are
    uncorrelated, and independent too where the model is linear and normal.

    Parameters
    ----------
    observed : array_like (N,)
        Measurements of one output (several outputs: one call each, or `subject` by subject and
        output), NaN where there is none.
    simulated : array_like (K, N)
        Data sets simulated from the model with new random effects and residual errors, K of at
        least 1000 (Comets 2008), not censored. NaN where a solve failed: that replicate is left
        out for that subject.
    subject : array_like (N,)
        To whom a measurement belongs; in any order.
    censoring, lloq, uloq
        As for `replicated_data`.
    decorrelate
        Whether to give `pde`, `npde` and `residual`. Without, as is right for counts and
        categories, which no linear map of them makes independent, these are NaN.
    calibrate
        How many of the replicates are also compared with the others, as if each had been measured;
        from them `npde_tests` takes p-values that hold for any model. Wants `decorrelate`.
    seed
        Of the randomness that separates ties.

    Returns
    -------
    xarray.Dataset (observation)
        `pd`: the share of replicates below the measurement, in (0, 1); `npd` its normal quantile;
        `pde`, `npde`: the same after decorrelation; `residual`: the decorrelated measurement itself
        (a population weighted residual by simulation); `expected`: the mean of the replicates.
        NaN where a measurement is missing. `pde`, `npde` and `residual` are NaN, with a warning,
        where every replicate has the same value. With `calibrate`, `simulated` also over
        `replicate`: the `npde` of replicates. Coordinate `subject`.

    Raises
    ------
    ValueError
        When shapes disagree; when the replicates of a subject have no positive definite
        covariance, because they are too few or two records of it are always proportional.

    Warns
    -----
    UserWarning
        When the replicates of a record do not vary, or values of replicates are missing.

    Notes
    -----
    Measurements y and replicates of a subject are decorrelated by L⁻¹(y - m), with m the mean and
    LLᵀ the covariance of its replicates in the order of the records (Brendel 2006; Comets 2008).

    Two deviations, which make `pd` exactly uniform for any K where the published K-denominator is
    uniform only for large K: with r replicates below the measurement and t equal to it, the
    discrepancy is (r + u (t + 1)) / (K + 1), u uniform on (0, 1); it is never 0 or 1, so no end
    needs a rule of its own, and counts are treated rightly (randomised probability transform;
    npd only, decorrelation makes no sense for counts).

    Below the limit of quantification (Nguyen 2012): all values below it, measured or simulated,
    are ties, so `pd` is uniform between 0 and the probability of being below. For `npde` each of
    them, measured and simulated alike, is first replaced by a draw from the simulated values of
    the record that are below. The same above an upper limit.

    References
    ----------
    Brendel, Comets, Laffont, Laveille, Mentré, Pharm Res 2006;23:2036,
    doi:10.1007/s11095-006-9067-5. Comets, Brendel, Mentré, Comput Methods Programs Biomed
    2008;90:154, doi:10.1016/j.cmpb.2007.12.002. Nguyen, Comets, Mentré, J Pharmacokinet
    Pharmacodyn 2012;39:499, doi:10.1007/s10928-012-9264-2.
    """
    data = replicated_data(observed, simulated, censoring=censoring, lloq=lloq, uloq=uloq)
    owner = np.asarray(subject)
    if owner.shape != data.observed.shape:
        raise ValueError(
            f"Wanted a subject for each of the {data.observed.size} measurements; found shape "
            f"{owner.shape}."
        )
    rng = np.random.default_rng(seed)
    pd = _discrepancy(data.observed, data.simulated, rng)
    pde, residual = np.full((2, owner.size), np.nan)
    null = np.full((min(calibrate, len(data.latent)), owner.size), np.nan)
    usable = ~np.isnan(data.observed) & ~np.isnan(data.latent).all(axis=0)
    varies = np.zeros(owner.size, dtype=bool)
    varies[usable] = np.nanmin(data.latent[:, usable], 0) < np.nanmax(data.latent[:, usable], 0)
    _warn_of_missing(data.latent[:, ~np.isnan(data.observed)], owner[~np.isnan(data.observed)])
    if decorrelate and (usable & ~varies).any():
        warnings.warn(
            f"In {(usable & ~varies).sum()} of {usable.sum()} measured records every replicate has "
            "the same value (a dose not yet given, with a proportional error?): they have an npd "
            "and no npde.",
            stacklevel=2,
        )
    for one in np.unique(owner) if decorrelate else ():
        rows = np.flatnonzero((owner == one) & usable & varies)
        if not rows.size:
            continue
        whole = np.flatnonzero(~np.isnan(data.latent[:, rows]).any(axis=1))
        measured, replicates = _decorrelated(*_completed(data, rows, whole, rng), one)
        residual[rows] = measured
        pde[rows] = _discrepancy(measured, replicates, rng)
        if calibrate:
            among = (replicates.argsort(axis=0).argsort(axis=0) + rng.random(replicates.shape)) / (
                len(replicates)
            )
            compared = whole < len(null)
            null[np.ix_(whole[compared], rows)] = among[compared]
    expected = np.full(owner.size, np.nan)
    expected[usable] = np.nanmean(data.latent[:, usable], axis=0)
    columns = {
        "pd": pd,
        "npd": ndtri(pd),
        "pde": pde,
        "npde": ndtri(pde),
        "residual": residual,
        "expected": expected,
    }
    table = xr.Dataset(
        {name: (OBSERVATION, values) for name, values in columns.items()},
        coords={"subject": (OBSERVATION, owner)},
        attrs={"replicates": data.latent.shape[0], "seed": seed},
    )
    if calibrate and decorrelate:
        table["simulated"] = (("replicate", OBSERVATION), ndtri(null))
    return table


def _warn_of_missing(latent: NDArray[np.float64], owner: NDArray[np.generic]) -> None:
    missing = np.isnan(latent)
    if not missing.any():
        return
    of_subjects = [(one, missing[:, owner == one].any(axis=1).sum()) for one in np.unique(owner)]
    lost = [(one, count) for one, count in of_subjects if count]
    named = ", ".join(f"{one} ({count})" for one, count in lost[:_NAMED])
    more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
    warnings.warn(
        f"npde: of {missing.any(axis=1).sum()} of {len(latent)} replicates values are missing (a "
        f"failed solve): each of the subjects {named}{more} is compared with so many fewer.",
        stacklevel=3,
    )


def _discrepancy(
    measured: NDArray[np.float64], replicates: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    below = (replicates < measured).sum(axis=0)
    equal = (replicates == measured).sum(axis=0)
    count = (~np.isnan(replicates)).sum(axis=0)
    share = (below + rng.random(measured.size) * (equal + 1)) / (count + 1)
    return np.where(np.isnan(measured) | (count == 0), np.nan, share)


def _completed(
    data: ReplicatedData,
    rows: NDArray[np.int64],
    whole: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One subject's measurements and whole replicates, with unquantified values drawn anew."""
    measured = data.observed[rows].copy()
    replicates = data.simulated[np.ix_(whole, rows)]
    latent = data.latent[np.ix_(whole, rows)]
    for column, row in enumerate(rows):
        for mark, limit in ((-np.inf, data.lower[row]), (np.inf, data.upper[row])):
            unquantified = replicates[:, column] == mark
            pool = latent[unquantified, column]
            if pool.size:
                replicates[unquantified, column] = rng.choice(pool, size=pool.size)
            if measured[column] == mark:
                measured[column] = rng.choice(pool) if pool.size else limit
    return measured, replicates


def _decorrelated(
    measured: NDArray[np.float64], replicates: NDArray[np.float64], subject: object
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean = replicates.mean(axis=0)
    centred = replicates - mean
    covariance = centred.T @ centred / max(1, len(replicates) - 1)
    # On the scale of correlations, where the smallest eigenvalue says whether a factor is sound.
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(scale, scale)
    if len(replicates) <= measured.size or np.linalg.eigvalsh(correlation)[0] < 1e-10:
        raise ValueError(
            f"The {len(replicates)} replicates of the {measured.size} measurements of subject "
            f"{subject} have no positive definite covariance. Simulate more replicates; where two "
            "records are at one time, simulate them with their own residual errors."
        )
    # One small inverse and one product: far cheaper than a triangular solve of K right-hand sides.
    whitening = np.linalg.inv(np.linalg.cholesky(correlation)) / scale
    return whitening @ (measured - mean), centred @ whitening.T
