"""Bounded outcomes: the beta distribution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, override

import numpy as np
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.distributions.error_model import ResidualErrorModel
from bnode_nlme.distributions.family import Family


@dataclass(frozen=True)
class BetaFamily(Family):
    """See `Beta`."""

    lower: float
    upper: float
    name = "BetaNeuralODE"
    core_ndims = (0,)

    @override
    def valid(self, *parameters: Any) -> tuple[Any, str]:
        (precision,) = parameters
        return precision > 0.0, "precision > 0"

    @override
    def possible(self, prediction: Any) -> Any:
        return self._inside(prediction)

    @override
    def stand_in(self, value: Any) -> Any:
        return pt.full_like(value, 0.5 * (self.lower + self.upper), dtype="float64")

    @override
    def draws(
        self, rng: Any, size: Any, prediction: Any, *parameters: Any
    ) -> tuple[Any, TensorVariable]:
        (precision,) = parameters
        precision = pt.switch(precision > 0.0, precision, 1.0)
        mean = self._fraction(prediction)
        next_rng, draws = pt.random.beta(
            mean * precision,
            (1.0 - mean) * precision,
            size=size,
            rng=rng,
            return_next_rng=True,
        )
        return next_rng, self.lower + (self.upper - self.lower) * draws

    @override
    def log_density(self, value: Any, prediction: Any, *parameters: Any) -> Any:
        (precision,) = parameters
        inside = self._inside(value)
        y = pt.switch(inside, self._fraction(value), 0.5)
        mean = self._fraction(prediction)
        a, b = mean * precision, (1.0 - mean) * precision
        density = (
            pt.gammaln(precision)
            - pt.gammaln(a)
            - pt.gammaln(b)
            + (a - 1.0) * pt.log(y)
            + (b - 1.0) * pt.log1p(-y)
            - np.log(self.upper - self.lower)
        )
        return pt.switch(inside, density, -np.inf)

    def _inside(self, x: Any) -> Any:
        return pt.and_(x > self.lower, x < self.upper)

    def _fraction(self, x: Any) -> Any:
        return (x - self.lower) / (self.upper - self.lower)


@dataclass(frozen=True, eq=False)
class Beta(ResidualErrorModel):
    """Outcomes between two bounds, beta distributed with mean f.

    In mean and precision as Ferrari and Cribari-Neto (2004, doi:10.1080/0266476042000214501):
    the variance of the outcome as a fraction m of the range is ``m (1 - m) / (1 + precision)``.
    Where the prediction is not between the bounds, the log-probability is -inf.

    Parameters
    ----------
    precision : scalar or TensorVariable () or (measurements,)
        Positive; larger is less scatter.
    lower, upper
        The bounds; an outcome at a bound has no density.

    Raises
    ------
    ValueError
        When `lower` is not below `upper`.
    """

    precision: Any = None
    lower: float = 0.0
    upper: float = 1.0

    def __post_init__(self) -> None:
        if not -np.inf < self.lower < self.upper < np.inf:
            raise ValueError(
                f"Beta wants finite bounds, lower= below upper=; found {self.lower!r} and "
                f"{self.upper!r}."
            )

    @property
    @override
    def family(self) -> Family:
        return BetaFamily(float(self.lower), float(self.upper))

    @property
    @override
    def parameters(self) -> dict[str, Any]:
        return {"precision": self.precision}

    @override
    def impossible(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        return ~((values > self.lower) & (values < self.upper))

    @property
    @override
    def support(self) -> str:
        return f"strictly between {self.lower:g} and {self.upper:g}"
