"""Elementary functions at zeros, infinities, NaN, and the ends of the doubles."""

import math

import numpy as np
import pytest

from tests.engine.elementary_reference import REFERENCE, arguments_of, evaluate

INF, NAN, TINY, HUGE = math.inf, math.nan, 5e-324, 1.7976931348623157e308
HALF_PI = math.pi / 2

EDGES = {
    #          0.0   -0.0   inf  -inf  tiny  -tiny  huge  -huge
    "exp": (1.0, 1.0, INF, 0.0, 1.0, 1.0, INF, 0.0),
    "exp2": (1.0, 1.0, INF, 0.0, 1.0, 1.0, INF, 0.0),
    "expm1": (0.0, -0.0, INF, -1.0, TINY, -TINY, INF, -1.0),
    "log": (-INF, -INF, INF, NAN, math.log(TINY), NAN, math.log(HUGE), NAN),
    "log2": (-INF, -INF, INF, NAN, -1074.0, NAN, 1024.0, NAN),
    "log10": (-INF, -INF, INF, NAN, math.log10(TINY), NAN, math.log10(HUGE), NAN),
    "log1p": (0.0, -0.0, INF, NAN, TINY, -TINY, math.log(HUGE), NAN),
    "log1mexp": (-INF, -INF, NAN, -0.0, NAN, math.log(TINY), NAN, -0.0),
    "sigmoid": (0.5, 0.5, 1.0, 0.0, 0.5, 0.5, 1.0, 0.0),
    "softplus": (math.log(2), math.log(2), INF, 0.0, math.log(2), math.log(2), HUGE, 0.0),
    "tanh": (0.0, -0.0, 1.0, -1.0, TINY, -TINY, 1.0, -1.0),
    "sinh": (0.0, -0.0, INF, -INF, TINY, -TINY, INF, -INF),
    "cosh": (1.0, 1.0, INF, INF, 1.0, 1.0, INF, INF),
    "asinh": (0.0, -0.0, INF, -INF, TINY, -TINY, math.asinh(HUGE), -math.asinh(HUGE)),
    "acosh": (NAN, NAN, INF, NAN, NAN, NAN, math.acosh(HUGE), NAN),
    "atanh": (0.0, -0.0, NAN, NAN, TINY, -TINY, NAN, NAN),
    "sin": (0.0, -0.0, NAN, NAN, TINY, -TINY, math.sin(HUGE), -math.sin(HUGE)),
    "cos": (1.0, 1.0, NAN, NAN, 1.0, 1.0, math.cos(HUGE), math.cos(HUGE)),
    "tan": (0.0, -0.0, NAN, NAN, TINY, -TINY, math.tan(HUGE), -math.tan(HUGE)),
    "asin": (0.0, -0.0, NAN, NAN, TINY, -TINY, NAN, NAN),
    "acos": (HALF_PI, HALF_PI, NAN, NAN, HALF_PI, HALF_PI, NAN, NAN),
    "atan": (0.0, -0.0, HALF_PI, -HALF_PI, TINY, -TINY, HALF_PI, -HALF_PI),
    "erf": (0.0, -0.0, 1.0, -1.0, TINY, -TINY, 1.0, -1.0),
    "erfc": (1.0, 1.0, 0.0, 2.0, 1.0, 1.0, 0.0, 2.0),
    "lgamma": (INF, INF, INF, INF, -math.log(TINY), -math.log(TINY), INF, INF),
    "psi": (-INF, INF, INF, NAN, -INF, INF, math.log(HUGE), NAN),
}


def test_every_function_of_all_numbers_has_edges():
    unary = {name for name in REFERENCE if arguments_of(name) == 1}
    assert set(EDGES) == unary - {"log1p_unit"}


@pytest.mark.parametrize("name", sorted(EDGES))
def test_edges(name):
    x = np.array([0.0, -0.0, INF, -INF, TINY, -TINY, HUGE, -HUGE, NAN, -NAN])
    found = evaluate(name, x)
    expected = np.array([*EDGES[name], NAN, NAN])
    np.testing.assert_array_max_ulp(found[np.isfinite(expected)], expected[np.isfinite(expected)])
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))
    np.testing.assert_array_equal(found[np.isinf(expected)], expected[np.isinf(expected)])
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    zeros = expected == 0.0
    np.testing.assert_array_equal(np.signbit(found[zeros]), np.signbit(expected[zeros]))


def test_the_logarithm_has_its_pole_at_minus_one():
    found = evaluate("log1p", np.array([-1.0, np.nextafter(-1.0, 0.0), -1.0000000000000002]))
    assert found[0] == -math.inf
    assert found[1] == pytest.approx(-53 * math.log(2), rel=1e-15)
    assert math.isnan(found[2])


