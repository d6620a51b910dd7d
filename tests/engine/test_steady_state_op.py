"""Steady states as PyTensor operations."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pytensor.compile.maker import function
from pytensor.gradient import DisconnectedInputError, grad

from bnode_nlme.engine.counts import SolveCounter
from bnode_nlme.engine.options import SolverOptions
from bnode_nlme.engine.steady_state_op import INPUTS, SteadyStateOp
from bnode_nlme.engine.steady_state_solver import steady_state_solver
from tests.engine.compartments import ONE as ONE_PARAMETERS
from tests.engine.compartments import one_compartment
from tests.engine.steady_states import DIFFERENTIABLE, dose, doses_of, gradient, solved

DOSES = doses_of(
    list(ONE_PARAMETERS.values()),
    dose(80.0, 12.0, lag=3.0),
    dose(80.0, 12.0, duration=5.0),
    dose(rate=4.0),
)
COTANGENTS = np.array([[0.3, 1.0], [-0.2, 0.7], [1.0, -1.0]])


def operation(**options: Any) -> SteadyStateOp:
    return SteadyStateOp(
        steady_state_solver(one_compartment, SolverOptions(**options)), SolveCounter()
    )


def applied(inputs: list[Any]) -> Any:
    return operation()(*inputs)


def symbols() -> list[Any]:
    return [
        pt.tensor(name, dtype=str(a.dtype), shape=(None,) * a.ndim)
        for name, a in zip(INPUTS, DOSES.arrays, strict=True)
    ]


@pytest.mark.parametrize("mode", ["NUMBA", "FAST_COMPILE"])
def test_compiled_and_interpreted_agree(mode: str) -> None:
    inputs = symbols()
    states, status = applied(inputs)
    wanted = [x for x, name in zip(inputs, INPUTS, strict=True) if name in DIFFERENTIABLE]
    slopes: Any = grad((COTANGENTS * states).sum(), wanted)
    compiled = function(inputs, [states, status, *slopes], mode=mode)
    found, outcome, *results = compiled(*DOSES.arrays)
    assert_array_equal(outcome, 0)
    assert_array_equal(found, solved(one_compartment, DOSES)[0])
    exact = gradient(one_compartment, DOSES, COTANGENTS)
    for name, result in zip(DIFFERENTIABLE, results, strict=True):
        assert_allclose(result, exact[name], rtol=1e-12, err_msg=name)


def test_any_layout_of_arrays_may_come() -> None:
    inputs = symbols()
    compiled = function(inputs, applied(inputs)[0][::-1], mode="NUMBA")
    turned = [
        np.asfortranarray(a)[::-1] if a.ndim == 2 else (a if name == "weights" else a[::-1])
        for name, a in zip(INPUTS, DOSES.arrays, strict=True)
    ]
    assert_array_equal(compiled(*turned), solved(one_compartment, DOSES)[0])


def test_it_pickles() -> None:
    again: Any = pickle.loads(pickle.dumps(operation(method="bdf")))
    found, _ = again(*DOSES.arrays)
    assert_array_equal(found.eval(), solved(one_compartment, DOSES, method="bdf")[0])


def test_intervals_and_times_have_no_derivative() -> None:
    inputs = symbols()
    states, _ = applied(inputs)
    for name in ("intervals", "times"):
        with pytest.raises(DisconnectedInputError, match=name):
            grad(states.sum(), inputs[INPUTS.index(name)])


def test_there_are_no_second_derivatives() -> None:
    inputs = symbols()
    states, _ = applied(inputs)
    slope: Any = grad(states.sum(), inputs[0])
    with pytest.raises(NotImplementedError, match="first derivatives only"):
        grad(slope.sum(), inputs[0])


def test_shapes_are_known_without_solving() -> None:
    inputs = symbols()
    states, status = applied(inputs)
    compiled = function(
        inputs, [states.shape, status.shape], on_unused_input="ignore", mode="FAST_COMPILE"
    )
    assert [tuple(s) for s in compiled(*DOSES.arrays)] == [(3, 2), (3,)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": np.array([0, 1, 2])}, "is no state"),
        ({"lags": np.zeros(2)}, "one length"),
        ({"targets": np.zeros(2, int)}, "one target"),
        ({"weights": np.zeros(1)}, "Weights of a solve"),
    ],
    ids=["target", "length", "targets", "weights"],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, Any], message: str) -> None:
    arrays = [change.get(name, a) for name, a in zip(INPUTS, DOSES.arrays, strict=True)]
    inputs = symbols()
    compiled = function(inputs, applied(inputs), mode="NUMBA")
    with pytest.raises(ValueError, match=message):
        compiled(*arrays)
