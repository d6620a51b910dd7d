"""Covariates that vary in time, and parameters that differ between occasions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose
from pytensor.compile.maker import function
from pytensor.gradient import grad
from scipy.integrate import solve_ivp

from bnode_nlme.dynamics import Dosing, System
from bnode_nlme.engine import simulate, solve
from bnode_nlme.engine.joined import join
from bnode_nlme.engine.schedule import Action
from bnode_nlme.engine.varying import Varying, varying_inputs
from bnode_nlme.study.study import Study
from tests.engine.compartments import Array
from tests.engine.tables import Row, dose, observe, reset, study_of

METHODS = pytest.mark.parametrize("method", ["tsit5", "bdf", "adams"])
INTERPOLATIONS = pytest.mark.parametrize("interpolation", ["locf", "nocb", "linear"])

saturable = System(
    states=("gut", "blood"),
    parameters=("ka", "Vm", "Km", "base"),
    covariates=("WT", "TEMP", "AGE"),
    rhs=lambda t, y, p, nn, c: {
        "gut": -p.ka * c.TEMP * y.gut,
        "blood": p.ka * c.TEMP * y.gut - p.Vm * c.WT * y.blood / (p.Km + y.blood) / c.AGE,
    },
    outputs={"level": lambda t, y, p, nn, c: y.blood / c.WT},
    initial={"blood": lambda p, c: p.base * c.WT},
    dosing={"gut": Dosing(bioavailability=lambda p, c: p.ka / c.TEMP)},
)
PARAMETERS = {"ka": 0.9, "Vm": 6.0, "Km": 11.0, "base": 4.0}
AGE = 2.0


def rows() -> list[Row]:
    """Records of every kind, with weights and temperatures that change at most of them."""
    events = [
        observe(0),
        dose(0.5, 100),
        observe(2),
        dose(3, 50, into="blood", rate=20),
        observe(3),
        observe(3),
        observe(4.5),
        reset(6),
        observe(6),
        dose(6, 80),
        observe(8),
        observe(11),
    ]
    weights = [1.0, 1.0, 1.3, 1.1, 1.1, 0.9, 1.2, 1.2, 1.5, 1.4, 0.8, 1.0]
    temperatures = [1.0, 1.1, 1.2, 1.2, 1.2, 1.2, 0.9, 0.9, 0.9, 1.3, 1.3, 1.0]
    return [
        row | {"WT": weight, "TEMP": temperature}
        for row, weight, temperature in zip(events, weights, temperatures, strict=True)
    ]


def value_between(study: Study, name: str, record: int, time: float) -> float:
    """A covariate at a time between a record and the one before it."""
    values, times = study.varying[name], study.records.time
    if study.interpolation == "locf":
        return float(values[record - 1])
    if study.interpolation == "nocb":
        return float(values[record])
    share = (time - times[record - 1]) / (times[record] - times[record - 1])
    return float(values[record - 1] + share * (values[record] - values[record - 1]))


def by_scipy(study: Study, p: dict[str, float]) -> Array:
    """The level at each observation, record by record; a covariate at a record is the record's."""
    records = study.records
    y, found = np.array([0.0, p["base"] * study.varying["WT"][0]]), []
    infused: list[tuple[float, float]] = []  # when an infusion into the blood ends, its rate
    for record in range(len(records)):
        time = float(records.time[record])
        start = float(records.time[record - 1]) if record else time
        stops = sorted({end for end, _ in infused if start < end < time} | {time})
        for stop in stops:
            if stop == start:
                continue
            running = sum(rate for end, rate in infused if end > start)

            def slope(t: float, y: Any) -> list[float]:
                weight = value_between(study, "WT", record, t)  # noqa: B023
                temperature = value_between(study, "TEMP", record, t)  # noqa: B023
                taken = p["ka"] * temperature * y[0]
                lost = p["Vm"] * weight * y[1] / (p["Km"] + y[1]) / AGE
                return [-taken, taken - lost + running]  # noqa: B023

            y = solve_ivp(slope, (start, stop), y, "DOP853", rtol=1e-12, atol=1e-12).y[:, -1]
            start = stop
        weight = float(study.varying["WT"][record])
        evid, amount = int(records.evid[record]), float(records.amount[record])
        if evid == 0:
            found.append(y[1] / weight)
        elif evid == 3:
            y, infused = np.array([0.0, p["base"] * weight]), []
        elif records.rate[record] > 0:
            rate = float(records.rate[record])
            infused.append((time + amount / rate, rate))
        else:
            y[0] += amount * p["ka"] / study.varying["TEMP"][record]
    return np.array(found)


