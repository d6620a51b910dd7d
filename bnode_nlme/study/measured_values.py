"""A study with other measured values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bnode_nlme.study.censoring import zero_for_a_limit

if TYPE_CHECKING:
    from bnode_nlme.study.study import Study


def with_measured_values(
    study: Study, values: ArrayLike, censoring: ArrayLike | None, limit: ArrayLike | None
) -> Study:
    """Put measured values in the place of a study's; see `Study.with_values`."""
    places = study.observations
    given = _column(values, "values", len(places), np.float64)
    codes = _column(0 if censoring is None else censoring, "censoring", len(places), np.int64)
    other = _column(np.nan if limit is None else limit, "limit", len(places), np.float64)
    measured = ~np.isnan(given)
    if np.isinf(given).any():
        raise ValueError("values= wants finite numbers, or NaN where nothing is measured.")
    if (~measured & ((codes != 0) | ~np.isnan(other))).any():
        raise ValueError(
            "censoring= and limit= belong to measured rows; values= is NaN in some of theirs. A "
            "censored row's value is its limit of quantification."
        )
    records = study.records
    if zero_for_a_limit(codes, given, other, records.output[places]).any():
        raise ValueError(
            "values= wants the limit of quantification where censoring= is 1, and holds 0 in some of "
            "these rows although no value lies below 0. Give the limit; if it is 0 indeed (a "
            "logarithm, a score with a floor), say so with a limit= below it, such as -1e6."
        )
    return replace(
        study,
        records=replace(
            records,
            evid=_put(records.evid, places, np.where(measured, 0, 2)),
            value=_put(records.value, places, given),
            censoring=_put(records.censoring, places, codes),
            limit=_put(records.limit, places, other),
        ),
    )


def _column(values: ArrayLike, name: str, length: int, kind: type[np.generic]) -> NDArray[Any]:
    column = np.asarray(values, dtype=kind)
    if name != "values" and column.ndim == 0:
        column = np.broadcast_to(column, length)
    if column.shape != (length,):
        raise ValueError(
            f"{name}= wants one number for each of the study's {length} observation rows, in the "
            f"order of study.observations (NaN where nothing is measured); found shape "
            f"{column.shape}."
        )
    return column


def _put(column: NDArray[Any], places: NDArray[np.int64], values: NDArray[Any]) -> NDArray[Any]:
    changed = column.copy()
    changed[places] = values
    return changed
