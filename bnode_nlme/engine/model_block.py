"""The model's part of the block that compiled code works from."""

from __future__ import annotations

import struct
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.engine import slots as at
from bnode_nlme.engine import sundials
from bnode_nlme.engine.backward import backward_entry, backward_thread
from bnode_nlme.engine.forward import forward_entry, forward_thread
from bnode_nlme.engine.kernels import KERNELS, Kernels
from bnode_nlme.engine.lanes_backward import lanes_backward
from bnode_nlme.engine.lanes_forward import lanes_forward
from bnode_nlme.engine.options import SolverOptions
from bnode_nlme.engine.units import CVODES_UNIT, LANES_UNIT
from bnode_nlme.engine.vector_operations import replacements
from bnode_nlme.engine.workers import POOL, worker
from bnode_nlme.engine.workspace import LANES, Workspace


def _bits(value: float) -> int:
    return int(struct.unpack("<q", struct.pack("<d", value))[0])


def _add_cvodes(block: NDArray[np.int64]) -> None:
    # Imported here because it needs CVODES, which the rest of the engine does without.
    from bnode_nlme.engine.callbacks import (
        adjoint_callback,
        adjoint_jacobian_callback,
        forward_callback,
        forward_jacobian_callback,
        quadrature_callback,
    )
    from bnode_nlme.engine.cvodes_backward import cvodes_backward
    from bnode_nlme.engine.cvodes_forward import cvodes_forward
    from bnode_nlme.engine.integrator import release_integrators

    block[at.FORWARD_CALLBACK] = forward_callback.address
    block[at.FORWARD_JACOBIAN_CALLBACK] = forward_jacobian_callback.address
    block[at.ADJOINT_CALLBACK] = adjoint_callback.address
    block[at.ADJOINT_JACOBIAN_CALLBACK] = adjoint_jacobian_callback.address
    block[at.QUADRATURE_CALLBACK] = quadrature_callback.address
    block[at.CVODES_FORWARD] = cvodes_forward.address
    block[at.CVODES_BACKWARD] = cvodes_backward.address
    block[at.CVODES_RELEASE] = release_integrators.address
    operations = replacements()
    block[at.VECTOR_OPERATIONS] = operations.ctypes.data
    block[at.N_VECTOR_OPERATIONS] = len(operations)


def model_block(kernels: Kernels, options: SolverOptions) -> NDArray[np.int64]:
    """Addresses, sizes and options of one model in this process; see `slots`.

    Parameters
    ----------
    kernels
        The system's kernels.
    options
        How to solve.

    Returns
    -------
    ndarray (SIZE,), int64

    Raises
    ------
    SundialsUnavailableError
        Where CVODES is asked for and cannot be reached.
    """
    block = np.zeros(at.SIZE, dtype=np.int64)
    for name, address in zip(KERNELS, kernels.addresses(), strict=True):
        block[getattr(at, name.upper())] = address
    for field in fields(Workspace):
        first_row = getattr(kernels.workspace, field.name)
        block[getattr(at, f"W_{field.name.upper()}")] = LANES * first_row
    block[at.FORWARD_ENTRY] = forward_entry.address
    block[at.FORWARD_THREAD] = forward_thread.address
    block[at.BACKWARD_ENTRY] = backward_entry.address
    block[at.BACKWARD_THREAD] = backward_thread.address
    block[at.WORKER], block[at.POOL] = worker.address, POOL.ctypes.data
    block[at.LANES_FORWARD] = lanes_forward.address
    block[at.LANES_BACKWARD] = lanes_backward.address
    block[at.N_STATES] = kernels.states
    block[at.N_COMPARTMENTS] = kernels.states - len(kernels.varying)
    block[at.N_PARAMETERS] = kernels.parameters
    block[at.N_WEIGHTS] = kernels.weights
    block[at.N_COVARIATES] = kernels.covariates
    block[at.N_READOUTS] = len(kernels.readouts)
    block[at.N_KEPT] = kernels.kept
    block[at.READOUT_WEIGHTS] = kernels.readout_weights
    block[at.MAX_STEPS] = options.max_steps
    block[at.RTOL], block[at.ATOL] = _bits(options.rtol), _bits(options.atol)
    adjoint_rtol, adjoint_atol = options.adjoint_tolerances
    block[at.ADJOINT_RTOL], block[at.ADJOINT_ATOL] = _bits(adjoint_rtol), _bits(adjoint_atol)
    block[at.TAPE_LIMIT] = options.tape_megabytes * 2**20 // 8
    block[at.THREADS] = options.resolved_threads
    method = options.method
    if method == "adams":
        block[at.CVODES_METHOD] = sundials.ADAMS
    else:
        block[at.CVODES_METHOD] = sundials.BDF
    block[at.ENGINE] = CVODES_UNIT if method in ("bdf", "adams") else LANES_UNIT
    if method in ("bdf", "adams") or (method == "auto" and sundials.is_available()):
        _add_cvodes(block)
        block[at.HAND_OVER] = 1 if method == "auto" else 0
    return block
