"""Residual error models: how a measurement scatters around the prediction.

Each is a small frozen object that holds its parameters, which may be random, and knows the random
variable that they parameterise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal, override

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.distributions.measurement import (
    AdditiveRV,
    CombinedRV,
    CombinedSdRV,
    LogNormalRV,
    MeasurementRV,
    ProportionalRV,
)

FORMS = ("variance", "sd")


class ResidualErrorModel(ABC):
    """A residual error model with its parameters."""

    @property
    @abstractmethod
    def rv_type(self) -> type[MeasurementRV]:
        """The random variable over (prediction, *parameters)."""

    @property
    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """The parameters by name, in the order of the random variable's inputs."""

    def impossible(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which measured values the model cannot produce, whatever its parameters."""
        return np.zeros(values.shape, dtype=bool)


@dataclass(frozen=True, eq=False)
class Additive(ResidualErrorModel):
    """Additive residual error: ``y ~ Normal(f, sigma)``.

    Parameters
    ----------
    sigma : scalar or TensorVariable () or (measurements,)
        Standard deviation, in the units of the output; positive.
    """

    sigma: Any

    @property
    @override
    def rv_type(self) -> type[MeasurementRV]:
        return AdditiveRV

    @property
    @override
    def parameters(self) -> dict[str, Any]:
        return {"sigma": self.sigma}


@dataclass(frozen=True, eq=False)
class Proportional(ResidualErrorModel):
    """Proportional residual error: ``y ~ Normal(f, sigma |f|)``.

    Where the prediction is exactly 0, as before a first dose, the log-probability is -inf: the
    model says that nothing but 0 can be measured there. Leave such records out, or use `Combined`.

    Parameters
    ----------
    sigma : scalar or TensorVariable () or (measurements,)
        Coefficient of variation, as a fraction; positive.
    """

    sigma: Any

    @property
    @override
    def rv_type(self) -> type[MeasurementRV]:
        return ProportionalRV

    @property
    @override
    def parameters(self) -> dict[str, Any]:
        return {"sigma": self.sigma}


@dataclass(frozen=True, eq=False)
class Combined(ResidualErrorModel):
    """Combined residual error: additive and proportional.

    Parameters
    ----------
    additive : scalar or TensorVariable () or (measurements,)
        Standard deviation a, in the units of the output; not negative.
    proportional : scalar or TensorVariable () or (measurements,)
        Coefficient of variation b, as a fraction; not negative, and not 0 where a is.
    form : {"variance", "sd"}
        ``"variance"``: ``sd = sqrt(a^2 + (b f)^2)`` (two independent errors, NONMEM's usual
        coding; Monolix's combined2). ``"sd"``: ``sd = a + b |f|`` (Monolix's combined1).

    Raises
    ------
    ValueError
        When `form` is neither.
    """

    additive: Any
    proportional: Any
    form: Literal["variance", "sd"] = "variance"

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ValueError(f"Combined: form= wants 'variance' or 'sd'; found {self.form!r}.")

    @property
    @override
    def rv_type(self) -> type[MeasurementRV]:
        return CombinedRV if self.form == "variance" else CombinedSdRV

    @property
    @override
    def parameters(self) -> dict[str, Any]:
        return {"additive": self.additive, "proportional": self.proportional}


@dataclass(frozen=True, eq=False)
class LogNormalError(ResidualErrorModel):
    """Log-normal residual error: ``log y ~ Normal(log f, sigma)``, f the median.

    Where the prediction is not above 0, the log-probability is -inf.

    Parameters
    ----------
    sigma : scalar or TensorVariable () or (measurements,)
        Standard deviation of the logarithm; positive.
    """

    sigma: Any

    @property
    @override
    def rv_type(self) -> type[MeasurementRV]:
        return LogNormalRV

    @property
    @override
    def parameters(self) -> dict[str, Any]:
        return {"sigma": self.sigma}

    @override
    def impossible(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        return values <= 0.0
