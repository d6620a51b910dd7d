"""Every method against a closed-form posterior, with controls that must fail."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pymc as pm
import pytest

from bnode_nlme.inference import ApproximationWarning, Fit, fit
from tests.inference.linear_mixed import SUBJECTS, exact_posterior, linear_mixed

OPTIONS: dict[str, dict[str, Any]] = {
    "nuts": {"draws": 1000, "tune": 300, "chains": 2, "cores": 2},
    "pathfinder": {"draws": 3000, "paths": 2},
    "advi": {"draws": 3000, "family": "full-rank"},
    "laplace": {"draws": 3000},
}


def fitted(method: str, **changed: Any) -> Fit:
    options = OPTIONS[method] | changed
    return fit(linear_mixed(), method=method, seed=3, progress=False, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", OPTIONS)
def test_posterior_is_the_exact_one(method: str) -> None:
    result = fitted(method)
    mean, covariance = exact_posterior()
    sd = np.sqrt(np.diag(covariance))
    draws = np.concatenate(
        [
            result.posterior["m"].to_numpy().reshape(-1, 1),
            result.posterior["z"].to_numpy().reshape(-1, SUBJECTS),
        ],
        axis=1,
    )
    # Five standard errors of 500 independent draws, which each method has by far.
    np.testing.assert_allclose((draws.mean(axis=0) - mean) / sd, 0.0, atol=5.0 / np.sqrt(500.0))
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=5.0 * sd.max() ** 2 / np.sqrt(500))
    assert result.method == method
    assert result.posterior["z"].dims == ("chain", "draw", "subject")
    assert result.posterior["subject"].to_numpy().tolist() == [1, 2, 3, 4, 5]


def test_the_mode_is_the_exact_one() -> None:
    result = fit(linear_mixed(), method="map", progress=False)
    mean, _ = exact_posterior()
    assert result.posterior.sizes["draw"] == result.posterior.sizes["chain"] == 1
    np.testing.assert_allclose(result.posterior["m"].item(), mean[0], atol=1e-5)
    np.testing.assert_allclose(result.posterior["z"].to_numpy()[0, 0], mean[1:], atol=1e-5)
    assert result.attrs["converged"]


def test_the_mode_is_that_of_the_variables_and_not_of_their_logarithms() -> None:
    with pm.Model() as model:
        pm.Gamma("g", alpha=3.0, beta=2.0)
    result = fit(model, method="map", progress=False)
    np.testing.assert_allclose(result.posterior["g"].item(), (3.0 - 1.0) / 2.0, rtol=1e-4)


def correlated() -> pm.Model:
    with pm.Model() as model:
        pm.MvNormal("x", np.zeros(2), cov=np.array([[1.0, 0.95], [0.95, 1.0]]))
    return model


def test_mean_field_on_a_correlated_target_warns_with_numbers() -> None:
    with pytest.warns(ApproximationWarning, match=r"Pareto k .* is 0\.[789]|is [1-9]") as caught:
        result = fit(correlated(), method="advi", seed=1, progress=False)
    assert not result.attrs["importance_resampled"]
    # Mean-field keeps the conditional standard deviations, sqrt(1 - 0.95^2) = 0.31.
    np.testing.assert_allclose(result.posterior["x"].std(("chain", "draw")), 0.312, rtol=0.1)
    narrow = json.loads(result.attrs["narrow"])
    assert set(narrow) == {"x[0]", "x[1]"}
    assert all(numbers["reference_sd"] > 0.45 for numbers in narrow.values())
    assert "x[0]: 0.3" in str(caught[0].message)


def test_full_rank_on_the_same_target_does_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ApproximationWarning)
        result = fit(correlated(), method="advi", family="full-rank", seed=1, progress=False)
    np.testing.assert_allclose(result.posterior["x"].std(("chain", "draw")), 1.0, rtol=0.1)
    assert result.attrs["pareto_k"] < 0.7


def test_importance_resampling_corrects_what_no_normal_can_have() -> None:
    def log_density(x: Any) -> Any:
        return -0.25 * x**4 + 0.5 * x**2 + 0.5 * x

    with pm.Model() as model:
        pm.Potential("shape", log_density(pm.Normal("x", 0.0, 5.0)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ApproximationWarning)
        result = fit(model, method="advi", draws=4000, seed=2, progress=False)
    assert result.attrs["importance_resampled"]
    grid = np.linspace(-5.0, 5.0, 4001)
    density = np.exp(log_density(grid) - grid**2 / 50.0)
    density /= density.sum()
    mean = density @ grid
    x = result.posterior["x"].to_numpy()
    # Five standard errors of 3000 draws; ADVI itself has neither the spread nor the skewness.
    np.testing.assert_allclose(x.mean(), mean, atol=0.09)
    np.testing.assert_allclose(x.var(), density @ (grid - mean) ** 2, atol=0.09)
    third = density @ (grid - mean) ** 3
    assert third < -0.25
    np.testing.assert_allclose(np.mean((x - x.mean()) ** 3), third, atol=0.12)


@pytest.mark.filterwarnings("ignore::bnode_nlme.inference.ConvergenceWarning")
def test_same_seed_same_draws() -> None:
    first, second = (fitted("nuts", draws=50, tune=100) for _ in range(2))
    np.testing.assert_array_equal(first.posterior["m"], second.posterior["m"])
    assert not np.array_equal(first.posterior["m"][0], first.posterior["m"][1])


@pytest.mark.filterwarnings("ignore::bnode_nlme.inference.ConvergenceWarning")
def test_pymcs_own_sampler_agrees() -> None:
    result = fitted("nuts", sampler="pymc", draws=500, tune=300, cores=1)
    mean, covariance = exact_posterior()
    sd = np.sqrt(covariance[0, 0])
    np.testing.assert_allclose((result.posterior["m"].mean() - mean[0]) / sd, 0.0, atol=0.3)
    np.testing.assert_allclose(result.posterior["m"].std() / sd, 1.0, atol=0.2)
    assert {"diverging", "lp", "n_steps", "tree_depth"} <= set(result.sample_stats)
