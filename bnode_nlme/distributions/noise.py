"""Standardised noise: normal and Student-t, with log-probabilities that hold in the far tails."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, override

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.distributions.family import ALWAYS

_LOG_ROOT_TWO_PI = 0.5 * math.log(2.0 * math.pi)

# Double-exponential quadrature of a half-line (Takahasi and Mori 1974,
# doi:10.2977/prims/1195192451): s = exp(pi/2 sinh t), the trapezoidal rule in t.
_T = np.linspace(-4.0, 4.0, 97)
_NODES = np.exp(0.5 * np.pi * np.sinh(_T))
_WEIGHTS = (_T[1] - _T[0]) * 0.5 * np.pi * np.cosh(_T) * _NODES


class Noise(ABC):
    """A symmetric distribution around 0 with unit scale."""

    prefix: str

    @property
    @abstractmethod
    def n_parameters(self) -> int:
        """Number of its parameters."""

    @abstractmethod
    def valid(self, *parameters: Any) -> tuple[Any, str]:
        """Whether the parameters are, and that in words; empty where there are none."""

    @abstractmethod
    def draws(self, rng: Any, size: Any, *parameters: Any) -> tuple[Any, TensorVariable]:
        """Draw the noise, after the generator's next state."""

    @abstractmethod
    def log_density(self, z: Any, *parameters: Any) -> Any:
        """Log-density."""

    @abstractmethod
    def log_cdf(self, z: Any, *parameters: Any) -> Any:
        """Logarithm of the probability of lying below z, also where it underflows."""

    @abstractmethod
    def upper_quantile(self, p: Any, *parameters: Any) -> Any:
        """Find what is exceeded with probability p."""


@dataclass(frozen=True)
class NormalNoise(Noise):
    """Standard normal."""

    prefix = ""

    @property
    @override
    def n_parameters(self) -> int:
        return 0

    @override
    def valid(self, *parameters: Any) -> tuple[Any, str]:
        return ALWAYS, ""

    @override
    def draws(self, rng: Any, size: Any, *parameters: Any) -> tuple[Any, TensorVariable]:
        next_rng, draws = pt.random.normal(0.0, 1.0, size=size, rng=rng, return_next_rng=True)
        return next_rng, draws

    @override
    def log_density(self, z: Any, *parameters: Any) -> Any:
        return -0.5 * z**2 - _LOG_ROOT_TWO_PI

    @override
    def log_cdf(self, z: Any, *parameters: Any) -> Any:
        far = z < -1.0
        # Each branch gets arguments at which it is finite, so that its gradient is too.
        tail = pt.switch(far, -z, 1.0) / math.sqrt(2.0)
        centre = pt.switch(far, 0.0, z) / math.sqrt(2.0)
        in_tail = pt.log(0.5 * pt.erfcx(tail)) - tail**2
        return pt.switch(far, in_tail, pt.log1p(-0.5 * pt.erfc(centre)))

    @override
    def upper_quantile(self, p: Any, *parameters: Any) -> Any:
        return math.sqrt(2.0) * pt.erfcinv(2.0 * p)


@dataclass(frozen=True)
class StudentTNoise(Noise):
    """Student's t with `nu` degrees of freedom and unit scale."""

    prefix = "StudentT"

    @property
    @override
    def n_parameters(self) -> int:
        return 1

    @override
    def valid(self, *parameters: Any) -> tuple[Any, str]:
        (nu,) = parameters
        return nu > 0.0, "nu > 0"

    @override
    def draws(self, rng: Any, size: Any, *parameters: Any) -> tuple[Any, TensorVariable]:
        (nu,) = parameters
        nu = pt.switch(nu > 0.0, nu, 1.0)
        next_rng, draws = pt.random.t(nu, 0.0, 1.0, size=size, rng=rng, return_next_rng=True)
        return next_rng, draws

    @override
    def log_density(self, z: Any, *parameters: Any) -> Any:
        (nu,) = parameters
        constant = pt.gammaln(0.5 * (nu + 1.0)) - pt.gammaln(0.5 * nu) - 0.5 * pt.log(np.pi * nu)
        return constant - 0.5 * (nu + 1.0) * pt.log1p(z**2 / nu)

    @override
    def log_cdf(self, z: Any, *parameters: Any) -> Any:
        """Add the tail's ratio to the density to the log-density.

        ``P(Z > w) / p(w)`` is an integral over s from 0 of ``p(w + s) / p(w)``, whose integrand is
        positive and at most 1, and whose derivatives by w and nu need no special function.
        """
        (nu,) = parameters
        left = z < 0.0
        w = pt.switch(left, -z, z)
        curve = 2.0 * (nu + w**2) / (nu + 1.0)
        width = curve / (w + pt.sqrt(w**2 + curve))
        s = width[..., None] * _NODES
        # The parameters may have fewer dimensions than z; the nodes have one of their own.
        order = 0.5 * (pt.as_tensor_variable(nu)[..., None] + 1.0)
        rise = s * (2.0 * w[..., None] + s) / (pt.as_tensor_variable(nu)[..., None] + w[..., None] ** 2)
        ratio = width * (pt.exp(-order * pt.log1p(rise)) * _WEIGHTS).sum(axis=-1)
        tail = self.log_density(w, nu) + pt.log(ratio)
        # At 0 and above the tail is at most one half, and its complement safe to take.
        return pt.switch(left, tail, pt.log1p(-pt.exp(tail)))

    @override
    def upper_quantile(self, p: Any, *parameters: Any) -> Any:
        (nu,) = parameters
        half = pt.minimum(p, 1.0 - p)
        x = pt.betaincinv(0.5 * nu, 0.5, 2.0 * half)
        size = pt.sqrt(nu * (1.0 / x - 1.0))
        return pt.switch(p < 0.5, size, -size)


def log_probability_between(
    noise: Noise, lower: Any, upper: Any, location: Any, scale: Any, *parameters: Any
) -> Any:
    """Logarithm of the probability of an interval, of which either end may be infinite.

    Parameters
    ----------
    noise
        Of the standardised variable.
    lower, upper
        The ends; at least one of them finite.
    location, scale
        Of the variable.
    *parameters
        Of the noise.
    """
    from_below, to_above = pt.isinf(lower), pt.isinf(upper)
    between = pt.invert(pt.or_(from_below, to_above))
    a = (pt.switch(from_below, location, lower) - location) / scale
    b = (pt.switch(to_above, location, upper) - location) / scale
    one_end = noise.log_cdf(pt.switch(to_above, -a, b), *parameters)
    # The interval is mirrored into the tail where its probability is a difference of small ones.
    a, b = pt.switch(between, a, -1.0), pt.switch(between, b, 1.0)
    right = a + b > 0.0
    more = noise.log_cdf(pt.switch(right, -a, b), *parameters)
    less = noise.log_cdf(pt.switch(right, -b, a), *parameters)
    return pt.switch(between, more + pt.log1mexp(less - more), one_end)
