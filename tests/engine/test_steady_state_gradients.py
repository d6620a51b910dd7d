"""Gradients of steady states by everything that a model may express by parameters."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bnode_nlme.dynamics import MLP, System
from tests.engine.compartments import ONE as ONE_PARAMETERS
from tests.engine.compartments import one_compartment
from tests.engine.plain_simulator import Array
from tests.engine.steady_states import (
    DIFFERENTIABLE,
    Doses,
    dose,
    doses_of,
    gradient,
    solved,
)

METHODS = pytest.mark.parametrize("method", ["tsit5", "bdf", "adams"])
P1 = list(ONE_PARAMETERS.values())

clearance = MLP("clearance", inputs=1, hidden=(3,), output="positive", scale=30.0)

learned = System(
    states=("depot", "central", "R"),
    parameters=("ka", "Vmax", "Km", "kin", "kout"),
    networks=(clearance,),
    covariates=("WT",),
    rhs=lambda t, y, p, nn, c: {
        "depot": -p.ka * y.depot,
        "central": p.ka * y.depot - p.Vmax * y.central / (p.Km + y.central)
        - 0.1 * nn.clearance(y.central) * y.central,
        "R": p.kin * c.WT / (1 + 0.05 * y.central) - p.kout * y.R,
    },
    initial={"R": lambda p, c: p.kin * c.WT / p.kout},
)  # fmt: skip
PARAMETERS = np.array([0.7, 5.0, 9.0, 2.0, 0.3])
WEIGHTS = np.random.default_rng(4).normal(size=clearance.size)
GIVEN = [
    dose(60.0, 12.0, time=5.0),
    dose(60.0, 12.0, lag=3.3),
    dose(60.0, 12.0, lag=15.1, into=1),
    dose(50.0, 12.0, duration=2.5, into=1),
    dose(50.0, 12.0, duration=30.0, lag=1.0),
    dose(50.0, 12.0, duration=8.0, lag=19.0, into=1),
    dose(rate=5.0),
]


def differences(
    system: System, doses: Doses, name: str, moves: Any, cotangents: Array, **options: Any
) -> Array:
    """Central differences of fourth order of each dose's weighted steady state (D,).

    All numbers of ``array[moves]`` move at once, each by its own step: those of a dose move the
    steady state of that dose alone.
    """
    array = getattr(doses, name)
    steps = np.zeros_like(array)
    steps[moves] = 1e-3 * np.maximum(1.0, np.abs(array[moves]))

    def value(factor: int) -> Array:
        moved = dataclasses.replace(doses, **{name: array + factor * steps})
        found, status = solved(system, moved, **options)
        assert not status.any()
        return np.sum(cotangents * found, axis=1)

    change = (8 * (value(1) - value(-1)) - (value(2) - value(-2))) / 12
    if name != "weights":
        change = change[moves[0] if isinstance(moves, tuple) else moves]
    return np.asarray(change / steps[moves])


@METHODS
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_every_input_against_central_differences(method: str, name: str) -> None:
    doses = doses_of(PARAMETERS, *GIVEN, weights=WEIGHTS, covariates=[1.3])
    cotangents = np.random.default_rng(5).normal(size=(len(GIVEN), 3))
    options = {"method": method, "rtol": 1e-10, "atol": 1e-11}
    found = gradient(learned, doses, cotangents, **options)[name]
    wanted: Any
    if name == "weights":
        wanted = [
            differences(learned, doses, name, place, cotangents, **options).sum()
            for place in range(len(WEIGHTS))
        ]
    elif name == "parameters":
        columns = [(slice(None), j) for j in range(len(PARAMETERS))]
        wanted = np.transpose(
            [differences(learned, doses, name, j, cotangents, **options) for j in columns]
        )
    else:
        # Where a length of time is zero it cannot be less: see the next test.
        moves = getattr(doses, name) > 0.0
        wanted = np.zeros(len(GIVEN))
        wanted[moves] = differences(learned, doses, name, moves, cotangents, **options)
        found = np.where(moves, found, 0.0)
        if name == "rates":
            assert_array_equal(moves, [False] * 6 + [True])
    assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


@METHODS
@pytest.mark.parametrize(
    ("given", "moved"),
    [
        (dose(60.0, 12.0), "lags"),
        (dose(60.0, 12.0, lag=12.0), "lags"),
        (dose(60.0, 12.0, duration=4.0), "lags"),
        (dose(60.0, 12.0, duration=12.0), "durations"),
        (dose(60.0, 12.0, duration=24.0), "durations"),
        (dose(60.0, 12.0, duration=4.0, lag=8.0), "durations"),
    ],
)
def test_where_doses_touch_the_record(method: str, given: tuple[float, ...], moved: str) -> None:
    # One-sided: a dose that arrives at the record's time acts after it, one that ends there ended.
    doses = doses_of(P1, given)
    cotangents = np.array([[0.3, -1.1]])
    options = {"method": method, "rtol": 1e-10, "atol": 1e-11}
    found = gradient(one_compartment, doses, cotangents, **options)[moved]
    side = 1.0 if moved == "lags" else -1.0
    values = []
    for factor in range(5):
        change = {moved: getattr(doses, moved) + side * 1e-2 * factor}
        state, _ = solved(one_compartment, dataclasses.replace(doses, **change), **options)
        values.append(np.sum(cotangents * state))
    wanted = np.dot([-25, 48, -36, 16, -3], values) / (12 * 1e-2 * side)
    assert_allclose(found, [wanted], rtol=1e-6)


@METHODS
def test_close_to_a_constant_infusion(method: str) -> None:
    # The solution hardly changes, but its gradient by the end of the infusion does.
    doses = doses_of(P1, dose(60.0, 12.0, duration=11.9), dose(60.0, 12.0, duration=12.0, lag=3.0))
    cotangents = np.array([[0.3, -1.1], [0.5, 0.2]])
    options = {"method": method, "rtol": 1e-9, "atol": 1e-10}
    found = gradient(one_compartment, doses, cotangents, **options)["durations"]
    wanted = differences(one_compartment, doses, "durations", slice(None), cotangents, **options)
    assert_allclose(found, wanted, rtol=1e-3)


@METHODS
def test_slow_elimination(method: str) -> None:
    # x = A / (exp(k II) - 1)
    k, volume = np.log(2) / (200 * 6.0), 10.0
    doses = doses_of([1.0, k * volume, volume], dose(5.0, 6.0, into=1))
    options = {"method": method, "rtol": 1e-10, "atol": 1e-10}
    found = gradient(one_compartment, doses, np.array([[0.0, 1.0]]), **options)
    by_k = -5.0 * 6.0 * np.exp(6.0 * k) / np.expm1(6.0 * k) ** 2
    assert_allclose(found["parameters"], [[0, by_k / volume, -by_k * k / volume]], rtol=1e-6)
    assert_allclose(found["amounts"], [1 / np.expm1(6.0 * k)], rtol=1e-6)


def test_the_initial_state_does_not_matter() -> None:
    system = System(
        states=("x",), parameters=("k", "start"),
        rhs=lambda t, y, p, nn, c: {"x": -p.k * y.x},
        initial={"x": lambda p, c: p.start},
    )  # fmt: skip
    doses = doses_of([0.2, 50.0], dose(5.0, 6.0), dose(rate=2.0))
    found = gradient(system, doses, np.ones((2, 1)), rtol=1e-9)
    assert_array_equal(found["parameters"][:, 1], [0.0, 0.0])
    by_k = -5.0 * 6.0 * np.exp(1.2) / np.expm1(1.2) ** 2
    assert_allclose(found["parameters"][:, 0], [by_k, -2.0 / 0.2**2], rtol=1e-7)


def test_what_has_no_steady_state_has_no_gradient() -> None:
    doses = doses_of(P1, dose(80.0, 12.0), dose(80.0, 12.0, lag=np.nan))
    cotangents = np.ones((2, 2))
    found = gradient(one_compartment, doses, cotangents)
    assert np.isfinite(found["parameters"][0]).all()
    assert np.isnan(found["parameters"][1]).all()
    assert np.isnan(found["amounts"]).tolist() == [False, True]
    # Where nothing depends on it, it is as if it were not there.
    cotangents[1] = 0.0
    found = gradient(one_compartment, doses, cotangents)
    assert_array_equal(found["parameters"][1], np.zeros(3))
