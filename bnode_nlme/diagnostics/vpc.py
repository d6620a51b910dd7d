"""Visual predictive check: percentiles of measurements and of replicates, as numbers."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from bnode_nlme.diagnostics.binning import Binning, bin_edges, bin_of, enclosing_edges
from bnode_nlme.diagnostics.category_proportions import category_proportions
from bnode_nlme.diagnostics.percentiles import central_quantiles, lower_median, percentiles_of
from bnode_nlme.diagnostics.prediction_correction import correctable, prediction_corrected
from bnode_nlme.diagnostics.replicated_data import replicated_data
from bnode_nlme.study.dimensions import OBSERVATION


def vpc(
    time: ArrayLike,
    observed: ArrayLike,
    simulated: ArrayLike,
    *,
    percentiles: Sequence[float] = (5.0, 50.0, 95.0),
    categories: ArrayLike | None = None,
    mass: float = 0.95,
    binning: Binning = "auto",
    bins: int | None = None,
    edges: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    prediction: ArrayLike | None = None,
    lower_bound: float = 0.0,
    scale: Literal["linear", "log"] = "linear",
    censoring: ArrayLike | None = None,
    lloq: ArrayLike | None = None,
    uloq: ArrayLike | None = None,
) -> xr.Dataset:
    """Percentiles of measurements and of replicates over groups of times.

    Parameters
    ----------
    time : array_like (N,)
        Time, time after dose, or another variable to group by.
    observed : array_like (N,)
        Measurements of one output; rows with NaN are left out.
    simulated : array_like (K, N)
        Data sets simulated from the model, not censored. A replicate with a missing value (a
        failed solve) is left out, with a warning.
    percentiles
        Which, in percent.
    categories : array_like (C,), optional
        Of an outcome in categories: their codes. Then proportions are compared, not percentiles.
    mass
        Probability of the central interval of each percentile or proportion over the replicates.
    binning, bins
        As for `bin_edges`; groups are formed anew in each stratum, of all measurements, those that
        cannot be corrected among them.
    edges : array_like, optional
        Edges of the groups, in place of `binning`; the same in every stratum. They enclose all
        measurements; the outer ones may be infinite.
    strata : array_like (N,), optional
        Label of the stratum of each row.
    prediction : array_like (N,), optional
        Prediction for a typical subject (random effects at zero). With it the check is
        prediction-corrected: differences of dose, design and covariates within a group are taken
        out of measurements and replicates alike (Bergstrand 2011).
    lower_bound
        Smallest possible value of the measured quantity, for the prediction correction.
    scale
        "log" when measurements and predictions are logarithms: the correction then adds.
    censoring, lloq, uloq
        As for `replicated_data`. With `lloq` the shares below it are counted.

    Returns
    -------
    xarray.Dataset
        Over `stratum` and `bin` (padded with NaN where a stratum has fewer): `time` (median, of an
        even number the lower of the middle two, so that there is a measurement), `left`, `right`
        (edges), `count`; `observed`, also over `percentile`; `simulated`, also over
        `percentile` and `quantile` (lower end, median and upper end of the interval). With
        `categories` both are proportions, over `category` in the place of `percentile`. With `lloq`:
        `observed_below` and, also over `quantile`, `simulated_below`: the share below it. A
        percentile below the lower or above the upper limit is NaN.
        Over `observation`, the rows that were compared: `value` (corrected where asked for; NaN
        where not quantified), with the coordinates `row` (of the input, counted from 0),
        `observation_time`, `observation_bin` and `observation_stratum`. The attribute `left_out`
        counts the measurements that could not be corrected.

    Raises
    ------
    ValueError
        When shapes disagree, a percentile is none, nothing is left to compare, a prediction lies
        below the bound, a measurement outside `edges` or in none of `categories`, or categories are
        corrected or censored.

    Warns
    -----
    UserWarning
        When replicates, or rows whose prediction is at the bound, are left out.

    Notes
    -----
    Percentiles interpolate linearly between order statistics. Unquantified values take part in
    them as values below (above) all others, measured and simulated alike (Bergstrand and Karlsson
    2009). Under prediction correction a limit is no longer one number within a group, so
    percentiles near it are approximate there.

    References
    ----------
    Holford, PAGE 2005;14:738. Bergstrand, Hooker, Wallin, Karlsson, AAPS J 2011;13:143,
    doi:10.1208/s12248-011-9255-z. Bergstrand and Karlsson, AAPS J 2009;11:371,
    doi:10.1208/s12248-009-9112-5.
    """
    if len(percentiles) == 0 or not all(0.0 <= percentile <= 100.0 for percentile in percentiles):
        raise ValueError(
            f"vpc: percentiles= wants numbers from 0 to 100, in percent; found {percentiles!r}."
        )
    data = replicated_data(observed, simulated, censoring=censoring, lloq=lloq, uloq=uloq)
    total = data.observed.size
    times = np.asarray(_row_by_row(time, total, "time"), dtype=float)
    labels = _row_by_row(np.full(total, "all") if strata is None else strata, total, "strata")
    measurements = ~np.isnan(data.observed)
    kept = measurements.copy()
    if prediction is not None:
        predictions = np.asarray(_row_by_row(prediction, total, "prediction"), dtype=float)
        sound = correctable(predictions, lower_bound, scale)
        if (kept & ~sound).any():
            warnings.warn(
                f"vpc: {(kept & ~sound).sum()} of {kept.sum()} measurements have a prediction at "
                f"the lower bound {lower_bound}, or none; they cannot be corrected and are left "
                "out.",
                stacklevel=2,
            )
        kept &= sound
    else:
        predictions = np.ones(total)
    rows = np.flatnonzero(kept)
    if not rows.size:
        raise ValueError(f"None of the {total} rows has a measurement to compare.")
    data = data.rows(rows).whole_replicates()
    # Groups are those of the design: as without a correction, whatever is left out by it.
    grouped = times[measurements], labels[measurements]
    times, labels, predictions = times[rows], labels[rows], predictions[rows]
    names, stratum = _in_order(labels)
    if edges is not None:
        edges = enclosing_edges(edges, times, lambda place: f"row {rows[place]} (counted from 0)")
    limits = [
        bin_edges(grouped[0][grouped[1] == name], binning, bins) if edges is None else edges
        for name in names
    ]
    own = np.zeros(rows.size, dtype=np.int64)
    for index, limit in enumerate(limits):
        own[stratum == index] = bin_of(times[stratum == index], limit)
    shape = (names.size, max(limit.size for limit in limits) - 1)
    group = np.ravel_multi_index((stratum, own), shape)
    measured, replicates = data.observed, data.simulated
    if prediction is not None:
        measured, replicates = (
            prediction_corrected(values, predictions, group, lower_bound=lower_bound, scale=scale)
            for values in (measured, replicates)
        )
    if categories is None:
        counted = bool(np.isfinite(data.lower).any())
        table = _grouped(times, measured, replicates, group, shape, percentiles, mass, counted)
    else:
        if prediction is not None or np.isfinite(data.lower).any() or np.isfinite(data.upper).any():
            raise ValueError("vpc: categories are neither corrected by predictions nor censored.")
        table = category_proportions(times, measured, replicates, group, shape, categories, mass)
    for index, limit in enumerate(limits):
        # A group without an end reaches as far as there are measurements.
        reach = times[stratum == index].min(), times[stratum == index].max()
        limit = np.where(np.isinf(limit), limit.clip(*reach), limit)
        table["left"].to_numpy()[index, : limit.size - 1] = limit[:-1]
        table["right"].to_numpy()[index, : limit.size - 1] = limit[1:]
    table["value"] = (OBSERVATION, np.where(np.isinf(measured), np.nan, measured))
    table.attrs = {
        "replicates": len(replicates),
        "corrected": int(prediction is not None),
        "left_out": int(measurements.sum() - kept.sum()),
    }
    return table.assign_coords(
        stratum=names,
        row=(OBSERVATION, rows),
        observation_time=(OBSERVATION, times),
        observation_bin=(OBSERVATION, own),
        observation_stratum=(OBSERVATION, labels),
    )


def _in_order(labels: NDArray[np.generic]) -> tuple[NDArray[np.generic], NDArray[np.intp]]:
    """Distinct labels, numbers within them in order of size, and the place of each label."""
    names, place = np.unique(labels, return_inverse=True)

    def parts(index: int) -> list[tuple[bool, float, str]]:
        pieces = re.split(r"(\d+(?:\.\d+)?)", str(names[index]))
        return [(i % 2 == 0, float(p) if i % 2 else 0.0, p) for i, p in enumerate(pieces)]

    order = np.array(sorted(range(names.size), key=parts), dtype=np.intp)
    return names[order], np.argsort(order)[place]


def _row_by_row(values: ArrayLike, count: int, name: str) -> NDArray[np.generic]:
    given = np.asarray(values)
    if given.shape != (count,):
        raise ValueError(
            f"Wanted `{name}` for each of the {count} measurements; found shape {given.shape}."
        )
    return given


def _grouped(
    times: NDArray[np.float64],
    measured: NDArray[np.float64],
    replicates: NDArray[np.float64],
    group: NDArray[np.int64],
    shape: tuple[int, int],
    percentiles: Sequence[float],
    mass: float,
    counted: bool,
) -> xr.Dataset:
    """Percentiles, and where counted the shares below the limit, of each group."""
    cells = shape[0] * shape[1]
    quantiles = central_quantiles(mass)
    of_quantiles = [100.0 * quantile for quantile in quantiles]
    count = np.bincount(group, minlength=cells)
    middle = np.full(cells, np.nan)
    observed = np.full((cells, len(percentiles)), np.nan)
    simulated = np.full((cells, len(percentiles), 3), np.nan)
    below, simulated_below = np.full(cells, np.nan), np.full((cells, 3), np.nan)
    for cell in np.flatnonzero(count):
        rows = np.flatnonzero(group == cell)
        middle[cell] = lower_median(times[rows])
        observed[cell] = percentiles_of(measured[rows], percentiles)
        of_replicates = percentiles_of(replicates[:, rows], percentiles, axis=1)
        simulated[cell] = percentiles_of(of_replicates, of_quantiles, axis=1).T
        below[cell] = np.isneginf(measured[rows]).mean()
        shares = np.isneginf(replicates[:, rows]).mean(axis=1)
        simulated_below[cell] = percentiles_of(shares, of_quantiles)
    grid = ("stratum", "bin")
    table = xr.Dataset(
        {
            "time": (grid, middle.reshape(shape)),
            "left": (grid, np.full(shape, np.nan)),
            "right": (grid, np.full(shape, np.nan)),
            "count": (grid, count.reshape(shape)),
            "observed": ((*grid, "percentile"), observed.reshape(*shape, -1)),
            "simulated": ((*grid, "percentile", "quantile"), simulated.reshape(*shape, -1, 3)),
        },
        coords={"percentile": list(percentiles), "quantile": list(quantiles)},
    )
    for name in ("observed", "simulated"):
        table[name] = table[name].where(np.isfinite(table[name]))
    if counted:
        table["observed_below"] = (grid, below.reshape(shape))
        table["simulated_below"] = ((*grid, "quantile"), simulated_below.reshape(*shape, 3))
    return table
