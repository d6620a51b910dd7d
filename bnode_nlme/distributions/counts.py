"""Counts: Poisson and negative binomial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, override

import numpy as np
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.distributions.error_model import ResidualErrorModel
from bnode_nlme.distributions.family import ALWAYS, Family

_MOST = 1e15
"""Largest mean that is drawn from: whole numbers beyond it are not all floats."""
_SMALL_OVERDISPERSION = 1e-3


def _is_count(value: Any) -> Any:
    return pt.and_(value >= 0.0, pt.eq(value, pt.floor(value)))


def _no_counts(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (values < 0.0) | (values != np.floor(values))


def _poisson_log_density(value: Any, mean: Any) -> Any:
    some = value > 0.0
    powers = pt.switch(some, value * pt.log(pt.switch(mean > 0.0, mean, 1.0)), 0.0)
    density = powers - mean - pt.gammaln(value + 1.0)
    return pt.switch(pt.and_(some, pt.le(mean, 0.0)), -np.inf, density)


@dataclass(frozen=True)
class PoissonFamily(Family):
    """See `Poisson`."""

    name = "PoissonNeuralODE"
    core_ndims = ()

    @override
    def valid(self, *parameters: Any) -> tuple[Any, str]:
        return ALWAYS, ""

    @override
    def possible(self, prediction: Any) -> Any:
        return prediction >= 0.0

    @override
    def stand_in(self, value: Any) -> Any:
        return pt.ones_like(value)

    @override
    def draws(
        self, rng: Any, size: Any, prediction: Any, *parameters: Any
    ) -> tuple[Any, TensorVariable]:
        return _poisson_draws(rng, size, prediction)

    @override
    def log_density(self, value: Any, prediction: Any, *parameters: Any) -> Any:
        count = _is_count(value)
        density = _poisson_log_density(pt.switch(count, value, 0.0), prediction)
        return pt.switch(count, density, -np.inf)


def _poisson_draws(rng: Any, size: Any, mean: Any) -> tuple[Any, TensorVariable]:
    drawable = pt.minimum(mean, _MOST)
    next_rng, draws = pt.random.poisson(drawable, size=size, rng=rng, return_next_rng=True)
    return next_rng, pt.switch(mean <= _MOST, draws.astype("float64"), np.nan)


@dataclass(frozen=True)
class NegativeBinomialFamily(PoissonFamily):
    """See `NegativeBinomial`."""

    name = "NegativeBinomialNeuralODE"
    core_ndims = (0,)  # type: ignore[assignment]

    @override
    def valid(self, *parameters: Any) -> tuple[Any, str]:
        (overdispersion,) = parameters
        return overdispersion > 0.0, "overdispersion > 0"

    @override
    def draws(
        self, rng: Any, size: Any, prediction: Any, *parameters: Any
    ) -> tuple[Any, TensorVariable]:
        (overdispersion,) = parameters
        phi = pt.switch(overdispersion > 0.0, overdispersion, 1.0)
        rng, rate = pt.random.gamma(
            shape=1.0 / phi, scale=phi, size=size, rng=rng, return_next_rng=True
        )
        return _poisson_draws(rng, size, prediction * rate)

    @override
    def log_density(self, value: Any, prediction: Any, *parameters: Any) -> Any:
        (overdispersion,) = parameters
        count = _is_count(value)
        value = pt.switch(count, value, 0.0)
        powers = pt.switch(
            value > 0.0, value * pt.log(pt.switch(prediction > 0.0, prediction, 1.0)), 0.0
        )
        small = overdispersion < _SMALL_OVERDISPERSION
        phi = pt.switch(small, 1.0, overdispersion)
        large_part = (
            pt.gammaln(value + 1.0 / phi)
            - pt.gammaln(1.0 / phi)
            + value * pt.log(phi)
            - (value + 1.0 / phi) * pt.log1p(phi * prediction)
        )
        # The same by Stirling's formula, where differences of large log-gammas would lose digits:
        # off by phi^3 / 360 at most, and Poisson's -f in the limit.
        phi = pt.switch(small, overdispersion, 1.0)
        change = pt.log1p(phi * (value - prediction) / (1.0 + phi * prediction))
        small_part = (
            (1.0 / phi + value) * change
            - 0.5 * pt.log1p(phi * value)
            - value
            - phi**2 * value / (12.0 * (1.0 + phi * value))
        )
        density = pt.switch(small, small_part, large_part) + powers - pt.gammaln(value + 1.0)
        possible = pt.and_(count, pt.or_(prediction > 0.0, pt.eq(value, 0.0)))
        return pt.switch(possible, density, -np.inf)


@dataclass(frozen=True, eq=False)
class Poisson(ResidualErrorModel):
    """Counts: ``y ~ Poisson(f)``, the output f being the mean; not negative.

    Where the prediction is negative, the log-probability is -inf.
    """

    @property
    @override
    def family(self) -> Family:
        return PoissonFamily()

    @property
    @override
    def parameters(self) -> dict[str, Any]:
        return {}

    @override
    def impossible(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        return _no_counts(values)

    @property
    @override
    def support(self) -> str:
        return "a count: 0, 1, 2, ..."


@dataclass(frozen=True, eq=False)
class NegativeBinomial(ResidualErrorModel):
    """Overdispersed counts with mean f and variance ``f (1 + overdispersion f)``.

    The form that Trocóniz, Plan, Miller and Karlsson (2009, doi:10.1007/s10928-009-9131-y) use;
    PyMC's ``alpha`` is ``1 / overdispersion``. Where the prediction is negative, the
    log-probability is -inf.

    Parameters
    ----------
    overdispersion : scalar or TensorVariable () or (measurements,)
        Positive; towards 0 the counts become Poisson.
    """

    overdispersion: Any = None

    @property
    @override
    def family(self) -> Family:
        return NegativeBinomialFamily()

    @property
    @override
    def parameters(self) -> dict[str, Any]:
        return {"overdispersion": self.overdispersion}

    @override
    def impossible(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        return _no_counts(values)

    @property
    @override
    def support(self) -> str:
        return "a count: 0, 1, 2, ..."
