"""Lag, bioavailability, modelled rate and duration: closed forms, and gradients of all kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pytensor.compile.maker import function
from pytensor.gradient import grad
from pytensor.graph.basic import equal_computations

from bnode_nlme.dynamics import Dosing, System
from bnode_nlme.engine import SolveStatus, simulate, solve
from bnode_nlme.engine.layout_op import LayoutAdjointOp, LayoutOp
from bnode_nlme.engine.solve_op import AdjointOp, SolveOp
from tests.engine.compartments import (
    CL,
    ONE,
    Array,
    V,
    one_bolus,
    one_compartment,
    one_infusion,
    one_oral,
    superposed,
)
from tests.engine.tables import Row, dose, observe, reset, study_of

METHODS = pytest.mark.parametrize("method", ["tsit5", "bdf", "adams"])
TIMES = np.array([0.2, 0.9, 2.1, 3.3, 5.2, 7.4, 9.6, 13.1, 20.0])
MORE = {"tlag": 0.45, "F1": 0.7, "D2": 2.6, "R2": 31.0}

dosed = System(
    states=("depot", "central"),
    parameters=("ka", "CL", "V", "tlag", "F1", "D2", "R2"),
    covariates=("WT",),
    rhs=one_compartment.rhs,
    outputs=one_compartment.outputs,
    dosing={
        "depot": Dosing(lag=lambda p, c: p.tlag * c.WT, bioavailability=lambda p, c: p.F1),
        "central": Dosing(
            lag=lambda p, c: 2 * p.tlag,
            bioavailability=lambda p, c: p.F1**2,
            duration=lambda p, c: p.D2,
            rate=lambda p, c: p.R2,
        ),
    },
)


def table(*events: Row, times: Array = TIMES) -> list[Row]:
    return sorted([*events, *map(observe, times)], key=lambda row: row["time"])


def concentrations(rows: list[Row], method: Any, **changes: float) -> Array:
    solved = simulate(
        dosed, study_of(rows, covariates={"WT": [1.2]}), ONE | MORE | changes,
        method=method, rtol=1e-9, atol=1e-11,
    )  # fmt: skip
    assert (solved.message == "solved").all()
    values: Array = solved["cp"].to_numpy()
    return values


def agree(found: Array, wanted: Array) -> None:
    assert_allclose(found, wanted, rtol=1e-6, atol=1e-9 * np.abs(wanted).max())


LAG, F, D, R = 1.2 * MORE["tlag"], MORE["F1"], MORE["D2"], MORE["R2"]
LAG2, F2 = 2 * MORE["tlag"], MORE["F1"] ** 2

CASES: dict[str, tuple[list[Row], list[Any]]] = {
    "a delayed dose in part": ([dose(0, 320)], [(LAG, 320 * F, one_oral)]),
    "additional doses, each delayed": (
        [dose(0, 320, additional=2, interval=3)],
        [(LAG + 3 * k, 320 * F, one_oral) for k in range(3)],
    ),
    "an infusion at a rate of the table lasts for F AMT / RATE": (
        [dose(1, 100, into="central", rate=25)],
        [(1 + LAG2, 1, one_infusion(25, 4 * F2))],
    ),
    "a modelled duration": (
        [dose(1, 100, into="central", rate=-2)],
        [(1 + LAG2, 1, one_infusion(100 * F2 / D, D))],
    ),
    "a modelled rate": (
        [dose(1, 100, into="central", rate=-1)],
        [(1 + LAG2, 1, one_infusion(R, 100 * F2 / R))],
    ),
    "overlapping infusions of every kind": (
        [
            dose(0, 100, into="central", rate=-2, additional=3, interval=1.7),
            dose(0, 100, into="central", rate=-1, additional=2, interval=2.2),
            dose(1, 60, into="central", rate=12),
        ],
        [
            *((LAG2 + 1.7 * k, 1, one_infusion(100 * F2 / D, D)) for k in range(4)),
            *((LAG2 + 2.2 * k, 1, one_infusion(R, 100 * F2 / R)) for k in range(3)),
            (1 + LAG2, 1, one_infusion(12, 5 * F2)),
        ],
    ),
    "doses that overtake each other": (
        [dose(0, 100, into="central"), dose(0.2, 80), dose(0.3, 60, into="central")],
        [(LAG2, 100 * F2, one_bolus), (0.2 + LAG, 80 * F, one_oral),
         (0.3 + LAG2, 60 * F2, one_bolus)],
    ),
}  # fmt: skip


@METHODS
@pytest.mark.parametrize("case", CASES)
def test_closed_forms(method: str, case: str) -> None:
    events, given = CASES[case]
    agree(concentrations(table(*events), method), superposed(TIMES, given))


@METHODS
def test_a_reset_cancels_a_delayed_dose(method: str) -> None:
    found = concentrations(table(dose(0, 320), dose(7, 100), reset(7.2)), method)
    agree(found, np.where(TIMES < 7.2, superposed(TIMES, [(LAG, 320 * F, one_oral)]), 0.0))


@METHODS
def test_no_part_of_a_dose_is_no_dose(method: str) -> None:
    found = concentrations(table(dose(0, 320), dose(1, 9, into="central", rate=3)), method, F1=0.0)
    assert_array_equal(found, 0.0)


@METHODS
def test_a_delayed_dose_acts_before_the_record_at_its_time(method: str) -> None:
    rows = [dose(0, 100, into="central"), observe(0.9), observe(0.9), observe(2)]
    agree(concentrations(rows, method), 100 * F2 * one_bolus(np.array([0, 0, 2 - 0.9])))
    # without a lag it acts in the order of the table
    rows = [observe(0), dose(0, 100, into="central"), observe(0)]
    agree(concentrations(rows, method, tlag=0.0), np.array([0.0, 100 * F2 / V]))


def test_a_delayed_first_dose_finds_the_system_as_it_has_become() -> None:
    growth = System(
        states=("size",),
        parameters=("k", "start", "tlag"),
        rhs=lambda t, y, p, nn, c: {"size": p.k * y.size},
        initial={"size": lambda p, c: p.start},
        dosing={"size": Dosing(lag=lambda p, c: p.tlag)},
    )
    study = study_of([dose(1, 5.0), observe(2), observe(3)])
    given = {"k": 0.5, "start": 3.0, "tlag": 1.5}
    solved = simulate(growth, study, given, rtol=1e-10, atol=1e-10)
    wanted = [3 * np.exp(0.5), 3 * np.exp(1.0) + 5 * np.exp(0.25)]
    assert_allclose(solved["size"], wanted, rtol=1e-8)


EVERYTHING = study_of(
    table(
        dose(0, 320, additional=2, interval=3.1),
        dose(1, 100, into="central", rate=25),
        dose(2, 100, into="central", rate=-2, additional=1, interval=1.83),
        reset(8.0),
        dose(8, 50, into="central", rate=-1),
        dose(8, 40, evid=4),
        dose(9, 40, into="central", rate=-1, additional=9, interval=2.3),
    ),
    [dose(0, 10.0), observe(1.0), observe(4.0)],
    covariates={"WT": [1.2, 0.8]},
)


def value_and_gradient(study: Any, method: Any, seed: int = 3) -> Any:
    """A function of the parameters: a weighted sum of everything, and its gradient."""
    parameters = {name: pt.vector(name, shape=(study.n_subjects,)) for name in dosed.parameters}
    solution = solve(dosed, study, parameters, method=method, rtol=1e-11, atol=1e-12)
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(2, study.n_observations))
    cost = (weights[0] * solution.outputs["cp"]).sum()
    cost += (weights[1] * solution.states["depot"]).sum()
    gradient: Any = grad(cost, [*parameters.values()])
    return function([*parameters.values()], [cost, *gradient])


@METHODS
def test_gradients_against_differences(method: str) -> None:
    evaluated = value_and_gradient(EVERYTHING, method)
    centre = np.repeat(np.array([*(ONE | MORE).values()])[:, None], 2, axis=1)
    _, *found = evaluated(*centre)
    for place in np.ndindex(centre.shape):
        step = np.zeros_like(centre)
        step[place] = 1e-3 * centre[place]
        high, higher, low, lower = (
            evaluated(*(centre + factor * step))[0] for factor in (1, 2, -1, -2)
        )
        slope = (8 * (high - low) - (higher - lower)) / (12 * step[place])
        assert_allclose(found[place[0]][place[1]], slope, rtol=1e-5, atol=1e-7)


@METHODS
def test_gradients_against_a_closed_form(method: Any) -> None:
    """One delayed infusion of modelled duration: C = F A / (D CL) (e^-k(t-L-D) - e^-k(t-L))."""
    study = study_of([dose(0, 100, into="central", rate=-2), observe(10)], covariates={"WT": [1.0]})
    parameters = {name: pt.scalar(name) for name in dosed.parameters}
    solution = solve(dosed, study, parameters, method=method, rtol=1e-11, atol=1e-12)
    wrt = [parameters[name] for name in ("tlag", "F1", "D2", "R2")]
    gradient: Any = grad(solution.outputs["cp"][0], wrt)
    values = ONE | MORE
    found = function([*parameters.values()], gradient, on_unused_input="ignore")(
        *[np.float64(values[name]) for name in dosed.parameters]
    )
    k, scale = CL / V, F2 * 100 / (D * CL)
    late, early = np.exp(-k * (10 - LAG2 - D)), np.exp(-k * (10 - LAG2))
    level = scale * (late - early)
    wanted = [2 * k * level, 2 * level / F, -level / D + scale * k * late, 0.0]
    assert_allclose(found, wanted, rtol=1e-7, atol=1e-12)


@METHODS
def test_doses_of_one_moment_have_their_own_gradients(method: Any) -> None:
    """Two lags that happen to be equal: in a linear system each has its own closed form."""
    study = study_of(
        [dose(0, 100), dose(0, 30, into="central"), observe(6)], covariates={"WT": [2.0]}
    )
    parameters = {name: pt.scalar(name) for name in (*dosed.parameters,)}
    both = dosed.replace(
        parameters=(*dosed.parameters, "tlag2"),
        dosing={
            "depot": Dosing(lag=lambda p, c: p.tlag * c.WT, bioavailability=lambda p, c: p.F1),
            "central": Dosing(lag=lambda p, c: p.tlag2, duration=lambda p, c: p.D2 + p.R2),
        },
    )
    lags = parameters["tlag"], pt.scalar("tlag2")
    solution = solve(
        both, study, parameters | {"tlag2": lags[1]}, method=method, rtol=1e-11, atol=1e-12
    )
    gradient: Any = grad(solution.outputs["cp"][0], lags)
    found = function([*parameters.values(), lags[1]], gradient, on_unused_input="ignore")(
        *[np.float64(value) for value in (ONE | MORE | {"tlag": 0.4}).values()], 0.8
    )
    k, ka = CL / V, ONE["ka"]
    elapsed = 6 - 0.8
    oral = ka / V / (ka - k) * (-k * np.exp(-k * elapsed) + ka * np.exp(-ka * elapsed))
    wanted = [-2.0 * 100 * F * oral, 30 * k / V * np.exp(-k * elapsed)]
    assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize("mode", ["NUMBA", "FAST_COMPILE"])
@pytest.mark.parametrize("bad", [{"tlag": -0.1}, {"F1": -1.0}, {"D2": 0.0}])
def test_a_bad_value_is_data(mode: str, bad: dict[str, float]) -> None:
    rows = [dose(0, 9.0, into="central", rate=-2), dose(0, 3.0), observe(1), observe(3)]
    study = study_of(rows, rows, covariates={"WT": [1.0, 1.0]})
    name, value = next(iter(bad.items()))
    given: dict[str, Any] = (ONE | MORE) | {name: np.array([value, (ONE | MORE)[name]])}
    symbol = pt.vector(name, shape=(2,))
    solution = solve(dosed, study, given | {name: symbol})
    gradient: Any = grad(solution.outputs["cp"].sum(), symbol)
    outputs = [solution.outputs["cp"], solution.status, gradient]
    cp, status, slope = function([symbol], outputs, mode=mode)(given[name])
    assert status.tolist() == [SolveStatus.DOSING, SolveStatus.SUCCESS]
    assert np.isnan(cp).tolist() == [True, True, False, False]
    assert np.isnan(slope).tolist() == [True, False]
    solved = simulate(dosed, study, given)
    assert solved.message.values.tolist() == [SolveStatus.DOSING.message, "solved"]
    assert solution.counter.read()[SolveStatus.DOSING] == 1


def test_a_gradient_lays_out_once_each_way_and_equal_solves_are_one() -> None:
    symbols = {name: pt.scalar(name) for name in dosed.parameters}
    first, second = (solve(dosed, EVERYTHING, symbols) for _ in range(2))
    assert equal_computations([*first.status.owner.inputs], [*second.status.owner.inputs])
    cost = first.outputs["cp"].sum()
    gradient: Any = grad(cost, [*symbols.values()])
    compiled = function([*symbols.values()], [cost, *gradient], mode="FAST_RUN")
    found = [node.op for node in compiled.maker.fgraph.toposort()]
    kinds = (LayoutOp, SolveOp, AdjointOp, LayoutAdjointOp)
    assert [type(op) for op in found if isinstance(op, kinds)] == list(kinds)


def operations(study: Any, system: System, parameters: Any) -> list[str]:
    solution = solve(system, study, parameters)
    cost: Any = solution.outputs["cp"].sum()
    gradient: Any = grad(cost, parameters["ka"])
    inputs = [parameters[name] for name in parameters]
    compiled = function(inputs, [cost, gradient], mode="FAST_COMPILE", on_unused_input="ignore")
    nodes = compiled.maker.fgraph.toposort()
    for node in nodes:
        if isinstance(node.op, AdjointOp):
            moving = any(isinstance(other.op, LayoutOp) for other in nodes)
            assert node.op.moving == moving
    return [type(n.op).__name__ for n in nodes if isinstance(n.op, (LayoutOp, LayoutAdjointOp))]


def test_where_nothing_is_modelled_the_schedule_is_a_constant() -> None:
    symbols = {name: pt.scalar(name) for name in dosed.parameters}
    plain = {name: symbols[name] for name in one_compartment.parameters}
    study = study_of([dose(0, 1.0), observe(1)], covariates={"WT": [1.0]})
    assert operations(study, one_compartment, plain) == []
    assert operations(study, dosed, symbols) == ["LayoutOp"]
    # nothing of what is declared concerns the doses that there are
    only = dosed.replace(
        dosing={"depot": Dosing(rate=lambda p, c: p.R2 + p.tlag * p.F1 * p.D2 * c.WT)}
    )
    assert operations(study, only, symbols) == []
