"""Gradients where they could go wrong: events, equal times, scales, stiffness, failures."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bnode_nlme.dynamics import System
from tests.engine.compartments import one_compartment
from tests.engine.gradients import value_and_gradient
from tests.engine.nonlinear import TARGET_MEDIATED, target_mediated
from tests.engine.plain_simulator import Array, Plain, plain_gradient, plain_simulation
from tests.engine.tables import Row, dose, observe, reset, study_of

METHODS = pytest.mark.parametrize("method", ["tsit5", "bdf", "adams"])
NONE = np.empty(0)
P = np.array([[1.3, 2.9, 31.0]])


def differences(
    system: System, study: Any, parameters: Array, cotangents: Array, **options: Any
) -> Array:
    """Central differences of fourth order of the weighted readouts, by each parameter."""
    gradient = np.zeros_like(parameters)
    for place in np.ndindex(parameters.shape):
        step = np.zeros_like(parameters)
        step[place] = 1e-3 * max(1.0, float(abs(parameters[place])))
        moved = [
            value_and_gradient(system, study, parameters + factor * step, NONE, **options)[0]
            for factor in (1, 2, -1, -2)
        ]
        high, higher, low, lower = (np.sum(cotangents * m.predictions) for m in moved)
        gradient[place] = (8 * (high - low) - (higher - lower)) / (12 * step[place])
    return gradient


EVENTS: dict[str, list[Row]] = {
    "a reset with doses pending and an infusion running": [
        dose(0, 100, additional=9, interval=2),
        dose(1, 80, into="central", rate=10),
        observe(3),
        reset(4.5),
        observe(4.5),
        dose(5, 30),
        observe(8),
    ],
    "a reset and dose in one record": [
        dose(0, 100),
        observe(1),
        dose(2, 50, evid=4),
        observe(2),
        observe(4),
    ],
    "overlapping infusions": [
        dose(0, 100, into="central", rate=20),
        dose(1, 30, rate=6),
        observe(2),
        observe(9),
    ],
    "observations above and below a dose of their time": [
        observe(0),
        dose(0, 100),
        observe(0),
        observe(2),
        dose(2, 100, into="central"),
        observe(2),
        observe(2),
        observe(5),
    ],
    "an observation first": [observe(-1), observe(0), dose(1, 10), observe(3)],
    "one observation at a dose": [dose(0, 100, into="central"), observe(0)],
    "observations that repeat between doses": [
        dose(0, 100),
        *[observe(3)] * 5,
        *[observe(7)] * 3,
        dose(8, 100),
        *[observe(9)] * 2,
    ],
}

primed = System(
    states=("depot", "central"),
    parameters=("ka", "CL", "V"),
    rhs=one_compartment.rhs,
    outputs={
        "cp": lambda t, y, p, nn, c: y.central / p.V,
        "log": lambda t, y, p, nn, c: pt.log(y.central + p.CL) * pt.cos(t),
    },
    initial={"depot": lambda p, c: p.V / p.ka, "central": lambda p, c: p.CL**2},
)


@METHODS
@pytest.mark.parametrize("rows", EVENTS.values(), ids=EVENTS)
def test_events_against_central_differences(method: str, rows: list[Row]) -> None:
    study = study_of(rows)
    cotangents = np.random.default_rng(1).normal(size=(len(study.observations), 4))
    options: dict[str, Any] = {"method": method, "rtol": 1e-11, "atol": 1e-11}
    _, backward = value_and_gradient(primed, study, P, NONE, cotangents, **options)
    wanted = differences(primed, study, P, cotangents, **options)
    assert_allclose(backward.parameters, wanted, rtol=1e-5)


def _target_mediated(t: float, y: Array, p: Array, w: Array, c: Array) -> Array:
    L, R, LR = y
    kel, kon, koff, ksyn, kdeg, kint = p
    bound = kon * L * R - koff * LR
    return np.array([-kel * L - bound, ksyn - kdeg * R - bound, bound - kint * LR])


def test_stiff_target_mediated_disposition_against_forward_sensitivities() -> None:
    plain = Plain(
        target_mediated.states,
        _target_mediated,
        lambda t, y, p, w, c: y,
        lambda p, c: np.array([0 * p[3], p[3] / p[4], 0 * p[3]]),
    )
    study = study_of(
        [dose(0, 50), observe(0.5), observe(2), observe(10), dose(24, 20), observe(40), observe(90)]
    )
    p = np.array([list(TARGET_MEDIATED.values())])
    cotangents = np.random.default_rng(2).normal(size=(5, 3))
    _, slopes = plain_simulation(
        plain, study, p, NONE, np.empty((1, 0)), method="LSODA", rtol=1e-11, atol=1e-12
    )
    wanted, _ = plain_gradient(slopes, cotangents, study, 6)
    worst = []
    for rtol in (1e-6, 1e-8, 1e-10):
        _, backward = value_and_gradient(
            target_mediated, study, p, NONE, cotangents, method="bdf", rtol=rtol, atol=rtol / 100
        )
        worst.append(np.abs(backward.parameters / wanted - 1).max())
        assert np.abs(backward.parameters - wanted).max() < 50 * rtol * np.abs(wanted).max()
    assert worst[-1] < 1e-5


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_the_units_of_states_and_parameters_do_not_matter(unit: float) -> None:
    # Doses in kilograms or in micrograms: nothing is gained or lost but the exponent.
    study = study_of([dose(0, 300 * unit), *(observe(t) for t in (1, 2, 4, 8, 12, 24, 48))])
    cotangents = np.zeros((7, 3))
    cotangents[:, 0] = 1.0
    p = P * [1, unit, unit]
    _, backward = value_and_gradient(
        one_compartment, study, p, NONE, cotangents, rtol=1e-8, atol=1e-10 * unit
    )
    times = np.array([1, 2, 4, 8, 12, 24, 48.0])

    def total(ka: Any, CL: Any, V: Any) -> Any:
        k = CL / V
        curve = ka / (ka - k) / V * (np.exp(-k * times) - np.exp(-ka * times))
        return np.sum(300 * unit * curve)

    for i in range(3):
        moved = p[0].astype(complex)
        moved[i] += 1e-30j * p[0, i]
        wanted = total(*moved).imag / (1e-30 * p[0, i])
        assert_allclose(backward.parameters[0, i], wanted, rtol=2e-6)


@METHODS
@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e12, 1e280])
def test_the_gradient_is_linear_in_the_cotangents(method: str, scale: float) -> None:
    study = study_of([dose(0, 100), observe(1), observe(5), observe(9)])
    cotangents = np.random.default_rng(3).normal(size=(3, 3))
    _, one = value_and_gradient(one_compartment, study, P, NONE, cotangents, method=method)
    _, many = value_and_gradient(one_compartment, study, P, NONE, scale * cotangents, method=method)
    assert_allclose(many.parameters / scale, one.parameters, rtol=1e-9)


@METHODS
def test_cotangents_of_very_different_size_in_one_subject(method: str) -> None:
    study = study_of([dose(0, 100), observe(1), observe(5), observe(9)])
    whole = np.diag([1e-12, 1.0, 1e12])
    options: dict[str, Any] = {"method": method, "rtol": 1e-10, "atol": 1e-11}
    _, together = value_and_gradient(one_compartment, study, P, NONE, whole, **options)
    parts = np.zeros((1, 3))
    for row in range(3):
        alone = np.zeros((3, 3))
        alone[row, row] = whole[row, row]
        _, part = value_and_gradient(one_compartment, study, P, NONE, alone, **options)
        parts += part.parameters
    assert_allclose(together.parameters, parts, rtol=1e-6)


@METHODS
def test_zero_cotangents_give_exactly_zero_without_a_step(method: str) -> None:
    study = study_of([dose(0, 100), observe(1)], [dose(0, 100), observe(1)])
    cotangents = np.array([[0.0, 0, 0], [1.0, 0, 0]])
    _, backward = value_and_gradient(
        one_compartment, study, np.repeat(P, 2, axis=0), NONE, cotangents, method=method
    )
    assert_array_equal(backward.parameters[0], np.zeros(3))
    if method != "tsit5":  # where lanes go together
        assert backward.steps[0] == 0
    assert backward.steps[1] > 0
    assert np.all(backward.parameters[1] != 0)


def _smooth_by_hand(body: Callable[[Any, Any], Any]) -> System:
    return System(
        states=("x",),
        parameters=("a", "b"),
        rhs=lambda t, y, p, nn, c: {"x": body(y.x, p)},
        initial={"x": lambda p, c: p.b},
    )


@pytest.mark.parametrize(
    "body",
    [
        lambda x, p: pt.switch(x > 0.7, -p.a * x, -p.a * x**2 / 0.7),
        lambda x, p: -pt.clip(p.a * x, 0.1, 0.5),
        lambda x, p: -p.a * pt.maximum(x - 0.5, 0.01 * p.b),
        lambda x, p: -p.a * pt.mod(p.b * x, 5.0),
        lambda x, p: -pt.abs(x - 10.0 * p.a) * 0.1,
        lambda x, p: -p.a * x**p.b / (1 + x**p.b),
        lambda x, p: -(x // 10.0 + p.a) * x,
    ],
    ids=["switch", "clip", "maximum", "mod", "abs", "hill", "floor division"],
)
def test_piecewise_right_hand_sides(body: Callable[[Any, Any], Any]) -> None:
    system = _smooth_by_hand(body)
    study = study_of([observe(0), observe(0.5), observe(1.5), observe(2.0)])
    p = np.array([[0.4, 1.7]])
    cotangents = np.ones((4, 1))
    options: dict[str, Any] = {"method": "bdf", "rtol": 1e-10, "atol": 1e-12}
    _, backward = value_and_gradient(system, study, p, NONE, cotangents, **options)
    # A kink inside a step costs accuracy on either side of the comparison.
    assert_allclose(
        backward.parameters, differences(system, study, p, cotangents, **options), rtol=2e-5
    )


def test_a_failed_subject_has_nan_and_leaves_the_others_alone() -> None:
    blow_up = _smooth_by_hand(lambda x, p: p.a * x**2)
    rows = [observe(0), observe(0.5), observe(2)]
    p = np.array([[0.4, 1.0], [1.0, 1.0], [0.3, 1.0], [np.nan, 1.0]])
    forward, backward = value_and_gradient(blow_up, study_of(rows, rows, rows, rows), p, NONE)
    alone = [value_and_gradient(blow_up, study_of(rows), p[[s]], NONE)[1] for s in (0, 2)]
    assert (forward.status != 0).tolist() == [False, True, False, True]
    assert np.isnan(backward.parameters[[1, 3]]).all()
    assert_array_equal(backward.parameters[[0, 2]], np.vstack([a.parameters for a in alone]))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_cotangents_that_are_not_finite_give_nan_for_their_subject_only(wrong: float) -> None:
    rows = [dose(0, 100), observe(1), observe(2)]
    cotangents = np.ones((4, 3))
    cotangents[1, 0] = wrong
    _, backward = value_and_gradient(
        one_compartment, study_of(rows, rows), np.repeat(P, 2, axis=0), NONE, cotangents
    )
    assert np.isnan(backward.parameters[0]).all()
    assert np.isfinite(backward.parameters[1]).all()


def test_the_adjoint_solve_stops_at_max_steps() -> None:
    study = study_of([dose(0, 100), *(observe(t) for t in range(1, 40))])
    options: dict[str, Any] = {
        "method": "bdf", "max_steps": 400, "rtol": 1e-9, "adjoint_rtol": 1e-12
    }  # fmt: skip
    forward, backward = value_and_gradient(one_compartment, study, P, NONE, **options)
    assert forward.status[0] == 0
    assert backward.steps[0] == 400
    assert np.isnan(backward.parameters).all()


def test_a_system_without_parameters_has_an_empty_gradient() -> None:
    system = System(states=("x",), parameters=(), rhs=lambda t, y, p, nn, c: {"x": -y.x})
    _, backward = value_and_gradient(
        system, study_of([dose(0, 2), observe(1)]), np.empty((1, 0)), NONE
    )
    assert backward.parameters.shape == (1, 0)
    assert backward.weights.shape == (0,)


@METHODS
def test_twenty_states(method: str) -> None:
    n = 20
    names = tuple(f"a{i}" for i in range(n))
    chain = System(
        states=names,
        parameters=("k", "loss"),
        rhs=lambda t, y, p, nn, c: {
            name: p.k * ((y[names[i - 1]] if i else 0.0) - y[name]) - p.loss * y[name] ** 2
            for i, name in enumerate(names)
        },
        outputs={"out": lambda t, y, p, nn, c: y[names[-1]]},
    )
    study = study_of([dose(0, 10.0), observe(4.0), observe(7.0), observe(12.0)])
    p = np.array([[3.0, 0.01]])
    cotangents = np.zeros((3, n + 1))
    cotangents[:, 0] = 1.0
    options: dict[str, Any] = {"method": method, "rtol": 1e-11, "atol": 1e-13}
    _, backward = value_and_gradient(chain, study, p, NONE, cotangents, **options)
    wanted = differences(chain, study, p, cotangents, **options)
    assert_allclose(backward.parameters, wanted, rtol=1e-5)
