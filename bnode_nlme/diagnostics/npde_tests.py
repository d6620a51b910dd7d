"""Tests that normalised prediction distribution errors are standard normal."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy import stats

_SHAPIRO_LIMIT = 5000
"""Up to here the p-value of Shapiro and Wilk's test holds (Royston 1995)."""


def npde_tests(values: ArrayLike) -> xr.Dataset:
    """Test mean 0, variance 1 and normality, and the three together.

    Parameters
    ----------
    values : array_like (N,)
        `npde` of one output (not `npd`, which are correlated within a subject); NaN is left out.

    Returns
    -------
    xarray.Dataset
        `p_value` and `statistic` over `test`: "mean" (Wilcoxon's signed rank test), "variance"
        (Fisher's: (N - 1) s² against chi-squared, two-sided), "normality" (Shapiro and Wilk's; over
        5000 values, where its p-value no longer holds, D'Agostino and Pearson's) and "global"
        (three times the smallest of the three p-values, at most 1: Bonferroni); `mean`,
        `mean_error`, `variance`, `variance_error` (standard errors under normality), `skewness`,
        `kurtosis` (excess, 0 for a normal) and `count`.

    Raises
    ------
    ValueError
        When there are fewer than 3 values.

    Notes
    -----
    Tests and adjustment as in Brendel 2006 and Comets 2008. A p-value is valid for a model whose
    parameters were not estimated from the same data; after a fit the tests are conservative.
    """
    finite = np.asarray(values, dtype=float)
    finite = finite[~np.isnan(finite)]
    count = finite.size
    if count < 3:
        raise ValueError(f"Wanted at least 3 values to test; found {count} that are not missing.")
    variance = finite.var(ddof=1)
    chi_squared = (count - 1) * variance
    tails = stats.chi2.cdf(chi_squared, count - 1), stats.chi2.sf(chi_squared, count - 1)
    location = stats.wilcoxon(finite)
    shape = stats.shapiro(finite) if count <= _SHAPIRO_LIMIT else stats.normaltest(finite)
    p_values = [location.pvalue, min(1.0, 2.0 * min(tails)), shape.pvalue]
    adjusted = min(1.0, 3.0 * min(p_values))
    return xr.Dataset(
        {
            "p_value": ("test", [*p_values, adjusted]),
            "statistic": ("test", [location.statistic, chi_squared, shape.statistic, np.nan]),
            "mean": finite.mean(),
            "mean_error": np.sqrt(variance / count),
            "variance": variance,
            "variance_error": variance * np.sqrt(2.0 / (count - 1)),
            "skewness": stats.skew(finite),
            "kurtosis": stats.kurtosis(finite),
            "count": count,
        },
        coords={"test": ["mean", "variance", "normality", "global"]},
    )
