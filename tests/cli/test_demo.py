"""The demonstration runs, writes what it says, and is the same for a seed."""

from __future__ import annotations

import re
from pathlib import Path

import arviz as az
import numpy as np
import pymc as pm
import pytest
import xarray as xr
from typer.testing import CliRunner

from bnode_nlme.cli import app
from bnode_nlme.cli.theophylline import AMOUNTS, RATE, classical_model, learned_model
from bnode_nlme.datasets import theophylline
from bnode_nlme.diagnostics import function_convergence
from bnode_nlme.results import load

FILES = {
    "comparison.csv",
    "individual_fits.png",
    "learned_absorption.png",
    "parameters.csv",
    "posterior.nc",
    "posterior_classical.nc",
    "predictive_check.png",
}


def _demo(folder: Path, *options: str) -> str:
    # Wide enough that rich does not shorten the tables.
    result = CliRunner().invoke(
        app, ["demo", "--folder", str(folder), *options], env={"COLUMNS": "160"}
    )
    assert result.exit_code == 0, result.output
    return result.output


# With a few draws nothing has converged, and ArviZ and PyMC say so.
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_it_writes_its_results_and_is_the_same_for_a_seed(tmp_path: Path) -> None:
    few = ("--draws", "20", "--tune", "20", "--max-treedepth", "3")
    printed = _demo(tmp_path / "a", *few)
    assert {path.name for path in (tmp_path / "a").iterdir()} == FILES
    for phrase in ("R-hat", "diverged", "solves failed", "Pareto k", "ESS", "minutes", "elpd"):
        assert phrase in printed
    first = load(tmp_path / "a" / "posterior.nc")
    assert first.posterior.sizes["draw"] == 20
    assert {"posterior", "posterior_predictive", "log_likelihood"} <= set(first.children)
    _demo(tmp_path / "b", *few)
    again = load(tmp_path / "b" / "posterior.nc")
    xr.testing.assert_equal(first["posterior"].to_dataset(), again["posterior"].to_dataset())
    other = tmp_path / "c"
    _demo(other, *few, "--seed", "2")
    assert not first.posterior["log_CL"].equals(load(other / "posterior.nc").posterior["log_CL"])


def test_the_rate_of_a_network_without_weights_is_ka() -> None:
    model = learned_model(theophylline()).model
    flat = pm.do(model, {"absorption": np.zeros(16), "log_ka": np.log(1.5)})
    np.testing.assert_allclose(pm.draw(flat[RATE]), np.full(AMOUNTS.size, 1.5))


def test_ka_is_the_mean_rate_over_the_first_half_of_absorption_whatever_the_network() -> None:
    model = learned_model(theophylline()).model
    rate, log_ka, ka, eta = pm.draw(
        [model[RATE], model["log_ka"], model["ka"], model["eta"]], 20, random_seed=4
    )
    early = np.isin(AMOUNTS, np.linspace(160.0, 320.0, 5))
    assert early.sum() == 5
    np.testing.assert_allclose(np.log(rate)[:, early].mean(axis=1), log_ka, atol=1e-10)
    # The system's parameter is the rate constant where the network is 0: at its anchor.
    np.testing.assert_allclose(ka, rate[:, AMOUNTS == 240.0] * np.exp(eta[:, :, 0]))


def test_both_models_have_the_same_priors_but_for_the_network() -> None:
    learned = {v.name for v in learned_model(theophylline()).model.free_RVs}
    classical = {v.name for v in classical_model(theophylline()).model.free_RVs}
    assert learned - classical == {"absorption_scale", "absorption_z", "absorption_contrast"}
    assert classical <= learned


# Leaving one measurement of a subject's few out changes its own parameters: Pareto k says so.
@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto distribution:UserWarning")
@pytest.mark.slow
def test_the_full_demonstration_converges_and_beats_the_classical_model(tmp_path: Path) -> None:
    printed = _demo(tmp_path)
    posterior = load(tmp_path / "posterior.nc")
    convergence = function_convergence(posterior.posterior[RATE])
    assert float(convergence.r_hat.max()) <= 1.01
    # Divergences begin where the learned function is nearly a step; 2 to 5 of 1200 were seen.
    assert float(posterior.sample_stats["diverging"].mean()) < 0.01
    assert re.search(r"\b0 of \d+ solves failed", printed)
    learned = az.loo(posterior).elpd
    classical = az.loo(load(tmp_path / "posterior_classical.nc")).elpd
    # An independent prototype of such a network gained about 30.
    assert 20.0 < learned - classical < 45.0
