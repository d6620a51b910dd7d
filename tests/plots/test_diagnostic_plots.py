"""The plots of the diagnostics show the numbers of the diagnostics."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from bnode_nlme.diagnostics import (
    contraction,
    covariate_correlations,
    eta_shrinkage,
    goodness_of_fit,
    npde,
    npde_tests,
    rank_uniformity,
    vpc,
)
from bnode_nlme.plots import (
    plot_covariates,
    plot_goodness_of_fit,
    plot_npde,
    plot_prior_posterior,
    plot_random_effects,
    plot_rank_ecdf,
    plot_vpc,
)
from bnode_nlme.plots.smooth_line import smooth_line
from tests.diagnostics.population import TIMES, oral_dose

SUBJECTS = 15
TIME = np.tile(TIMES, SUBJECTS)


def _line(axes: Axes, label: str) -> np.ndarray:
    (line,) = (line for line in axes.lines if line.get_label() == label)
    return np.asarray(line.get_xydata())


def _legend(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def _effects() -> tuple[xr.DataArray, xr.DataArray]:
    rng = np.random.default_rng(0)
    coords = {"effect": ["CL", "V"]}
    eta = rng.normal(scale=0.3, size=(SUBJECTS, 2)) + rng.normal(
        scale=0.1, size=(2, 50, SUBJECTS, 2)
    )
    omega = 0.3 * np.exp(rng.normal(scale=0.1, size=(2, 50, 2)))
    return (
        xr.DataArray(eta, dims=("chain", "draw", "subject", "effect"), coords=coords),
        xr.DataArray(omega, dims=("chain", "draw", "effect"), coords=coords),
    )


def _check(**options: object) -> xr.Dataset:
    rng = np.random.default_rng(1)
    measured, simulated = oral_dose(rng, (SUBJECTS,)), oral_dose(rng, (100, SUBJECTS))
    return vpc(TIME, measured, simulated, **options)  # type: ignore[arg-type]


def test_lines_and_bands_of_a_predictive_check_are_its_numbers() -> None:
    table = _check(mass=0.9)
    figure = plot_vpc(table, xlabel="time (h)", ylabel="drug (mg/L)")
    (axes,) = figure.axes
    drawn = _line(axes, "measured median")
    np.testing.assert_array_equal(drawn[:, 0], TIMES)
    np.testing.assert_array_equal(drawn[:, 1], table.observed[0, :, 1])
    bands = [np.asarray(band.get_paths()[0].vertices) for band in axes.collections]
    for index, band in enumerate(bands):
        assert band[:, 1].max() == float(table.simulated[0, :, index, 2].max())
        assert band[:, 1].min() == float(table.simulated[0, :, index, 0].min())
    assert "simulated 5th, 95th percentile, 90 % interval" in _legend(figure)
    assert axes.get_ylabel() == "drug (mg/L)"


def test_strata_limits_and_shares_below_have_their_places() -> None:
    strata = np.repeat(["fasted", "fed"], TIME.size // 2 + 1)[: TIME.size]
    table = _check(strata=strata, lloq=0.9, bins=4)
    figure = plot_vpc(table, xlabel="time (h)", ylabel="drug (mg/L)", log=True, lloq=0.9)
    fasted, fed, share, _ = figure.axes
    assert [axes.get_title() for axes in (fasted, fed)] == ["fasted", "fed"]
    assert fasted.get_yscale() == "log"
    np.testing.assert_array_equal(share.lines[0].get_ydata(), table.observed_below[0])
    lowest = np.asarray(fasted.collections[0].get_paths()[0].vertices)[:, 1].min()
    assert lowest == 0.9  # where the lower end is below the limit, the band ends at it
    assert "limit of quantification" in [line.get_label() for line in fasted.lines]
    corrected = _check(prediction=np.ones(TIME.size), lloq=0.9)
    (checked, _) = plot_vpc(corrected, lloq=0.9).axes
    assert "limit of quantification" not in [line.get_label() for line in checked.lines]
    corrected = _check(prediction=np.ones(TIME.size))
    figure = plot_vpc(corrected, xlabel="time (h)", ylabel="drug (mg/L)")
    assert figure.axes[0].get_ylabel() == "prediction-corrected drug (mg/L)"


def test_a_check_says_what_is_not_drawn() -> None:
    def note(table: xr.Dataset) -> str:
        figure = plot_vpc(table)
        return figure.get_supxlabel()

    assert note(_check()) == ""
    typical = np.ones(TIME.size)
    typical[np.flatnonzero(TIMES[0] == TIME)[:4]] = 0.0
    with pytest.warns(UserWarning, match="cannot be corrected"):
        table = _check(prediction=typical)
    assert note(table) == "Not drawn: 4 measurements that cannot be corrected."
    assert note(_check(lloq=0.9)) == "Not drawn: percentiles beyond a limit of quantification."


def test_goodness_of_fit_has_every_measurement_in_every_panel() -> None:
    rng = np.random.default_rng(2)
    measured = oral_dose(rng, (SUBJECTS,))
    measured[3] = np.nan
    typical = oral_dose(rng, (SUBJECTS,), omega=0.0, sigma=0.0, floor=0.0)
    table = goodness_of_fit(
        TIME, np.repeat(np.arange(SUBJECTS), 7), measured,
        population=typical, individual=typical, sd=0.2 * typical + 0.1,
    )  # fmt: skip
    figure = plot_goodness_of_fit(table, quantity="drug (mg/L)", time="time (h)")
    population, _, over_time, over_prediction = figure.axes
    shown = np.isfinite(measured)
    for axes, across, along in (
        (population, typical, measured),
        (over_time, TIME, table.iwres.to_numpy()),
        (over_prediction, typical, table.iwres.to_numpy()),
    ):
        np.testing.assert_array_equal(
            _line(axes, "measurements"), np.column_stack([across, along])[shown]
        )
    assert population.get_xlabel() == "population prediction, drug (mg/L)"
    assert over_time.get_xlabel() == "time (h)"
    logarithmic = plot_goodness_of_fit(table, quantity="mg/L", time="h", log=True).axes[0]
    assert len(_line(logarithmic, "measurements")) == (measured[shown] > 0).sum()
    with pytest.raises(ValueError, match="no residual 'npde'; it has 'iwres', 'iwres_sampled'"):
        plot_goodness_of_fit(table, quantity="mg/L", time="h", residual="npde")


def test_npde_are_drawn_as_quantiles_counts_and_percentiles() -> None:
    rng = np.random.default_rng(3)
    table = npde(
        oral_dose(rng, (SUBJECTS,)),
        oral_dose(rng, (200, SUBJECTS)),
        np.repeat(np.arange(SUBJECTS), 7),
    )
    tests = npde_tests(table.npde)
    figure = plot_npde(table, time=TIME, xlabel="time (h)", tests=tests)
    quantiles, histogram, over_time, _ = figure.axes
    np.testing.assert_allclose(
        np.asarray(quantiles.lines[1].get_ydata(), float), np.sort(table.npde)
    )
    heights = [patch.get_height() for patch in histogram.patches if hasattr(patch, "get_height")]
    assert sum(heights) == TIME.size
    at_one = table.npde.to_numpy()[TIME == 1.0]
    drawn = _line(over_time, "median, NPDE")
    assert np.isclose(drawn[drawn[:, 0] == 1.0, 1].item(), np.median(at_one))
    assert f"global  p = {float(tests.p_value.sel(test='global')):.2g}" in (
        quantiles.texts[0].get_text()
    )


def test_random_effects_have_their_shrinkage_and_population() -> None:
    eta, omega = _effects()
    figure = plot_random_effects(eta, omega)
    for index, axes in enumerate(figure.axes):
        spread = float(omega[..., index].mean())
        lost = 100 * float(eta_shrinkage(eta, omega).sd[index])
        assert axes.get_title() == f"ω = {spread:.2f}, shrinkage {lost:.0f} %"
        line = _line(axes, "population")
        np.testing.assert_allclose(line[:, 1], stats.norm.pdf(line[:, 0], 0, spread))
    assert figure.axes[1].get_xlabel() == "random effect on V"


def test_covariates_have_a_panel_for_each_effect_with_the_correlation() -> None:
    eta, _ = _effects()
    weight = np.linspace(50, 90, SUBJECTS)
    covariates = {
        "WT": weight,
        "SEX": np.tile(["f", "m", "m"], 5),
        "FORM": np.tile(["a", "b", "c"], 5),
    }
    figure = plot_covariates(eta, covariates, units={"WT": "kg"})
    panels = np.array(figure.axes).reshape(2, 3)
    assert panels[1, 0].get_xlabel() == "WT (kg)"
    assert panels[1, 0].get_ylabel() == "random effect on V"
    points = next(line for line in panels[1, 0].lines if len(line.get_xdata()) == SUBJECTS)
    np.testing.assert_allclose(
        np.asarray(points.get_xydata()),
        np.column_stack([weight, eta[..., 1].mean(("chain", "draw"))]),
    )
    r = covariate_correlations(eta, covariates).correlation.sel(covariate="SEX=m", effect="CL")
    assert panels[0, 1].get_title().startswith(f"r = {float(r):.2f} (".replace("-", "−"))
    assert panels[0, 2].get_title() == ""
    assert [tick.get_text() for tick in panels[1, 2].get_xticklabels()] == ["a", "b", "c"]


def test_prior_and_posterior_have_equal_areas_and_the_contraction() -> None:
    rng = np.random.default_rng(4)
    coords = {"effect": ["CL", "V"]}
    dims = ("chain", "draw", "effect")
    prior = xr.Dataset({"omega": (dims, rng.uniform(0, 1, (2, 1000, 2)))}, coords)
    posterior = xr.Dataset({"omega": (dims, rng.uniform(0.4, 0.6, (2, 500, 2)))}, coords)
    figure = plot_prior_posterior(prior, posterior)
    assert len(figure.axes) == 2
    for place, axes in enumerate(figure.axes):
        shrunk = float(contraction(prior, posterior).omega.sel(measure="contraction")[place])
        assert axes.get_title() == f"omega[{'CL' if place == 0 else 'V'}]\ncontraction {shrunk:.2f}"
        areas = {
            patch.get_label(): (data.values * np.diff(data.edges)).sum()
            for patch in axes.patches
            if (data := patch.get_data()) is not None  # type: ignore[attr-defined]
        }
        assert np.isclose(areas["posterior"], 1.0)
        assert np.isclose(areas["prior"], 0.9, atol=0.05)  # the middle of the prior is shown


def test_ranks_are_drawn_as_counts_and_as_differences() -> None:
    table = rank_uniformity(
        np.random.default_rng(5).integers(100, size=(150, 3)), 99, names=["CL", "V", "f(1)"]
    )
    figure = plot_rank_ecdf(table, columns=2)
    panels = np.array(figure.axes).reshape(4, 2)
    difference = np.asarray(panels[3, 0].lines[0].get_ydata(), float)[1:-1]
    np.testing.assert_allclose(difference, table.ecdf[2] - table.fraction)
    counts = panels[2, 0].patches[-1].get_data().values
    np.testing.assert_array_equal(counts, table.histogram[2])
    assert panels[2, 0].get_title().startswith("f(1)\np = ")
    assert not panels[2, 1].axison


def test_the_smooth_line_follows_a_line_exactly_and_a_curve_closely() -> None:
    rng = np.random.default_rng(6)
    x = rng.uniform(0, 10, 200)
    at, line = smooth_line(x, 2.0 - 0.5 * x)
    np.testing.assert_allclose(line, 2.0 - 0.5 * at, atol=1e-9)
    at, line = smooth_line(x, np.sin(x) + rng.normal(scale=0.1, size=200), share=0.2)
    np.testing.assert_allclose(line, np.sin(at), atol=0.2)
    tied = np.repeat(TIMES, 30)
    at, line = smooth_line(tied, 3.0 * tied, share=0.1)
    np.testing.assert_allclose(line, 3.0 * at, atol=1e-8)
    assert smooth_line([0.0, 1.0, np.nan], [1.0, 2.0, 3.0])[0].size == 0
