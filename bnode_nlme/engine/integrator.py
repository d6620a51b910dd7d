"""One CVODES integrator: created, restarted and freed by compiled code."""

from __future__ import annotations

import numpy as np
from numba import carray, types

from bnode_nlme.engine import slots as at
from bnode_nlme.engine import sundials
from bnode_nlme.engine.compilation import callback, compiled
from bnode_nlme.engine.memory import (
    allocate,
    exchange_atomically,
    load_double,
    load_integer,
    pointer_to_integers,
    release,
    store_integer,
)
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.engine.sundials import (
    CVodeCreate,
    CVodeFree,
    CVodeInit,
    CVodeQuadInit,
    CVodeQuadSStolerances,
    CVodeSetJacFn,
    CVodeSetLinearSolver,
    CVodeSetMaxHnilWarns,
    CVodeSetNonlinearSolver,
    CVodeSetQuadErrCon,
    CVodeSetUserData,
    CVodeSStolerances,
    N_VDestroy_Serial,
    N_VGetArrayPointer_Serial,
    N_VNew_Serial,
    SUNContext_ClearErrHandlers,
    SUNContext_Create,
    SUNContext_Free,
    SUNDenseMatrix,
    SUNLinSol_Dense,
    SUNLinSolFree_Dense,
    SUNMatDestroy_Dense,
    SUNNonlinSol_FixedPoint,
    SUNNonlinSolFree,
)
from bnode_nlme.engine.units import INTEGRATORS

_BDF = sundials.BDF
# Entries of struct _generic_N_Vector_Ops up to and with its standard operations.
_STANDARD_OPERATIONS = 31

# Positions in the array of handles that stands for one integrator.
CONTEXT, MEMORY, VECTOR, SCRATCH, MATRIX, LINEAR, NONLINEAR = range(7)
QUADRATURE, QUADRATURE_TOLERANCES = range(7, 9)
HANDLES = 9

_SUCCESS = int(SolveStatus.SUCCESS)
_NOT_FINITE = int(SolveStatus.NOT_FINITE)
_STEP_TOO_SMALL = int(SolveStatus.STEP_TOO_SMALL)
_NO_CONVERGENCE = int(SolveStatus.NO_CONVERGENCE)
_TOO_MUCH_ACCURACY = int(SolveStatus.TOO_MUCH_ACCURACY)
_INTERNAL = int(SolveStatus.INTERNAL)


@compiled
def status_of(flag: int) -> int:
    """The `SolveStatus` for a return flag of CVODES (cvodes.h)."""
    if flag >= 0:
        return _SUCCESS
    if flag == -2:
        return _TOO_MUCH_ACCURACY
    if flag == -3:
        return _STEP_TOO_SMALL
    if flag in (-4, -6, -7, -12, -13, -14, -15, -16):
        return _NO_CONVERGENCE
    if flag in (-8, -9, -10, -11, -31, -32, -33, -34):
        return _NOT_FINITE
    if flag == -27:
        return _STEP_TOO_SMALL
    return _INTERNAL


@compiled
def _new_vector(block: int, length: int, context: int) -> int:
    """A vector that computes by `vector_operations`, as every vector that CVODES clones from it.

    Where the library lays its vectors out in another way than we know, its own operations stay.
    """
    vector = N_VNew_Serial(length, context)
    if vector == 0:
        return vector
    content, operations = load_integer(vector, 0), load_integer(vector, 1)
    data = N_VGetArrayPointer_Serial(vector)
    if load_integer(content, 0) != length or load_integer(content, 2) != data:
        return vector
    pairs = load_integer(block, at.VECTOR_OPERATIONS)
    for entry in range(_STANDARD_OPERATIONS):
        for pair in range(load_integer(block, at.N_VECTOR_OPERATIONS)):
            if load_integer(operations, entry) == load_integer(pairs, 2 * pair):
                store_integer(operations, entry, load_integer(pairs, 2 * pair + 1))
                break
    return vector


@compiled
def _set_up(
    handles: np.ndarray,
    block: int,
    method: int,
    states: int,
    quadratures: int,
    callback: int,
    jacobian_callback: int,
    quadrature_callback: int,
    rtol: float,
    atol: float,
) -> bool:
    """Fill the handles one by one; False at the first that CVODES refuses."""
    address = handles.ctypes.data
    if SUNContext_Create(0, address + 8 * CONTEXT) != 0:
        return False
    context = load_integer(address, CONTEXT)
    SUNContext_ClearErrHandlers(context)
    handles[VECTOR] = _new_vector(block, states, context)
    handles[SCRATCH] = _new_vector(block, states, context)
    handles[MEMORY] = CVodeCreate(method, context)
    if handles[VECTOR] == 0 or handles[SCRATCH] == 0 or handles[MEMORY] == 0:
        return False
    memory = handles[MEMORY]
    flag = CVodeInit(memory, callback, 0.0, handles[VECTOR])
    flag |= CVodeSStolerances(memory, rtol, atol)
    flag |= CVodeSetUserData(memory, block)
    flag |= CVodeSetMaxHnilWarns(memory, -1)
    if flag != 0:
        return False
    if method == _BDF:
        handles[MATRIX] = SUNDenseMatrix(states, states, context)
        if handles[MATRIX] == 0:
            return False
        handles[LINEAR] = SUNLinSol_Dense(handles[VECTOR], handles[MATRIX], context)
        if handles[LINEAR] == 0:
            return False
        flag |= CVodeSetLinearSolver(memory, handles[LINEAR], handles[MATRIX])
        flag |= CVodeSetJacFn(memory, jacobian_callback)
    else:
        handles[NONLINEAR] = SUNNonlinSol_FixedPoint(handles[VECTOR], 0, context)
        if handles[NONLINEAR] == 0:
            return False
        flag |= CVodeSetNonlinearSolver(memory, handles[NONLINEAR])
    if quadratures > 0:
        handles[QUADRATURE] = _new_vector(block, quadratures, context)
        handles[QUADRATURE_TOLERANCES] = _new_vector(block, quadratures, context)
        if handles[QUADRATURE] == 0 or handles[QUADRATURE_TOLERANCES] == 0:
            return False
        flag |= CVodeQuadInit(memory, quadrature_callback, handles[QUADRATURE])
        flag |= CVodeQuadSStolerances(memory, rtol, atol)
        # Without error control of the integral, gradients were ten times less accurate.
        flag |= CVodeSetQuadErrCon(memory, 1)
    return flag == 0


