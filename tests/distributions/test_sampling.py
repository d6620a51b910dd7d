"""NUTS in threads and in processes, on a model whose prior reaches where no solution exists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from pytensor.configdefaults import config

import bnode_nlme as bn
from tests.distributions.problems import blow_up_model


def sampled(model: pm.Model, **options: Any) -> xr.DataTree:
    bn.solver_report(model, reset=True)
    settings = {
        "draws": 200,
        "tune": 200,
        "chains": 2,
        "cores": 2,
        "random_seed": 3,
        "progressbar": False,
        "compute_convergence_checks": False,
    }
    with model:
        return pm.sample(**(settings | options))


def check_completed_and_counted(model: pm.Model, result: xr.DataTree) -> None:
    draws = result.posterior.a.values
    assert draws.shape == (2, 200)
    assert np.isfinite(draws).all()
    assert len(np.unique(draws)) > 100
    # Not a single draw lies where the solution does not exist, though the prior does.
    assert draws.max() < 1.0
    report = bn.solver_report(model)
    # Each evaluation is one solve; more of them than draws were made, in both chains.
    assert report.solves > 800
    assert 0 < report.failures < report.solves
    (method,) = report.methods
    first, *causes = str(report).splitlines()
    assert first == f"{report.failures} of {report.solves} solves failed (method {method})"
    if method == "auto":
        handed_over, *causes = causes
        assert handed_over == f"  {report.handed_over} handed over from tsit5 to bdf"
    assert sum(int(cause.strip().partition(":")[0]) for cause in causes) == report.failures


@pytest.fixture(scope="module")
def by_nutpie() -> tuple[pm.Model, xr.DataTree]:
    model = blow_up_model()
    with config.change_flags(mode="NUMBA"):
        return model, sampled(model)


def test_nutpie_in_threads(by_nutpie):
    check_completed_and_counted(*by_nutpie)


def test_posterior_is_that_of_the_closed_form(by_nutpie):
    _, result = by_nutpie
    grid = np.linspace(-8, 1, 20_000, endpoint=False)
    f = [1 / (1 - grid * t) for t in (0.5, 1.0)]
    logp = -0.5 * ((grid / 2) ** 2 + ((1.3 - f[0]) / 3) ** 2 + ((2.0 - f[1]) / 3) ** 2)
    weight = np.exp(logp) / np.exp(logp).sum()
    mean = weight @ grid
    sd = np.sqrt(weight @ (grid - mean) ** 2)
    draws = result.posterior.a.values
    assert abs(draws.mean() - mean) < 0.4 * sd
    assert 0.7 < draws.std() / sd < 1.3


def test_results_of_nutpie_go_through_netcdf(by_nutpie, tmp_path):
    model, result = by_nutpie
    with model:
        result = pm.compute_log_likelihood(result, progressbar=False)
    result.to_netcdf(tmp_path / "result.nc")
    with xr.open_datatree(tmp_path / "result.nc") as read:
        for group in ("posterior", "log_likelihood", "observed_data", "sample_stats"):
            before, after = result[group].to_dataset(), read[group].to_dataset()
            # What nutpie says of a divergence is text, or nothing, which may come back as NaN.
            texts = [name for name, v in before.items() if v.dtype == object]
            assert set(texts) <= {"divergence_message"}
            xr.testing.assert_equal(before.drop_vars(texts), after.drop_vars(texts))


def test_pymcs_own_nuts_in_forked_processes():
    model = blow_up_model()
    result = sampled(model, nuts_sampler="pymc", mp_ctx="fork")
    check_completed_and_counted(model, result)


@pytest.mark.slow
@pytest.mark.parametrize("context", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("mode", ["NUMBA", "FAST_COMPILE"])
def test_pymcs_own_nuts_however_processes_start(context, mode):
    model = blow_up_model()
    with config.change_flags(mode=mode):
        result = sampled(model, nuts_sampler="pymc", mp_ctx=context)
    check_completed_and_counted(model, result)