def test_values_that_are_exact():
    assert evaluate("acosh", [1.0]) == 0.0
    assert evaluate("acos", [1.0]) == 0.0
    np.testing.assert_array_equal(evaluate("atanh", [-1.0, 1.0]), [-INF, INF])
    np.testing.assert_array_equal(evaluate("asin", [-1.0, 1.0]), [-HALF_PI, HALF_PI])
    np.testing.assert_array_equal(evaluate("lgamma", [1.0, 2.0]), [0.0, 0.0])
    np.testing.assert_array_equal(
        evaluate("pow", [2.0, 10.0, 9.0], [10.0, 2.0, 0.5]), [1024, 100, 3]
    )


def test_poles_of_the_gamma_function():
    whole = np.array([-1.0, -2.0, -17.0, -(2.0**53), -1e300])
    np.testing.assert_array_equal(evaluate("lgamma", whole), np.full(5, INF))
    assert np.isnan(evaluate("psi", whole)).all()


# Annex F.10.4.4 of ISO/IEC 9899:2018, line by line: base, exponent, power.
POWERS = [
    *((s * 0.0, -3.0, s * INF) for s in (1, -1)),
    *((s * 0.0, y, INF) for s in (1, -1) for y in (-2.0, -0.5, -INF, -1e300)),
    *((s * 0.0, 3.0, s * 0.0) for s in (1, -1)),
    *((s * 0.0, y, 0.0) for s in (1, -1) for y in (2.0, 0.5, INF, 1e300)),
    *((-1.0, y, 1.0) for y in (INF, -INF)),
    *((1.0, y, 1.0) for y in (0.0, -3.5, 1e300, INF, -INF, NAN)),
    *((x, y, 1.0) for y in (0.0, -0.0) for x in (0.0, -0.0, 2.5, -2.5, INF, -INF, NAN, TINY)),
    *((x, y, NAN) for x in (-2.0, -0.5, -TINY, -HUGE) for y in (0.5, -1.5, TINY, 1e-300)),
    *((x, -INF, INF) for x in (0.5, -0.5, TINY, -TINY, math.nextafter(1.0, 0.0))),
    *((x, -INF, 0.0) for x in (2.0, -2.0, HUGE, -HUGE, math.nextafter(1.0, 2.0))),
    *((x, INF, 0.0) for x in (0.5, -0.5, TINY, -TINY, math.nextafter(1.0, 0.0))),
    *((x, INF, INF) for x in (2.0, -2.0, HUGE, -HUGE, math.nextafter(1.0, 2.0))),
    (-INF, -3.0, -0.0),
    *((-INF, y, 0.0) for y in (-2.0, -0.5, -INF)),
    (-INF, 3.0, -INF),
    *((-INF, y, INF) for y in (2.0, 0.5, INF)),
    *((INF, y, 0.0) for y in (-3.0, -0.5, -TINY, -INF)),
    *((INF, y, INF) for y in (3.0, 0.5, TINY, INF)),
    *((NAN, y, NAN) for y in (1.0, -2.5, INF, NAN)),
    *((x, NAN, NAN) for x in (0.0, -1.0, 2.0, INF, -INF)),
    # Whole numbers as far as there are odd ones, and beyond.
    (-1.0, 2.0**53 - 1, -1.0),
    (-1.0, 2.0**53, 1.0),
    (-1.0, 2.0**52 + 1, -1.0),
    (-1.0, 2.0**51 + 0.5, NAN),
    (-2.0, 1023.0, -(2.0**1023)),
    (-2.0, 1025.0, -INF),
    (-2.0, -1074.0, TINY),
    (-2.0, -1075.0, -0.0),
    (-2.0, -1077.0, -0.0),
    (2.0, -1074.0, TINY),
    (TINY, 1.0, TINY),
    (TINY, -1.0, INF),
    (HUGE, 1.0, HUGE),
    (HUGE, HUGE, INF),
    (HUGE, -HUGE, 0.0),
    (math.nextafter(1.0, 0.0), HUGE, 0.0),
    (math.nextafter(1.0, 2.0), TINY, 1.0),
]


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_edges_of_powers(width):
    x, y, expected = np.array(POWERS).T
    found = evaluate("pow", x, y, width=width)
    for given in zip(x, y, expected, found, strict=True):
        wanted, power = given[2:]
        same = power == wanted and np.signbit(power) == np.signbit(wanted)
        assert same or (np.isnan(wanted) and np.isnan(power)), given
