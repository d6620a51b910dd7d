"""What every engine does at a subject's records."""

from __future__ import annotations

import numpy as np

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.evaluation import evaluate


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
