"""Limits of quantification: M1, M3 and M4 (Beal 2001) against numerical integration."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.gradient
import pytensor.tensor as pt
import pytest
import scipy.integrate
import scipy.stats
from pytensor.compile.maker import function

import bnode_nlme as bn
from bnode_nlme.distributions.measurement import measurement
from bnode_nlme.results.error_numbers import ErrorNumbers
from tests.distributions.problems import (
    TIMES,
    V,
    bolus_table,
    concentration,
    one_compartment,
    posterior,
)

grad: Any = pytensor.gradient.grad  # whose annotation leaves open what it returns

# Errors without a method, and the density at y of a prediction f with no limit.
ERRORS: dict[str, tuple[Any, Any]] = {
    "additive": (bn.Additive(0.7), lambda y, f: scipy.stats.norm.pdf(y, f, 0.7)),
    "proportional": (bn.Proportional(0.4), lambda y, f: scipy.stats.norm.pdf(y, f, 0.4 * f)),
    "combined": (
        bn.Combined(0.5, 0.2),
        lambda y, f: scipy.stats.norm.pdf(y, f, np.hypot(0.5, 0.2 * f)),
    ),
    "combined sd": (
        bn.Combined(0.5, 0.2, form="sd"),
        lambda y, f: scipy.stats.norm.pdf(y, f, 0.5 + 0.2 * f),
    ),
    "log-normal": (
        bn.LogNormalError(0.4),
        lambda y, f: scipy.stats.lognorm.pdf(y, 0.4, scale=f),
    ),
    "student": (
        bn.StudentT(bn.Combined(0.5, 0.2), 3.0),
        lambda y, f: scipy.stats.t.pdf(y, 3.0, f, np.hypot(0.5, 0.2 * f)),
    ),
}
each_error = pytest.mark.parametrize("name", ERRORS)

F = np.array([1.2, 0.8, 0.9, 2.0, 1.5])
Y = np.array([1.0, 0.5, 0.5, 3.0, 1.8])
LOWER = np.array([np.nan, -np.inf, 0.2, 3.0, 1.8])
UPPER = np.array([np.nan, 0.5, 0.5, np.inf, 4.0])


def with_method(error: Any, blq: str) -> Any:
    if isinstance(error, bn.StudentT):
        inner: Any = error.error
        return replace(error, error=replace(inner, blq=blq))
    return replace(error, blq=blq)


def variable(error: Any, f: Any, lower: Any = LOWER, upper: Any = UPPER) -> Any:
    return measurement(error.family, f, *error.parameters.values(), lower, upper)


def integral(pdf: Any, f: float, lower: float, upper: float) -> float:
    inside = [x for x in (0.0, f) if lower < x < upper]
    ends = [lower, *inside, upper]
    pieces = [
        scipy.integrate.quad(pdf, a, b, args=(f,), epsabs=0.0, epsrel=1e-11)[0]
        for a, b in pairwise(ends)
    ]
    return float(np.sum(pieces))


def wanted_terms(pdf: Any, blq: str, positive: bool) -> list[float]:
    least = 0.0 if positive or blq == "M4" else -np.inf
    terms = []
    for f, y, lower, upper in zip(F, Y, LOWER, UPPER, strict=True):
        mass = pdf(y, f) if np.isnan(lower) else integral(pdf, f, max(lower, least), upper)
        terms.append(np.log(mass / (integral(pdf, f, 0.0, np.inf) if blq == "M4" else 1.0)))
    return terms


@each_error
@pytest.mark.parametrize("blq", ["M3", "M4"])
def test_density_is_the_integral(name, blq):
    error, pdf = ERRORS[name]
    wanted = wanted_terms(pdf, blq, positive=name == "log-normal")
    found = pm.logp(variable(with_method(error, blq), F), Y).eval()
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-10)


@each_error
@pytest.mark.parametrize("blq", ["M3", "M4"])
def test_gradient_is_that_of_the_density_and_finite_in_the_tails(name, blq):
    error = with_method(ERRORS[name][0], blq)
    f = pt.vector("f")
    total = pm.logp(variable(error, f), Y).sum()
    both = function([f], [total, grad(total, f)])
    slope = both(F)[1]
    for i, unit in enumerate(np.eye(len(F))):
        h = 1e-6
        difference = (both(F + h * unit)[0] - both(F - h * unit)[0]) / (2 * h)
        np.testing.assert_allclose(slope[i], difference, rtol=1e-6, atol=1e-8)
    for far in (1e-6, 200.0, 1e6):
        value, slope = both(np.full(len(F), far))
        assert np.isfinite(value)
        assert np.isfinite(slope).all()


def test_far_below_a_limit_the_slope_leads_back():
    f = pt.vector("f")
    bounds = np.array([-np.inf]), np.array([0.1])
    total = pm.logp(variable(bn.Additive(0.1, blq="M3"), f, *bounds), np.array([0.1])).sum()
    value, slope = function([f], [total, grad(total, f)])(np.array([50.0]))
    # Of the normal tail: log Phi(-z) is about -z^2 / 2, with the slope -z / sigma.
    np.testing.assert_allclose(value, scipy.stats.norm.logcdf(-499.0), rtol=1e-12)
    np.testing.assert_allclose(slope, -499.0 / 0.1, rtol=1e-4)


@each_error
def test_draws_of_m4_are_truncated_and_of_m3_are_not(name):
    error, pdf = ERRORS[name]
    f = np.array([0.6, 3.0])
    bounds = np.full(2, np.nan), np.full(2, np.nan)
    for blq in ("M3", "M4"):
        draws = pm.draw(variable(with_method(error, blq), f, *bounds), 4000, random_seed=5)
        truncated = blq == "M4" or name == "log-normal"
        assert np.all(draws > 0.0) == truncated
        for column, at in zip(draws.T, f, strict=True):
            least = 0.0 if truncated else -200.0
            grid = np.linspace(least, 60.0, 260_001)
            cdf = scipy.integrate.cumulative_simpson(pdf(grid, at), x=grid, initial=0.0)
            cdf = np.maximum.accumulate(cdf) / cdf[-1]
            assert scipy.stats.kstest(column, lambda y: np.interp(y, grid, cdf)).pvalue > 0.01  # noqa: B023


# Predictions with rows whose truth can only be one value: below 0.3, above 0.3, between, measured.
POINT_LOWER = np.array([-np.inf, 0.3, 0.0, 0.1, np.nan, -np.inf])
POINT_UPPER = np.array([0.3, np.inf, 0.3, 0.3, np.nan, 0.3])
POINT_Y = np.array([0.3, 0.3, 0.3, 0.3, 0.3, 0.3])
HELD = np.array([0.0, -np.inf, 0.0, -np.inf, -np.inf, 0.0])
WITHOUT_SPREAD: dict[str, Any] = {
    "proportional": bn.Proportional(0.4),
    "student": bn.StudentT(bn.Proportional(0.4), 3.0),
    "log-normal": bn.LogNormalError(0.4),
}


@pytest.mark.parametrize("name", WITHOUT_SPREAD)
@pytest.mark.parametrize("blq", ["M3", "M4"])
def test_a_prediction_without_spread_lies_within_its_interval_or_not(name, blq):
    error = with_method(WITHOUT_SPREAD[name], blq)
    predictions = [0.0, -0.5] if name == "log-normal" else [0.0, 1e-200]
    f = pt.vector("f")
    terms = pm.logp(variable(error, f, POINT_LOWER, POINT_UPPER), POINT_Y)
    shared = terms[np.array([0, 2, 5])].sum()
    in_model = function([f], [terms, grad(shared, f)])
    numbers = ErrorNumbers(
        error.family,
        tuple(np.full((1, 1), float(value)) for value in error.parameters.values()),
    )
    for prediction in predictions:
        at = np.full(len(HELD), prediction)
        wanted = HELD
        found, slope = in_model(at)
        np.testing.assert_allclose(found, wanted)
        assert np.isfinite(slope).all()
        limits = POINT_LOWER, POINT_UPPER
        np.testing.assert_allclose(numbers.log_density(POINT_Y, at[None], *limits)[0], wanted)
        if name == "student":
            continue  # its derivatives take long to build, and are made of the same branches
        density, first, second = numbers.slopes(POINT_Y, at[None], *limits)
        np.testing.assert_allclose(density[0], wanted)
        held = wanted == 0.0
        assert np.isfinite(first[0][held]).all()
        assert np.isfinite(second[0][held]).all()
    missing = in_model(np.full(len(HELD), np.nan))[0]
    assert np.all(missing == -np.inf)  # a failed solve holds nothing
    draws = pm.draw(variable(error, np.zeros(6), POINT_LOWER, POINT_UPPER), 3, random_seed=1)
    assert np.all(draws == 0.0)


@pytest.mark.parametrize("name", WITHOUT_SPREAD)
def test_the_probability_below_a_limit_is_continuous_at_zero(name):
    f = pt.vector("f")
    bounds = np.full(6, -np.inf), np.full(6, 0.3)
    error = with_method(WITHOUT_SPREAD[name], "M3")
    total = pm.logp(variable(error, f, *bounds), POINT_Y).sum()
    near = np.array([0.0, 1e-101, 1e-99, 1e-60, 1e-30, 1e-12])
    value, slope = function([f], [total, grad(total, f)])(near)
    assert abs(value) < 1e-6
    assert np.isfinite(slope).all()


def test_a_study_with_a_sample_before_the_dose_below_the_limit():
    study = bn.read_nonmem(
        pd.DataFrame(
            {
                "ID": 1,
                "TIME": [0.0, 0.0, 1.0, 2.0],
                "EVID": [0, 1, 0, 0],
                "AMT": [0.0, 100.0, 0.0, 0.0],
                "DV": [0.5, np.nan, 8.0, 5.0],
                "MDV": [0, 1, 0, 0],
                "CENS": [1, 0, 0, 0],
            }
        )
    )
    for error in (bn.Proportional(0.2, blq="M3"), bn.LogNormalError(0.2, blq="M3")):
        model = model_of(study, error)
        (found,) = model.compile_logp(vars=[model["cp"]], sum=False)({"CL": np.array(6.0)})
        assert found[0] == 0.0
        assert np.isfinite(found).all()
        assert np.isfinite(model.compile_dlogp()({"CL": np.array(6.0)})).all()


LLOQ = 2.5


def censored_study(limit: float = np.nan) -> bn.Study:
    """Concentrations of `one_compartment`, those below `LLOQ` replaced by it and marked."""
    values = concentration(np.array([[4.0], [9.0]]), TIMES) + 0.05
    study = bn.read_nonmem(bolus_table(np.maximum(values, LLOQ)))
    records = study.records
    below = (records.evid == 0) & (records.value == LLOQ)
    assert 0 < below.sum() < 6
    marked = replace(records, censoring=below.astype(int), limit=np.where(below, limit, np.nan))
    return replace(study, records=marked)


def model_of(study: bn.Study, error: Any) -> pm.Model:
    with pm.Model(coords=study.coords) as model:
        CL = pm.Normal("CL", 6.0, 1.0)
        parameters = {"CL": CL, "V": V}
        options: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-12}
        bn.NeuralODE("cp", one_compartment, study, parameters=parameters, error=error, **options)
    return model


@pytest.mark.parametrize("limit", [np.nan, 0.5])
def test_likelihood_of_a_study_with_censored_rows(limit):
    study = censored_study(limit)
    at = {"CL": np.array(6.0)}
    f = np.tile(concentration(6.0, TIMES), 2)
    y = study.records.value[study.observations]
    censored = study.records.censoring[study.observations] == 1
    law = scipy.stats.norm(f, 0.3)
    least = 0.0 if np.isnan(limit) else limit
    m3 = np.log(law.cdf(LLOQ) - (law.cdf(limit) if limit == limit else 0.0))
    m4 = np.log(law.cdf(LLOQ) - law.cdf(least)) - law.logsf(0.0)
    wanted: dict[Any, Any] = {
        "M1": law.logpdf(y)[~censored],
        "M3": np.where(censored, m3, law.logpdf(y)),
        "M4": np.where(censored, m4, law.logpdf(y) - law.logsf(0.0)),
    }
    for blq, terms in wanted.items():
        model = model_of(study, bn.Additive(0.3, blq=blq))
        (found,) = model.compile_logp(vars=[model["cp"]], sum=False)(at)
        np.testing.assert_allclose(found, terms, rtol=1e-6)
        rows = study.records.row[study.observations]
        kept = rows[~censored] if blq == "M1" else rows
        np.testing.assert_array_equal(model.coords["cp_observation"], kept)


def test_pymc_computes_predictions_and_likelihood_of_censored_rows():
    study = censored_study()
    model = model_of(study, bn.Additive(0.3, blq="M4"))
    draws = posterior(CL=np.array([5.0, 6.0]))
    with model:
        pm.compute_log_likelihood(draws, progressbar=False)
        predicted = pm.sample_posterior_predictive(draws, random_seed=1, progressbar=False)
    (terms,) = model.compile_logp(vars=[model["cp"]], sum=False)({"CL": np.array(6.0)})
    np.testing.assert_allclose(draws.log_likelihood.cp.values[0, 1], terms)
    assert np.all(predicted.posterior_predictive.cp.values > 0.0)


def test_without_censored_rows_m3_changes_nothing():
    study = bn.read_nonmem(bolus_table(concentration(4.0, TIMES)[None] + 0.05))
    plain, m3 = (model_of(study, bn.Additive(0.3, blq=blq)) for blq in (None, "M3"))
    at = {"CL": np.array(5.0)}
    assert plain.compile_logp()(at) == m3.compile_logp()(at)
    assert plain.str_repr() == m3.str_repr()


@pytest.mark.parametrize("error", [bn.Additive(0.3), bn.StudentT(bn.Proportional(0.3), 4.0)])
def test_censored_rows_want_a_method(error):
    study = censored_study()
    with pytest.raises(bn.TableError, match=r"blq='M3'") as refused:
        model_of(study, error)
    records = study.records
    assert [p.row for p in refused.value.problems] == records.row[records.censoring == 1].tolist()


def test_censored_rows_and_an_outcome_that_has_no_method():
    with pytest.raises(bn.TableError, match="Bernoulli has no censored likelihood"):
        model_of(censored_study(), bn.Bernoulli())


def test_m4_refuses_measurements_that_are_not_positive():
    values = concentration(4.0, TIMES)[None].copy()
    values[0, 1] = -0.1
    study = bn.read_nonmem(bolus_table(values))
    with pytest.raises(bn.TableError, match="above 0") as refused:
        model_of(study, bn.Additive(0.3, blq="M4"))
    assert [p.row for p in refused.value.problems] == [3]


def test_unknown_method():
    with pytest.raises(ValueError, match=r"Combined: blq= wants 'M1', .*found 'M2'"):
        bn.Combined(1.0, 1.0, blq="M2")  # type: ignore[arg-type]
