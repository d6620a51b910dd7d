"""Every faulty system is refused at declaration, naming what is at fault and what is valid."""

import math
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.compile.sharedvalue import shared
from pytensor.tensor.random.variable import shared_rng

from bnode_nlme.dynamics import MLP, DeclarationError, Dosing, System, UnknownNameError

NET = MLP("absorption", inputs=1, hidden=(2,))
PAIR = MLP("pair", inputs=1, hidden=(2,), outputs=2)


def good(**changes: Any) -> dict[str, Any]:
    declared: dict[str, Any] = {
        "states": ("depot", "central"),
        "parameters": ("CL", "V"),
        "networks": (NET,),
        "rhs": lambda t, y, p, nn, c: {
            "depot": -nn.absorption(y.depot) * y.depot,
            "central": nn.absorption(y.depot) * y.depot - p.CL / p.V * y.central,
        },
    }
    return declared | changes


def with_central(expression: Any) -> Any:
    """The right-hand side above with `expression(t, y, p, nn, c)` as derivative of central."""
    return lambda t, y, p, nn, c: {
        "depot": -nn.absorption(y.depot) * y.depot * p.CL / p.V,
        "central": expression(t, y, p, nn, c),
    }


def test_the_declaration_that_the_refusals_start_from_is_accepted() -> None:
    System(**good())
    System(**good(rhs=with_central(lambda t, y, p, nn, c: 0.0)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"states": "depot"}, r"states= wants a tuple of names, found the string 'depot'"),
        ({"states": 2}, r"states= wants a tuple of names, .* found 2 of type int"),
        ({"states": {"depot", "central"}}, r"states= .* their order counts; found .* of type set"),
        ({"states": ()}, r"states= is empty: a system needs at least one state"),
        ({"states": ("depot", 1)}, r"A state's name must be a string, found 1 of type int"),
        ({"parameters": ("C L",)}, r"parameter 'C L': a name must be a Python identifier"),
        ({"covariates": ("1st",)}, r"covariate '1st': a name must be a Python identifier"),
        ({"states": ("class",)}, r"state 'class': .* not a keyword"),
        ({"states": ("_x",)}, r"state '_x': .* does not begin with an underscore"),
        ({"states": ("depot", "depot")}, r"name 'depot' is declared twice in states="),
        ({"parameters": ("CL", "V", "depot")}, r"'depot' is declared in states= and again in par"),
        ({"parameters": ("CL", "absorption")}, r"'absorption' is declared in parameters= and .*ne"),
        ({"networks": (NET, NET)}, r"'absorption' is declared twice in networks="),
        ({"outputs": {"central": None}}, r"'central' is declared in states= and again in outputs="),
        ({"networks": NET}, r"networks= wants a tuple of networks, .* Write networks=\(network,\)"),
        ({"networks": ("absorption",)}, r"networks= wants a tuple of MLP, found 'absorption' of"),
        ({"networks": 3}, r"networks= wants a tuple of MLP, found 3 of type int"),
        ({"outputs": ("cp",)}, r"outputs= wants a dict of functions by name, found \('cp',\)"),
        ({"outputs": {}}, r"outputs= is empty\. Give one function or more"),
        ({"outputs": {"c p": None}}, r"output 'c p': a name must be a Python identifier"),
        (
            {"outputs": {"cp": 1.0}},
            r"output 'cp': wanted a function of \(t, y, p, nn, c\), found 1",
        ),
        ({"initial": {"central": 1.0}}, r"initial value of state 'central': wanted a function of"),
        (
            {"initial": {"peripheral": lambda p, c: 1.0}},
            r"initial= has 'peripheral', .* Declared states: 'depot', 'central'",
        ),
        ({"dosing": ("depot",)}, r"dosing= wants a dict of Dosing by state, found \('depot',\)"),
        ({"dosing": {"depot": 1}}, r"dosing= of state 'depot' wants a Dosing, found 1 of type int"),
        (
            {"dosing": {"gut": Dosing(lag=lambda p, c: 1.0)}},
            r"dosing= has 'gut', .* Declared states: 'depot', 'central'",
        ),
        (
            {"dosing": {"depot": Dosing(lag=lambda t, y, p: 1.0)}},
            r"lag of the doses into state 'depot': wanted a function of \(p, c\), found one of",
        ),
        (
            {"dosing": {"depot": Dosing(rate=lambda p, c: "fast")}},
            r"rate of the doses into state 'depot': wanted a scalar .* found 'fast'",
        ),
        (
            {"dosing": {"depot": Dosing(duration=lambda p, c: p.D1)}},
            r"p\.D1: the system has no parameter named 'D1'",
        ),
        (
            {"dosing": {"depot": Dosing(lag=lambda p, c: pt.dscalar("outside"))}},
            r"lag of the doses into state 'depot': the variable 'outside'",
        ),
        ({"rhs": {"depot": 0.0}}, r"rhs: wanted a function of \(t, y, p, nn, c\), found \{"),
        ({"rhs": lambda t, y: {}}, r"rhs: wanted a function of .*, found one of \(t, y\)"),
        (
            {"initial": {"central": lambda t, y, p, nn, c: 1.0}},
            r"initial value of state 'central': wanted a function of \(p, c\), found one of \(t, y",
        ),
    ],
)
def test_faulty_arguments_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        System(**good(**changes))


