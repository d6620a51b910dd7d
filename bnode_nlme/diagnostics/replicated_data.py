"""Measurements beside data sets simulated at the same records."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class ReplicatedData:
    """Measurements and replicates, with what an assay cannot quantify marked as infinite.

    Attributes
    ----------
    observed : ndarray (N,)
        Measurements: -inf below the lower limit, inf above the upper one, NaN where missing.
    simulated : ndarray (K, N)
        Replicates, marked in the same way.
    latent : ndarray (K, N)
        Replicates as simulated.
    lower, upper : ndarray (N,)
        Limits of quantification, -inf and inf where there is none.
    """

    observed: NDArray[np.float64]
    simulated: NDArray[np.float64]
    latent: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]

    def rows(self, rows: NDArray[np.int64]) -> ReplicatedData:
        """Some of the records, by index."""
        return ReplicatedData(
            self.observed[rows],
            self.simulated[:, rows],
            self.latent[:, rows],
            self.lower[rows],
            self.upper[rows],
        )

    def whole_replicates(self) -> ReplicatedData:
        """Leave out replicates in which a value is missing.

        Raises
        ------
        ValueError
            When none is left.

        Warns
        -----
        UserWarning
            When some are left out, with their number.
        """
        whole = ~np.isnan(self.latent).any(axis=1)
        if not whole.any():
            raise ValueError(
                f"Each of the {whole.size} replicates has a missing value: a solve failed in every "
                "one. Look at the solver's report, or leave out the records that are missing."
            )
        if not whole.all():
            warnings.warn(
                f"{(~whole).sum()} of {whole.size} replicates have missing values (a failed "
                "solve) and are left out.",
                stacklevel=3,
            )
        return replace(self, latent=self.latent[whole], simulated=self.simulated[whole])


def replicated_data(
    observed: ArrayLike,
    simulated: ArrayLike,
    *,
    censoring: ArrayLike | None = None,
    lloq: ArrayLike | None = None,
    uloq: ArrayLike | None = None,
) -> ReplicatedData:
    """Check measurements and replicates and mark what is not quantified.

    Parameters
    ----------
    observed : array_like (N,)
        Measurements; NaN where there is none.
    simulated : array_like (K, N)
        Replicates of the whole data set. Values that an assay would not quantify are left as they
        were simulated. NaN where a solve failed.
    censoring : array_like (N,), optional
        Of each measurement: 0 quantified, 1 below the lower limit, -1 above the upper limit.
    lloq, uloq : float or array_like (N,), optional
        Lower and upper limits of quantification, of every record of the assay, also of those whose
        measurement was quantified: a replicate is compared with what the assay would have said of
        it. NaN where there is none.

    Raises
    ------
    ValueError
        When shapes disagree, a value is infinite, or a censored measurement has no limit.
    """
    measured, latent = np.array(observed, dtype=float), np.asarray(simulated, dtype=float)
    if measured.ndim != 1 or latent.ndim != 2 or latent.shape[1] != measured.size:
        raise ValueError(
            "Wanted measurements of shape (N,) and replicates of shape (K, N); found "
            f"{measured.shape} and {latent.shape}. One row of `simulated` is one simulated data "
            "set."
        )
    if np.isinf(measured).any() or np.isinf(latent).any():
        raise ValueError(
            "Measurements and replicates are numbers, or NaN where there is none; found infinite "
            "ones. Say that a value is below or above a limit with `censoring`."
        )
    lower = _along(lloq, measured.size, "lloq", -np.inf)
    upper = _along(uloq, measured.size, "uloq", np.inf)
    flags = np.zeros(measured.size) if censoring is None else np.asarray(censoring)
    if flags.shape != measured.shape or not np.isin(flags, (-1, 0, 1)).all():
        raise ValueError(
            "Wanted for each measurement a censoring of 0 (quantified), 1 (below the lower limit) "
            f"or -1 (above the upper limit), shape {measured.shape}; found shape {flags.shape} "
            f"with the values {np.unique(flags).tolist()}."
        )
    for flag, limit, name in ((1, lower, "lloq"), (-1, upper, "uloq")):
        unlimited = np.flatnonzero((flags == flag) & np.isinf(limit))
        if unlimited.size:
            raise ValueError(
                f"A measurement with censoring {flag} needs a limit, and the records "
                f"{unlimited[:10].tolist()} (counted from 0) have none. Give `{name}`."
            )
    measured[(flags == 1) | (measured < lower)] = -np.inf
    measured[(flags == -1) | (measured > upper)] = np.inf
    marked = np.where(latent < lower, -np.inf, np.where(latent > upper, np.inf, latent))
    return ReplicatedData(measured, marked, latent, lower, upper)


def _along(limit: ArrayLike | None, count: int, name: str, absent: float) -> NDArray[np.float64]:
    given = np.asarray(np.nan if limit is None else limit, dtype=float)
    if given.shape not in ((), (count,)):
        raise ValueError(
            f"Wanted `{name}` as one number or one for each of the {count} records; found shape "
            f"{given.shape}."
        )
    return np.where(np.isnan(given), absent, given) * np.ones(count)
