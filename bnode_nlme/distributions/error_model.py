"""What every model of measurements has: a family and the values of its parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.distributions.family import Family

BLQ = Literal["M1", "M3", "M4"]


class ResidualErrorModel(ABC):
    """How a measurement scatters around the prediction: a family with its parameters.

    Subclasses are frozen dataclasses. A parameter is a number or a PyTensor variable; None where
    `bnode_nlme.NLME` is to give it a prior.
    """

    @property
    @abstractmethod
    def family(self) -> Family:
        """The family, whose random variable is over (prediction, *parameters)."""

    @property
    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """The parameters by name, in the order of the random variable's inputs."""

    @property
    def blq(self) -> BLQ | None:
        """What is done with censored measurements; None where nothing can be."""
        return None

    @property
    def takes_blq(self) -> bool:
        """Whether the model can be told what to do with censored measurements."""
        return False

    def with_parameters(self, values: Mapping[str, Any]) -> Self:
        """Return the same model with other values of the parameters in `values`."""
        return replace(self, **values)  # type: ignore[type-var]

    def impossible(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which measured values the model cannot produce, whatever its parameters."""
        return np.zeros(values.shape, dtype=bool)

    @property
    def support(self) -> str:
        """What the model can produce, in words."""
        return "any number"
