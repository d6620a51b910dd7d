"""Forms that a learned function may have: the field's mechanisms as expressions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytensor.tensor as pt
import sympy
from numpy.typing import NDArray

_FUNCTIONS = {
    "exp": sympy.exp,
    "log": sympy.log,
    "sqrt": sympy.sqrt,
    "tanh": sympy.tanh,
}
_CLEARLY = 2.0
"""Posterior standard deviations."""
_PYTENSOR = {"exp": pt.exp, "log": pt.log, "sqrt": pt.sqrt, "tanh": pt.tanh}


@dataclass(frozen=True)
class Form:
    """An expression of a learned function's inputs and of constants.

    Parameters
    ----------
    name : str
        As the field calls it.
    expression : str or sympy.Expr
        Of ``x``, or of ``x1``, ``x2``, ... where there are several inputs, and of constants:
        ``"Vmax * x / (Km + x)"``. Functions: exp, log, sqrt, tanh.
    inputs : int
        How many inputs.
    real : tuple of str
        Constants that may be negative; all others are positive.

    Attributes
    ----------
    constants : tuple of str
        In alphabetical order.
    is_reference : bool
        Whether it is one of the simplest: a constant, or a constant times an input. `discover`
        refits these whatever they explain, so that they can be refuted.

    Raises
    ------
    ValueError
        When the expression cannot be read, or has no such inputs.
    """

    name: str
    expression: Any
    inputs: int = 1
    real: tuple[str, ...] = ()
    constants: tuple[str, ...] = field(init=False)
    is_reference: bool = field(init=False, compare=False)

    def __post_init__(self) -> None:
        expression = self.expression
        if isinstance(expression, str):
            try:
                # Names such as E, S and beta stand for something else in SymPy.
                names = {n: sympy.Symbol(n) for n in _names(expression)}
                expression = sympy.sympify(expression, locals=names | _FUNCTIONS)
            except (sympy.SympifyError, SyntaxError, TypeError, AttributeError) as error:
                raise ValueError(
                    f"Form {self.name!r}: the expression {self.expression!r} cannot be read: "
                    f"{error}. Write it as in 'Vmax * x / (Km + x)', with no other functions than "
                    f"{', '.join(_FUNCTIONS)}."
                ) from error
        expression = sympy.sympify(expression)
        given = sorted({str(symbol) for symbol in expression.free_symbols})
        constants = tuple(name for name in given if name not in self.input_names)
        self._check_inputs(given, constants)
        unknown = [name for name in self.real if name not in constants]
        if unknown:
            raise ValueError(
                f"Form {self.name!r}: real= names {unknown}, which are no constants; its "
                f"constants are {', '.join(map(repr, constants)) or 'none'}."
            )
        symbols = {
            name: sympy.Symbol(name, positive=name not in self.real or None) for name in constants
        }
        symbols |= {name: sympy.Symbol(name, nonnegative=True) for name in self.input_names}
        expression = expression.subs({own: symbols[str(own)] for own in expression.free_symbols})
        object.__setattr__(self, "expression", expression)
        object.__setattr__(self, "constants", constants)
        per_constant = expression / symbols[constants[0]] if len(constants) == 1 else None
        inputs = [symbols[name] for name in self.input_names]
        simplest = [sign * of for sign in (1, -1) for of in (sympy.Integer(1), *inputs)]
        object.__setattr__(self, "is_reference", per_constant in simplest)

    def _check_inputs(self, given: Sequence[str], constants: Sequence[str]) -> None:
        other = [name for name in constants if re.fullmatch(r"x\d*", name)]
        if other or (len(constants) > 1 and len(constants) == len(given)):
            found = f"found {other[0]!r}" if other else "it has none"
            others = [name for name in given if name not in other]
            raise ValueError(
                f"Form {self.name!r}: the expression {str(self.expression)!r} wants its inputs as "
                f"{', '.join(map(repr, self.input_names))}; {found}. All other names, here "
                f"{', '.join(map(repr, others)) or 'none'}, are constants."
            )

    @property
    def input_names(self) -> tuple[str, ...]:
        """``x``, or ``x1``, ``x2``, ..."""
        if self.inputs == 1:
            return ("x",)
        return tuple(f"x{place + 1}" for place in range(self.inputs))

    @property
    def size(self) -> int:
        """Constants, and numbers with a decimal point, which somebody or something chose."""
        return len(self.constants) + len(self.expression.atoms(sympy.Float))

    @property
    def complexity(self) -> int:
        """Constants, such numbers, and operations of the expression, counted."""
        return self.size + int(sympy.count_ops(self.expression))

    def array_function(self) -> Callable[..., Any]:
        """The form as a NumPy function of inputs and constants, one after the other."""
        return self._compiled("numpy")

    def pytensor_function(self) -> Callable[..., Any]:
        """The form as a function of PyTensor variables: inputs and constants."""
        return self._compiled([_PYTENSOR])

    def renamed(self, names: dict[str, str]) -> Any:
        """The expression with its constants renamed."""
        return self.expression.subs(
            {
                symbol: sympy.Symbol(names[str(symbol)])
                for symbol in self.expression.free_symbols
                if str(symbol) in names
            }
        )

    def _compiled(self, modules: Any) -> Callable[..., Any]:
        order = (*self.input_names, *self.constants)
        by_name = {str(symbol): symbol for symbol in self.expression.free_symbols}
        arguments = [by_name.get(name, sympy.Symbol(name)) for name in order]
        found: Callable[..., Any] = sympy.lambdify(arguments, self.expression, modules=modules)
        return found


def _names(expression: str) -> set[str]:
    word, found = "", set()
    for letter in expression + " ":
        if letter.isalnum() or letter == "_":
            word += letter
            continue
        if word and not word[0].isdigit() and word not in _FUNCTIONS:
            found.add(word)
        word = ""
    return found


def signed(
    forms: Sequence[Form], values: NDArray[np.float64], spread: NDArray[np.float64]
) -> tuple[Form, ...]:
    """Forms for a function that is not positive: below zero, or on both sides of it.

    Parameters
    ----------
    forms
        With positive values.
    values, spread : ndarray (points,)
        The function where data lie, and its posterior standard deviation: values within two of 0
        may have either sign.

    Returns
    -------
    tuple of Form
        As they are, where no value is clearly below 0; with a minus before them, where one is and
        none is clearly above; else as they are, and with a real constant added, once with each
        sign, those that have no additive constant.
    """
    away = values / spread
    if np.all(away >= -_CLEARLY):
        return tuple(forms)
    if np.all(away <= _CLEARLY):
        return tuple(Form(f"minus {f.name}", -f.expression, f.inputs, f.real) for f in forms)
    shift = sympy.Symbol("offset")
    found = [Form("constant", shift, forms[0].inputs, ("offset",))] if forms else []
    for form in forms:
        if form.expression.free_symbols <= _constants(form) and len(form.constants) == 1:
            continue  # the constant, which may have either sign
        found.append(form)
        if any(form.expression.diff(own) == 1 for own in _constants(form)):
            continue
        for sign, word in ((1, "plus"), (-1, "minus")):
            expression = shift + sign * form.expression
            name = f"offset {word} {form.name}"
            found.append(Form(name, expression, form.inputs, (*form.real, "offset")))
    return tuple(found)


def _constants(form: Form) -> set[Any]:
    return {own for own in form.expression.free_symbols if str(own) in form.constants}
