"""Symbolic regression of a learned function, by Operon."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy.optimize import least_squares

from bnode_nlme.discovery.form_fit import FormFit, FunctionDraws, fit_form
from bnode_nlme.discovery.forms import Form

Array = NDArray[np.float64]

_ROWS, _LENGTH, _MOST = 400, 15, 4
_SEARCH: dict[str, Any] = {
    "allowed_symbols": "add,sub,mul,div,exp,constant,variable",
    "objectives": ["mse", "length"],
    "max_length": _LENGTH,
    "population_size": 500,
    "generations": 60,
    "max_evaluations": 100_000,
    "optimizer_iterations": 5,
    "n_threads": 1,
}
_NOTHING = 0.1
"""Posterior standard deviations: a constant without which the form is no farther off is left out."""
_DIGITS = 12


def symbolic_fits(
    draws: FunctionDraws, known: Sequence[FormFit], rng: np.random.Generator
) -> list[FormFit]:
    """Search for expressions that resemble the median of a learned function where data lie.

    Parameters
    ----------
    draws
        Of the function.
    known
        Forms that were proposed already: what is the same function as one of these, of as many
        constants, is left out.
    rng
        For the search.

    Returns
    -------
    list of FormFit
        Of each number of constants, four at most, the expression that comes nearest, where it comes
        nearer than all smaller ones; in the order of size. Constants are positive, with their signs
        written out.

    Raises
    ------
    ImportError
        When Operon is not installed.

    Notes
    -----
    Genetic programming with local search of the constants, for accuracy and brevity at once
    (Burlacu, Kronberger and Kommenda 2020, doi:10.1145/3377929.3398099). What it finds has more
    constants than it needs: each is replaced by 0 or 1 in turn, and left out for good where the
    expression, fitted anew, is then as near; then, for smaller ones, the constant that is needed
    least is left out, and so on.
    """
    fits = [fit_form(form, draws, rng) for form in _searched(draws, rng)]
    return [
        found
        for found in fits
        if found is not None
        and not any(
            found.form.size == own.form.size and _distance(found, own, draws) < _NOTHING
            for own in known
        )
    ]


def _distance(first: FormFit, second: FormFit, draws: FunctionDraws) -> float:
    """Between the functions, in posterior standard deviations, where data lie."""
    apart = (_curve(first, draws) - _curve(second, draws)) / draws.spread
    return float(np.sqrt(draws.weight @ apart**2))


def _curve(found: FormFit, draws: FunctionDraws) -> Array:
    function = found.form.array_function()
    with np.errstate(all="ignore"):
        values = function(*draws.points.T, *found.median)
    return np.broadcast_to(np.asarray(values, dtype=float), draws.median.shape)


def _searched(draws: FunctionDraws, rng: np.random.Generator) -> list[Form]:
    try:
        from pyoperon.sklearn import SymbolicRegressor
    except ImportError as error:
        raise ImportError(
            "discover(symbolic=True) searches by Operon, which is not installed: "
            "pip install 'bnode-nlme[symbolic]'."
        ) from error
    # Where data lie, and the more often where the function is known well.
    chance = draws.weight / draws.spread**2
    rows = rng.choice(len(chance), size=_ROWS, p=chance / chance.sum())
    search = SymbolicRegressor(**_SEARCH, random_state=int(rng.integers(2**31)))
    search.fit(draws.points[rows], draws.median[rows])
    inputs = draws.points.shape[1]
    names = ["x"] if inputs == 1 else [f"x{place + 1}" for place in range(inputs)]
    symbols = {f"X{place + 1}": sympy.Symbol(name) for place, name in enumerate(names)}
    nearest: dict[int, tuple[float, Form]] = {}
    for found in sorted(search.pareto_front_, key=lambda one: one["tree"].Length):
        text = search.get_model_string(found["tree"], _DIGITS)
        opened, constants = _opened(_as_quotient(sympy.sympify(text, locals=symbols), symbols))
        closest = math.inf
        for curve in _smaller_and_smaller(_Curve(opened, constants, names, draws)):
            size, closest = len(curve.constants), min(closest, curve.misfit)
            if 0 < size <= _MOST and curve.misfit < nearest.get(size, (math.inf,))[0]:
                nearest[size] = curve.misfit, curve.form(inputs)
        if closest <= _NOTHING:
            break  # none is clearly nearer
    least, front = math.inf, []
    for _, (misfit, form) in sorted(nearest.items()):
        if misfit < least - _NOTHING:
            front.append(form)
            least = misfit
    return front


class _Curve:
    """An expression with its constants at least squares."""

    def __init__(
        self,
        expression: Any,
        start: dict[sympy.Symbol, float],
        names: list[str],
        draws: FunctionDraws,
    ) -> None:
        self.expression, self._names, self._draws = expression, names, draws
        order = [symbol for symbol in start if symbol in expression.free_symbols]
        function = sympy.lambdify([*map(sympy.Symbol, names), *order], expression, modules="numpy")
        inputs, median = list(draws.points.T), draws.median
        root = np.sqrt(draws.weight) / draws.spread

        def residual(constants: Array) -> Array:
            with np.errstate(all="ignore"):
                off = (function(*inputs, *constants) - median) * root
            return np.clip(np.nan_to_num(off, nan=1e10), -1e10, 1e10)

        values = np.array([start[symbol] for symbol in order])
        if order:
            values = least_squares(residual, values, x_scale="jac", max_nfev=50, ftol=1e-4).x
        self.constants = dict(zip(order, map(float, values), strict=True))
        self.misfit = float(np.linalg.norm(residual(values)))

    def simpler(self, most: float) -> Iterator[_Curve]:
        """With a constant or a term less, and no farther off than `most`.

        Any term of a sum is left out. A constant is 0; or 1, of its sign, where 3 does as well, for
        the others then make up for it: 1 alone may just be its value.
        """
        for symbol, found in self.constants.items():
            sign = -1 if found < 0.0 else 1
            for values in ((0,), (sign, 3 * sign)):
                tried = [self._as(self.expression.subs(symbol, value)) for value in values]
                misfits = [math.inf if own is None else own.misfit for own in tried]
                if max(misfits) < math.inf and np.ptp(misfits) <= _NOTHING and misfits[0] <= most:
                    yield tried[0]  # type: ignore[misc]
        for whole in self.expression.atoms(sympy.Add):
            for term in whole.args:
                own = self._as(self.expression.xreplace({whole: whole - term}))
                if own is not None and own.misfit <= most:
                    yield own

    def _as(self, expression: Any) -> _Curve | None:
        # What exp(constant) leaves of a number is made up for by another constant, or not as near.
        expression = expression.xreplace({sympy.E: sympy.Integer(1)})
        if expression.has(sympy.nan, sympy.zoo, sympy.oo):
            return None
        return _Curve(expression, self.constants, self._names, self._draws)

    def form(self, inputs: int) -> Form:
        """With positive constants c0, c1, ... in the order of the expression's symbols."""
        positive = {
            symbol: (1 if value > 0.0 else -1) * sympy.Symbol(f"c{place}")
            for place, (symbol, value) in enumerate(self.constants.items())
        }
        expression = sympy.signsimp(self.expression.subs(positive))
        return Form(f"symbolic: {expression}", expression, inputs)


