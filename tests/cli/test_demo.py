"""The demonstration runs, writes what it says, and is the same for a seed."""

from __future__ import annotations

import re
from pathlib import Path

import arviz as az
import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from bnode_nlme.cli import app
from bnode_nlme.cli.demo import absorption_rate
from bnode_nlme.cli.theophylline import classical_model, learned_model
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
    for phrase in ("R-hat", "divergences", "solves failed", "ESS", "minutes in all", "elpd"):
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
    made = learned_model(theophylline())
    assert made.network is not None
    posterior = xr.Dataset(
        {
            "log_ka": (("chain", "draw"), np.log([[1.5, 2.0]])),
            "absorption": (("chain", "draw", "weight"), np.zeros((1, 2, made.network.size))),
        }
    )
    rate = absorption_rate(made, xr.DataTree.from_dict({"posterior": posterior}))
    np.testing.assert_allclose(rate.isel(chain=0), [[1.5] * 41, [2.0] * 41])


def test_the_classical_model_has_no_learned_function() -> None:
    with pytest.raises(ValueError, match="constant rate has no network"):
        absorption_rate(classical_model(theophylline()), xr.DataTree())


@pytest.mark.slow
def test_the_full_demonstration_converges_and_beats_the_classical_model(tmp_path: Path) -> None:
    printed = _demo(tmp_path)
    made = learned_model(theophylline())
    posterior = load(tmp_path / "posterior.nc")
    convergence = function_convergence(absorption_rate(made, posterior))
    assert float(convergence.r_hat.max()) <= 1.01
    # 10 of 1200 draws diverged when last run; why has not been studied.
    assert float(posterior.sample_stats["diverging"].mean()) < 0.02
    assert re.search(r"\b0 of \d+ solves failed", printed)
    learned = az.loo(posterior).elpd
    classical = az.loo(load(tmp_path / "posterior_classical.nc")).elpd
    # An independent prototype of such a network gained about 30.
    assert 20.0 < learned - classical < 45.0
