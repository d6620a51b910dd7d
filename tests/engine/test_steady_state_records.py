"""Records with SS in a study: what becomes of them in the graph, and when there is no steady state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pytensor.compile.maker import function
from pytensor.gradient import grad
from pytensor.graph.basic import equal_computations
from pytensor.graph.traversal import applys_between

from bnode_nlme.dynamics import MLP, Dosing, System
from bnode_nlme.engine import SolveStatus, simulate, solve
from bnode_nlme.engine.steady_state_op import SteadyStateOp
from bnode_nlme.study.study import Study
from tests.engine.plain_simulator import Array
from tests.engine.tables import dose, observe, predict, reset, study_of

METHODS = pytest.mark.parametrize("method", ["tsit5", "bdf", "adams", "auto"])

clearance = MLP("clearance", inputs=1, hidden=(2,), output="positive", scale=30.0)
learned = System(
    states=("depot", "central"),
    parameters=("ka", "V", "tlag", "D"),
    networks=(clearance,),
    covariates=("WT",),
    rhs=lambda t, y, p, nn, c: {
        "depot": -p.ka * y.depot,
        "central": p.ka * y.depot - nn.clearance(y.central) * c.WT / p.V * y.central,
    },
    outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
    dosing={
        "depot": Dosing(lag=lambda p, c: p.tlag * c.WT),
        "central": Dosing(duration=lambda p, c: p.D),
    },
)
VALUES = {
    "ka": np.array([0.9, 1.3, 1.1]),
    "V": np.array([12.0, 9.0, 14.0]),
    "tlag": np.array([4.3, 0.7, 0.0]),
    "D": np.array(5.5),
}
WEIGHTS = np.random.default_rng(3).normal(size=clearance.size)
STUDY = study_of(
    [
        dose(0, 60.0, into="central", rate=-2),
        dose(2, 50.0, interval=3.0, steady_state=1, additional=1),
        *map(observe, (2.5, 4.1, 8.0, 14.0)),
    ],
    [
        dose(0, 40.0, interval=6.0, steady_state=1),
        dose(3, 30.0, into="central", rate=-2, interval=4.0, steady_state=2),
        *map(observe, (3.0, 4.1, 9.7)),
    ],
    [dose(0, 40.0, into="central"), dose(5, 0.0, rate=4.0, steady_state=1), observe(5), observe(9)],
    covariates={"WT": [1.2, 0.9, 1.0]},
)

GIVEN = [*VALUES.values(), WEIGHTS]
ROWS = 1.0 + np.arange(STUDY.n_observations) % 3

saturable = System(
    states=("central",),
    parameters=("Vmax", "Km"),
    rhs=lambda t, y, p, nn, c: {"central": -p.Vmax * y.central / (p.Km + y.central)},
)
SATURATION = {"Vmax": 10.0, "Km": 4.0}


def steady_nodes(study: Study, system: System, values: Any, **more: Any) -> list[Any]:
    solution = solve(system, study, values, **more)
    found = applys_between([], [*solution.outputs.values(), *solution.states.values()])
    return [node for node in found if isinstance(node.op, SteadyStateOp)]


def functions(method: Any) -> tuple[Any, Any]:
    """The weighted sum of all predictions, and its gradient, as functions of all inputs."""
    tolerances: Any = {"method": method, "rtol": 1e-10, "atol": 1e-11}
    symbols: dict[str, Any] = {
        name: pt.tensor(name, shape=value.shape, dtype="float64") for name, value in VALUES.items()
    }
    weights = pt.vector("weights", shape=(clearance.size,))
    solution = solve(learned, STUDY, symbols, {"clearance": weights}, **tolerances)
    cost = (solution.outputs["cp"] * ROWS).sum()
    inputs = [*symbols.values(), weights]
    slopes: Any = grad(cost, inputs)
    return tuple(function(inputs, found, mode="FAST_COMPILE") for found in (cost, slopes))


def directions() -> list[Array]:
    """One for each input: every number of it at once, with signs of their own."""
    return [(-1.0) ** np.arange(given.size).reshape(given.shape) * given for given in GIVEN]


@pytest.fixture(scope="module")
def differences() -> list[float]:
    """Along `directions`, by the method whose numbers are smooth: steps change by so little."""
    value, _ = functions("tsit5")
    found = []
    for position, direction in enumerate(directions()):
        sides = []
        for step in (1e-3, -1e-3, 2e-3, -2e-3):
            moved = list(GIVEN)
            moved[position] = GIVEN[position] + step * direction
            sides.append(float(value(*moved)))
        found.append((8 * (sides[0] - sides[1]) - (sides[2] - sides[3])) / 12e-3)
    return found


@METHODS
def test_gradients_of_a_learned_system_against_differences(
    method: Any, differences: list[float]
) -> None:
    value, slopes = functions(method)
    simulated = simulate(
        learned, STUDY, VALUES, {"clearance": WEIGHTS}, method=method, rtol=1e-10, atol=1e-11
    )
    assert_allclose(value(*GIVEN), (simulated.cp.values * ROWS).sum(), rtol=1e-12)
    pairs = zip(slopes(*GIVEN), directions(), strict=True)
    found = [float((slope * direction).sum()) for slope, direction in pairs]
    assert_allclose(found, differences, rtol=1e-6)


def test_one_operation_for_all_records_with_ss_and_none_without() -> None:
    (node,) = steady_nodes(STUDY, learned, VALUES, weights={"clearance": WEIGHTS})
    inputs = [np.asarray(x) for x in function([], node.inputs, mode="FAST_COMPILE")()]
    parameters, _, covariates, targets, times, amounts, durations, intervals, lags, rates = inputs
    assert_array_equal(parameters[:, 1], [12.0, 9.0, 9.0, 14.0])
    assert_array_equal(covariates[:, 0], [1.2, 0.9, 0.9, 1.0])
    assert_array_equal(targets, [0, 0, 1, 0])
    assert_array_equal(times, [2, 0, 3, 5])
    assert_array_equal(amounts, [50, 40, 30, 0])
    assert_array_equal(durations, [0, 0, 5.5, 0])
    assert_array_equal(intervals, [3, 6, 4, 0])
    assert_allclose(lags, [4.3 * 1.2, 0.7 * 0.9, 0.0, 0.0])
    assert_array_equal(rates, [0, 0, -2, 4])
    plain = study_of([dose(0, 40.0), observe(1)], covariates={"WT": [1.0]})
    one = VALUES | {name: np.array(1.0) for name in ("ka", "V", "tlag")}
    assert steady_nodes(plain, learned, one, weights={"clearance": WEIGHTS}) == []


def test_equal_solves_are_equal_with_steady_states_too() -> None:
    symbols = {name: pt.scalar(name) for name in saturable.parameters}
    study = study_of([dose(0, 90.0, interval=12.0, steady_state=1), observe(1)])
    first, second = (solve(saturable, study, symbols) for _ in range(2))
    assert equal_computations([*first.status.owner.inputs], [*second.status.owner.inputs])


@METHODS
def test_no_steady_state_is_data(method: Any) -> None:
    """More is given than can be eliminated: the subject fails alone, and says why."""
    rows = [dose(0, 90.0, interval=10.0, steady_state=1), observe(1), predict(5)]
    study = study_of(rows, rows)
    amount = pt.vector("Vmax", shape=(2,))
    solution = solve(saturable, study, {"Vmax": amount, "Km": 4.0}, method=method)
    cost: Any = solution.states["central"]
    slope: Any = grad(cost.sum(), amount)
    compiled = function([amount], [cost, solution.status, slope], mode="FAST_COMPILE")
    seen, status, slope = compiled([8.9, 10.0])
    assert status.tolist() == [SolveStatus.NO_STEADY_STATE, SolveStatus.SUCCESS]
    assert np.isnan(seen).tolist() == [True, True, False, False]
    assert np.isnan(slope).tolist() == [True, False]
    solved = simulate(saturable, study, {"Vmax": [8.9, 10.0], "Km": 4.0}, method=method)
    assert "no steady state was found" in solved.message.values[0]
    assert solved.message.values[1] == "solved"
    assert solution.counter.read()[SolveStatus.NO_STEADY_STATE] == 1


def test_where_nothing_sees_it_there_need_be_no_steady_state() -> None:
    """A dose after the last observation."""
    after = [dose(0, 10.0), observe(1), dose(2, 900.0, interval=1.0, steady_state=1)]
    solved = simulate(saturable, study_of(after), SATURATION)
    assert solved.message.values.tolist() == ["solved"]


def test_a_steady_state_ends_what_was_given_before_it() -> None:
    """Infusions that run, and doses that are still to come, here and with a slope of their own."""
    alone = [dose(5, 50.0, interval=6.0, steady_state=1), *map(observe, (5.0, 7.0, 20.0))]
    before = [dose(0, 80.0, rate=4.0), dose(1, 30.0, additional=9, interval=1.5), observe(4)]
    p = SATURATION | {"Vmax": 12.0}

    def seen(rows: list[Any]) -> Array:
        found = simulate(saturable, study_of(rows), p, rtol=1e-9, atol=1e-9)
        return np.asarray(found.central.values[-3:])

    assert_allclose(seen([*before, *alone]), seen(alone), rtol=1e-8)
    # The control: what is added to goes on.
    alone[0] = alone[0] | {"steady_state": 2}
    assert (seen([*before, *alone]) > 1.1 * seen(alone)).all()
    assert_allclose(seen([*before, reset(5), *alone]), seen(alone), rtol=1e-8)
