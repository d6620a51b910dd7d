"""Shapes are centred, of unit size, and what they say they are."""

from __future__ import annotations

import numpy as np
import pytest

from bnode_nlme.discovery.covariate_shapes import Shape, shapes_of

X = 70.0 * np.exp(0.3 * np.random.default_rng(1).normal(size=200))


@pytest.mark.parametrize("name", ["linear", "power"])
def test_lines_are_standardised(name):
    basis = Shape(name, X).basis(X)
    np.testing.assert_allclose(basis.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose((basis**2).mean(axis=0), 1.0)
    straight = X if name == "linear" else np.log(X)
    assert np.corrcoef(basis[:, 0], straight)[0, 1] == pytest.approx(1.0)


def test_a_curve_bends_without_tilting():
    basis = Shape("curve", X).basis(X)
    np.testing.assert_allclose(basis[:, 0], Shape("linear", X).basis(X)[:, 0])
    gram = basis.T @ basis / X.size
    np.testing.assert_allclose(gram, np.diag([1.0, 0.5, 0.5]), atol=1e-8)
    np.testing.assert_allclose(basis.mean(axis=0), 0.0, atol=1e-9)


def test_a_curve_is_a_natural_cubic_spline_in_new_values_too():
    shape = Shape("curve", X)
    knots = np.quantile(X, [0.0, 1 / 3, 2 / 3, 1.0])
    # Straight beyond the outer knots, cubic between two.
    for grid in (np.linspace(1.0, knots[0], 9), np.linspace(knots[-1], 400.0, 9)):
        np.testing.assert_allclose(np.diff(shape.basis(grid), 2, axis=0), 0.0, atol=1e-8)
    inner = shape.basis(np.linspace(knots[1], knots[2], 12))
    np.testing.assert_allclose(np.diff(inner, 4, axis=0), 0.0, atol=1e-8)
    assert np.abs(np.diff(inner, 2, axis=0)).max() > 1e-3


def test_categories_have_one_indicator_less():
    codes = np.repeat([0.0, 1.0, 2.0], [30, 50, 20])
    (shape,) = shapes_of("FORM", codes, curves=True, categorical=True)
    basis = shape.basis(codes)
    assert basis.shape == (100, 2)
    np.testing.assert_allclose(basis.mean(axis=0), 0.0, atol=1e-12)
    assert len(np.unique(basis, axis=0)) == 3


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (X, ["linear", "power", "curve"]),
        (X - 70.0, ["linear", "curve"]),
        (np.repeat([0.0, 1.0], 100), ["linear"]),
        (np.repeat([1.0, 2.0, 3.0], 50), ["linear", "power"]),
        (100.0 + 0.1 * X, ["linear", "curve"]),
    ],
)
def test_shapes_that_values_allow(values, names):
    shapes = shapes_of("x", values, curves=True, categorical=False)
    assert [shape.name for shape in shapes] == names


def test_unusable_values():
    with pytest.raises(ValueError, match="'x' is 3 in every subject"):
        shapes_of("x", np.full(9, 3.0), curves=True, categorical=False)
    with pytest.raises(ValueError, match="'x' is missing in some subjects"):
        shapes_of("x", np.array([1.0, np.nan]), curves=True, categorical=False)
