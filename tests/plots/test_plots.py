"""What is drawn is what was given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr

from bnode_nlme.datasets import theophylline
from bnode_nlme.plots import plot_function_band, plot_individual_fits


def _function() -> xr.DataArray:
    draws = np.random.default_rng(0).normal(2.0, 0.3, size=(2, 100, 5))
    return xr.DataArray(draws, dims=("chain", "draw", "amount"), coords={"amount": np.arange(5.0)})


def test_the_line_is_the_median_and_the_bands_hold_their_mass() -> None:
    function = _function()
    (axes,) = plot_function_band(function, xlabel="x (mg)", ylabel="k (1/h)").axes
    draws = function.to_numpy().reshape(-1, 5)
    np.testing.assert_allclose(
        np.asarray(axes.lines[0].get_ydata(), float), np.median(draws, axis=0)
    )
    wide, narrow = (np.asarray(b.get_paths()[0].vertices)[:, 1] for b in axes.collections)
    assert np.isclose(wide.max(), np.percentile(draws, 95, axis=0).max())
    assert np.isclose(narrow.max(), np.percentile(draws, 75, axis=0).max())
    assert axes.get_xlabel() == "x (mg)"


def test_the_classical_constant_is_drawn_flat() -> None:
    constant = xr.DataArray(np.full((2, 100), 1.5), dims=("chain", "draw"))
    figure = plot_function_band(
        _function(), xlabel="x", ylabel="k", classical=constant, visited=[1.0, 2.0]
    )
    (axes,) = figure.axes
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), np.full(5, 1.5))
    legend = axes.get_legend()
    assert legend is not None
    assert "classical model" in [text.get_text() for text in legend.get_texts()]


def test_each_subject_has_a_panel_with_its_own_measurements() -> None:
    study = theophylline()
    observed = study.to_xarray()
    curves = xr.Dataset(
        {"cp": (("sample", "observation"), np.tile(observed.value, (3, 1)))},
        coords={
            "time": ("observation", observed.time.to_numpy()),
            "subject_of_observation": (
                "observation",
                study.subjects[observed.observation_subject.to_numpy()],
            ),
        },
    )
    figure = plot_individual_fits(study, curves, "cp", xlabel="h", ylabel="mg/L")
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title() for axes in panels] == [f"subject {i}" for i in range(1, 13)]
    records = study.records
    third = (records.subject == 2) & (records.evid == 0)
    np.testing.assert_array_equal(panels[2].lines[1].get_ydata(), records.value[third])


def test_what_an_assay_could_not_quantify_is_a_triangle_at_its_limit() -> None:
    study = theophylline().select(subjects=[1, 2])
    records = study.records
    below = (records.subject == 1) & (records.evid == 0) & (records.value < 3.0)
    assert 0 < below.sum() < 11
    study = replace(
        study,
        records=replace(
            records,
            value=np.where(below, 3.0, records.value),
            censoring=below.astype(np.int64),
        ),
    )
    observed = study.to_xarray()
    curves = xr.Dataset(
        {"cp": (("sample", "observation"), np.ones((2, observed.sizes["observation"])))},
        coords={
            "time": ("observation", observed.time.to_numpy()),
            "subject_of_observation": (
                "observation",
                study.subjects[observed.observation_subject.to_numpy()],
            ),
        },
    )
    figure = plot_individual_fits(study, curves, "cp", log=True)
    first, second = figure.axes
    assert "below the limit" not in [line.get_label() for line in first.lines]
    (triangles,) = [line for line in second.lines if line.get_label() == "below the limit"]
    np.testing.assert_array_equal(triangles.get_ydata(), np.full(below.sum(), 3.0))
    assert "below the limit" in [t.get_text() for t in figure.legends[0].get_texts()]
    assert second.get_yscale() == "log"
