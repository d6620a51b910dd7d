"""Every plot of a fit shows the numbers of that fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from pytensor.configdefaults import config

import bnode_nlme as bn
from tests.results.linear_model import line_fit, line_study
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
    figure = bn.plot_npde(bn.npde(fit, parameters="mean", replicates=400, calibrate=100))
    assert "global  p =" in figure.axes[0].texts[0].get_text()
    assert figure.axes[3].get_xlabel() == "prediction, cp"
    figure = bn.plot_goodness_of_fit(fit, draws=20)
    table = bn.goodness_of_fit(fit, draws=20)
    cloud = next(line for line in figure.axes[1].lines if line.get_label() == "measurements")
    np.testing.assert_array_equal(cloud.get_xdata(), table["ipred"])
    assert figure.axes[0].get_ylabel() == "measured, cp"


def test_axes_have_the_units_that_were_declared(fit):
    declared = replace(fit, nlme=replace(fit.nlme, units={"cp": "mg/L", "time": "h"}))
    vpc = bn.plot_vpc(declared, replicates=100)
    assert vpc.axes[0].get_xlabel() == "time (h)"
    assert vpc.axes[0].get_ylabel() == "cp (mg/L)"
    good = bn.plot_goodness_of_fit(declared, draws=20)
    assert good.axes[0].get_ylabel() == "measured, cp (mg/L)"
    assert good.axes[2].get_xlabel() == "time (h)"
    errors = bn.plot_npde(declared, replicates=200, calibrate=0)
    assert [axes.get_xlabel() for axes in errors.axes[2:]] == ["time (h)", "prediction, cp (mg/L)"]
    single = bn.plot_individual_fits(declared, draws=20)
    assert [single.get_supxlabel(), single.get_supylabel()] == ["time (h)", "cp (mg/L)"]


def test_random_effects_covariates_prior_and_individual_fits(fit):
    assert len(bn.plot_random_effects(fit).axes) == 2
    assert [axes.get_xlabel() for axes in bn.plot_covariates(fit).axes] == ["", "WT"]
    panels = [axes.get_title() for axes in bn.plot_prior_posterior(fit).axes]
    assert any(title.startswith("omega[CL]\ncontraction") for title in panels)
    # Of a correlation matrix each pair once, and not its diagonal of ones.
    pairs = [title.split("\n")[0] for title in panels if title.startswith("omega_corr")]
    assert pairs == ["omega_correlation[CL, V]"]
    figure = bn.plot_individual_fits(fit)
    assert [axes.get_title() for axes in figure.axes][:2] == ["subject 1", "subject 2"]
    points = next(line for line in figure.axes[0].lines if line.get_label() == "measured")
    assert np.size(points.get_xdata()) == 11
    drawn = {line.get_label(): line for line in figure.axes[0].lines}
    typical = bn.predict(fit, fit.study.at_times([25.0 - 0.63]), kind="population", draws=200)
    np.testing.assert_allclose(
        np.interp(25.0 - 0.63, *np.asarray(drawn["typical subject"].get_xydata()).T),
        float(typical["cp"].isel(observation=0).mean()),
        rtol=1e-3,
    )


def test_individual_fits_begin_with_each_subject_s_own_first_record():
    # Lines that begin at their base, and rise from there: of subject 2 at time 5.
    study = line_study({1: {2.0: 12.0, 7.0: 17.0}, 2: {8.0: 13.0, 11.0: 16.0}})
    records = study.records
    time = np.where((records.subject == 1) & (records.time == 0.0), 5.0, records.time)
    study = replace(study, records=replace(records, time=time))
    fit = line_fit(study)
    table = bn.individual_fits(fit, points=30, draws=40)
    assert table["individual"].dims == ("sample", "subject", "point")
    np.testing.assert_allclose(table["time"], [np.linspace(t, 11.0, 30) for t in (0.0, 5.0)])
    assert table["observed"].to_numpy().tolist() == [12.0, 17.0, 13.0, 16.0]
    assert table["observation_time"].to_numpy().tolist() == [2.0, 7.0, 8.0, 11.0]
    assert table["observation_subject"].to_numpy().tolist() == [1, 1, 2, 2]
    # At the measurements the curves are the fitted ones.
    predicted = bn.predict(fit, draws=40)
    rows = predicted["observation"].size
    assert rows == predicted["y"].sizes["observation"]
    for place in range(rows):
        subject = int(predicted["subject_of_observation"][place])
        own = table.sel(subject=subject)
        for sample in (0, 17):
            at = np.interp(float(predicted["time"][place]), own["time"], own["individual"][sample])
            assert at == pytest.approx(float(predicted["y"][sample, place]), rel=1e-5)
    figure = bn.plot_individual_fits(table)
    drawn = {line.get_label(): line for line in figure.axes[1].lines}
    np.testing.assert_array_equal(drawn["typical subject"].get_xdata(), table["time"][1])
    np.testing.assert_array_equal(drawn["measured"].get_ydata(), [13.0, 16.0])
    with pytest.raises(TypeError, match="draws= say how numbers are worked out of a fit"):
        bn.plot_individual_fits(table, draws=10)
    with pytest.raises(ValueError, match=r"individual_fits: points= wants 2 or more; found 1"):
        bn.individual_fits(fit, points=1)


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
def test_loo_has_every_measurement_with_its_pareto_k(fit):
    found = bn.loo(fit, draws=60)
    figure = bn.plot_loo(found)
    above, below = figure.axes
    for axes, wanted in ((above, found.elpd_i), (below, found.pareto_k)):
        clouds = [line.get_xydata() for line in axes.lines if line.get_marker() == "o"]
        drawn = np.concatenate(clouds)
        np.testing.assert_allclose(drawn[np.argsort(drawn[:, 0]), 1], wanted)
    doubtful = np.asarray(found.pareto_k) > found.good_k
    orange = next(line for line in below.lines if str(line.get_label()).startswith("k above"))
    np.testing.assert_array_equal(orange.get_xdata(), np.flatnonzero(doubtful))
    # Names are row numbers of the table.
    named = {text.get_text() for text in below.texts}
    assert named <= {str(row) for row in found.elpd_i["observation"].to_numpy()[doubtful]}
    assert below.get_xlabel() == "left-out observation (row of the table)"
    subjects = bn.plot_loo(fit, by="subject", draws=30)
    assert subjects.axes[1].get_xlabel() == "left-out subject"
    with pytest.raises(TypeError, match="draws= say how numbers are worked out of a fit"):
        bn.plot_loo(found, draws=10)


def test_shrinkage_of_effects_and_residuals(fit):
    table = bn.shrinkage(fit)
    (axes,) = bn.plot_shrinkage(table).axes
    drawn = {line.get_label(): np.asarray(line.get_xdata()) for line in axes.lines}
    np.testing.assert_allclose(drawn["η: standard deviation"], 100 * table["sd"])
    np.testing.assert_allclose(drawn["η: variance"], 100 * table["variance"])
    np.testing.assert_allclose(drawn["ε"], 100 * table["epsilon"])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["η CL", "η V", "ε cp"]


def test_the_table_of_parameters_drawn(fit):
    table = bn.parameter_table(fit, units={"CL_pop": "L/h"})
    relative, absolute = bn.plot_parameter_table(table).axes
    names = [label.get_text() for label in relative.get_yticklabels()]
    assert "V_pop" in names
    (intervals,) = relative.collections
    assert isinstance(intervals, LineCollection)
    place = names.index("CL_pop (L/h)")
    ends = np.array(intervals.get_segments()[place])[:, 0]
    own = table.xs("CL_pop", level="name").iloc[0]
    wanted = own[["lower", "upper"]].to_numpy(float) / float(own["estimate"])
    np.testing.assert_allclose(ends, wanted)
    assert [label.get_text() for label in absolute.get_yticklabels()] == [
        "omega_correlation[CL, V]",
        "V_WT",
    ]
    with pytest.raises(TypeError, match="mass= say how numbers are worked out of a fit"):
        bn.plot_parameter_table(table, mass=0.5)


def test_a_fit_brings_its_own_numbers(fit):
    posterior = fit.posterior
    with pytest.raises(TypeError, match="wants a fit alone, or eta and omega"):
        bn.plot_random_effects(fit, posterior["omega"])
    with pytest.raises(TypeError, match="wants a fit alone, or draws of prior and posterior"):
        bn.plot_prior_posterior(fit, posterior)
    with pytest.raises(TypeError, match=r"wants a fit alone, .* or a study, curves and an output"):
        bn.plot_individual_fits(fit.study)
    correlation = posterior[["omega_correlation"]].isel(effect=[0], effect_bis=[0])
    with pytest.raises(ValueError, match=r"wants variables that vary, .* of which the prior has"):
        bn.plot_prior_posterior(correlation, correlation)
    with pytest.raises(ValueError, match="wants covariates that vary between subjects"):
        bn.plot_covariates(posterior["eta"], {})
