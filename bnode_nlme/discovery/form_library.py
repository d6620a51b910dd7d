"""The field's mechanisms as forms."""

from __future__ import annotations

from itertools import combinations

import sympy

from bnode_nlme.discovery.forms import Form

_PRODUCTS = {
    "linear times exponential decay": "a*x*exp(-r*x)",
    "linear times Michaelis-Menten": "a*x*x/(K + x)",
    "Michaelis-Menten times exponential decay": "a*exp(-r*x)*x/(K + x)",
    "saturating inhibition times exponential decay": "a*exp(-r*x)/(1 + x/IC50)",
}
"""Of two different shapes. Linear times saturating inhibition is Michaelis-Menten, and that times
saturating inhibition is substrate inhibition."""

_FORMS: tuple[Form, ...] = (
    Form("constant", "a"),
    Form("linear", "k*x"),
    Form("constant and linear", "a + k*x"),
    Form("Michaelis-Menten", "Vmax*x/(Km + x)"),
    Form("Hill", "Vmax*x**h/(Km**h + x**h)"),
    Form("Emax with baseline", "E0 + Emax*x/(EC50 + x)"),
    Form("sigmoid Emax with baseline", "E0 + Emax*x**h/(EC50**h + x**h)"),
    Form("power", "a*x**b"),
    Form("exponential decay", "a*exp(-k*x)"),
    Form("exponential decay to a plateau", "c + a*exp(-k*x)"),
    Form("saturating exponential", "a*(1 - exp(-k*x))"),
    Form("saturating inhibition", "E0/(1 + x/IC50)"),
    # E0 = Eleft + Emax, and Imax = Emax/E0 is below 1.
    Form("partial inhibition", "Eleft + Emax/(1 + x/IC50)"),
    Form("sigmoid inhibition", "E0/(1 + (x/IC50)**h)"),
    Form("logistic", "a/(1 + exp((m - x)/w))"),
    Form("Michaelis-Menten and linear", "Vmax*x/(Km + x) + k*x"),
    Form("substrate inhibition", "Vmax*x/(Km + x + x**2/Ki)"),
)
"""Of one input."""

LIBRARY: tuple[Form, ...] = (
    *_FORMS,
    *(Form(name, expression) for name, expression in _PRODUCTS.items()),
    Form("linear and exponential decay", "k*x + a*exp(-r*x)"),
    Form("linear and saturating inhibition", "k*x + E0/(1 + x/IC50)"),
)
"""The field's forms of one input, and their sums and products of up to three constants."""

RATE_CONSTANT_LIBRARY: tuple[Form, ...] = (
    Form("linear", "k"),
    Form("Michaelis-Menten", "Vmax/(Km + x)"),
    Form("Hill", "Vmax*x**(h - 1)/(Km**h + x**h)"),
    Form("power", "a*x**(b - 1)"),
    Form("saturating exponential", "a*(1 - exp(-k*x))/x"),
    Form("Michaelis-Menten and linear", "Vmax/(Km + x) + k"),
    Form("substrate inhibition", "Vmax/(Km + x + x**2/Ki)"),
    Form("linear and quadratic", "k + q*x"),
    Form("zero order", "R/x"),
    *(
        Form(name, sympy.sympify(expression) / sympy.Symbol("x"))
        for name, expression in _PRODUCTS.items()
        if not name.startswith("saturating inhibition")
    ),
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
        for form in _FORMS[1:]:
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
