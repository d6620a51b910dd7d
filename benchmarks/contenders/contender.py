"""A way to get the value and the gradient of a problem's log-likelihood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class ContenderUnavailableError(RuntimeError):
    """A contender that cannot run here; the message says why and becomes the result."""


class Result(NamedTuple):
    """What one call returns; `predicted` is NaN-free or missing."""

    value: float
    to_parameters: NDArray[np.float64]  # (subjects, parameters)
    to_weights: NDArray[np.float64]  # (weights,)

    @property
    def gradient(self) -> NDArray[np.float64]:
        """All of the gradient, flat."""
        return np.concatenate([np.ravel(self.to_parameters), np.ravel(self.to_weights)])


@dataclass(frozen=True)
class Contender:
    """A compiled call, ready to be timed.

    Attributes
    ----------
    call
        Computes value and gradient, and returns when they are there; what it returns goes
        through `result`, which is not timed.
    result
        Makes a `Result` of what `call` returned.
    subjects
        How many of the problem's subjects one call solves.
    compile_seconds
        From the problem to the end of the first call.
    note
        What a reader of the table must know.
    """

    call: Callable[[], object]
    result: Callable[[object], Result]
    subjects: int
    compile_seconds: float = float("nan")
    note: str = ""