@METHODS
@INTERPOLATIONS
def test_time_varying_covariates_against_scipy(method: Any, interpolation: Any) -> None:
    study = study_of(
        rows(), covariates={"AGE": [AGE]}, varying=["WT", "TEMP"], interpolation=interpolation
    )
    solved = simulate(saturable, study, PARAMETERS, method=method, rtol=1e-9, atol=1e-10)
    assert_allclose(solved["level"], by_scipy(study, PARAMETERS), rtol=2e-7)
    assert [*solved.data_vars] == ["level", "gut", "blood", "status", "message", "steps", "method"]


@METHODS
@INTERPOLATIONS
def test_gradients_with_varying_covariates_against_differences(
    method: Any, interpolation: Any
) -> None:
    study = study_of(
        rows(), covariates={"AGE": [AGE]}, varying=["WT", "TEMP"], interpolation=interpolation
    )
    symbols = {name: pt.scalar(name) for name in PARAMETERS}
    solution = solve(saturable, study, symbols, method=method, rtol=1e-10, atol=1e-10)
    assert [*solution.states] == ["gut", "blood"]
    weights = np.random.default_rng(5).normal(size=study.n_observations)
    gradient: Any = grad((solution.outputs["level"] * weights).sum(), [*symbols.values()])
    found = function([*symbols.values()], gradient)(*PARAMETERS.values())
    for (name, value), slope in zip(PARAMETERS.items(), found, strict=True):
        sides = [
            weights @ by_scipy(study, PARAMETERS | {name: value * (1 + sign * 1e-4)})
            for sign in (1, -1)
        ]
        assert_allclose(slope, (sides[0] - sides[1]) / (2e-4 * value), rtol=1e-5)


def test_only_what_varies_and_moves_the_system_becomes_a_state() -> None:
    study = study_of(rows(), covariates={"AGE": [AGE]}, varying=["WT", "TEMP"])
    assert varying_inputs(saturable, study, (False,) * 4) == Varying((), (0, 1))
    assert join(saturable, study, (False,) * 4).kernels.states == 4
    of_doses = System(
        states=("gut", "blood"),
        parameters=("k", "F1"),
        covariates=("WT",),
        rhs=lambda t, y, p, nn, c: {"gut": -p.k * y.gut, "blood": 0.0},
        dosing={"gut": Dosing(bioavailability=lambda p, c: p.F1 * c.WT)},
    )
    assert varying_inputs(of_doses, study, (False, True)) == Varying()
    assert join(of_doses, study, (False, True)).kernels.states == 2


def test_a_covariate_changes_where_it_changes_and_only_there() -> None:
    table = [observe(0), observe(1), observe(2), observe(3)]
    values = [5.0, 5.0, 7.0, 7.0]
    table = [row | {"WT": value} for row, value in zip(table, values, strict=True)]
    system = System(
        states=("x",), parameters=("k",), covariates=("WT",),
        rhs=lambda t, y, p, nn, c: {"x": p.k * c.WT},
    )  # fmt: skip

    def entries(interpolation: Any) -> list[tuple[int, int, float, float]]:
        study = study_of(table, varying=["WT"], interpolation=interpolation)
        schedule = join(system, study, (False,)).schedule
        assert schedule is not None
        found = zip(*(array.tolist() for array in schedule.arrays[1:]), strict=True)
        return [entry for entry in found if entry[0] != Action.OBSERVE]

    assert entries("locf") == [(Action.ADD, 1, 2.0, 2.0)]
    assert entries("nocb") == [(Action.ADD, 1, 1.0, 2.0)]
    assert entries("linear") == [(Action.SET_RATE, 1, 1.0, 2.0), (Action.SET_RATE, 1, 2.0, 0.0)]


oral = System(
    states=("depot", "central"),
    parameters=("ka", "CL", "V", "F1", "base"),
    rhs=lambda t, y, p, nn, c: {
        "depot": -p.ka * y.depot,
        "central": p.ka * y.depot - p.CL / p.V * y.central,
    },
    outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
    initial={"central": lambda p, c: p.base * p.V},
    dosing={"depot": Dosing(bioavailability=lambda p, c: p.F1)},
)


def crossover() -> Study:
    """Two periods and a return to the first; the second subject has one occasion only."""

    def on(occasion: int, *rows: Row) -> list[Row]:
        return [row | {"OCC": occasion} for row in rows]

    return study_of(
        [
            *on(1, dose(0, 100), observe(1), observe(4)),
            *on(2, dose(12, 100, evid=4), observe(13), observe(15)),
            *on(1, observe(20), reset(21), observe(21), dose(21, 60), observe(24)),
        ],
        on(7, dose(0, 50), observe(2), observe(9)),
    )


KA, CL, F1 = np.array([1.1, 0.7, 1.6]), np.array([2.0, 3.5, 2.7]), np.array([0.9, 0.6, 0.8])
BASE = np.array([0.5, 1.5, 0.2])
VOLUME = 20.0


