"""The scales on which random effects and covariates add: log, natural, logit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal, override

Distribution = Literal["lognormal", "normal", "logitnormal"]


class IndividualScale(ABC):
    """A scale; `xp`, NumPy or PyTensor's tensor module, does the arithmetic."""

    logarithmic: bool = False

    @property
    @abstractmethod
    def support(self) -> tuple[float, float]:
        """Values that a parameter on this scale can have, ends excluded."""

    @abstractmethod
    def forward(self, value: Any, xp: ModuleType) -> Any:
        """Put a value on the scale."""

    @abstractmethod
    def back(self, scaled: Any, xp: ModuleType) -> Any:
        """Take a value from the scale."""


@dataclass(frozen=True)
class LogScale(IndividualScale):
    """Log-normal parameters."""

    logarithmic = True

    @property
    @override
    def support(self) -> tuple[float, float]:
        return 0.0, float("inf")

    @override
    def forward(self, value: Any, xp: ModuleType) -> Any:
        return xp.log(value)

    @override
    def back(self, scaled: Any, xp: ModuleType) -> Any:
        return xp.exp(scaled)


@dataclass(frozen=True)
class NaturalScale(IndividualScale):
    """Normal parameters."""

    @property
    @override
    def support(self) -> tuple[float, float]:
        return -float("inf"), float("inf")

    @override
    def forward(self, value: Any, xp: ModuleType) -> Any:
        return value

    @override
    def back(self, scaled: Any, xp: ModuleType) -> Any:
        return scaled


@dataclass(frozen=True)
class LogitScale(IndividualScale):
    """Logit-normal parameters between two bounds."""

    lower: float
    upper: float

    @property
    @override
    def support(self) -> tuple[float, float]:
        return self.lower, self.upper

    @override
    def forward(self, value: Any, xp: ModuleType) -> Any:
        return xp.log((value - self.lower) / (self.upper - value))

    @override
    def back(self, scaled: Any, xp: ModuleType) -> Any:
        # The logistic function by tanh, which cannot overflow.
        return self.lower + (self.upper - self.lower) * 0.5 * (1.0 + xp.tanh(0.5 * scaled))
