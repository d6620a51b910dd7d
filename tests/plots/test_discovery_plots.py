"""Plots of chosen doses and of learned modes show the numbers they were given."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import bnode_nlme as bn
from tests.discovery.patients import bolus_fit
from tests.discovery.test_learned_modes import GRID, NET, around, fit_of


@pytest.fixture(scope="module")
def new() -> bn.Individualisation:
    study = bn.Study.from_regimen({7: None}, times=[0.0])
    return bn.individualise(bolus_fit(), study, samples=200, seed=1)


def lines(figure: Figure, panel: int) -> list[np.ndarray]:
    return [np.asarray(line.get_xydata()) for line in figure.axes[panel].lines]


def test_the_curve_of_probabilities_is_drawn_over_the_dose(new: bn.Individualisation) -> None:
    choice = bn.optimise_dose(
        new,
        [bn.AUC(start=0, end=500, lower=20, upper=30, unit="mg·h/L"), bn.Peak(start=0, end=9, upper=8)],
        regimen=bn.Regimen,
        doses=[40.0, 80.0, 120.0],
    )  # fmt: skip
    figure = bn.plot_dose_choice(choice, xlabel="dose (mg)")
    np.testing.assert_allclose(lines(figure, 0)[0][:, 0], [40.0, 80.0, 120.0])
    np.testing.assert_allclose(lines(figure, 0)[0][:, 1], choice.data["probability"])
    np.testing.assert_allclose(lines(figure, 0)[-1], [[choice.dose, choice.probability]])
    np.testing.assert_allclose(
        lines(figure, 1)[0][:, 1], choice.data["exposure"].sel(quantile=0.5).isel(target=0)
    )
    assert figure.axes[-1].get_xlabel() == "dose (mg)"
    assert figure.axes[1].get_ylabel() == "AUC (mg·h/L)"


def test_named_candidates_stand_side_by_side(new: bn.Individualisation) -> None:
    choice = bn.optimise_dose(
        new,
        bn.Trough(at=12.0, lower=1.0),
        candidates={"none": None, "once": bn.Regimen(50.0), "twice": bn.Regimen(99.0)},
    )
    figure = bn.plot_dose_choice(choice)
    heights = [bar.get_height() for bar in figure.axes[0].patches if isinstance(bar, Rectangle)]
    np.testing.assert_allclose(heights, choice.data["probability"])
    labels = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    assert labels == ["none", "once", "twice"]


def test_each_member_has_the_colour_of_its_mode() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(2, NET.size))
    chains = np.stack([around(c, 0.02, 100, rng) for c in (first, second, first)])
    found = bn.learned_modes(fit_of(chains), inputs=GRID)
    figure = bn.plot_learned_modes(found, xlabel="x", ylabel="f")
    drawn = figure.axes[0].lines
    colours = [tuple(np.atleast_1d(line.get_color()).tolist()) for line in drawn]
    assert colours[0] == colours[2] != colours[1]
    np.testing.assert_allclose(
        np.asarray(drawn[1].get_ydata()), found.data["value"].sel(quantile=0.5).isel(member=1)
    )
    image = figure.axes[1].images[0].get_array()
    assert image is not None
    assert image.shape == (3, 3)
