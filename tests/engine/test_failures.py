"""A solve that fails is data: a status and NaN for its subject, and nothing else."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_array_equal

from bnode_nlme.dynamics import System
from bnode_nlme.engine import SolveStatus, simulate
from tests.engine.compartments import ONE, one_compartment
from tests.engine.tables import dose, observe, study_of

METHODS = pytest.mark.parametrize("method", ["tsit5", "bdf", "adams"])


def scalar_system(body: Callable[[Any, Any, Any], Any]) -> System:
    return System(
        states=("x",),
        parameters=("a",),
        rhs=lambda t, y, p, nn, c: {"x": body(t, y.x, p.a)},
        initial={"x": lambda p, c: 1.0},
    )


# Each body is harmless at a = -1 and fails at a = 1.
FAILURES: dict[str, tuple[Callable[[Any, Any, Any], Any], set[SolveStatus]]] = {
    "blow-up in finite time": (
        lambda t, x, a: pt.switch(a > 0, x**2, -x),
        {SolveStatus.STEP_TOO_SMALL, SolveStatus.MAX_STEPS, SolveStatus.NOT_FINITE,
         SolveStatus.NO_CONVERGENCE},
    ),
    "logarithm of a negative number": (
        lambda t, x, a: pt.switch(a > 0, pt.log(-x), -x),
        {SolveStatus.NOT_FINITE},
    ),
    "NaN from some time on": (
        lambda t, x, a: pt.switch(a > 0, pt.sqrt(0.5 - t), -x),
        {SolveStatus.NOT_FINITE, SolveStatus.STEP_TOO_SMALL, SolveStatus.NO_CONVERGENCE,
         SolveStatus.MAX_STEPS},
    ),
    "infinite derivative": (
        lambda t, x, a: pt.switch(a > 0, pt.exp(1000 * x), -x),
        {SolveStatus.NOT_FINITE},
    ),
    "a pole of the right-hand side": (
        lambda t, x, a: pt.switch(a > 0, -1 / pt.sqrt(x), -x),
        {SolveStatus.STEP_TOO_SMALL, SolveStatus.MAX_STEPS, SolveStatus.NO_CONVERGENCE,
         SolveStatus.NOT_FINITE},
    ),
}  # fmt: skip


@METHODS
@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_stays_with_its_subject(
    name: str, method: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    body, allowed = FAILURES[name]
    system = scalar_system(body)
    rows = [observe(0), observe(0.25), observe(2.0)]
    study = study_of(rows, rows, rows)
    solved = simulate(system, study, {"a": [-1.0, 1.0, -1.0]}, method=method)
    alone = simulate(system, study_of(rows), {"a": -1.0}, method=method)
    status = [SolveStatus(int(code)) for code in solved.status]
    assert status[0] == status[2] == SolveStatus.SUCCESS
    assert status[1] in allowed
    assert solved.message.values[1] == status[1].message
    values = solved["x"].to_numpy()
    assert np.isnan(values[3:6]).all()
    assert_array_equal(values[:3], alone["x"].to_numpy())
    assert_array_equal(values[6:], alone["x"].to_numpy())
    assert capfd.readouterr() == ("", "")


@METHODS
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_parameters_that_are_not_finite(method: Any, wrong: float) -> None:
    rows = [dose(0, 10), observe(1)]
    solved = simulate(
        one_compartment, study_of(rows, rows), ONE | {"CL": [wrong, 2.0]}, method=method
    )
    assert solved.status.values.tolist() == [SolveStatus.NOT_FINITE_INPUT, SolveStatus.SUCCESS]
    assert np.isnan(solved["cp"].values).tolist() == [True, False]


def test_a_covariate_that_is_not_finite() -> None:
    system = System(
        states=("x",),
        parameters=(),
        covariates=("WT",),
        rhs=lambda t, y, p, nn, c: {"x": -c.WT * y.x},
    )
    rows = [dose(0, 10), observe(1)]
    solved = simulate(system, study_of(rows, rows, covariates={"WT": [np.nan, 1.0]}), {})
    assert solved.status.values.tolist() == [SolveStatus.NOT_FINITE_INPUT, SolveStatus.SUCCESS]


def test_an_initial_value_that_is_not_finite() -> None:
    system = System(
        states=("x",),
        parameters=("a",),
        rhs=lambda t, y, p, nn, c: {"x": -y.x},
        initial={"x": lambda p, c: pt.log(p.a)},
    )
    rows = [observe(0), observe(1)]
    solved = simulate(system, study_of(rows, rows), {"a": [-1.0, 2.0]})
    assert solved.status.values.tolist() == [SolveStatus.NOT_FINITE, SolveStatus.SUCCESS]


@METHODS
def test_max_steps_is_the_number_of_steps_of_a_subject(method: Any) -> None:
    study = study_of([dose(0, 10), observe(1), dose(2, 10), observe(40)])
    free = simulate(one_compartment, study, ONE, method=method, rtol=1e-9)
    enough = int(free.steps.values[0])
    bound = simulate(one_compartment, study, ONE, method=method, rtol=1e-9, max_steps=enough)
    short = simulate(one_compartment, study, ONE, method=method, rtol=1e-9, max_steps=enough - 1)
    assert bound.status.values[0] == SolveStatus.SUCCESS
    assert short.status.values[0] == SolveStatus.MAX_STEPS
    assert short.steps.values[0] == enough - 1
    assert np.isnan(short["cp"].values).all()


def test_more_accuracy_than_there_is() -> None:
    solved = simulate(
        one_compartment, study_of([dose(0, 10), observe(1)]), ONE, rtol=1e-18, atol=1e-30
    )
    assert solved.status.values[0] == SolveStatus.TOO_MUCH_ACCURACY


def test_an_output_that_is_not_finite_is_no_failure_of_the_solve() -> None:
    system = System(
        states=("x",),
        parameters=(),
        rhs=lambda t, y, p, nn, c: {"x": -y.x},
        outputs={"log": lambda t, y, p, nn, c: pt.log(y.x)},
    )
    solved = simulate(system, study_of([observe(0), dose(0, 1), observe(1)]), {}, rtol=1e-9)
    assert solved.status.values[0] == SolveStatus.SUCCESS
    assert solved["log"].values[0] == -np.inf
    assert solved["log"].values[1] == pytest.approx(-1.0, rel=1e-6)


def test_every_status_says_what_happened() -> None:
    messages = [status.message for status in SolveStatus]
    assert len(set(messages)) == len(SolveStatus)
    assert "raise max_steps" in SolveStatus.MAX_STEPS.message
    assert "raise rtol" in SolveStatus.TOO_MUCH_ACCURACY.message
