"""Steady states: against superposition, closed forms, and dose after dose."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import solve_ivp

from bnode_nlme.dynamics import System
from bnode_nlme.engine.status import SolveStatus
from tests.engine.compartments import CL, KA, V, one_compartment, two_compartments
from tests.engine.compartments import ONE as ONE_PARAMETERS
from tests.engine.compartments import TWO as TWO_PARAMETERS
from tests.engine.nonlinear import TARGET_MEDIATED, target_mediated
from tests.engine.plain_simulator import Array
from tests.engine.steady_states import ONE, TWO, dose, doses_of, solved, superposed

METHODS = pytest.mark.parametrize("method", ["tsit5", "bdf", "adams", "auto"])
P1, P2 = list(ONE_PARAMETERS.values()), list(TWO_PARAMETERS.values())

saturable = System(
    states=("depot", "central"),
    parameters=("ka", "Vmax", "Km"),
    rhs=lambda t, y, p, nn, c: {
        "depot": -p.ka * y.depot,
        "central": p.ka * y.depot - p.Vmax * y.central / (p.Km + y.central),
    },
)

DOSES: dict[str, dict[str, float]] = {
    "bolus": {},
    "lag": {"lag": 3.0},
    "lag longer than the interval": {"lag": 29.0},
    "lag of two intervals": {"lag": 24.0},
    "infusion": {"duration": 2.5},
    "infusion as long as the interval": {"duration": 12.0},
    "infusion longer than the interval": {"duration": 31.0},
    "infusion of three intervals": {"duration": 36.0},
    "infusion with a lag, over the record": {"duration": 8.0, "lag": 7.0},
    "infusion with a lag, up to the record": {"duration": 5.0, "lag": 7.0},
    "long infusion with a long lag": {"duration": 40.0, "lag": 31.0},
}


@METHODS
@pytest.mark.parametrize("given", DOSES.values(), ids=DOSES)
def test_linear_systems_against_superposition(method: str, given: dict[str, Any]) -> None:
    options: dict[str, Any] = {"method": method, "rtol": 1e-9, "atol": 1e-9}
    systems = [(one_compartment, ONE, P1), (two_compartments, TWO, P2)]
    for system, matrix, parameters in systems:
        doses = doses_of(parameters, *(dose(80.0, 12.0, into=i, time=5.0, **given) for i in (0, 1)))
        found, status = solved(system, doses, **options)
        assert_array_equal(status, SolveStatus.SUCCESS)
        for i in (0, 1):
            wanted = superposed(matrix, 80.0, 12.0, i, **given)
            assert_allclose(found[i], wanted, rtol=1e-8, atol=1e-8)


@METHODS
def test_constant_infusions_against_the_closed_form(method: str) -> None:
    given = [dose(rate=7.0, into=0), dose(rate=7.0, into=1), dose(rate=0.0)]
    found, status = solved(one_compartment, doses_of(P1, *given), method=method)
    assert_array_equal(status, SolveStatus.SUCCESS)
    central = 7.0 * V / CL
    wanted = np.array([[7.0 / KA, central], [0, central], [0, 0]])
    assert_allclose(found, wanted, rtol=1e-10, atol=1e-10)


@functools.cache
def _cycled(
    amount: float, interval: float, p: tuple[float, ...], duration: float, cycles: int
) -> Array:
    """Dose after dose, from nothing."""

    def slope(t: float, y: Array, rate: float) -> Array:
        return np.array([-p[0] * y[0], p[0] * y[0] - p[1] * y[1] / (p[2] + y[1]) + rate])

    y = np.zeros(2)
    for _ in range(cycles):
        start = 0.0
        if duration == 0.0:
            y[0] += amount
        else:
            y = solve_ivp(slope, (0, duration), y, "DOP853", args=(amount / duration,),
                          rtol=1e-11, atol=1e-12).y[:, -1]  # fmt: skip
            start = duration
        y = solve_ivp(slope, (start, interval), y, "DOP853", args=(0.0,),
                      rtol=1e-11, atol=1e-12).y[:, -1]  # fmt: skip
    return y


@METHODS
def test_saturable_elimination_against_dose_after_dose(method: str) -> None:
    p = (1.1, 10.0, 4.0)
    found, status = solved(
        saturable,
        doses_of(p, dose(70.0, 10.0), dose(60.0, 10.0, duration=3.0, into=1)),
        method=method, rtol=1e-9, atol=1e-9,
    )  # fmt: skip
    assert_array_equal(status, SolveStatus.SUCCESS)
    assert_allclose(found[0], _cycled(70.0, 10.0, p, 0.0, 60), rtol=1e-7, atol=1e-8)
    assert_allclose(found[1], _cycled(60.0, 10.0, p, 3.0, 60), rtol=1e-7, atol=1e-8)


@METHODS
def test_close_to_saturation(method: str) -> None:
    # An infusion all the time at 99 % of what can be eliminated: rate = Vmax y / (Km + y).
    p = [1.1, 10.0, 4.0]
    given = [dose(rate=9.9, into=1), dose(99.0, 10.0, duration=10.0, into=1)]
    found, status = solved(saturable, doses_of(p, *given), method=method, rtol=1e-8, atol=1e-8)
    assert_array_equal(status, SolveStatus.SUCCESS)
    assert_allclose(found[:, 1], 4.0 * 9.9 / 0.1, rtol=1e-6)


@METHODS
def test_more_than_can_be_eliminated_has_no_steady_state(method: str) -> None:
    p = [1.1, 10.0, 4.0]
    found, status = solved(
        saturable,
        doses_of(p, dose(101.0, 10.0), dose(50.0, 10.0), dose(rate=10.1, into=1),
                 dose(200.0, 10.0, duration=25.0, into=1)),
        method=method,
    )  # fmt: skip
    none = SolveStatus.NO_STEADY_STATE
    assert_array_equal(status, [none, SolveStatus.SUCCESS, none, none])
    assert_array_equal(np.isnan(found).all(axis=1), [True, False, True, True])
    assert "no steady state" in none.message


@METHODS
@pytest.mark.parametrize("halves", [1.0, 200.0])
def test_slow_elimination_takes_no_more_doses(method: str, halves: float) -> None:
    # Dose after dose would take thousands.
    k = np.log(2) / (halves * 6.0)
    found, status = solved(
        one_compartment, doses_of([1.0, 10 * k, 10.0], dose(5.0, 6.0, into=1)),
        method=method, rtol=1e-8, atol=1e-8,
    )  # fmt: skip
    assert_array_equal(status, SolveStatus.SUCCESS)
    assert_allclose(found[0, 1], 5.0 / np.expm1(6.0 * k), rtol=1e-7 * halves**0.5)


@pytest.mark.parametrize("method", ["bdf", "auto"])
def test_stiff_target_mediated_disposition_stays_as_it_is(method: str) -> None:
    # What one interval after a steady state leads to, by SciPy.
    p = np.array(list(TARGET_MEDIATED.values()))
    found, status = solved(
        target_mediated, doses_of(p, dose(5.0, 24.0)), method=method, rtol=1e-8, atol=1e-10
    )
    assert_array_equal(status, SolveStatus.SUCCESS)
    kel, kon, koff, ksyn, kdeg, kint = p

    def slope(t: float, y: Array) -> Array:
        bound = kon * y[0] * y[1] - koff * y[2]
        return np.array([-kel * y[0] - bound, ksyn - kdeg * y[1] - bound, bound - kint * y[2]])

    start = found[0] + [5.0, 0, 0]
    after = solve_ivp(slope, (0, 24.0), start, "LSODA", rtol=1e-11, atol=1e-13).y[:, -1]
    assert_allclose(after, found[0], rtol=1e-6)


def test_a_turnover_starts_from_its_own_baseline() -> None:
    # log(R) has no value at zero, from which a search would begin otherwise.
    system = System(
        states=("drug", "R"),
        parameters=("k", "kin", "kout"),
        rhs=lambda t, y, p, nn, c: {
            "drug": -p.k * y.drug,
            "R": p.kin * (1 - 0.8 * y.drug / (1 + y.drug)) - p.kout * pt.exp(pt.log(y.R)),
        },
        initial={"R": lambda p, c: p.kin / p.kout},
    )
    p = [0.3, 2.0, 0.1]
    found, status = solved(system, doses_of(p, dose(3.0, 8.0), dose(0.0, 8.0)), rtol=1e-8)
    assert_array_equal(status, SolveStatus.SUCCESS)
    assert_allclose(found[1], [0.0, 20.0], atol=1e-7)
    assert_allclose(found[0, 0], 3.0 / np.expm1(2.4), rtol=1e-7)
    assert 0.2 * 20 < found[0, 1] < 20


def test_a_state_that_only_accumulates_has_no_steady_state() -> None:
    system = System(
        states=("x", "area"), parameters=("k",),
        rhs=lambda t, y, p, nn, c: {"x": -p.k * y.x, "area": y.x},
    )  # fmt: skip
    _, status = solved(system, doses_of([0.3], dose(3.0, 8.0), dose(rate=1.0)))
    assert_array_equal(status, SolveStatus.NO_STEADY_STATE)


@pytest.mark.parametrize("duration", [0.0, 12.0, 11.5])
def test_a_state_that_is_at_rest_does_not_disturb(duration: float) -> None:
    # An explicit method would take steps far beyond its stability where nothing changes.
    system = System(
        states=("fast", "slow"), parameters=("k", "out"),
        rhs=lambda t, y, p, nn, c: {"fast": -p.out * y.fast, "slow": y.fast - p.k * y.slow},
    )  # fmt: skip
    for into in (0, 1):
        given: dict[str, Any] = {"duration": duration}
        found, status = solved(
            system, doses_of([0.01, 5.0], dose(9.0, 12.0, into=into, **given)), method="tsit5",
            rtol=1e-8, atol=1e-8,
        )  # fmt: skip
        assert_array_equal(status, SolveStatus.SUCCESS)
        matrix = np.array([[-5.0, 0.0], [1.0, -0.01]])
        assert_allclose(
            found[0], superposed(matrix, 9.0, 12.0, into, duration), rtol=1e-7, atol=1e-8
        )


def test_a_fixed_point_that_repels_is_none() -> None:
    system = System(
        states=("x",), parameters=("k",), rhs=lambda t, y, p, nn, c: {"x": p.k * y.x * (y.x - 1)},
        initial={"x": lambda p, c: 1.0 - 1e-3 * p.k},
    )  # fmt: skip
    found, status = solved(system, doses_of([1.0], dose(1e-3, 1.0)))
    assert_array_equal(status, SolveStatus.NO_STEADY_STATE)
    assert np.isnan(found).all()


def test_a_rate_that_depends_on_time_sees_the_interval_before_the_record() -> None:
    system = System(
        states=("x",), parameters=("k",),
        rhs=lambda t, y, p, nn, c: {"x": -p.k * y.x + pt.cos(2 * np.pi * t / 12.0) + 1},
    )  # fmt: skip
    found, _ = solved(
        system, doses_of([0.2], *(dose(0.0, 12.0, time=t) for t in (0, 3, 12))), rtol=1e-9
    )
    w = 2 * np.pi / 12
    wanted = [(0.2 * np.cos(w * t) + w * np.sin(w * t)) / (0.2**2 + w**2) + 5 for t in (0, 3, 12)]
    assert_allclose(found[:, 0], wanted, rtol=1e-7)


@pytest.mark.parametrize(
    "given",
    [{"lag": np.nan}, {"duration": -1.0}, {"lag": -1.0}, {"time": np.inf}],
    ids=lambda given: next(iter(given)),
)
def test_what_cannot_be_laid_out_fails_alone(given: dict[str, Any]) -> None:
    found, status = solved(
        one_compartment, doses_of(P1, dose(80.0, 12.0), dose(80.0, 12.0, **given))
    )
    assert_array_equal(status, [SolveStatus.SUCCESS, SolveStatus.NOT_FINITE_INPUT])
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


def test_a_solver_that_fails_says_how() -> None:
    p = np.array([P1, [np.nan, 1.0, 1.0]])
    _, status = solved(one_compartment, doses_of(p, dose(80.0, 12.0), dose(80.0, 12.0)))
    assert_array_equal(status, [SolveStatus.SUCCESS, SolveStatus.NOT_FINITE_INPUT])
    _, status = solved(one_compartment, doses_of(P1, dose(80.0, 12.0)), max_steps=2)
    assert_array_equal(status, [SolveStatus.MAX_STEPS])


def test_many_doses_at_once_are_as_each_alone() -> None:
    rng = np.random.default_rng(1)
    parameters = np.array(P1) * np.exp(0.3 * rng.normal(size=(21, 3)))
    given = [dose(rng.uniform(10, 90), rng.uniform(4, 24), into=i % 2, lag=rng.uniform(0, 20))
             for i in range(21)]  # fmt: skip
    together, _ = solved(one_compartment, doses_of(parameters, *given), rtol=1e-8, atol=1e-8)
    for i in range(0, 21, 5):
        alone, _ = solved(one_compartment, doses_of(parameters[i], given[i]), rtol=1e-8, atol=1e-8)
        assert_allclose(together[i], alone[0], rtol=1e-7, atol=1e-7)


def test_no_doses_have_no_steady_states() -> None:
    doses = doses_of(P1, dose(80.0, 12.0))
    empty = [a if name == "weights" else a[:0] for name, a in vars(doses).items()]
    found, status = solved(one_compartment, type(doses)(*empty))
    assert found.shape == (0, 2)
    assert status.shape == (0,)
