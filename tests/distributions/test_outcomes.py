"""Counts, categories and bounded outcomes: densities, draws, and what they refuse."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pymc as pm
import pytensor.gradient
import pytensor.tensor as pt
import pytest
import scipy.special
import scipy.stats
from pymc.logprob.utils import ParameterValueError
from pytensor.compile.maker import function

import bnode_nlme as bn
from bnode_nlme.distributions.measurement import measurement

grad: Any = pytensor.gradient.grad  # whose annotation leaves open what it returns
declare: Any = bn  # for arguments of the wrong type

CUTS = np.array([-1.0, 0.2, 2.5])


def variable(error: Any, prediction: Any, **options: Any) -> Any:
    return measurement(error.family, prediction, *error.parameters.values(), **options)


def density(error: Any, prediction: Any, value: Any) -> Any:
    return pm.logp(variable(error, np.asarray(prediction, float)), np.asarray(value, float)).eval()


def ordinal_table(f: Any) -> Any:
    """P(Y = k) for k = 0 to 3, (..., 4), by differences."""
    at_least = scipy.special.expit(np.asarray(f)[..., None] - CUTS)
    ends = [np.ones((*np.shape(f), 1)), at_least, np.zeros((*np.shape(f), 1))]
    return -np.diff(np.concatenate(ends, axis=-1), axis=-1)


def negative_binomial(f: Any, phi: float) -> Any:
    return scipy.stats.nbinom(1 / phi, 1 / (1 + phi * np.asarray(f)))


F = np.array([0.3, 4.0, 55.0])
P = np.array([0.02, 0.4, 0.97])
COUNTS = np.array([0.0, 7.0, 40.0])

# error, predictions, values, what the log-density is.
CASES: dict[str, tuple[Any, Any, Any, Any]] = {
    "poisson": (bn.Poisson(), F, COUNTS, lambda y, f: scipy.stats.poisson.logpmf(y, f)),
    "negative binomial": (
        bn.NegativeBinomial(0.7),
        F,
        COUNTS,
        lambda y, f: negative_binomial(f, 0.7).logpmf(y),
    ),
    "bernoulli": (
        bn.Bernoulli(),
        P,
        np.array([0.0, 1.0, 1.0]),
        lambda y, f: scipy.stats.bernoulli.logpmf(y, f),
    ),
    "bernoulli logit": (
        bn.Bernoulli("logit"),
        scipy.special.logit(P),
        np.array([0.0, 1.0, 0.0]),
        lambda y, f: scipy.stats.bernoulli.logpmf(y, scipy.special.expit(f)),
    ),
    "ordinal": (
        bn.Ordinal(CUTS),
        np.array([-2.0, 0.4, 3.0, 1.0]),
        np.array([0.0, 1.0, 2.0, 3.0]),
        lambda y, f: np.log(ordinal_table(f)[np.arange(4), y.astype(int)]),
    ),
    "beta": (
        bn.Beta(8.0, lower=-1.0, upper=3.0),
        4 * P - 1,
        np.array([-0.9, 0.7, 2.5]),
        lambda y, f: scipy.stats.beta.logpdf(y, 8 * (f + 1) / 4, 8 * (3 - f) / 4, loc=-1, scale=4),
    ),
}
each_case = pytest.mark.parametrize("case", CASES)


@each_case
def test_density_is_scipys(case):
    error, f, y, wanted = CASES[case]
    np.testing.assert_allclose(density(error, f, y), wanted(y, f), rtol=1e-12)


@each_case
def test_gradient_by_the_prediction_is_the_densitys(case):
    error, f, y, wanted = CASES[case]
    at = pt.vector("f")
    slope = function([at], grad(pm.logp(variable(error, at), y).sum(), at))(f)
    h = 1e-6 * np.maximum(np.abs(f), 0.1)
    np.testing.assert_allclose(slope, (wanted(y, f + h) - wanted(y, f - h)) / (2 * h), rtol=2e-6)


@each_case
@pytest.mark.parametrize("prediction", [np.nan, np.inf, -np.inf])
def test_failed_solve_has_no_density_no_draw_and_a_finite_gradient(case, prediction):
    error, f, y, _ = CASES[case]
    predictions = f.copy()
    predictions[1] = prediction
    at = pt.vector("f")
    terms = pm.logp(variable(error, at), y)
    logp, slope = function([at], [terms, grad(terms.sum(), at)])(predictions)
    assert logp[1] == -np.inf
    assert slope[1] == 0.0
    assert np.isfinite(np.delete(logp, 1)).all()
    assert np.isfinite(slope).all()
    draws = pm.draw(variable(error, predictions), 20, random_seed=1)
    assert np.isnan(draws[:, 1]).all()
    assert np.isfinite(np.delete(draws, 1, axis=1)).all()


@pytest.mark.parametrize("case", [name for name in CASES if name != "beta"])
def test_draws_have_the_frequencies_of_the_density(case):
    error, f, _, _ = CASES[case]
    n = 20_000
    draws = pm.draw(variable(error, f), n, random_seed=4)
    support = np.arange(0, 3000.0)
    for column, at in zip(draws.T, f, strict=True):
        mass = np.exp(density(error, np.full(support.shape, at), support))
        np.testing.assert_allclose(mass.sum(), 1.0, rtol=1e-9)
        common = n * mass > 8
        counts = np.bincount(column.astype(int), minlength=support.size)
        seen = np.append(counts[common], n - counts[common].sum())
        expected = np.append(n * mass[common], n * (1 - mass[common].sum()))
        kept = expected > 1e-6
        assert scipy.stats.chisquare(seen[kept], expected[kept], sum_check=False).pvalue > 1e-3
        wrong = np.roll(expected[kept], 1)
        assert scipy.stats.chisquare(seen[kept], wrong, sum_check=False).pvalue < 1e-3


def test_draws_of_beta():
    error, f, _, _ = CASES["beta"]
    draws = pm.draw(variable(error, f), 10_000, random_seed=2)
    for column, m in zip(draws.T, P, strict=True):
        law = scipy.stats.beta(8 * m, 8 * (1 - m), loc=-1, scale=4)
        assert scipy.stats.kstest(column, law.cdf).pvalue > 0.01
        # The variance that the docstring states.
        np.testing.assert_allclose(law.var() / 16, m * (1 - m) / 9)


@pytest.mark.parametrize("phi", [1e-12, 1e-6, 9.99e-4, 1.001e-3, 0.1])
@pytest.mark.parametrize("mean", [0.2, 30.0, 1e5])
def test_negative_binomial_towards_poisson(phi, mean):
    y = np.round(mean * np.array([0.0, 0.7, 1.0, 3.0]))

    def exact(f: float, count: float, overdispersion: float) -> float:
        with mpmath.workdps(50):
            f, k, v = mpmath.mpf(f), mpmath.mpf(count), 1 / mpmath.mpf(overdispersion)
            ratio = mpmath.loggamma(k + v) - mpmath.loggamma(v) - mpmath.loggamma(k + 1)
            return float(ratio + v * mpmath.log(v / (v + f)) + k * mpmath.log(f / (v + f)))

    wanted = [exact(mean, count, phi) for count in y]
    found = density(bn.NegativeBinomial(phi), np.full(4, mean), y)
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10 * mean)
    symbol = pt.scalar("phi")
    terms = pm.logp(variable(bn.NegativeBinomial(symbol), np.full(4, mean)), y)
    slope = function([symbol], grad(terms.sum(), symbol))(phi)
    with mpmath.workdps(50):
        h = phi * 1e-3
        rise = sum(exact(mean, k, phi + h) - exact(mean, k, phi - h) for k in y) / (2 * h)
    if phi > 1e-5:  # below, the difference of two floats says nothing
        np.testing.assert_allclose(slope, rise, rtol=1e-4, atol=1e-3)
    else:
        limit = 0.5 * np.sum((y - mean) ** 2 - y)
        np.testing.assert_allclose(slope, limit, rtol=1e-2 + 3 * phi * mean, atol=1.0)


def test_ordinal_categories_that_are_all_but_impossible():
    error = bn.Ordinal(np.array([0.0, 1e-7, 40.0]))
    f = np.array([-60.0, 0.0, 700.0, -700.0])
    y = np.array([3.0, 1.0, 0.0, 2.0])
    # P(3) = expit(f - 40); P(1) = expit'(0) 1e-7; P(0) = expit(-f); P(2) = expit(f - 1e-7).
    wanted = [-100.0, np.log(0.25e-7), -700.0, -700.0]
    np.testing.assert_allclose(density(error, f, y), wanted, rtol=1e-8)


@pytest.mark.parametrize(
    ("error", "f", "y"),
    [
        (bn.Poisson(), [0.0, -1.0, 2.0, 2.0], [1.0, 1.0, 0.5, -1.0]),
        (bn.NegativeBinomial(0.5), [0.0, -1.0, 2.0, 2.0], [1.0, 1.0, 0.5, -1.0]),
        (bn.Bernoulli(), [0.0, 1.0, 1.5, -0.5, 0.5], [1.0, 0.0, 1.0, 0.0, 0.5]),
        (bn.Bernoulli("logit"), [0.0, 0.0], [2.0, 0.5]),
        (bn.Ordinal(CUTS), [0.0, 0.0, 0.0], [-1.0, 4.0, 1.5]),
        (bn.Beta(2.0), [0.5, 0.5, 0.0, 1.0, -1.0], [0.0, 1.0, 0.5, 0.5, 0.5]),
    ],
)
def test_what_cannot_be_measured(error, f, y):
    assert np.all(density(error, f, y) == -np.inf)


def test_a_mean_of_zero_has_counts_of_zero():
    for error in (bn.Poisson(), bn.NegativeBinomial(0.5)):
        np.testing.assert_array_equal(density(error, [0.0], [0.0]), 0.0)
        assert np.all(pm.draw(variable(error, np.zeros(3)), 5, random_seed=1) == 0.0)


def test_ordinal_may_count_from_one():
    shifted = bn.Ordinal(CUTS, first=1)
    np.testing.assert_allclose(
        density(shifted, [0.4, 1.0], [2.0, 4.0]),
        density(bn.Ordinal(CUTS), [0.4, 1.0], [1.0, 3.0]),
    )
    draws = pm.draw(variable(shifted, np.array([0.0, 20.0])), 200, random_seed=1)
    assert set(draws[:, 0]) <= {1.0, 2.0, 3.0, 4.0}
    assert set(draws[:, 1]) == {4.0}


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (bn.NegativeBinomial(-0.1), "overdispersion > 0"),
        (bn.Ordinal([1.0, 0.0]), "cutpoints increasing"),
        (bn.Beta(0.0), "precision > 0"),
        (bn.StudentT(bn.Additive(1.0), -1.0), "nu > 0"),
    ],
)
def test_invalid_parameters(error, wanted):
    with pytest.raises(ParameterValueError, match=wanted):
        density(error, [0.5], [0.5])
    assert np.isnan(pm.draw(variable(error, np.array([0.5])), random_seed=1)).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: declare.Bernoulli("odds"), "'probability' or 'logit'; found 'odds'"),
        (lambda: bn.Ordinal(), "wants cutpoints= or.*found neither"),
        (lambda: bn.Ordinal(categories=1), "wants 2 or more; found 1"),
        (lambda: bn.Ordinal([0.0, 1.0], categories=4), "4 categories have 3 cutpoints.*found 2"),
        (lambda: bn.Beta(1.0, lower=1.0), "lower= below upper=; found 1.0 and 1.0"),
        (
            lambda: declare.StudentT(bn.Poisson()),
            r"error= wants Additive.*Write StudentT\(Additive",
        ),
    ],
)
def test_faulty_declarations(make, message):
    with pytest.raises(ValueError, match=message):
        make()


SCALES: dict[str, tuple[Any, Any]] = {
    "additive": (bn.Additive(0.7), lambda f: 0.7),
    "proportional": (bn.Proportional(0.3), lambda f: 0.3 * f),
    "combined": (bn.Combined(0.5, 0.2), lambda f: np.hypot(0.5, 0.2 * f)),
    "combined sd": (bn.Combined(0.5, 0.2, form="sd"), lambda f: 0.5 + 0.2 * f),
}


@pytest.mark.parametrize("name", SCALES)
def test_student_t_on_each_scale(name):
    inner, scale = SCALES[name]
    error = bn.StudentT(inner, 3.0)
    y = np.array([0.9, 1.0, 90.0])
    np.testing.assert_allclose(density(error, F, y), scipy.stats.t.logpdf(y, 3.0, F, scale(F)))
    draws = pm.draw(variable(error, F), 8000, random_seed=3)
    for column, f in zip(draws.T, F, strict=True):
        assert scipy.stats.kstest(column, scipy.stats.t(3.0, f, scale(f)).cdf).pvalue > 0.01


def test_student_t_of_the_logarithm():
    error = bn.StudentT(bn.LogNormalError(0.4), 3.0)
    y = np.array([0.2, 5.0, 50.0])
    wanted = scipy.stats.t.logpdf(np.log(y), 3.0, np.log(F), 0.4) - np.log(y)
    np.testing.assert_allclose(density(error, F, y), wanted)
