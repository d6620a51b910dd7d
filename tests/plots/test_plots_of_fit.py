"""Every plot of a fit shows the numbers of that fit."""

from __future__ import annotations

import numpy as np
import pytest
from pytensor.configdefaults import config

import bnode_nlme as bn
from tests.results.made_fits import theophylline_fit


@pytest.fixture(autouse=True)
def compile_in_python():
    with config.change_flags(mode="FAST_COMPILE"):
        yield


@pytest.fixture(scope="module")
def fit():
    return theophylline_fit()


def test_vpc_of_a_fit_is_that_of_its_numbers(fit):
    table = bn.vpc(fit, replicates=100, seed=3)
    pictures = [
        bn.plot_vpc(fit, replicates=100, seed=3),
        bn.plot_vpc(table, xlabel="time (h)"),
    ]
    lines = [
        {line.get_label(): line.get_ydata() for line in figure.axes[0].lines} for figure in pictures
    ]
    np.testing.assert_array_equal(lines[0]["measured median"], table["observed"][0, :, 1])
    np.testing.assert_array_equal(lines[0]["measured median"], lines[1]["measured median"])
    assert pictures[0].axes[0].get_xlabel() == "time"
    assert pictures[0].axes[0].get_ylabel() == "cp"
    with pytest.raises(TypeError, match="replicates= say how numbers are worked out of a fit"):
        bn.plot_vpc(table, replicates=50)


def test_npde_and_goodness_of_fit_of_a_fit(fit):
    figure = bn.plot_npde(bn.npde(fit, parameters="mean", replicates=400, calibrate=20))
    assert "global  p =" in figure.axes[0].texts[0].get_text()
    assert figure.axes[3].get_xlabel() == "prediction, cp"
    figure = bn.plot_goodness_of_fit(fit, draws=20)
    table = bn.goodness_of_fit(fit, draws=20)
    cloud = next(line for line in figure.axes[1].lines if line.get_label() == "measurements")
    np.testing.assert_array_equal(cloud.get_xdata(), table["ipred"])
    assert figure.axes[0].get_ylabel() == "measured, cp"


def test_random_effects_covariates_prior_and_individual_fits(fit):
    assert len(bn.plot_random_effects(fit).axes) == 2
    assert [axes.get_xlabel() for axes in bn.plot_covariates(fit).axes] == ["", "WT"]
    panels = [axes.get_title() for axes in bn.plot_prior_posterior(fit).axes]
    assert any(title.startswith("omega[CL], contraction") for title in panels)
    figure = bn.plot_individual_fits(fit)
    assert [axes.get_title() for axes in figure.axes][:2] == ["subject 1", "subject 2"]
    points = next(line for line in figure.axes[0].lines if line.get_label() == "measured")
    assert np.size(points.get_xdata()) == 11


def test_a_fit_brings_its_own_numbers(fit):
    posterior = fit.posterior
    with pytest.raises(TypeError, match="wants a fit alone, or eta and omega"):
        bn.plot_random_effects(fit, posterior["omega"])
    with pytest.raises(TypeError, match="wants a fit alone, or draws of prior and posterior"):
        bn.plot_prior_posterior(fit, posterior)
    with pytest.raises(TypeError, match="wants a fit alone, or a study, curves and an output"):
        bn.plot_individual_fits(fit.study)
    with pytest.raises(ValueError, match="wants covariates that vary between subjects"):
        bn.plot_covariates(posterior["eta"], {})
