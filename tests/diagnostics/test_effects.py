"""Random effects against covariates, where the relation is known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from bnode_nlme.diagnostics import covariate_correlations, effect_distributions


def _draws(effects: np.ndarray, spread: float, seed: int = 0) -> xr.DataArray:
    noise = np.random.default_rng(seed).normal(scale=spread, size=(2, 60, *effects.shape))
    return xr.DataArray(
        effects + noise,
        dims=("chain", "draw", "subject", "effect"),
        coords={"effect": ["CL", "V"][: effects.shape[1]]},
    )


def test_correlations_are_pearsons_at_each_draw() -> None:
    rng = np.random.default_rng(1)
    weight, sex = rng.normal(70, 12, size=30), rng.choice(["f", "m"], size=30)
    eta = _draws(rng.normal(size=(30, 2)), 0.3)
    result = covariate_correlations(eta, {"WT": weight, "SEX": sex}, mass=0.8)
    assert result.covariate.to_numpy().tolist() == ["WT", "SEX=m"]
    for covariate, values in (("WT", weight), ("SEX=m", (sex == "m").astype(float))):
        for column, effect in enumerate(["CL", "V"]):
            each = [
                stats.pearsonr(eta[chain, draw, :, column], values).statistic
                for chain in range(2)
                for draw in range(60)
            ]
            at = {"covariate": covariate, "effect": effect}
            assert np.isclose(float(result.correlation.sel(at)), np.mean(each))
            np.testing.assert_allclose(result["sample"].sel(at), np.quantile(each, [0.1, 0.5, 0.9]))


def test_the_interval_of_the_population_covers_its_correlation_and_the_samples_does_not() -> None:
    rng = np.random.default_rng(2)
    held = {"population": 0, "sample": 0}
    for seed in range(150):
        effect, covariate = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], size=15).T
        result = covariate_correlations(
            _draws(effect[:, None], 0.01, seed), {"x": covariate}, mass=0.9, seed=seed
        )
        for name in held:
            low, _, high = result[name].to_numpy().ravel()
            held[name] += low <= 0.5 <= high
    assert 126 <= held["population"] <= 144
    assert held["sample"] < 45


def test_three_labels_have_three_indicators() -> None:
    eta = _draws(np.random.default_rng(3).normal(size=(6, 1)), 0.1)
    result = covariate_correlations(eta, {"FORM": ["a", "b", "c", "a", "b", "c"]})
    assert result.covariate.to_numpy().tolist() == ["FORM=a", "FORM=b", "FORM=c"]


def test_distributions_are_not_narrowed_by_shrinkage() -> None:
    rng = np.random.default_rng(4)
    # Half of a standard normal effect's variance is known: means have half, draws all of it.
    known = rng.normal(scale=0.5**0.5, size=(3000, 1))
    result = effect_distributions(_draws(known, 0.5**0.5))
    sd = result.sd.sel(quantile=0.5, effect="CL")
    assert np.isclose(float(sd), 1.0, atol=0.03)
    assert np.isclose(float(result.individual_mean.std()), 0.5**0.5, atol=0.03)
    np.testing.assert_allclose(result.individual_sd.mean(), 0.5**0.5, atol=0.01)
    assert abs(float(result.skewness.sel(quantile=0.5, effect="CL"))) < 0.1
    skewed = effect_distributions(_draws(rng.exponential(size=(3000, 1)), 0.01))
    assert np.isclose(float(skewed.skewness.sel(quantile=0.5, effect="CL")), 2.0, atol=0.4)
    assert float(skewed.kurtosis.sel(quantile=0.5, effect="CL")) > 3.0


def test_what_is_given_wrongly_is_named() -> None:
    eta = _draws(np.random.default_rng(5).normal(size=(6, 1)), 0.1)
    with pytest.raises(ValueError, match=r"'WT' for each of the 6 subjects; found shape \(5,\)"):
        covariate_correlations(eta, {"WT": np.ones(5)})
    with pytest.raises(ValueError, match="The covariate 'SEX' is m in every subject"):
        covariate_correlations(eta, {"SEX": np.full(6, "m")})
    with pytest.raises(ValueError, match="four or more subjects for a correlation; found 3"):
        covariate_correlations(eta.isel(subject=slice(3)), {"WT": [1, 2, 3]})
