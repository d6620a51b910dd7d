"""Elementary functions against 50 digits, at each width, and their coefficients."""

import importlib
import math
import runpy
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest

from bnode_nlme.engine.elementary import ELEMENTARY
from bnode_nlme.engine.elementary.trigonometric import FARTHEST, HALF_PI
from tests.engine.elementary_arguments import DOMAINS, arguments, powers
from tests.engine.elementary_reference import COMPOSED, REFERENCE, arguments_of, errors, evaluate

WIDTHS = (1, 2, 4, 8)
BOUND = 4.0  # ulp
# Near their zeros these are good to the last bits of 1, not of themselves.
LEAST = {"lgamma": 1.0, "psi": 1.0}
UNARY = sorted(name for name in REFERENCE if arguments_of(name) == 1)


def test_every_function_has_a_reference():
    assert set(REFERENCE) == ELEMENTARY | set(COMPOSED)


# Narrow vectors all give the same bits; the widest sums its polynomials in another order.
@pytest.mark.parametrize("width", [4, 8])
@pytest.mark.parametrize("name", UNARY)
def test_within_four_ulp_of_the_true_value(name, width):
    x = arguments(name)
    values = evaluate(name, x, width=width)
    found = np.array(list(errors(name, values, x, least=LEAST.get(name, 0.0))))
    worst = int(np.argmax(found))
    assert found[worst] <= BOUND, f"{name}({x[worst]!r}) is {found[worst]} ulp off"


@pytest.mark.parametrize("width", [1, 4, 8])
def test_powers_are_within_four_ulp_of_the_true_value(width):
    x, y = powers()
    found = np.array(list(errors("pow", evaluate("pow", x, y, width=width), x, y)))
    worst = int(np.argmax(found))
    assert found[worst] <= BOUND, f"{x[worst]!r}**{y[worst]!r} is {found[worst]} ulp off"


SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, -5e-324, 1e300, -1e300, -2.5, -3.0]


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_narrow_widths_give_the_same_bits_and_the_widest_the_same_numbers(name):
    if arguments_of(name) == 1:
        given = [np.concatenate([arguments(name, 100), SPECIAL])]
    else:
        given = [
            np.concatenate([a, b.ravel()])
            for a, b in zip(powers(100), np.meshgrid(SPECIAL, SPECIAL), strict=True)
        ]
    # Alone, a power is the C library's.
    widths = WIDTHS[1:] if name == "pow" else WIDTHS
    first = evaluate(name, *given, width=widths[0])
    for width in widths[1:]:
        found = evaluate(name, *given, width=width)
        if width <= 4:
            np.testing.assert_array_equal(found, first)
        else:  # its polynomials are summed in another order
            np.testing.assert_allclose(found, first, rtol=4e-15, atol=4e-15)


@pytest.mark.parametrize("name", sorted({"sin", "cos", "tan", "lgamma", "psi"}))
@pytest.mark.parametrize("width", WIDTHS)
def test_a_rare_argument_leaves_its_neighbours_alone(name, width):
    # Far out or below zero there is a branch: each place in the vector takes it in turn.
    usual = np.linspace(0.3, 7.9, width)
    alone = evaluate(name, usual, width=width)
    for place in range(width):
        for rare in (-7.25, 3e15):
            mixed = usual.copy()
            mixed[place] = rare
            expected = alone.copy()
            expected[place] = evaluate(name, np.full(width, rare), width=width)[0]
            np.testing.assert_array_equal(evaluate(name, mixed, width=width), expected)


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_arguments_out_of_all_proportion(name):
    rng = np.random.default_rng(5)
    ends = [FARTHEST, math.nextafter(FARTHEST, math.inf), 1e22, 1.7e308]
    x = np.concatenate([ends, 10.0 ** rng.uniform(12, 308, 300)])
    x = np.concatenate([x, -x])
    assert max(errors(name, evaluate(name, x), x)) <= BOUND
    # The double that is nearest of all to a multiple of pi / 2 (Muller 2016): there
    # the C library itself is some units off.
    hardest = np.array([math.ldexp(6381956970095103, 797)])
    assert max(errors(name, evaluate(name, hardest), hardest)) <= 16.0


def test_sine_and_cosine_never_exceed_one():
    x = np.concatenate([arguments("sin", 20_000), arguments("cos", 20_000)])
    assert np.abs([evaluate("sin", x), evaluate("cos", x)]).max() == 1.0


def test_the_parts_of_half_pi_leave_nothing():
    with mp.workdps(80):
        assert abs(mp.fsum(HALF_PI) - mp.pi / 2) < mp.mpf(2) ** -160


def test_below_zero_the_gamma_functions_are_as_good_as_their_terms():
    rng = np.random.default_rng(6)
    x = -np.concatenate([rng.uniform(0, 40, 600), 10.0 ** rng.uniform(-300, 6, 300)])
    assert max(errors("lgamma", evaluate("lgamma", x), x, least=1.0)) <= BOUND
    for given, found in zip(x.tolist(), evaluate("psi", x).tolist(), strict=True):
        with mp.workdps(60):
            # Between its poles the reflection subtracts two numbers of the same size.
            terms = mp.psi(0, 1 - mp.mpf(given)), mp.pi * mp.cot(mp.pi * mp.mpf(given))
            error = abs(mp.mpf(found) - (terms[0] - terms[1]))
            assert error <= BOUND * math.ulp(float(max(map(abs, terms))))


@pytest.mark.parametrize(
    "name",
    [
        "exp",
        "exp2",
        "expm1",
        "log",
        "log1p",
        "tanh",
        "sigmoid",
        "softplus",
        "sinh",
        "asinh",
        "acosh",
        "atanh",
        "asin",
        "atan",
        "erf",
        "psi",
    ],
)
def test_rises(name):
    # Over many neighbouring numbers an approximation may step back by its error, never by more.
    x = np.sort(arguments(name, 200))
    y = evaluate(name, x)
    y = y[np.isfinite(y)]
    unit = np.spacing(np.maximum(np.abs(y[1:]), LEAST.get(name, 0.0)))
    assert np.all(np.diff(y) >= -2 * BOUND * unit)


@pytest.mark.parametrize(
    "name", ["sin", "tan", "sinh", "tanh", "asinh", "atanh", "atan", "asin", "erf"]
)
def test_odd_functions_are_odd(name):
    x = arguments(name, 50)
    np.testing.assert_array_equal(evaluate(name, -x), -evaluate(name, x))


@pytest.mark.parametrize("name", sorted(DOMAINS.keys() - {"lgamma", "psi", "log1p_unit"}))
def test_outside_its_domain_there_is_no_number(name):
    low, high = DOMAINS[name]
    # Between the domain and a pole at its end there is nothing.
    low, high = {"log1p": (-1.0, high), "atanh": (-1.0, 1.0)}.get(name, (low, high))
    outside = np.array([low - 0.1, low - 1e3, high + 0.1, high + 1e3])
    outside = outside[np.isfinite(outside)]
    assert len(outside)
    assert np.isnan(evaluate(name, outside)).all()


def test_coefficients_are_those_that_the_tool_computes():
    path = Path(__file__).parents[2] / "tools" / "elementary_coefficients.py"
    computed = runpy.run_path(str(path))["coefficients"]()
    for full_name, values in computed.items():
        module, name = full_name.split(".")
        found = getattr(importlib.import_module(f"bnode_nlme.engine.elementary.{module}"), name)
        # An approximation of another rounding would do as well: the leading digits must agree.
        np.testing.assert_allclose(found, values, rtol=1e-12)
