from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
import scipy.stats

import bnode_nlme as bn
from bnode_nlme.distributions.measurement import measurement

F = np.array([3.0, 0.2, 40.0])

# Error model, and the distribution that it stands for around a prediction.
MODELS: dict[str, tuple[Any, Any]] = {
    "additive": (bn.Additive(0.7), lambda f: scipy.stats.norm(f, 0.7)),
    "proportional": (bn.Proportional(0.3), lambda f: scipy.stats.norm(f, 0.3 * f)),
    "combined": (bn.Combined(0.5, 0.2), lambda f: scipy.stats.norm(f, np.hypot(0.5, 0.2 * f))),
    "combined sd": (
        bn.Combined(0.5, 0.2, form="sd"),
        lambda f: scipy.stats.norm(f, 0.5 + 0.2 * f),
    ),
    "log-normal": (bn.LogNormalError(0.4), lambda f: scipy.stats.lognorm(0.4, scale=f)),
}
each_model = pytest.mark.parametrize("model", MODELS)


def draw(error, prediction, draws, **size):
    rv = measurement(error.family, prediction, *error.parameters.values(), **size)
    return pm.draw(rv, draws, random_seed=3)


@each_model
def test_draws_have_the_distribution(model):
    error, distribution = MODELS[model]
    draws = draw(error, F, 10_000)
    assert draws.shape == (10_000, 3)
    for column, f in zip(draws.T, F, strict=True):
        wanted = distribution(f)
        assert scipy.stats.kstest(column, wanted.cdf).pvalue > 0.01
        np.testing.assert_allclose(column.mean(), wanted.mean(), atol=4 * wanted.std() / 100)
        np.testing.assert_allclose(column.std(), wanted.std(), rtol=0.05)
        # The test would see a standard deviation that is a tenth too large.
        wider = column + 0.1 * (column - np.median(column))
        assert scipy.stats.kstest(wider, wanted.cdf).pvalue < 0.01


@each_model
def test_draws_are_independent(model):
    error, _ = MODELS[model]
    draws = draw(error, F, 10_000)
    correlation = np.corrcoef(np.log(draws.T) if model == "log-normal" else draws.T)
    np.testing.assert_allclose(correlation, np.eye(3), atol=0.04)


@each_model
def test_draws_are_nan_where_the_solve_failed(model):
    error, _ = MODELS[model]
    draws = draw(error, np.array([1.0, np.nan]), 5)
    assert np.isfinite(draws[:, 0]).all()
    assert np.isnan(draws[:, 1]).all()


def test_a_log_normal_measurement_of_nothing_has_no_draws():
    draws = draw(bn.LogNormalError(0.4), np.array([2.0, 0.0, -2.0, np.inf]), 5)
    assert np.isfinite(draws[:, 0]).all()
    assert np.isnan(draws[:, 1:]).all()


@pytest.mark.parametrize(
    "error",
    [
        bn.Additive(pt.as_tensor(np.array([0.7, -0.7]))),
        bn.Proportional(pt.as_tensor(np.array([0.7, -0.7]))),
        bn.Combined(0.5, pt.as_tensor(np.array([0.2, -0.2]))),
        bn.Combined(0.5, pt.as_tensor(np.array([0.2, -0.2])), form="sd"),
        bn.LogNormalError(pt.as_tensor(np.array([0.7, -0.7]))),
    ],
)
def test_an_error_below_zero_has_no_draws(error):
    draws = draw(error, np.array([2.0, 2.0]), 5)
    assert np.isfinite(draws[:, 0]).all()
    assert np.isnan(draws[:, 1]).all()


def test_size_as_for_every_pymc_distribution():
    draws = draw(bn.Additive(np.array([0.1, 0.2, 0.3])), F, 2, size=(4, 3))
    assert draws.shape == (2, 4, 3)
    assert len(np.unique(draws)) == draws.size
