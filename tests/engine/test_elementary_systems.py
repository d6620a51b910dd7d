"""Right-hand sides made of elementary functions: their derivatives, and gradients of solutions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose
from pytensor.gradient import grad
from scipy import special
from scipy.integrate import solve_ivp

from bnode_nlme.dynamics import System
from bnode_nlme.engine import simulate
from tests.engine.gradients import value_and_gradient
from tests.engine.lowered import by_pytensor, natively
from tests.engine.tables import observe, study_of
from tests.engine.test_gradients import differences

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sin": pt.sin,
    "cos": pt.cos,
    "tan": pt.tan,
    "arcsin": lambda x: pt.arcsin(x / 3),
    "arccos": lambda x: pt.arccos(x / 3),
    "arctan": pt.arctan,
    "sinh": pt.sinh,
    "cosh": pt.cosh,
    "arcsinh": pt.arcsinh,
    "arccosh": lambda x: pt.arccosh(1 + x),
    "arctanh": lambda x: pt.arctanh(x / 3),
    "pow": lambda x: x ** x[::-1],
    "erf": pt.erf,
    "erfc": pt.erfc,
    "gammaln": pt.gammaln,
    "log1mexp": lambda x: pt.log1mexp(-x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives(name: str) -> None:
    x = pt.tensor("x", shape=(5,), dtype="float64")
    values = np.random.default_rng(3).uniform(0.05, 2.9, (40, 5))
    value = FUNCTIONS[name](x)
    outputs = [value, grad(pt.dot(value, np.arange(1.0, 6.0)), x)]
    found, wanted = natively(x, outputs, values), by_pytensor(x, outputs, values)
    # As far as SciPy's digamma is good.
    assert_allclose(found, wanted, rtol=3e-14, atol=1e-14)


SYSTEMS: dict[str, tuple[Callable[..., Any], Callable[..., float]]] = {
    "season": (
        lambda t, x, a, b: a * (1 + pt.sin(b * t) * pt.cos(x)) - b * x,
        lambda t, x, a, b: a * (1 + np.sin(b * t) * np.cos(x)) - b * x,
    ),
    "hill": (
        lambda t, x, a, b: b - a * x**b / (0.5**b + x**b),
        lambda t, x, a, b: b - a * x**b / (0.5**b + x**b),
    ),
    "probit": (
        lambda t, x, a, b: a * pt.erf(x - b * t) - b * pt.erfc(x),
        lambda t, x, a, b: a * special.erf(x - b * t) - b * special.erfc(x),
    ),
    "gamma": (
        lambda t, x, a, b: pt.exp(-pt.gammaln(a + x)) * (b * t + 0.1) ** a - b * x,
        lambda t, x, a, b: np.exp(-special.gammaln(a + x)) * (b * t + 0.1) ** a - b * x,
    ),
    "bounded": (
        lambda t, x, a, b: pt.arctan(a - x) + pt.log1mexp(-b - pt.sinh(x) ** 2),
        lambda t, x, a, b: np.arctan(a - x) + np.log(-np.expm1(-b - np.sinh(x) ** 2)),
    ),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_solutions_and_their_gradients(name: str) -> None:
    symbolic, plain = SYSTEMS[name]
    system = System(
        states=("x",),
        parameters=("a", "b"),
        rhs=lambda t, y, p, nn, c: {"x": symbolic(t, y.x, p.a, p.b)},
        initial={"x": lambda p, c: p.b},
    )
    a, b = 1.3, 0.8
    times = [0.5, 1.5, 2.0]
    study = study_of([observe(0), *map(observe, times)])
    options: dict[str, Any] = {"method": "adams", "rtol": 1e-11, "atol": 1e-13}
    solved = simulate(system, study, {"a": a, "b": b}, **options)
    exact = solve_ivp(
        lambda t, x: plain(t, x, a, b), (0, 2), [b], t_eval=times, rtol=1e-12, atol=1e-13
    ).y[0]
    assert_allclose(solved["x"].to_numpy()[1:], exact, rtol=1e-8)
    parameters, cotangents = np.array([[a, b]]), np.ones((4, 1))
    _, backward = value_and_gradient(system, study, parameters, np.empty(0), cotangents, **options)
    wanted = differences(system, study, parameters, cotangents, **options)
    assert_allclose(backward.parameters, wanted, rtol=1e-6)
