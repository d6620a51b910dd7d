"""What takes a fit says what else it was given, and the cure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import xarray as xr

import bnode_nlme as bn
from tests.results.made_fits import theophylline_fit

OF_A_FIT: dict[str, Callable[[Any], Any]] = {
    "predict": bn.predict,
    "individualise": lambda fit: bn.individualise(fit, bn.datasets.theophylline()),
    "vpc": bn.vpc,
    "npde": bn.npde,
    "goodness_of_fit": bn.goodness_of_fit,
    "shrinkage": bn.shrinkage,
    "random_effects": bn.random_effects,
    "prior_posterior": bn.prior_posterior,
    "loo": bn.loo,
    "individual_fits": bn.individual_fits,
    "parameter_table": bn.parameter_table,
    "function_convergence": bn.function_convergence,
}
PLOTS: dict[str, Callable[[Any], Any]] = {
    "vpc": bn.plot_vpc,
    "npde": bn.plot_npde,
    "goodness_of_fit": bn.plot_goodness_of_fit,
    "shrinkage": bn.plot_shrinkage,
    "loo": bn.plot_loo,
    "individual_fits": bn.plot_individual_fits,
    "parameter_table": bn.plot_parameter_table,
    "function_convergence": bn.plot_function_convergence,
}


@pytest.fixture(scope="module")
def fit():
    return theophylline_fit()


@pytest.mark.parametrize("name", OF_A_FIT)
def test_a_posterior_is_no_fit(fit, name):
    with pytest.raises(TypeError, match=rf"{name} wants a fit, .*found .* xarray\.DataTree\. Give"):
        OF_A_FIT[name](fit.data)


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_wants_a_fit_or_its_own_numbers(fit, name):
    with pytest.raises(
        TypeError, match=rf"plot_{name} wants a fit, or what bn\.{name}\(fit\) gave"
    ):
        PLOTS[name](fit.posterior)


def test_other_numbers_are_told_by_what_they_lack():
    with pytest.raises(TypeError, match=r"of type xarray\.Dataset without 'simulated', 'left'"):
        bn.plot_vpc(xr.Dataset({"observed": 1.0}))


def test_every_diagnostic_has_its_plot():
    assert all(callable(getattr(bn, f"plot_{name}")) for name in PLOTS)
    others = ("random_effects", "covariates", "prior_posterior")
    assert all(callable(getattr(bn, f"plot_{name}")) for name in others)


def test_arguments_are_named_with_what_was_wanted(fit):
    study = fit.study.to_xarray()
    with pytest.raises(TypeError, match=r"predict wants a bn\.Study, .*found .* xarray\.Dataset"):
        bn.predict(fit, study)
    with pytest.raises(TypeError, match=r"individualise wants a bn\.Study, .* builtins\.NoneType"):
        bn.individualise(fit, None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"draws= wants 1 or more, a whole number; found 2\.5"):
        bn.predict(fit, draws=2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"replicates= wants a whole number .* found 0"):
        bn.vpc(fit, replicates=0)
    with pytest.raises(ValueError, match=r"percentiles= wants numbers from 0 to 100, .* 150"):
        bn.vpc(fit, replicates=5, percentiles=(5.0, 150.0))
    with pytest.raises(
        ValueError, match=r"units= names 'CL', which the table has not; .* 'CL_pop'"
    ):
        bn.parameter_table(fit, units={"CL": "L/h"})
    virtual = bn.Study.from_regimen(bn.Regimen(100.0), times=[1.0], n_subjects=2)
    with pytest.raises(ValueError, match="uses the covariate 'WT', which the study 'virtual' does"):
        bn.predict(fit, virtual, kind="new")
