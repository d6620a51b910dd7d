"""Every scalar operation in native code against NumPy and SciPy, edges of the reals included."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pytensor.tensor.special import logaddexp
from scipy import special

from bnode_nlme.engine import LoweringError
from tests.engine.lowered import natively, program_of

EDGES = [
    *(0.0, -0.0, math.inf, -math.inf, math.nan),
    *(1.0, -1.0, 0.5, -0.5, 1e-300, -1e-300, 5e-324, 1e300, -1e300, 1.7e308, -1.7e308),
    *(709.7, 710.0, -745.0, -746.0, 36.0, -37.0, 2.5, 3.5, -2.5, 1e15, 4503599627370497.5),
]
_RANDOM = np.random.default_rng(0)
WIDE = np.concatenate(
    [
        EDGES,
        _RANDOM.normal(size=200),
        _RANDOM.normal(size=200) * 30,
        np.exp(_RANDOM.uniform(-700, 700, size=200)) * _RANDOM.choice([-1, 1], 200),
    ]
)

UNARY: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "neg": (lambda x: -x, np.negative),
    "exp": (pt.exp, np.exp),
    "exp2": (pt.exp2, np.exp2),
    "expm1": (pt.expm1, np.expm1),
    "log": (pt.log, np.log),
    "log2": (pt.log2, np.log2),
    "log10": (pt.log10, np.log10),
    "log1p": (pt.log1p, np.log1p),
    "sqrt": (pt.sqrt, np.sqrt),
    "sqr": (pt.sqr, np.square),
    "reciprocal": (pt.reciprocal, np.reciprocal),
    "tanh": (pt.tanh, np.tanh),
    "sin": (pt.sin, np.sin),
    "cos": (pt.cos, np.cos),
    "tan": (pt.tan, np.tan),
    "sinh": (pt.sinh, np.sinh),
    "cosh": (pt.cosh, np.cosh),
    "arcsin": (pt.arcsin, np.arcsin),
    "arccos": (pt.arccos, np.arccos),
    "arctan": (pt.arctan, np.arctan),
    "arcsinh": (pt.arcsinh, np.arcsinh),
    "arccosh": (pt.arccosh, np.arccosh),
    "arctanh": (pt.arctanh, np.arctanh),
    "abs": (pt.abs, np.abs),
    "floor": (pt.floor, np.floor),
    "ceil": (pt.ceil, np.ceil),
    "trunc": (pt.trunc, np.trunc),
    "round": (lambda x: pt.round(x, mode="half_to_even"), np.rint),
    "sign": (pt.sign, np.sign),
    "erf": (pt.erf, special.erf),
    "erfc": (pt.erfc, special.erfc),
    "gamma": (pt.gamma, lambda x: np.array([_gamma(value) for value in x])),
    "gammaln": (pt.gammaln, special.gammaln),
    "psi": (pt.psi, special.psi),
    "sigmoid": (pt.sigmoid, special.expit),
    "softplus": (pt.softplus, lambda x: np.logaddexp(0.0, x)),
    "log1mexp": (pt.log1mexp, lambda x: np.where(x > -0.7, np.log(-np.expm1(x)), np.log1p(-np.exp(x)))),
    "isnan": (lambda x: pt.isnan(x) * 1.0, np.isnan),
    "isinf": (lambda x: pt.isinf(x) * 1.0, np.isinf),
    "to integer": (lambda x: pt.cast(pt.clip(x, -1e6, 1e6), "int64") * 1.0,
                   lambda x: np.where(np.isnan(x), np.nan, np.trunc(np.clip(x, -1e6, 1e6)))),
    "to bool": (lambda x: pt.cast(x, "bool") * 1.0, lambda x: (x != 0) * 1.0),
    "not": (lambda x: pt.invert(x > 0) * 1.0, lambda x: ~(x > 0) * 1.0),
    "cube": (lambda x: x**3, lambda x: x * x * x),
    "eighth power": (lambda x: x**8, lambda x: ((x * x) ** 2) ** 2),
    "third root": (lambda x: x ** (1 / 3), lambda x: np.power(x, 1 / 3)),
    "power by infinity": (lambda x: x**math.inf, lambda x: np.power(x, math.inf)),
    "power by -2": (lambda x: x**-2.0, lambda x: np.power(x, -2.0)),
}  # fmt: skip


def _gamma(x: float) -> float:
    try:
        return math.gamma(x)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.copysign(math.inf, x) if x == 0.0 else math.nan


@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str) -> None:
    symbolic, numeric = UNARY[name]
    x = pt.tensor("x", shape=(3,), dtype="float64")
    values = WIDE[np.abs(np.nan_to_num(WIDE)) < 1e15] if name in {"sin", "cos", "tan"} else WIDE
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = np.asarray(numeric(values), dtype=float)
    # three at a time, so that vectorised calls are met too
    padded = np.resize(values, (-(-len(values) // 3), 3))
    found = natively(x, [symbolic(x)], padded).ravel()[: len(values)]
    if name == "gammaln":  # the C library has +inf at -inf, SciPy inf at denormal numbers
        found[np.isneginf(values)] = -math.inf
        found[np.abs(values) < 1e-308] = wanted[np.abs(values) < 1e-308]
    # SciPy's own error: in the far tail, and between poles.
    rtol = {"erfc": 1e-13, "psi": 1e-12}.get(name, 4e-15)
    atol = {"gammaln": 9e-16, "psi": 5e-15}.get(name, 1e-320)  # about their zeros
    assert_allclose(found, wanted, rtol=rtol, atol=atol)


def test_signs_of_zero_are_kept() -> None:
    x = pt.tensor("x", shape=(1,), dtype="float64")
    operations = [-x, pt.abs(x), pt.sqrt(x), pt.tanh(x), pt.expm1(x), pt.log1p(x), pt.sin(x)]
    found = natively(x, operations, np.array([[0.0], [-0.0]]))
    signs = np.copysign(1.0, found)
    assert_array_equal(signs[0], [-1, 1, 1, 1, 1, 1, 1])
    assert_array_equal(signs[1], [1, 1, -1, -1, -1, -1, -1])
    constant = natively(x, [x * 0.0 + 1.0 / pt.constant(-0.0)], np.ones((1, 1)))
    assert constant[0, 0] == -math.inf


PAIRS = np.array(np.meshgrid(EDGES, EDGES)).reshape(2, -1).T
PAIRS = np.concatenate(
    [PAIRS, _RANDOM.normal(size=(300, 2)) * 5, _RANDOM.integers(-9, 9, (200, 2))]
)

BINARY: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = {
    "add": (lambda a, b: a + b, np.add),
    "sub": (lambda a, b: a - b, np.subtract),
    "mul": (lambda a, b: a * b, np.multiply),
    "div": (lambda a, b: a / b, np.divide),
    "pow": (lambda a, b: a**b, np.power),
    "mod": (pt.mod, np.mod),
    "maximum": (pt.maximum, np.maximum),
    "minimum": (pt.minimum, np.minimum),
    "arctan2": (pt.arctan2, np.arctan2),
    "lt": (lambda a, b: (a < b) * 1.0, np.less),
    "le": (lambda a, b: (a <= b) * 1.0, np.less_equal),
    "gt": (lambda a, b: (a > b) * 1.0, np.greater),
    "ge": (lambda a, b: (a >= b) * 1.0, np.greater_equal),
    "eq": (lambda a, b: pt.eq(a, b) * 1.0, np.equal),
    "neq": (lambda a, b: pt.neq(a, b) * 1.0, np.not_equal),
    "and": (lambda a, b: ((a > 0) & (b > 0)) * 1.0, lambda a, b: (a > 0) & (b > 0)),
    "or": (lambda a, b: ((a > 0) | (b > 0)) * 1.0, lambda a, b: (a > 0) | (b > 0)),
    "xor": (lambda a, b: ((a > 0) ^ (b > 0)) * 1.0, lambda a, b: (a > 0) ^ (b > 0)),
    "switch": (lambda a, b: pt.switch(a > b, a, b), lambda a, b: np.where(a > b, a, b)),
    "logaddexp": (logaddexp, np.logaddexp),
    "bool add": (lambda a, b: ((a > 0) + (b > 0)) * 1.0, lambda a, b: (a > 0) | (b > 0)),
}


@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str) -> None:
    symbolic, numeric = BINARY[name]
    x = pt.tensor("x", shape=(2,), dtype="float64")
    values = PAIRS
    if name == "logaddexp":  # by its definition infinity minus infinity, in PyTensor too
        values = PAIRS[np.isfinite(PAIRS).all(axis=1)]
    with np.errstate(all="ignore"):
        wanted = np.asarray(numeric(*values.T), dtype=float)
    found = natively(x, [symbolic(x[0], x[1])], values)[:, 0]
    # The sum of one logarithm and another cancels in PyTensor's formula as in ours.
    atol = 4e-16 if name == "logaddexp" else 1e-320
    assert_allclose(found, wanted, rtol=4e-15, atol=atol)


def test_floor_division_of_ordinary_numbers() -> None:
    x = pt.tensor("x", shape=(2,), dtype="float64")
    values = PAIRS[(np.abs(PAIRS) < 1e6).all(axis=1) & (np.abs(PAIRS[:, 1]) > 1e-3)]
    found = natively(x, [x[0] // x[1]], values)[:, 0]
    assert_array_equal(found, values[:, 0] // values[:, 1])


@pytest.mark.parametrize(("low", "high"), [(-1.0, 2.0), (0.0, math.inf), (-math.inf, 0.0)])
def test_clip(low: float, high: float) -> None:
    x = pt.tensor("x", shape=(1,), dtype="float64")
    found = natively(x, [pt.clip(x, low, high)], WIDE[:, None])[:, 0]
    assert_array_equal(found, np.clip(WIDE, low, high))


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        (lambda x: pt.tri_gamma(x), "TriGamma"),
        (lambda x: pt.erfcx(x), "Erfcx"),
        (lambda x: pt.cast(pt.bitwise_and(pt.cast(x, "int64"), 3), "float64"), "AND"),
    ],
)
def test_an_operation_without_counterpart_is_refused_by_name(
    expression: Callable[[Any], Any], name: str
) -> None:
    x = pt.tensor("x", shape=(2,), dtype="float64")
    with pytest.raises(LoweringError, match=name):
        natively(x, [expression(x)], np.ones((1, 2)))


def test_the_refusal_lists_what_there_is() -> None:
    x = pt.tensor("x", shape=(2,), dtype="float64")
    with pytest.raises(LoweringError, match=r"Erfcx, which has no.*Available: .*Exp, .*Tanh"):
        natively(x, [pt.erfcx(x)], np.ones((1, 2)))


def test_complex_numbers_are_refused() -> None:
    x = pt.tensor("x", shape=(2,), dtype="float64")
    with pytest.raises(LoweringError, match="complex numbers"):
        program_of(x, [abs(x + pt.constant(1j))])