@compiled
def create_integrator(
    block: int,
    method: int,
    states: int,
    quadratures: int,
    callback: int,
    jacobian_callback: int,
    quadrature_callback: int,
    rtol: float,
    atol: float,
) -> np.ndarray:
    """Handles of a new integrator; all of them 0 when CVODES refused or memory ran out."""
    handles = np.zeros(HANDLES, np.int64)
    if not _set_up(
        handles,
        block,
        method,
        states,
        quadratures,
        callback,
        jacobian_callback,
        quadrature_callback,
        rtol,
        atol,
    ):
        free_integrator(handles)
    return handles


@compiled
def free_integrator(handles: np.ndarray) -> None:
    """Give all memory of an integrator back; the handles become 0."""
    address = handles.ctypes.data
    if handles[MEMORY] != 0:
        CVodeFree(address + 8 * MEMORY)
    if handles[LINEAR] != 0:
        SUNLinSolFree_Dense(handles[LINEAR])
    if handles[MATRIX] != 0:
        SUNMatDestroy_Dense(handles[MATRIX])
    if handles[NONLINEAR] != 0:
        SUNNonlinSolFree(handles[NONLINEAR])
    for position in (VECTOR, SCRATCH, QUADRATURE, QUADRATURE_TOLERANCES):
        if handles[position] != 0:
            N_VDestroy_Serial(handles[position])
    if handles[CONTEXT] != 0:
        SUNContext_Free(address + 8 * CONTEXT)
    handles[:] = 0


@compiled
def _new_integrator(block: np.ndarray, adjoint: bool) -> np.ndarray:
    address = block.ctypes.data
    if adjoint:
        return create_integrator(
            address,
            block[at.CVODES_METHOD],
            block[at.N_STATES],
            block[at.N_PARAMETERS] + block[at.N_WEIGHTS] + block[at.N_STATES],
            block[at.ADJOINT_CALLBACK],
            block[at.ADJOINT_JACOBIAN_CALLBACK],
            block[at.QUADRATURE_CALLBACK],
            load_double(address, at.ADJOINT_RTOL),
            load_double(address, at.ADJOINT_ATOL),
        )
    return create_integrator(
        address,
        block[at.CVODES_METHOD],
        block[at.N_STATES],
        0,
        block[at.FORWARD_CALLBACK],
        block[at.FORWARD_JACOBIAN_CALLBACK],
        0,
        load_double(address, at.RTOL),
        load_double(address, at.ATOL),
    )


@compiled
def take_integrator(block: np.ndarray, adjoint: bool) -> np.ndarray:
    """The integrator of this thread, forward or adjoint: one that the model has kept, or new."""
    place = at.ADJOINT_INTEGRATOR if adjoint else at.INTEGRATOR
    if block[place] == 0:
        pool = block[at.INTEGRATORS] + 8 * INTEGRATORS * adjoint
        for i in range(INTEGRATORS):
            if load_integer(pool, i) != 0:
                block[place] = exchange_atomically(pool, i, 0)
                if block[place] != 0:
                    break
        if block[place] == 0:
            block[place] = allocate(8 * HANDLES)
            handles = carray(pointer_to_integers(block[place]), (HANDLES,))
            fresh = _new_integrator(block, adjoint)
            for handle in range(HANDLES):
                handles[handle] = fresh[handle]
    handles = carray(pointer_to_integers(block[place]), (HANDLES,))
    if handles[MEMORY] != 0:
        CVodeSetUserData(handles[MEMORY], block.ctypes.data)
    return handles


@compiled
def _free(place: int) -> None:
    free_integrator(carray(pointer_to_integers(place), (HANDLES,)))
    release(place)


@callback(types.void(types.int64))
def release_integrators(call: int) -> None:
    """Give a thread's integrators back to the model, which keeps them for the next call."""
    block = carray(pointer_to_integers(call), (at.SIZE,))
    for adjoint in range(2):
        place = at.ADJOINT_INTEGRATOR if adjoint == 1 else at.INTEGRATOR
        left, block[place] = block[place], 0
        # One that CVODES refused to make is of no use to others.
        if left != 0 and load_integer(left, MEMORY) == 0:
            release(left)
            left = 0
        pool = block[at.INTEGRATORS] + 8 * INTEGRATORS * adjoint
        for i in range(INTEGRATORS):
            if left == 0:
                break
            left = exchange_atomically(pool, i, left)
        if left != 0:
            _free(left)


@compiled
def free_pool(pool: np.ndarray) -> None:
    """Free the integrators that a model has kept."""
    for i in range(pool.size):
        if pool[i] != 0:
            _free(pool[i])
            pool[i] = 0
