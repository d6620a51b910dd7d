"""What every method of inference hands over: draws on the unconstrained scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws of a model's free variables.

    Attributes
    ----------
    positions : ndarray (chains, draws, size)
        On the unconstrained scale, as in `FlatModel`.
    statistics : mapping of str to ndarray (chains, draws)
        Of the sampler, at each draw.
    attributes : mapping of str to text, number or bool
        What the method has to say of the whole; it becomes ``fit.attrs``.
    """

    positions: NDArray[np.float64]
    statistics: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
