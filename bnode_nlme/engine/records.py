"""What every engine does at a subject's records."""

from __future__ import annotations

import numpy as np

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.evaluation import evaluate
from bnode_nlme.engine.memory import load_double, load_integer, store_double


@compiled
def use_subject(block: np.ndarray, subject: int) -> None:
    """Point the scalar kernels to a subject's parameters and covariates."""
    block[at.SUBJECT_PARAMETERS] = block[at.PARAMETERS] + 8 * block[at.N_PARAMETERS] * subject
    block[at.SUBJECT_COVARIATES] = block[at.COVARIATES] + 8 * block[at.N_COVARIATES] * subject


@compiled
def report(block: np.ndarray, record: int, row: int, time: float) -> None:
    """Readouts at an observation, from the state that was seen there."""
    if block[at.PREDICTIONS] != 0:
        state = block[at.SEEN] + 8 * block[at.N_STATES] * record
        output = block[at.PREDICTIONS] + 8 * block[at.N_READOUTS] * row
        evaluate(block.ctypes.data, at.READOUT, time, state, 0, output)


@compiled
def _at_moment(
    block: np.ndarray, subject: int, kernel: int, time: float, state: int, seed: int, answer: int
) -> None:
    """Evaluate a kernel of initial values where varying inputs are as in `state`."""
    use_subject(block, subject)
    own = block[at.N_COMPARTMENTS]
    if block[at.N_STATES] == own:
        evaluate(block.ctypes.data, kernel, time, 0, seed, answer)
        return
    parameters, covariates = np.empty(block[at.N_PARAMETERS]), np.empty(block[at.N_COVARIATES])
    for i in range(parameters.size):
        parameters[i] = load_double(block[at.SUBJECT_PARAMETERS], i)
    for i in range(covariates.size):
        covariates[i] = load_double(block[at.SUBJECT_COVARIATES], i)
    for i in range(block[at.N_STATES] - own):
        code, value = load_integer(block[at.VARYING], i), load_double(state, own + i)
        if code >= 0:
            parameters[code] = value
        else:
            covariates[-1 - code] = value
    block[at.SUBJECT_PARAMETERS] = parameters.ctypes.data
    block[at.SUBJECT_COVARIATES] = covariates.ctypes.data
    evaluate(block.ctypes.data, kernel, time, 0, seed, answer)
    use_subject(block, subject)
    # A use after the call keeps the arrays alive: the kernel only sees their addresses.
    parameters[:] = 0.0
    covariates[:] = 0.0


@compiled
def reset_state(block: np.ndarray, subject: int, time: float, state: int) -> None:
    """Set the compartments to their initial values; varying inputs stay, and count as they are."""
    fresh = np.empty(block[at.N_STATES])
    _at_moment(block, subject, at.INITIAL, time, state, 0, fresh.ctypes.data)
    for i in range(block[at.N_COMPARTMENTS]):
        store_double(state, i, fresh[i])


@compiled
def clear_state(block: np.ndarray, state: int) -> None:
    """Set the compartments to zero."""
    for i in range(block[at.N_COMPARTMENTS]):
        store_double(state, i, 0.0)


@compiled
def reset_adjoint(
    block: np.ndarray, subject: int, time: float, seen: int, adjoint: int, answer: int
) -> None:
    """Pull the adjoint of the state back through a reset.

    Compartments pass theirs to the parameters: `answer` begins with those cotangents. Where a
    varying input stands for a parameter, it takes the cotangent.
    """
    own, states = block[at.N_COMPARTMENTS], block[at.N_STATES]
    seed = np.zeros(states)
    for i in range(own):
        seed[i] = load_double(adjoint, i)
        store_double(adjoint, i, 0.0)
    _at_moment(block, subject, at.INITIAL_ADJOINT, time, seen, seed.ctypes.data, answer)
    for i in range(states - own):
        code = load_integer(block[at.VARYING], i)
        if code >= 0:
            store_double(
                adjoint, own + i, load_double(adjoint, own + i) + load_double(answer, code)
            )
            store_double(answer, code, 0.0)
    # A use after the call keeps the array alive: the kernel only sees its address.
    seed[:] = 0.0
