"""Expressions that no library holds, found from draws of a function."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
import sympy
from numpy.typing import NDArray

from bnode_nlme.discovery.form_fit import FormFit, FunctionDraws, fit_form
from bnode_nlme.discovery.forms import Form
from bnode_nlme.discovery.symbolic_search import symbolic_fits

Array = NDArray[np.float64]
X = np.linspace(0.2, 15.0, 40)


def draws_of(values: Array, points: Array = X[:, None], seed: int = 5) -> FunctionDraws:
    """Smooth draws that are off by some 6 %, with a median that is off too."""
    rng = np.random.default_rng(seed)
    level = 0.05 * rng.standard_normal((30, 1))
    wave = np.sin(points[:, 0] / 3.0 + rng.uniform(0.0, 6.0, (30, 1)))
    off = 1.0 + level + 0.03 * rng.standard_normal((30, 1)) * wave
    return FunctionDraws(points, np.full(len(points), 1.0 / len(points)), values * off)


def found_in(draws: FunctionDraws, *known: FormFit) -> list[FormFit]:
    pytest.importorskip("pyoperon", reason="no wheel of Operon for this platform")
    return symbolic_fits(draws, known, np.random.default_rng(7))


def michaelis_menten(draws: FunctionDraws) -> FormFit:
    form = Form("Michaelis-Menten", "Vmax/(Km + x)")
    fitted = fit_form(form, draws, np.random.default_rng(1))
    assert fitted is not None
    return fitted


def curve(found: FormFit, points: Array = X[:, None]) -> Array:
    function = found.form.array_function()
    return np.asarray(function(*points.T, *found.median), dtype=float)


@pytest.mark.parametrize(
    ("truth", "constants"),
    [
        (lambda x: 2.0 / (3.0 + x), 2),
        (lambda x: 0.2 + 0.5 * np.exp(-0.3 * x), 3),
        (lambda x: x * np.exp(-0.2 * x) / (1.0 + x), 3),
        (lambda x: 1.0 - 2.0 * x / (3.0 + x), 3),
    ],
    ids=["Michaelis-Menten", "exponential and offset", "rise and fall", "through zero"],
)
def test_the_nearest_expression_is_the_truth_with_no_constant_too_many(
    truth: Callable[[Array], Array], constants: int
) -> None:
    draws = draws_of(truth(X))
    nearest = min(found_in(draws), key=lambda own: own.misfit)
    assert len(nearest.form.constants) == constants
    assert nearest.misfit < 0.1
    assert np.all(nearest.median > 0.0)
    # Half as far again: the expression is the mechanism's and no imitation of the points.
    far = np.linspace(15.0, 22.0, 20)
    assert np.max(np.abs(curve(nearest, far[:, None]) - truth(far))) < 0.05 * np.ptp(truth(X))


def test_a_function_that_is_constant_is_one_constant() -> None:
    (found,) = found_in(draws_of(np.full(X.size, 0.3)))
    assert found.form.is_reference
    assert found.median == pytest.approx([0.3], rel=0.05)


def test_what_the_library_has_is_left_out_and_the_rest_is_not() -> None:
    draws = draws_of(2.0 / (3.0 + X))
    known = michaelis_menten(draws)
    before, after = found_in(draws), found_in(draws, known)
    same = [own for own in before if np.allclose(curve(own), curve(known), rtol=0.01)]
    assert len(same) == 1
    assert [own.form for own in after] == [own.form for own in before if own is not same[0]]


def test_two_inputs() -> None:
    rng = np.random.default_rng(2)
    points = rng.uniform(0.2, 5.0, (150, 2))
    truth = points[:, 0] / (points[:, 0] + 2.0) + 0.3 * points[:, 1]
    nearest = min(found_in(draws_of(truth, points)), key=lambda own: own.misfit)
    assert nearest.form.inputs == 2
    assert {str(own) for own in nearest.form.expression.free_symbols} >= {"x1", "x2"}
    np.testing.assert_allclose(curve(nearest, points), truth, rtol=0.1)


def test_the_same_seed_finds_the_same() -> None:
    draws = draws_of(0.2 + 0.5 * np.exp(-0.3 * X))
    first, second = found_in(draws), found_in(draws)
    assert [own.form for own in first] == [own.form for own in second]
    assert all(isinstance(own.form.expression, sympy.Expr) for own in first)


def test_without_operon_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyoperon.sklearn", None)
    with pytest.raises(ImportError, match=r"pip install 'bnode-nlme\[symbolic\]'"):
        symbolic_fits(draws_of(2.0 / (3.0 + X)), [], np.random.default_rng(7))