def levels(p: Any) -> list[Any]:
    """The crossover written out by occasion (depot and central, by their closed forms)."""
    ka, CL, F1, base = (p[name] for name in ("ka", "CL", "F1", "base"))

    def moved(state: Any, elapsed: float, k: int) -> Any:
        depot, central = state
        rate = CL[k] / VOLUME
        gone, lost = np.exp(-ka[k] * elapsed), np.exp(-rate * elapsed)
        return depot * gone, central * lost + depot * ka[k] / (ka[k] - rate) * (lost - gone)

    found = []
    y = moved((100 * F1[0], base[0] * VOLUME), 1, 0)
    found.append(y[1])
    y = moved(y, 3, 0)
    found.append(y[1])
    y = moved((100 * F1[1], base[1] * VOLUME), 1, 1)
    found.append(y[1])
    y = moved(y, 2, 1)
    found.append(y[1])
    y = moved(y, 5, 1)  # the first occasion is back from the record at 20 on
    found += [y[1], base[0] * VOLUME]
    found.append(moved((60 * F1[0], base[0] * VOLUME), 3, 0)[1])
    y = moved((50 * F1[2], base[2] * VOLUME), 2, 2)
    found.append(y[1])
    found.append(moved(y, 7, 2)[1])
    return [value / VOLUME for value in found]


GIVEN = {"ka": KA, "CL": CL, "V": VOLUME, "F1": F1, "base": BASE}


@METHODS
def test_parameters_by_occasion_against_closed_forms(method: Any) -> None:
    solved = simulate(oral, crossover(), GIVEN, method=method, rtol=1e-10, atol=1e-10)
    assert_allclose(solved["cp"], levels(GIVEN), rtol=1e-7)


def test_by_subject_where_a_parameter_is_given_so() -> None:
    given = GIVEN | {"ka": KA[[0, 2]], "CL": np.array([2.0, 2.7])}
    solved = simulate(oral, crossover(), given, method="tsit5", rtol=1e-10, atol=1e-10)
    alike = GIVEN | {"ka": KA[[0, 0, 2]], "CL": np.array([2.0, 2.0, 2.7])}
    assert_allclose(solved["cp"], levels(alike), rtol=1e-7)


@METHODS
def test_gradients_by_occasion_against_closed_forms(method: Any) -> None:
    study = crossover()
    names = ("ka", "CL", "F1", "base")
    symbols = {name: pt.vector(name, shape=(3,)) for name in names}
    solution = solve(oral, study, symbols | {"V": VOLUME}, method=method, rtol=1e-11, atol=1e-11)
    weights = np.random.default_rng(2).normal(size=study.n_observations)
    gradient: Any = grad((solution.outputs["cp"] * weights).sum(), [*symbols.values()])
    found = function([*symbols.values()], gradient)(*(GIVEN[name] for name in names))
    for name, slopes in zip(names, found, strict=True):
        for occasion in range(3):
            moved = np.array(GIVEN[name], complex)
            moved[occasion] += 1e-30j
            wanted = (weights @ np.array(levels(GIVEN | {name: moved}))).imag / 1e-30
            assert_allclose(slopes[occasion], wanted, rtol=1e-6, atol=1e-9)


def test_with_nocb_an_occasion_begins_at_the_record_before_it() -> None:
    table = [observe(0) | {"OCC": 1}, observe(1) | {"OCC": 1}, observe(3) | {"OCC": 2}]
    system = System(
        states=("x",), parameters=("k",), rhs=lambda t, y, p, nn, c: {"x": p.k + 0 * y.x}
    )
    cases: list[tuple[Any, float]] = [("locf", 30), ("nocb", 10 + 2 * 7), ("linear", 30)]
    for interpolation, wanted in cases:
        study = study_of(table, interpolation=interpolation)
        solved = simulate(system, study, {"k": np.array([10.0, 7.0])}, rtol=1e-10)
        assert_allclose(solved["x"].values[-1], wanted, rtol=1e-9)


def test_the_length_of_a_parameter_must_be_known_where_it_could_be_either() -> None:
    unknown = pt.vector("ka")
    with pytest.raises(ValueError, match=r"ka'\] wants .* 2 subjects or the 3 occasions; found a"):
        solve(oral, crossover(), GIVEN | {"ka": unknown})
    with pytest.raises(ValueError, match=r"the 3 occasions; found shape \(4,\)"):
        simulate(oral, crossover(), GIVEN | {"ka": np.ones(4)})


def test_a_parameter_that_is_not_finite_in_an_occasion_fails_its_subject() -> None:
    spoilt = GIVEN | {"ka": np.array([1.1, np.nan, 1.6])}
    solved = simulate(oral, crossover(), spoilt)
    assert solved.message.values[0].startswith("a parameter, weight or covariate was NaN")
    assert solved.message.values[1] == "solved"