def _smaller_and_smaller(curve: _Curve) -> Iterator[_Curve]:
    """Without what it does not need; then each time without the constant that it needs least."""
    while True:
        curve = _pruned(curve)
        yield curve
        fewer = [
            own for own in curve.simpler(math.inf) if len(own.constants) < len(curve.constants)
        ]
        if not fewer:
            return
        curve = min(fewer, key=lambda own: own.misfit)


def _pruned(curve: _Curve) -> _Curve:
    """Without the constants and terms that it does not need."""
    most = curve.misfit + _NOTHING
    while True:
        simpler = min(
            curve.simpler(most),
            key=lambda own: (len(own.constants), sympy.count_ops(own.expression), own.misfit),
            default=None,
        )
        if simpler is None:
            return curve
        curve = simpler


def _as_quotient(expression: Any, inputs: dict[str, sympy.Symbol]) -> Any:
    """A rational function as one quotient of polynomials, whose superfluous terms can be pruned."""
    if not expression.is_rational_function(*inputs.values()):
        return expression
    above, below = sympy.fraction(sympy.together(expression))
    return sympy.expand(above) / sympy.expand(below)


def _opened(expression: Any) -> tuple[Any, dict[sympy.Symbol, float]]:
    """A constant for each number that was found, and what it was."""
    found: dict[sympy.Symbol, float] = {}

    def opened(part: Any) -> Any:
        if part.is_Float:
            symbol = sympy.Symbol(f"k{len(found)}")
            found[symbol] = float(part)
            return symbol
        if not part.args:
            return part
        return part.func(*map(opened, part.args))

    return opened(expression), found
