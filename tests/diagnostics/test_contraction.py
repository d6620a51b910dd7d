"""Prior against posterior, against closed forms for normal distributions."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from bnode_nlme.diagnostics import contraction, overlap


def _normal(mean: float, sd: float, seed: int, size: tuple[int, ...] = (4, 1000)) -> xr.DataArray:
    draws = np.random.default_rng(seed).normal(mean, sd, size=size)
    return xr.DataArray(draws, dims=("chain", "draw", "effect")[: len(size)])


def test_measures_are_those_of_normal_distributions() -> None:
    prior = xr.Dataset({"CL": _normal(0, 2, 0), "unused": _normal(0, 1, 1)})
    posterior = xr.Dataset({"CL": _normal(1, 0.5, 2), "generated": _normal(0, 1, 3)})
    result = contraction(prior, posterior)
    assert list(result.data_vars) == ["CL"]
    assert np.isclose(float(result.CL.sel(measure="contraction")), 1 - 0.25 / 4, atol=0.01)
    assert np.isclose(float(result.CL.sel(measure="shift")), 0.5, atol=0.05)
    grid = np.linspace(-10, 10, 20001)
    shared = np.minimum(stats.norm(0, 2).pdf(grid), stats.norm(1, 0.5).pdf(grid)).sum() * 1e-3
    assert np.isclose(float(result.CL.sel(measure="overlap")), shared, atol=0.03)


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.0, 2.0, 4.0])
def test_overlap_is_that_of_shifted_normals_and_does_not_change_with_the_scale(
    shift: float,
) -> None:
    first, second = _normal(0, 1, 4).to_numpy(), _normal(shift, 1, 5, (3000,)).to_numpy()
    expected = 2 * stats.norm.cdf(-shift / 2)
    assert np.isclose(overlap(first, second), expected, atol=0.05)
    assert overlap(np.exp(first), np.exp(second)) == overlap(first, second)


def test_overlap_has_no_fault_at_a_boundary() -> None:
    rng = np.random.default_rng(6)
    first, second = np.abs(rng.normal(size=(2, 4000)))
    assert overlap(first, second) > 0.95


def test_parameters_with_dimensions_keep_them() -> None:
    prior = xr.Dataset({"omega": _normal(0, 1, 7, (2, 500, 3))})
    posterior = xr.Dataset({"omega": _normal(0, 1, 8, (2, 400, 3))})
    result = contraction(prior, posterior)
    assert result.omega.sizes == {"measure": 3, "effect": 3}
    np.testing.assert_allclose(result.omega.sel(measure="contraction"), 0.0, atol=0.2)


def test_nothing_in_common_is_said() -> None:
    with pytest.raises(ValueError, match="the prior has 'a', the posterior 'b'"):
        contraction(xr.Dataset({"a": _normal(0, 1, 0)}), xr.Dataset({"b": _normal(0, 1, 0)}))
