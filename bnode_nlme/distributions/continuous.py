"""Continuous measurements: a prediction, a spread and noise, with limits of quantification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, override

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.distributions.family import ALWAYS, NEVER, Family
from bnode_nlme.distributions.noise import Noise, log_probability_between
from bnode_nlme.distributions.spread import Spread

_POINT = 1e-100
"""A smaller scale leaves a point: the squares of standardised distances overflow."""


@dataclass(frozen=True)
class Continuous(Family):
    """``y = f + scale(f) z``, or ``log y = log f + scale z``; z is the noise.

    Parameters of the random variable: those of the noise, those of the spread, and, where `blq` is
    given, the ends `lower` and `upper` of the interval in which each censored measurement lies,
    both NaN where the measurement was taken.

    At a prediction where the scale is 0 (of a proportional error at f = 0, as before the first
    dose), and on the log scale at f <= 0, the measurement can only be max(f, 0) on the log scale
    and under M4, else f. It has no density there: -inf for a measured value. A censored one has
    log-probability 0 where its interval, ends included, holds that point, and -inf where not, with
    a gradient of 0. Without `blq` a prediction at or below 0 is not possible on the log scale.

    Attributes
    ----------
    spread, noise
        See there.
    log_scale
        Whether the error is that of the logarithm.
    blq
        ``"M3"`` (censored likelihood), ``"M4"`` (that, of a measurement known to be positive), or
        None (no censored measurements).
    """

    spread: Spread
    noise: Noise
    log_scale: bool = False
    blq: Literal["M3", "M4"] | None = None

    @property
    @override
    def name(self) -> str:
        kind = "LogNormal" if self.log_scale else self.spread.name
        return f"{self.noise.prefix}{kind}{self.blq or ''}NeuralODE"

    @property
    @override
    def core_ndims(self) -> tuple[int, ...]:
        bounds = 0 if self.blq is None else 2
        return (0,) * (self.noise.n_parameters + self.spread.n_parameters + bounds)

    @property
    def _truncated(self) -> bool:
        return self.blq == "M4" and not self.log_scale  # whose measurements are positive anyway

    def _split(self, parameters: tuple[Any, ...]) -> tuple[Any, Any, Any]:
        first = self.noise.n_parameters
        second = first + self.spread.n_parameters
        return parameters[:first], parameters[first:second], parameters[second:]

    @override
    def valid(self, *parameters: Any) -> tuple[Any, str]:
        of_noise, of_spread, _ = self._split(parameters)
        noise, spread = self.noise.valid(*of_noise), self.spread.valid(*of_spread)
        return pt.and_(noise[0], spread[0]), ", ".join(filter(None, (noise[1], spread[1])))

    @override
    def possible(self, prediction: Any) -> Any:
        return prediction > 0.0 if self.log_scale and self.blq is None else ALWAYS

    @override
    def stand_in(self, value: Any) -> Any:
        return pt.switch(value > 0.0, value, 1.0) if self.log_scale else value

    @override
    def draws(
        self, rng: Any, size: Any, prediction: Any, *parameters: Any
    ) -> tuple[Any, TensorVariable]:
        """Draw what is measured without a limit: censored rows have draws like any other."""
        of_noise, of_spread, _ = self._split(parameters)
        scale = self.spread.scale(prediction, *of_spread)
        if self._truncated:
            point = scale <= _POINT
            scale = pt.switch(point, 0.0, scale)
            ratio = prediction / pt.switch(point, 1.0, scale)
            next_rng, u = pt.random.uniform(0.0, 1.0, size=size, rng=rng, return_next_rng=True)
            positive = pt.exp(self.noise.log_cdf(ratio, *of_noise))
            # 1 - u is above 0, so that no draw is infinite.
            z = self.noise.upper_quantile((1.0 - u) * positive, *of_noise)
            return next_rng, pt.switch(point, pt.maximum(prediction, 0.0), prediction + scale * z)
        next_rng, z = self.noise.draws(rng, size, *of_noise)
        if self.log_scale:
            return next_rng, pt.maximum(prediction, 0.0) * pt.exp(scale * z)
        return next_rng, prediction + scale * z

    @override
    def log_density(self, value: Any, prediction: Any, *parameters: Any) -> Any:
        of_noise, of_spread, bounds = self._split(parameters)
        impossible: Any = value <= 0.0 if self.log_scale or self._truncated else NEVER
        log_jacobian: Any = 0.0
        point: Any = NEVER
        only = pt.maximum(prediction, 0.0) if self.log_scale or self._truncated else prediction
        if self.log_scale:
            point = prediction <= 0.0
            prediction = pt.log(pt.switch(point, 1.0, prediction))
            value = log_jacobian = pt.log(pt.switch(impossible, 1.0, value))
        scale = self.spread.scale(prediction, *of_spread)
        point = pt.or_(point, scale <= _POINT)
        # Whatever the branch that is not taken holds, it is finite, and so is its gradient.
        scale = pt.switch(point, 1.0, scale)
        z = (value - prediction) / scale
        positive: Any = 0.0
        density = self.noise.log_density(z, *of_noise) - pt.log(scale) - log_jacobian
        if self._truncated:
            positive = self.noise.log_cdf(prediction / scale, *of_noise)
            density = density - positive
        density = pt.switch(pt.or_(impossible, point), -np.inf, density)
        if not bounds:
            return density
        measured = pt.isnan(bounds[0])
        lower, upper = self._on_scale(*bounds)
        lower = pt.switch(measured, -np.inf, lower)
        upper = pt.switch(measured, prediction, upper)
        within = log_probability_between(self.noise, lower, upper, prediction, scale, *of_noise)
        if self._truncated:
            within = within - positive
        held = pt.and_(pt.ge(only, bounds[0]), pt.le(only, bounds[1]))
        within = pt.switch(point, pt.switch(held, 0.0, -np.inf), within)
        return pt.switch(measured, density, pt.switch(impossible, -np.inf, within))

    def _on_scale(self, lower: Any, upper: Any) -> tuple[Any, Any]:
        if self._truncated:
            lower = pt.switch(lower < 0.0, 0.0, lower)
        if self.log_scale:
            lower = pt.switch(lower <= 0.0, -np.inf, pt.log(pt.switch(lower <= 0.0, 1.0, lower)))
            upper = pt.log(upper)
        return lower, upper
