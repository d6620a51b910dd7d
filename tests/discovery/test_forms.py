"""Forms as expressions, and fitted to draws of functions that are known."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from bnode_nlme.discovery.form_fit import FormFit, FunctionDraws, chosen_forms, fit_form
from bnode_nlme.discovery.form_library import LIBRARY, RATE_CONSTANT_LIBRARY, library
from bnode_nlme.discovery.forms import Form, signed
from bnode_nlme.discovery.sparse_terms import sparse_terms

X = np.linspace(0.2, 15.0, 40)


def draws_of(function, spread: float, *, wiggle: float = 0.0, count: int = 20) -> FunctionDraws:
    """Draws around a function: its size varies by a factor, and a slow wave is added."""
    rng = np.random.default_rng(5)
    size = np.exp(spread * rng.standard_normal((count, 1)))
    wave = (
        wiggle * rng.standard_normal((count, 1)) * np.sin(X / 3.0 + rng.uniform(0, 6, (count, 1)))
    )
    return FunctionDraws(X[:, None], np.full(X.size, 1.0 / X.size), function(X) * (size + wave))


def by_name(name: str, forms=LIBRARY) -> Form:
    return next(form for form in forms if form.name == name)


def test_a_form_is_read_and_evaluated() -> None:
    form = Form("mine", "Vmax * x**h / (Km**h + x**h) - E", real=("E",))
    assert form.constants == ("E", "Km", "Vmax", "h")
    value = form.array_function()(2.0, -0.5, 3.0, 4.0, 2.0)
    assert value == pytest.approx(4.0 * 4.0 / (9.0 + 4.0) + 0.5)
    by_symbol = {str(s): s for s in form.expression.free_symbols}
    assert by_symbol["Km"].is_positive
    assert by_symbol["E"].is_positive is None
    with pytest.raises(ValueError, match="cannot be read"):
        Form("broken", "Vmax * (x")
    with pytest.raises(ValueError, match=r"real= names \['q'\].*'a'"):
        Form("typo", "a*x", real=("q",))


def test_rate_constants_are_the_forms_over_their_input() -> None:
    rng = np.random.default_rng(1)
    pairs = 0
    for form in RATE_CONSTANT_LIBRARY:
        for whole in LIBRARY:
            if whole.name != form.name:
                continue
            constants = rng.uniform(0.5, 2.0, len(form.constants))
            assert form.constants == whole.constants
            np.testing.assert_allclose(
                form.array_function()(X, *constants) * X,
                whole.array_function()(X, *constants) * np.ones_like(X),
                rtol=1e-12,
            )
            pairs += 1
    assert pairs == 10


@pytest.mark.parametrize("form", LIBRARY, ids=lambda form: form.name)
def test_each_form_finds_its_own_constants(form: Form) -> None:
    rng = np.random.default_rng(3)
    constants = {"k": 0.3, "b": 0.6, "h": 2.0, "w": 2.0, "m": 6.0, "Ki": 20.0, "c": 0.5}
    truth = np.array([constants.get(name, 3.0) for name in form.constants])
    draws = draws_of(lambda x: form.array_function()(x, *truth) * np.ones_like(x), 0.05)
    found = fit_form(form, draws, rng)
    assert found is not None
    assert found.misfit < 0.02
    assert found.explained == 1.0


def test_a_form_that_is_wrong_explains_nothing() -> None:
    draws = draws_of(lambda x: 2.0 / (3.0 + x), 0.03)
    rng = np.random.default_rng(3)
    right = fit_form(by_name("Michaelis-Menten", RATE_CONSTANT_LIBRARY), draws, rng)
    wrong = fit_form(by_name("linear", RATE_CONSTANT_LIBRARY), draws, rng)
    assert right is not None
    assert wrong is not None
    np.testing.assert_allclose(
        dict(zip(right.form.constants, right.median, strict=True))["Km"], 3.0, rtol=1e-3
    )
    assert right.explained > 0.8
    assert wrong.explained == 0.0
    assert wrong.misfit > 10.0 * right.misfit
    # Where nothing is known of the function, nothing is refuted by it.
    vague = draws_of(lambda x: 2.0 / (3.0 + x), 1.5, wiggle=1.0)
    anything = fit_form(by_name("linear", RATE_CONSTANT_LIBRARY), vague, rng)
    assert anything is not None
    assert anything.explained > 0.5


def test_sparse_terms_are_those_that_made_the_function() -> None:
    rng = np.random.default_rng(4)
    found = sparse_terms(draws_of(lambda x: 1.0 + 0.5 * x**2, 0.1), rng)
    assert found.chosen == ("1", "x**2")
    assert found.share > 0.8
    assert found.form.constants == ("c0", "c1")
    assert found.form.real == ("c0", "c1")
    assert found.frequency["x**2"] > 0.8
    assert max(v for k, v in found.frequency.items() if k not in ("1", "x**2")) < 0.2


def test_a_draw_is_explained_by_a_form_near_it_and_not_by_one_somewhere_in_the_band() -> None:
    # Each draw is a wave around 1 as high as the band is wide: no constant is near any of them,
    # though the constant 1 is in the band everywhere.
    phase = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)[:, None]
    values = 1.0 + 0.5 * np.sign(np.sin(2.0 * X + phase)) * (1.0 + 0.3 * np.sin(phase))
    draws = FunctionDraws(X[:, None], np.full(X.size, 1.0 / X.size), values)
    found = fit_form(by_name("constant"), draws, np.random.default_rng(1))
    assert found is not None
    curve = found.median[0] * np.ones_like(X)
    assert np.all((draws.band[0] <= curve) & (curve <= draws.band[1]))
    assert found.explained < 0.7


def test_forms_of_functions_that_are_not_positive() -> None:
    one = np.ones(2)
    below = signed(LIBRARY, np.array([-3.0, -4.0]), one)
    assert below[1].expression == -LIBRARY[1].expression
    assert below[1].is_reference
    both = signed(LIBRARY[:3], np.array([-3.0, 5.0]), one)
    assert [form.name for form in both] == [
        "constant", "linear", "offset plus linear", "offset minus linear", "constant and linear",
    ]  # fmt: skip
    assert both[0].real == both[2].real == ("offset",)
    assert both[0].is_reference
    assert signed(LIBRARY, np.array([0.0, 2.0]), one) == LIBRARY
    # Below 0 by less than is known of it.
    assert signed(LIBRARY, np.array([-0.1, 2.0]), one) == LIBRARY


def test_references_are_known_by_what_they_are() -> None:
    assert Form("first order, as I call it", "ke*x").is_reference
    assert Form("nothing changes", "base").is_reference
    assert Form("linear", "Vmax*x/(Km + x)").is_reference is False
    assert [form.name for form in LIBRARY if form.is_reference] == ["constant", "linear"]
    assert [form.name for form in RATE_CONSTANT_LIBRARY if form.is_reference] == ["linear"]


def test_a_number_that_was_chosen_counts_as_a_constant() -> None:
    """Lest a sum of terms at a chosen scale pass for simpler than Michaelis-Menten."""
    assert Form("whole", "Vmax*x**2/(Km**2 + x**2)").size == 2
    assert Form("half", "a*sqrt(x)").size == 1
    assert Form("chosen", "c0 + c1*exp(-0.308*x)").size == 3
    assert Form("chosen", "c0 + c1*exp(-0.308*x)").complexity == 3 + 4


def test_the_simplest_that_are_close_are_refitted() -> None:
    """One that comes clearly nearer than all smaller ones is, too; a far one only in want."""

    def of(name: str, expression: str, misfit: float) -> FormFit:
        form = Form(name, expression)
        none = np.zeros(len(form.constants))
        return FormFit(form, none, none[None], misfit, 0.5, none)

    fits = [
        of("linear", "k", 18.0),
        of("Michaelis-Menten", "Vmax/(Km + x)", 0.9),
        of("saturating", "a*(1 - exp(-k*x))/x", 1.1),
        of("power", "a*x**(b - 1)", 12.0),
        of("sparse", "c0 + c1*exp(-0.308*x)", 0.4),
        of("Hill", "Vmax*x**(h - 1)/(Km**h + x**h)", 0.6),
    ]

    def names(keep: int) -> list[str]:
        return [found.form.name for found in chosen_forms(fits, keep)]

    assert names(1) == ["linear", "Michaelis-Menten"]
    assert names(2) == ["linear", "Michaelis-Menten", "sparse"]
    assert names(3) == ["linear", "Michaelis-Menten", "saturating", "sparse"]
    assert names(4) == ["linear", "Michaelis-Menten", "saturating", "sparse", "Hill"]
    assert "power" in names(5)


def test_the_width_of_a_prior_is_the_functions_size_and_not_its_uncertainty() -> None:
    form = Form("line", "a + b*x", real=("a", "b"))
    found = {
        spread: fit_form(form, draws_of(lambda x: 2.0 + x, spread), np.random.default_rng(3))
        for spread in (0.01, 0.1)
    }
    size = np.sqrt(np.mean((2.0 + X) ** 2))
    for own in found.values():
        assert own is not None
        np.testing.assert_allclose(own.effect, [size, size / np.sqrt(np.mean(X**2))], rtol=0.1)
    # A function that the data hold near 0 is as large as it might have been.
    near = draws_of(lambda x: 1e-3 * x, 0.1)
    wide = FunctionDraws(near.points, near.weight, near.values, prior_size=1.0)
    known = fit_form(form, wide, np.random.default_rng(3))
    assert known is not None
    np.testing.assert_allclose(known.effect, [1.0, 1.0 / np.sqrt(np.mean(X**2))], rtol=1e-3)


def test_partial_inhibition_leaves_something() -> None:
    form = by_name("partial inhibition")
    at = dict(zip(form.constants, (0.3, 0.7, 2.0), strict=True))
    values = form.array_function()(np.array([0.0, 1e9]), *(at[name] for name in form.constants))
    np.testing.assert_allclose(values, [1.0, 0.3], rtol=1e-6)


def test_forms_of_several_inputs() -> None:
    forms = library(2)
    product = by_name("Michaelis-Menten of x1 times linear of x2", forms)
    assert product.constants == ("K1", "a")
    assert product.array_function()(2.0, 5.0, 3.0, 4.0) == pytest.approx(4.0 * 2.0 / 5.0 * 5.0)
    assert by_name("linear of x2", forms).expression.has(sympy.Symbol("x2", nonnegative=True))
    with pytest.raises(ValueError, match="networks of one input"):
        library(2, rate_constant=True)


def test_a_form_without_its_input_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"inputs as 'x'; it has none.*'EC', 'Emax', 'c', are const"
    ):
        Form("wrong symbol", "Emax * c / (EC + c)")
    with pytest.raises(ValueError, match=r"inputs as 'x'; found 'x1'.*here 'k', are constants"):
        Form("several inputs", "k * x1")
    with pytest.raises(ValueError, match="inputs as 'x1', 'x2'; found 'x'"):
        Form("one input", "k * x * x1", inputs=2)
    with pytest.raises(ValueError, match="no other functions than exp, log, sqrt, tanh"):
        Form("sine", "k * sin(x)")
    assert Form("constant", "a").constants == ("a",)