@pytest.mark.parametrize(
    ("rhs", "message"),
    [
        (
            lambda t, y, p, nn, c: [y.depot, y.central],
            r"rhs: wanted a dict with one scalar for each state \('depot', 'central'\), found \[",
        ),
        (
            lambda t, y, p, nn, c: pt.stack([y.depot, y.central]),
            r"rhs: wanted a dict .*, found a PyTensor variable of shape \(2,\)\. Return \{'depot'",
        ),
        (lambda t, y, p, nn, c: None, r"rhs: wanted a dict .*, found None of type NoneType"),
        (
            lambda t, y, p, nn, c: {"depot": -y.depot},
            r"rhs: no derivative for state 'central'; wanted .* Return 0\.0 for a state",
        ),
        (
            lambda t, y, p, nn, c: {"depot": 0.0, "central": 0.0, "gut": 0.0},
            r"rhs: returned a derivative for 'gut', .* Declared states: 'depot', 'central'",
        ),
        (
            lambda t, y, p, nn, c: {"depot": 0.0, "centrl": 0.0},
            r"rhs: returned a derivative for 'centrl', .* Did you mean 'central'\?",
        ),
    ],
)
def test_faulty_right_hand_sides_are_refused(rhs: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        System(**good(rhs=rhs))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda y: pt.stack([y.depot, y.central]), r"found a tensor of shape \(2,\)\. Take one el"),
        (lambda y: pt.stack([y.depot]), r"found a tensor of shape \(1,\)"),
        (lambda y: np.zeros(3), r"found a tensor of shape \(3,\)"),
        (lambda y: "zero", r"wanted a scalar PyTensor expression or a number, found 'zero' of ty"),
        (lambda y: None, r"found None of type NoneType"),
        (lambda y: [y.depot], r"found \[.*\] of type list"),
        (lambda y: np.array("a"), r"found an array of type <U1"),
        (lambda y: y.depot > 1, r"found a condition \(bool\)\. Say .* pt\.switch\(condition, 1"),
        (lambda y: True, r"found a condition \(bool\)"),
        (lambda y: float("nan"), r"found nan\. Only finite numbers"),
        (lambda y: np.inf, r"found inf\. Only finite numbers"),
        (lambda y: y.depot * 1j, r"found a complex one\. Take pt\.real"),
    ],
)
def test_results_that_are_no_scalar_numbers_are_refused(value: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=r"rhs, state 'central': .*" + message):
        System(**good(rhs=with_central(lambda t, y, p, nn, c: value(y))))
    with pytest.raises(DeclarationError, match=r"output 'cp': .*" + message):
        System(**good(outputs={"cp": lambda t, y, p, nn, c: value(y)}))


