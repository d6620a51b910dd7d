"""A curve of a covariate is the natural spline through its coefficients."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest

import bnode_nlme as bn
from tests.nlme.declarations import WEIGHTS, bolus_nlme, small_study

KNOTS = (40.0, 60.0, 70.0, 100.0)
SPLINE = bn.Spline("WT", KNOTS, 70.0, spread=0.4)


def test_it_goes_through_its_coefficients_and_is_natural():
    coefficients = np.array([-0.4, -0.1, 0.3])
    np.testing.assert_allclose(SPLINE.basis(np.array(KNOTS)) @ coefficients, [-0.4, -0.1, 0.0, 0.3])
    for grid in (np.linspace(1.0, 40.0, 9), np.linspace(100.0, 200.0, 9)):
        line = SPLINE.basis(grid) @ coefficients
        np.testing.assert_allclose(np.diff(line, 2), 0.0, atol=1e-12)
    between = SPLINE.basis(np.linspace(60.0, 70.0, 9)) @ coefficients
    np.testing.assert_allclose(np.diff(between, 4), 0.0, atol=1e-12)
    # One slope and one curvature on both sides of a knot.
    near = SPLINE.basis(np.array([40.0, 60.0, 70.0])[:, None].repeat(5, 1).ravel() + np.tile(
        np.arange(-2, 3) * 1e-2, 3)).reshape(3, 5, 3) @ coefficients  # fmt: skip
    np.testing.assert_allclose(np.diff(near, 2), 0.0, atol=1e-5)


def test_the_factor_in_a_model():
    nlme = bolus_nlme(bn.Individual(4.0, effect=0.1, covariates=[SPLINE]))
    model = nlme.build(small_study())
    CL, coefficient, eta = pm.draw([model[n] for n in ("CL", "CL_WT", "eta")], 3, random_seed=1)
    expected = 4.0 * np.exp(coefficient @ SPLINE.basis(WEIGHTS).T + eta[..., 0])
    np.testing.assert_allclose(CL, expected, rtol=1e-12)
    assert list(model.coords["CL_WT_knot"]) == [40.0, 60.0, 100.0]
    text = repr(nlme)
    assert "CL = 4 * exp(spline(WT; CL_WT, 0 at 70)) * exp(eta_CL)" in text
    assert "CL_WT ~ Normal(0, 0.4) at each of 40, 60, 100" in text
    assert r"\mathrm{spline}(\mathrm{WT}_i" in nlme.to_latex()


def test_knots_of_a_study():
    made = bn.Spline.of(small_study(), "WT")
    assert made.knots == (52.0, 60.0, 70.0, 80.5, 88.9)
    assert made.center == 70.0
    with pytest.raises(ValueError, match="does not hold the covariate 'AGE'; it holds 'WT', 'SEX'"):
        bn.Spline.of(small_study(), "AGE")
    with pytest.raises(ValueError, match="too few different values for a curve"):
        bn.Spline.of(small_study(WT=np.full(3, 70.0)), "WT")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("WT", (40.0, 70.0), 70.0), "wants three increasing numbers or more.*bn.Spline.of"),
        (("WT", (40.0, 90.0, 70.0), 70.0), "wants three increasing numbers"),
        (("WT", KNOTS, 75.0), "wants one of the knots .*found 75"),
        (("WT", KNOTS, 70.0, 0.0), "spread= wants a positive number; found 0"),
    ],
)
def test_faulty_splines(arguments, message):
    with pytest.raises(ValueError, match=message):
        bn.Spline(*arguments)
