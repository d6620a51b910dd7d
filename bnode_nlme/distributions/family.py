"""What a family of measurements has to say of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from pytensor.tensor.variable import TensorVariable

ALWAYS = np.array(True)
NEVER = np.array(False)


class Family(ABC):
    """Distributions of a measurement given its prediction, without the values of parameters.

    A family is a frozen dataclass that compares by value and holds no variable, so that it may be
    part of an Op.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the random variable, as models print it."""

    @property
    @abstractmethod
    def core_ndims(self) -> tuple[int, ...]:
        """Dimensions of each parameter that belong to one measurement; 0 for scalars."""

    @abstractmethod
    def valid(self, *parameters: Any) -> tuple[Any, str]:
        """Whether the parameters are, elementwise, and that in words."""

    @abstractmethod
    def possible(self, prediction: Any) -> Any:
        """Whether a finite prediction has measurements."""

    @abstractmethod
    def stand_in(self, value: Any) -> Any:
        """Give a prediction that is possible, to compute with where the true one is not."""

    @abstractmethod
    def draws(
        self, rng: Any, size: Any, prediction: Any, *parameters: Any
    ) -> tuple[Any, TensorVariable]:
        """Draw measurements of shape `size`, after the generator's next state.

        Where parameters are not valid, anything may come back, but nothing be raised.
        """

    @abstractmethod
    def log_density(self, value: Any, prediction: Any, *parameters: Any) -> Any:
        """Log-density of a value given a possible prediction; -inf where it cannot be."""
