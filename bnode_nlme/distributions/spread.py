"""How the scale of a measurement's error depends on the prediction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, override

import pytensor.tensor as pt


class Spread(ABC):
    """Scale of the error (of the logarithm's, where the family is on the log scale)."""

    name: str
    n_parameters: int

    @abstractmethod
    def scale(self, prediction: Any, *parameters: Any) -> Any:
        """Scale of the error at a prediction."""

    def valid(self, *parameters: Any) -> tuple[Any, str]:
        """Whether the parameters are, elementwise, and that in words."""
        (sigma,) = parameters
        return sigma > 0.0, "sigma > 0"


@dataclass(frozen=True)
class Constant(Spread):
    """The same everywhere."""

    name = "Additive"
    n_parameters = 1

    @override
    def scale(self, prediction: Any, *parameters: Any) -> Any:
        (sigma,) = parameters
        return sigma


@dataclass(frozen=True)
class Relative(Spread):
    """Proportional to the prediction's size."""

    name = "Proportional"
    n_parameters = 1

    @override
    def scale(self, prediction: Any, *parameters: Any) -> Any:
        (sigma,) = parameters
        return sigma * pt.abs(prediction)


@dataclass(frozen=True)
class SumOfVariances(Spread):
    """Constant and relative, as independent errors add."""

    name = "Combined"
    n_parameters = 2

    @override
    def scale(self, prediction: Any, *parameters: Any) -> Any:
        additive, proportional = parameters
        variance = additive**2 + (proportional * prediction) ** 2
        # The root has no derivative at 0, where the measurement is impossible anyway.
        return pt.switch(variance > 0.0, pt.sqrt(pt.switch(variance > 0.0, variance, 1.0)), 0.0)

    @override
    def valid(self, *parameters: Any) -> tuple[Any, str]:
        additive, proportional = parameters
        either = additive + proportional > 0.0
        wanted = "additive >= 0, proportional >= 0, and one of them > 0"
        return pt.and_(pt.and_(additive >= 0.0, proportional >= 0.0), either), wanted


@dataclass(frozen=True)
class SumOfScales(SumOfVariances):
    """Constant plus relative."""

    @override
    def scale(self, prediction: Any, *parameters: Any) -> Any:
        additive, proportional = parameters
        return additive + proportional * pt.abs(prediction)
