"""What `method="auto"` does with stiff groups, with failures, and with all others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bnode_nlme.dynamics import System
from bnode_nlme.engine import SolveStatus, simulate
from bnode_nlme.engine.units import CVODES_UNIT, LANES_UNIT
from tests.engine.compartments import ONE, one_compartment
from tests.engine.gradients import value_and_gradient
from tests.engine.nonlinear import TARGET_MEDIATED, target_mediated
from tests.engine.tables import dose, observe, study_of

NONE = np.empty(0)


@pytest.fixture(autouse=True, scope="module")
def _auto(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--method") != "auto":
        pytest.skip('what "auto" does, in a run in which it stands for another method')


ROWS = [dose(0, 100), *(observe(t) for t in (0.5, 1, 4, 12, 24))]

decay = System(
    states=("x",),
    parameters=("rate", "level"),
    rhs=lambda t, y, p, nn, c: {"x": -p.rate * (y.x - p.level)},
)


def decays(rates: list[float], **options: Any) -> Any:
    study = study_of(*([observe(0), observe(10), observe(100)] for _ in rates))
    return simulate(decay, study, {"rate": rates, "level": 3.0}, **options)


def test_a_system_that_is_not_stiff_stays_in_the_lanes() -> None:
    found = simulate(one_compartment, study_of(*[ROWS] * 20), ONE)
    assert set(found.method.values) == {"tsit5"}
    assert found.attrs["method"] == "auto"


def test_a_stiff_group_goes_to_bdf_as_a_whole_and_the_others_stay() -> None:
    # Sixteen subjects in two groups: the records sort them, and all records are alike.
    rates = [1.0] * 8 + [1e4] + [1.0] * 7
    found = decays(rates)
    assert found.method.values.tolist() == ["tsit5"] * 8 + ["bdf"] * 8
    assert (found.status == 0).all()
    assert_allclose(found.x.values.reshape(16, 3)[:, 1:], 3.0, rtol=1e-4)


def test_the_hand_over_comes_before_it_costs_much() -> None:
    alone = decays([1e6])
    assert alone.method.item() == "bdf"
    # What tsit5 by itself would have had to do: it is bound by stability.
    by_itself = decays([1e6], method="tsit5")
    assert by_itself.status.item() == SolveStatus.MAX_STEPS
    assert by_itself.steps.item() == 10_000


def test_target_mediated_disposition_is_handed_over_with_its_gradient() -> None:
    study = study_of(*[ROWS] * 3)
    p = np.array([[TARGET_MEDIATED[name] for name in target_mediated.parameters]] * 3)
    cotangents = np.random.default_rng(1).normal(size=(15, len(target_mediated.states)))
    options: dict[str, Any] = {"rtol": 1e-8, "atol": 1e-10}
    auto, backward = value_and_gradient(target_mediated, study, p, NONE, cotangents, **options)
    bdf, wanted = value_and_gradient(
        target_mediated, study, p, NONE, cotangents, method="bdf", **options
    )
    assert auto.engines.tolist() == [CVODES_UNIT] * 3
    assert_array_equal(auto.predictions, bdf.predictions)
    assert_array_equal(backward.parameters, wanted.parameters)


def test_many_steps_alone_are_not_stiffness() -> None:
    # An oscillator needs thousands of steps for its accuracy; BDF would need more.
    oscillator = System(
        states=("x", "v"),
        parameters=("omega",),
        rhs=lambda t, y, p, nn, c: {"x": p.omega * y.v, "v": -p.omega * y.x},
        initial={"x": lambda p, c: 1.0},
    )
    study = study_of([observe(0), observe(100), observe(400)])
    found = simulate(oscillator, study, {"omega": 1.0}, rtol=1e-8, atol=1e-8)
    assert found.steps.item() > 1000
    assert found.method.item() == "tsit5"
    assert_allclose(found.x, np.cos([0, 100, 400]), atol=1e-4)


def test_a_subject_that_fails_is_tried_by_bdf_and_leaves_the_others_in_the_lanes() -> None:
    blow_up = System(
        states=("x",),
        parameters=("a",),
        rhs=lambda t, y, p, nn, c: {"x": p.a * y.x**2},
        initial={"x": lambda p, c: 1.0},
    )
    study = study_of(*[[observe(0), observe(2)]] * 4)
    found = simulate(blow_up, study, {"a": [0.1, 1.0, 0.2, 0.3]})
    assert found.method.values.tolist() == ["tsit5", "bdf", "tsit5", "tsit5"]
    assert (found.status.values != 0).tolist() == [False, True, False, False]
    exact = 1 / (1 - 2 * np.array([0.1, 0.2, 0.3]))
    assert_allclose(found.x.values.reshape(4, 2)[[0, 2, 3], 1], exact, rtol=1e-5)


def test_the_choice_is_a_function_of_the_inputs_alone() -> None:
    first = decays([1.0] * 4 + [300.0] * 4 + [1e4] * 8)
    again = decays([1.0] * 4 + [300.0] * 4 + [1e4] * 8)
    assert_array_equal(first.x, again.x)
    assert_array_equal(first.method, again.method)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_nothing(threads: int) -> None:
    rng = np.random.default_rng(7)
    study = study_of(*[ROWS] * 60)
    p = np.exp(0.2 * rng.standard_normal((60, 3))) * [1.3, 2.9, 31.0]
    cotangents = rng.normal(size=(300, 3))
    one, alone = value_and_gradient(one_compartment, study, p, NONE, cotangents, threads=1)
    many, together = value_and_gradient(
        one_compartment, study, p, NONE, cotangents, threads=threads
    )
    assert_array_equal(many.predictions, one.predictions)
    assert_array_equal(together.parameters, alone.parameters)
    assert set(many.engines.tolist()) == {LANES_UNIT}
