"""A failed solve is data: what it takes from a diagnostic, and what it does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from pytensor.configdefaults import config

import bnode_nlme as bn
from bnode_nlme.diagnostics import goodness_of_fit
from bnode_nlme.inference import Fit
from tests.results.made_fits import DRAWS, theophylline_fit

LOST = ((0, 3), (0, 17), (1, 40))
"""Draws at which subject 5 cannot be solved."""
SOLVER = 1e-6
"""Subjects that are solved together share their steps: they agree to the solver's tolerance."""
ALWAYS = 9
"""Who cannot be solved at any draw."""


@pytest.fixture(autouse=True)
def compile_in_python():
    with config.change_flags(mode="FAST_COMPILE"):
        yield


@pytest.fixture(scope="module")
def fit() -> Fit:
    return theophylline_fit()


def with_failures(fit: Fit, *, always: bool) -> Fit:
    eta = fit.posterior["eta"].copy(deep=True)
    for chain, draw in LOST:
        eta.loc[{"chain": chain, "draw": draw, "subject": 5}] = np.inf
    if always:
        eta.loc[{"subject": ALWAYS}] = np.inf
    tree = fit.data.copy()
    tree["posterior"] = xr.DataTree(fit.posterior.assign(eta=eta))
    return replace(fit, data=tree)


def without_draws(fit: Fit) -> Fit:
    """The same without the draws that are lost, in one chain."""
    kept = np.ones(2 * DRAWS, dtype=bool)
    kept[[chain * DRAWS + draw for chain, draw in LOST]] = False
    stacked = fit.posterior.stack(sample=("chain", "draw"), create_index=False)
    posterior = stacked.drop_vars(["chain", "draw"]).isel(sample=kept)
    posterior = posterior.rename(sample="draw").expand_dims(chain=[0])
    tree = xr.DataTree.from_dict({"posterior": posterior})
    tree.attrs = dict(fit.attrs)
    return replace(fit, data=tree)


@pytest.mark.parametrize("error", ["combined", "log-normal"])
def test_goodness_of_fit_is_that_of_the_draws_that_solve(fit, error):
    if error == "log-normal":
        nlme = bn.NLME(
            fit.nlme.system,
            fit.nlme.individual,
            omega=fit.nlme.omega,
            error=bn.LogNormalError(0.2),
        )
        fit = replace(fit, nlme=nlme)
    with pytest.warns(
        UserWarning,
        match=r"goodness_of_fit: individual predictions: 303 of 3600 solves failed, at 300 of 300 "
        r"draws, of 2 of 12 subjects \(how often\): 5 \(3\), 9 \(300\); means and residuals are over "
        r".* Causes: a parameter, weight or covariate was NaN or infinite\.",
    ) as told:
        table = bn.goodness_of_fit(with_failures(fit, always=True))
    assert len(told) == 1
    owner = table["subject"].to_numpy()
    whole, fewer = bn.goodness_of_fit(fit), bn.goodness_of_fit(without_draws(fit))
    assert table.attrs["draws"] == 300
    np.testing.assert_array_equal(
        table["failed"], np.select([owner == 5, owner == ALWAYS], [3, 300], 0)
    )
    for name in ("ipred", "iwres", "individual_residual"):
        np.testing.assert_allclose(
            table[name][owner == 5], fewer[name][owner == 5], rtol=SOLVER, atol=SOLVER
        )
        others = (owner != 5) & (owner != ALWAYS)
        np.testing.assert_allclose(
            table[name][others], whole[name][others], rtol=SOLVER, atol=SOLVER
        )
        assert np.isnan(table[name][owner == ALWAYS]).all()
    np.testing.assert_allclose(table["pred"], whole["pred"], rtol=SOLVER, atol=SOLVER)
    after = table["time"].to_numpy() > 0.0
    assert np.isfinite(table["iwres_sampled"][after & (owner != ALWAYS)]).all()


def test_shrinkage_and_the_table_of_parameters_lose_nothing_else(fit):
    # The random effects themselves are there; only solves fail, here of a covariate.
    study = replace(fit.study, covariates={"WT": np.where(fit.study.subjects == 9, np.inf, 70.0)})
    broken = replace(fit, study=study)
    with pytest.warns(UserWarning, match="shrinkage: individual .*: 9 .*; population .*: 9 "):
        found = bn.shrinkage(broken)
    kept = replace(fit, study=replace(study, covariates={"WT": np.full(12, 70.0)}))
    others = bn.goodness_of_fit(kept)
    iwres = others["iwres"].to_numpy()[others["subject"].to_numpy() != 9]
    assert float(found["epsilon"][0]) == pytest.approx(1.0 - np.nanstd(iwres, ddof=1))


def test_a_sampled_residual_is_of_a_draw_that_solves():
    rng = np.random.default_rng(1)
    subject = np.repeat(np.arange(400), 2)
    individual = rng.normal(size=(3, 800))
    individual[:2, :400] = np.nan  # half of the subjects have one draw left
    individual[:, -2:] = np.nan
    table = goodness_of_fit(
        np.zeros(800),
        subject,
        np.zeros(800),
        population=np.zeros(800),
        individual=individual,
        sd=np.ones(800),
    )
    sampled = table["iwres_sampled"].to_numpy()
    np.testing.assert_array_equal(sampled[:400], -individual[2, :400])
    draw = np.array([np.flatnonzero(-individual[:, i] == sampled[i])[0] for i in range(400, 798)])
    np.testing.assert_array_equal(draw[::2], draw[1::2])  # one draw for a subject's rows
    assert np.bincount(draw, minlength=3).min() > 80
    assert np.isnan(sampled[-2:]).all()
    np.testing.assert_array_equal(table["failed"].to_numpy()[[0, 500, 799]], [2, 0, 3])


def test_simulated_subjects_that_fail_are_counted_by_npde_and_vpc(fit):
    lost = fit.posterior["CL_pop"].copy(deep=True)
    lost[1, 7] = np.nan
    tree = fit.data.copy()
    tree["posterior"] = xr.DataTree(fit.posterior.assign(CL_pop=lost))
    broken = replace(fit, data=tree)
    counts = "12 of 3600 solves failed, at 1 of 300 draws, of 12 of 12 subjects"
    with (
        pytest.warns(UserWarning, match=f"npde: {counts}"),
        pytest.warns(UserWarning, match="npde: of 1 of 300 replicates values are missing"),
    ):
        table = bn.npde(broken, replicates=300, calibrate=0)
    assert np.isfinite(table["npd"]).all()
    with (
        pytest.warns(UserWarning, match=f"vpc: {counts}"),
        pytest.warns(UserWarning, match="1 of 300 replicates have missing values"),
    ):
        found = bn.vpc(broken, replicates=300)
    assert found.attrs["replicates"] == 299
    assert np.isfinite(found["simulated"]).all()


def test_individual_fits_are_drawn_from_the_draws_that_solve(fit):
    with pytest.warns(UserWarning, match=r"^individual_fits: individual curves: .* 9 \(200\)"):
        figure = bn.plot_individual_fits(with_failures(fit, always=True))
    medians = {
        axes.get_title(): np.asarray(axes.lines[0].get_ydata(), dtype=float) for axes in figure.axes
    }
    assert np.isfinite(medians["subject 5"]).all()
    assert np.isnan(medians["subject 9"]).all()