def test_a_network_with_two_outputs_is_no_scalar() -> None:
    rhs = with_central(lambda t, y, p, nn, c: nn.pair(y.depot))
    with pytest.raises(DeclarationError, match=r"'central': .* a network with several outputs"):
        System(**good(rhs=rhs, networks=(NET, PAIR)))


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (
            lambda t, y, p, nn, c: y.centrl,
            r"y\.centrl: the system has no state named 'centrl'\. Declared states: 'depot', "
            r"'central'\. Did you mean y\.central\?",
        ),
        (lambda t, y, p, nn, c: y["Central"], r"y\.Central: .* Did you mean y\.central\?"),
        (lambda t, y, p, nn, c: y.CL, r"no state named 'CL'\. .* Write p\.CL\."),
        (lambda t, y, p, nn, c: p.Vm, r"no parameter named 'Vm'\. Declared parameters: 'CL', 'V'"),
        (
            lambda t, y, p, nn, c: p.zzz,
            r"Declared parameters: 'CL', 'V'\. Correct the name, or add 'zzz' to parameters=",
        ),
        (lambda t, y, p, nn, c: nn.absorbtion(1.0), r"no network .* mean nn\.absorption\?"),
        (lambda t, y, p, nn, c: c.WT, r"no covariate named 'WT'\. Declared covariates: \(none\)"),
        (lambda t, y, p, nn, c: y[0], r"no state named '0'"),
    ],
)
def test_undeclared_names_are_refused_with_the_nearest(use: Any, message: str) -> None:
    for fault in (
        good(rhs=with_central(use)),
        good(outputs={"cp": use}),
    ):
        with pytest.raises(UnknownNameError, match=message) as caught:
            System(**fault)
        assert isinstance(caught.value, AttributeError)
        assert isinstance(caught.value, DeclarationError)
        assert any("called on symbols" in note for note in caught.value.__notes__)


def test_initial_values_see_parameters_only() -> None:
    with pytest.raises(UnknownNameError, match=r"no parameter named 'depot'\. .* Write y\.depot"):
        System(**good(initial={"central": lambda p, c: p.depot}))


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (
            lambda t, y, p, nn, c: nn.absorption(y.depot, t),
            r"'absorption': wanted 1 input, found 2",
        ),
        (lambda t, y, p, nn, c: nn.absorption(), r"'absorption': wanted 1 scalar .* found nothing"),
    ],
)
def test_networks_called_wrongly_are_refused(use: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=message) as caught:
        System(**good(rhs=with_central(use)))
    assert any("This happened in rhs" in note for note in caught.value.__notes__)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"parameters": ("CL", "V", "ka")},
            r"parameters: 'ka' declared, but neither rhs nor outputs nor initial nor dosing depend on it\. "
            r"Use it there as p\.ka, or remove it from parameters=",
        ),
        (
            {"networks": (NET, PAIR)},
            r"networks: 'pair' declared, .* Use it there as nn\.pair\(\.\.\.\), or remove it",
        ),
        ({"covariates": ("WT",)}, r"covariates: 'WT' declared, .* Use it there as c\.WT"),
    ],
)
def test_unused_declarations_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        System(**good(**changes))


def test_reading_without_using_does_not_count_as_use() -> None:
    def rhs(t, y, p, nn, c):
        nn.absorption(y.depot)
        return {"depot": -p.CL / p.V * y.depot, "central": 0.0}

    with pytest.raises(DeclarationError, match=r"networks: 'absorption' declared, but neither"):
        System(**good(rhs=rhs))


def test_use_in_initial_or_outputs_alone_counts() -> None:
    System(
        states=("x",),
        parameters=("start", "V"),
        covariates=("WT",),
        rhs=lambda t, y, p, nn, c: {"x": -y.x},
        outputs={"cp": lambda t, y, p, nn, c: y.x / p.V},
        initial={"x": lambda p, c: p.start * c.WT},
    )


