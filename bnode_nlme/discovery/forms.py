"""Forms that a learned function may have: the field's mechanisms as expressions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pytensor.tensor as pt
import sympy

_FUNCTIONS = {
    "exp": sympy.exp,
    "log": sympy.log,
    "sqrt": sympy.sqrt,
    "tanh": sympy.tanh,
}
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
                    f"{error}. Write it as in 'Vmax * x / (Km + x)'."
                ) from error
        expression = sympy.sympify(expression)
        given = sorted({str(symbol) for symbol in expression.free_symbols})
        constants = tuple(name for name in given if name not in self.input_names)
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

    @property
    def input_names(self) -> tuple[str, ...]:
        """``x``, or ``x1``, ``x2``, ..."""
        if self.inputs == 1:
            return ("x",)
        return tuple(f"x{place + 1}" for place in range(self.inputs))

    @property
    def complexity(self) -> int:
        """Constants and operations of the expression, counted."""
        return len(self.constants) + int(sympy.count_ops(self.expression))

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


CONSTANT = Form("constant", "a")
LINEAR = Form("linear", "k*x")
MICHAELIS_MENTEN = Form("Michaelis-Menten", "Vmax*x/(Km + x)")

LIBRARY: tuple[Form, ...] = (
    CONSTANT,
    LINEAR,
    Form("constant and linear", "a + k*x"),
    MICHAELIS_MENTEN,
    Form("Hill", "Vmax*x**h/(Km**h + x**h)"),
    Form("Emax with baseline", "E0 + Emax*x/(EC50 + x)"),
    Form("power", "a*x**b"),
    Form("exponential decay", "a*exp(-k*x)"),
    Form("exponential decay to a plateau", "c + a*exp(-k*x)"),
    Form("saturating exponential", "a*(1 - exp(-k*x))"),
    Form("saturating inhibition", "E0/(1 + x/IC50)"),
    Form("sigmoid inhibition", "E0/(1 + (x/IC50)**h)"),
    Form("logistic", "a/(1 + exp((m - x)/w))"),
    Form("Michaelis-Menten and linear", "Vmax*x/(Km + x) + k*x"),
    Form("substrate inhibition", "Vmax*x/(Km + x + x**2/Ki)"),
)
"""The field's forms of one input."""

RATE_CONSTANT_LIBRARY: tuple[Form, ...] = (
    Form("linear", "k"),
    Form("Michaelis-Menten", "Vmax/(Km + x)"),
    Form("Hill", "Vmax*x**(h - 1)/(Km**h + x**h)"),
    Form("power", "a*x**(b - 1)"),
    Form("saturating exponential", "a*(1 - exp(-k*x))/x"),
    Form("Michaelis-Menten and linear", "Vmax/(Km + x) + k"),
    Form("substrate inhibition", "Vmax/(Km + x + x**2/Ki)"),
    Form("linear and quadratic", "k + q*x"),
)
"""The forms that are 0 at 0, divided by their input: for networks that are multiplied by it."""

_SHAPES = {
    "linear": "{x}",
    "Michaelis-Menten": "{x}/(K{n} + {x})",
    "saturating inhibition": "1/(1 + {x}/I{n})",
    "exponential decay": "exp(-r{n}*{x})",
}


def library(inputs: int, *, rate_constant: bool = False) -> tuple[Form, ...]:
    """The field's forms.

    Parameters
    ----------
    inputs
        Of the function. Of several, each form of each of them, and sums and products of linear,
        Michaelis-Menten, inhibition and exponential decay of each two.
    rate_constant
        Whether the function is a rate constant, multiplied by its input in the equations. The
        forms, and their names, are then those of the whole term.

    Returns
    -------
    tuple of Form

    Raises
    ------
    ValueError
        When a rate constant has several inputs: which is it multiplied by?
    """
    if inputs == 1:
        return RATE_CONSTANT_LIBRARY if rate_constant else LIBRARY
    if rate_constant:
        raise ValueError(
            "rate_constant=True is for networks of one input; give forms= of your own."
        )
    forms = [Form("constant", "a", inputs)]
    for place in range(1, inputs + 1):
        for form in LIBRARY[1:]:
            named = {
                own: sympy.Symbol(f"x{place}") if str(own) == "x" else own
                for own in form.expression.free_symbols
            }
            expression = form.expression.subs(named)
            forms.append(Form(f"{form.name} of x{place}", expression, inputs))
    for first, second in combinations(range(1, inputs + 1), 2):
        for one, of_one in _SHAPES.items():
            for other, of_other in _SHAPES.items():
                left = of_one.format(x=f"x{first}", n=first)
                right = of_other.format(x=f"x{second}", n=second)
                title = f"{one} of x{first}", f"{other} of x{second}"
                forms.append(Form(" times ".join(title), f"a*({left})*({right})", inputs))
                forms.append(Form(" plus ".join(title), f"a*({left}) + b*({right})", inputs))
    return tuple(forms)


def signed(forms: Sequence[Form], values: np.ndarray) -> tuple[Form, ...]:
    """Forms for a function that is not positive: below zero, or on both sides of it.

    Parameters
    ----------
    forms
        With positive values.
    values : ndarray (points,)
        The function where data lie.

    Returns
    -------
    tuple of Form
        As they are; with a minus before them; or with a real constant added, once with each sign.
    """
    if np.all(values >= 0.0):
        return tuple(forms)
    if np.all(values <= 0.0):
        return tuple(Form(f"minus {f.name}", -f.expression, f.inputs, f.real) for f in forms)
    found = []
    for form in forms:
        shift = sympy.Symbol("offset")
        if form.constants == ("a",) and form.expression.is_Symbol:
            found.append(Form(form.name, shift, form.inputs, ("offset",)))
            continue
        for sign, word in ((1, "plus"), (-1, "minus")):
            found.append(
                Form(
                    f"offset {word} {form.name}",
                    shift + sign * form.expression,
                    form.inputs,
                    (*form.real, "offset"),
                )
            )
    return tuple(found)
