"""What CVODES refuses ends as a status: nothing crashes, and nothing passes unnoticed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bnode_nlme.engine import SolveStatus
from bnode_nlme.engine import slots as at
from bnode_nlme.engine.callbacks import (
    forward_callback,
    forward_jacobian_callback,
    quadrature_callback,
)
from bnode_nlme.engine.counts import SolveCounter
from bnode_nlme.engine.cvodes_backward import _set_tolerances
from bnode_nlme.engine.cvodes_forward import _write_step
from bnode_nlme.engine.integrator import create_integrator, free_integrator
from bnode_nlme.engine.kernels import kernels_of
from bnode_nlme.engine.memory import release
from bnode_nlme.engine.options import SolverOptions
from bnode_nlme.engine.population import PopulationSolver, call_backward, call_forward
from bnode_nlme.engine.schedule import build_schedule
from tests.engine.compartments import one_compartment
from tests.engine.tables import dose, observe, study_of

ROWS = [dose(0, 10), observe(1), observe(3)]
STUDY = study_of(ROWS, ROWS)
SCHEDULE = build_schedule(one_compartment, STUDY)
PARAMETERS, NOTHING = np.array([[1.3, 2.9, 31.0]] * 2), np.empty((2, 0))
INPUTS = (PARAMETERS, np.empty(0), NOTHING, *SCHEDULE.arrays)
BDF, ADAMS, NEITHER = 2, 1, 7


def bits(value: float) -> int:
    return int(np.float64(value).view(np.int64))


def template(method: int, rtol: float = 1e-6) -> Any:
    solver = PopulationSolver(kernels_of(one_compartment), SolverOptions(method="bdf"))
    block = solver.template.copy()
    block[at.INTEGRATORS] = POOL.ctypes.data
    POOL[:] = 0
    block[at.CVODES_METHOD] = method
    block[at.RTOL] = block[at.ADJOINT_RTOL] = bits(rtol)
    block[at.TAPE_HINT] = HINT.ctypes.data
    return block


HINT, POOL = np.array([1000, 1000]), np.zeros(128, np.int64)


def created(method: int, rtol: float) -> tuple[Any, Any]:
    block = template(method, rtol)
    return block, create_integrator(
        block.ctypes.data, method, 2, 3 + 2, forward_callback.address,
        forward_jacobian_callback.address, quadrature_callback.address, rtol, 1e-8,
    )  # fmt: skip


refusals = pytest.mark.parametrize(
    ("method", "rtol"), [(NEITHER, 1e-6), (BDF, -1e-6), (ADAMS, -1e-6)]
)


@refusals
def test_a_refused_integrator_has_no_handles(method: int, rtol: float) -> None:
    _, handles = created(method, rtol)
    assert not handles.any()
    free_integrator(handles)  # harmless, however often


@pytest.mark.parametrize("method", [BDF, ADAMS])
def test_freeing_twice_is_harmless(method: int) -> None:
    _, handles = created(method, 1e-6)
    assert handles.any()
    free_integrator(handles)
    assert not handles.any()
    free_integrator(handles)


@refusals
def test_a_refused_forward_solve_is_an_internal_failure(method: int, rtol: float) -> None:
    counter = SolveCounter()
    predictions, status, *_ = call_forward(
        template(method, rtol), *INPUTS, np.arange(2), SCHEDULE.rows, True, counter.address
    )
    assert status.tolist() == [SolveStatus.INTERNAL] * 2
    assert np.isnan(predictions).all()
    assert counter.read()[SolveStatus.INTERNAL] == 2


@refusals
def test_a_refused_adjoint_solve_is_counted_and_gives_nan(method: int, rtol: float) -> None:
    predictions, status, _, _, *left = call_forward(
        template(BDF), *INPUTS, np.arange(2), SCHEDULE.rows, True, 0
    )
    assert not status.any()
    counter = SolveCounter()
    to_parameters, *_ = call_backward(
        template(method, rtol), *INPUTS, status, *left, np.ones_like(predictions), counter.address
    )
    assert np.isnan(to_parameters).all()
    assert counter.read()[SolveStatus.INTERNAL] == 2


@pytest.mark.parametrize(("rtol", "taken"), [(1e-6, True), (-1e-6, False)])
def test_refused_tolerances_are_reported(rtol: float, taken: bool) -> None:
    block, handles = created(BDF, 1e-6)
    block[at.SUBJECT_PARAMETERS] = PARAMETERS.ctypes.data
    block[at.ADJOINT_RTOL] = bits(rtol)
    assert _set_tolerances(block, handles, 1.0, 1.0) is taken
    free_integrator(handles)


@pytest.mark.parametrize(("time", "written"), [(0.0, True), (5.0, False)])
def test_a_derivative_outside_the_last_step_is_reported(time: float, written: bool) -> None:
    block, handles = created(BDF, 1e-6)
    block[[at.TAPE, at.TAPE_LENGTH, at.TAPE_CAPACITY]] = 0
    y = np.zeros(2)
    assert _write_step(block, handles, time, y.ctypes.data) is written
    release_tape(block)
    free_integrator(handles)


def release_tape(block: Any) -> None:
    from bnode_nlme.engine.compilation import compiled

    @compiled
    def give_back(address: int) -> None:
        release(address)

    give_back(int(block[at.TAPE]))