def normal(mean: Any, sigma: float, name: str | None = None) -> Any:
    _, draw = pt.random.normal(mean, sigma, rng=shared_rng(seed=0), return_next_rng=True)
    draw.name = name
    return draw


OUTSIDE = pt.scalar("outside", dtype="float64")
SHARED = shared(1.5, name="shared_rate")
RANDOM = normal(0.0, 1.0, "log_ka")
DERIVED = pt.exp(RANDOM)
DERIVED.name = "ka"
NAMELESS = normal(0.0, 1.0) + 1.0


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        (OUTSIDE, r"the variable 'outside' \(Scalar\(float64"),
        (SHARED, r"the shared variable 'shared_rate'"),
        (RANDOM, r"the random variable 'log_ka'"),
        (2 * RANDOM + 1, r"the random variable 'log_ka'"),
        (2 * DERIVED, r"the variable 'ka'"),
        (NAMELESS, r"the random variable without a name"),
    ],
    ids=["root", "shared", "random", "expression", "named", "nameless"],
)
def test_variables_from_outside_are_refused_by_name(variable: Any, message: str) -> None:
    cure = r"[\s\S]*parameters="
    for changes, where in [
        ({"rhs": with_central(lambda t, y, p, nn, c: y.depot * variable)}, "rhs, state 'central'"),
        ({"outputs": {"cp": lambda t, y, p, nn, c: y.depot * variable}}, "output 'cp'"),
        ({"outputs": {"cp": lambda t, y, p, nn, c: nn.absorption(variable)}}, "output 'cp'"),
        ({"initial": {"depot": lambda p, c: p.V * variable}}, "initial value of state 'depot'"),
    ]:
        with pytest.raises(DeclarationError, match=f"{where}: {message}{cure}"):
            System(**good(**changes))


def test_all_outside_variables_are_listed_at_once() -> None:
    rhs = with_central(lambda t, y, p, nn, c: OUTSIDE * y.depot + pt.tanh(SHARED - RANDOM))
    with pytest.raises(DeclarationError, match="uses variables from outside") as caught:
        System(**good(rhs=rhs))
    for name in ("'outside'", "'shared_rate'", "'log_ka'"):
        assert name in str(caught.value)


def test_a_random_variable_around_the_systems_own_symbols_is_refused() -> None:
    noise = with_central(lambda t, y, p, nn, c: normal(y.depot, 1.0, "noise"))
    with pytest.raises(DeclarationError, match=r"'central': the random variable 'noise'"):
        System(**good(rhs=noise))


def test_constants_from_outside_are_fine() -> None:
    factor, table = pt.constant(2.0), np.array([1.0, 2.0])
    System(**good(rhs=with_central(lambda t, y, p, nn, c: factor * pt.dot(table, table) * y.depot)))


@pytest.mark.parametrize(
    "slope",
    [
        lambda a: -a if a > 1 else 0.0,
        lambda a: -max(a, 0.0),
        lambda a: -math.exp(a),
        lambda a: -np.maximum(a, 0.0),
        lambda a: np.where(a > 1, 1.0, 0.0),
        lambda a: -float(a),
    ],
)
def test_python_that_needs_numbers_is_refused_with_the_line_and_the_cure(slope: Any) -> None:
    with pytest.raises(DeclarationError, match=r"rhs: .* in: lambda a: .*pt\.switch\("):
        System(states=("a",), parameters=(), rhs=lambda t, y, p, nn, c: {"a": slope(y.a)})


def test_an_error_in_the_users_own_code_says_where_it_happened() -> None:
    def rhs(t, y, p, nn, c):
        return {"depot": 0.0, "central": y.depot + "1"}

    with pytest.raises(Exception, match="str") as caught:
        System(**good(rhs=rhs))
    assert any("This happened in rhs" in note for note in caught.value.__notes__)
    assert any("pt.switch" in note for note in caught.value.__notes__)
