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
from bnode_nlme.distributions.student_tail import log_tail_ratio

_LOG_ROOT_TWO_PI = 0.5 * math.log(2.0 * math.pi)


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
    def sd(self, *parameters: Any) -> Any:
        """Standard deviation; NaN where there is none."""

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
    def sd(self, *parameters: Any) -> Any:
        return pt.as_tensor_variable(1.0)

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
    def sd(self, *parameters: Any) -> Any:
        (nu,) = parameters
        return pt.switch(nu > 2.0, pt.sqrt(nu / pt.switch(nu > 2.0, nu - 2.0, 1.0)), np.nan)

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
        (nu,) = parameters
        left = z < 0.0
        w = pt.switch(left, -z, z)
        tail = self.log_density(w, nu) + log_tail_ratio(w, nu)
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
    # The interval is mirrored into the tail where its probability is a difference of small ones.
    right = a + b > 0.0
    wide = pt.switch(between, pt.switch(right, -a, b), pt.switch(to_above, -a, b))
    narrow = pt.switch(between, pt.switch(right, -b, a), wide - 1.0)
    # In one call, because that of Student's t is long to compile.
    both = noise.log_cdf(pt.stack([wide, narrow]), *parameters)
    more, less = both[0], both[1]
    rest = pt.log1mexp(pt.switch(between, less - more, -1.0))
    return more + pt.switch(between, rest, 0.0)
