"""The model's scalar kernels, called with the data of one subject."""

from __future__ import annotations

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.memory import call_kernel, load_double, load_integer


@compiled
def evaluate(block: int, kernel: int, time: float, state: int, seed: int, output: int) -> None:
    """Call one of the model's kernels with the subject's data."""
    call_kernel(
        load_integer(block, kernel),
        time,
        state,
        load_integer(block, at.SUBJECT_PARAMETERS),
        load_integer(block, at.WEIGHTS),
        load_integer(block, at.SUBJECT_COVARIATES),
        seed,
        output,
    )


@compiled
def all_finite(address: int, length: int) -> bool:
    """Whether a stretch of doubles holds neither NaN nor infinity."""
    total = 0.0
    for index in range(length):
        value = load_double(address, index)
        total += value - value
    return total == 0.0
