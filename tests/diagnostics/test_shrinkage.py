"""Shrinkage where it is known: a normal effect measured with a normal error."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from bnode_nlme.diagnostics import eta_shrinkage


def _posterior(error: float, omega: float, subjects: int) -> tuple[xr.DataArray, xr.DataArray]:
    """Draws of effects whose measured mean has the error's standard deviation."""
    rng = np.random.default_rng(0)
    measured = rng.normal(scale=omega, size=subjects) + rng.normal(scale=error, size=subjects)
    kept = omega**2 / (omega**2 + error**2)
    draws = kept * measured + rng.normal(scale=kept**0.5 * error, size=(2, 500, subjects))
    eta = xr.DataArray(
        draws[..., None], dims=("chain", "draw", "subject", "effect"), coords={"effect": ["CL"]}
    )
    return eta, xr.DataArray(np.full((2, 500, 1), omega), dims=("chain", "draw", "effect"))


@pytest.mark.parametrize("error", [0.05, 0.3, 1.0])
def test_shrinkage_is_that_of_the_closed_form(error: float) -> None:
    eta, omega = _posterior(error, 0.3, 4000)
    result = eta_shrinkage(eta, omega)
    lost = error**2 / (0.3**2 + error**2)  # var(E[eta | y]) = omega² (1 - lost)
    assert np.isclose(float(result.variance.sel(effect="CL")), lost, atol=0.03)
    assert np.isclose(float(result.sd.sel(effect="CL")), 1.0 - (1.0 - lost) ** 0.5, atol=0.03)
    assert np.isclose(float(result.pooling.sel(effect="CL")), lost, atol=0.03)
    np.testing.assert_allclose(result.sd_interval.sel(effect="CL"), float(result.sd.item()))


def test_uncertainty_of_omega_is_uncertainty_of_shrinkage() -> None:
    eta, omega = _posterior(0.3, 0.3, 50)
    uncertain = omega * np.exp(np.random.default_rng(1).normal(scale=0.2, size=omega.shape))
    result = eta_shrinkage(eta, uncertain, mass=0.8)
    spread = eta.mean(("chain", "draw")).std("subject", ddof=1).item()
    expected = 1.0 - spread / np.quantile(uncertain, [0.1, 0.5, 0.9])
    np.testing.assert_allclose(result.sd_interval[:, 0], expected, rtol=1e-2)
    assert (np.diff(result.variance_interval[:, 0]) > 0).all()


def test_what_is_missing_is_named() -> None:
    eta, omega = _posterior(0.3, 0.3, 5)
    with pytest.raises(
        ValueError, match=r"Wanted `eta` over chain, draw, subject; .* draw missing"
    ):
        eta_shrinkage(eta.isel(draw=0), omega)
    with pytest.raises(ValueError, match="Wanted `omega` over chain, draw"):
        eta_shrinkage(eta, omega.isel(chain=0))
    with pytest.raises(ValueError, match="found 1 of them"):
        eta_shrinkage(eta.isel(subject=[0]), omega)
