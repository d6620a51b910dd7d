"""Linear compartments by superposition, independent of any solver.

The response to a unit bolus into one state is a sum of exponentials, whose coefficients come from
Sylvester's formula for the matrix exponential (Moler and Van Loan 2003,
doi:10.1137/S00361445024180, method 15): exp(K s) = sum over m of C_m exp(-rate_m s). Whatever else
may be given is a sum or an integral of such responses, written out below for one exponential: an
infusion, doses given at a regular interval for ever, and a constant infusion for ever (Gibaldi and
Perrier 1982, chapters 1 to 3). Numbers are Python floats, or mpmath's with 50 digits where two
rates lie so close that Sylvester's formula cancels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

type Array = NDArray[np.float64]
type Number = Any  # float or mpmath.mpf

BEGINNING = -math.inf
_CLOSE = 1e-4


def exp(x: Number) -> Number:
    return mpmath.exp(x) if isinstance(x, mpmath.mpf) else math.exp(x)


def expm1(x: Number) -> Number:
    return mpmath.expm1(x) if isinstance(x, mpmath.mpf) else math.expm1(x)


def sqrt(x: Number) -> Number:
    return mpmath.sqrt(x) if isinstance(x, mpmath.mpf) else math.sqrt(x)


@dataclass(frozen=True)
class Bolus:
    time: float
    amount: float
    into: int = 0

    def response(self, rate: Number, time: float) -> Number:
        return self.amount * exp(-rate * (time - self.time)) if time >= self.time else 0.0


@dataclass(frozen=True)
class Infusion:
    start: float
    stop: float
    rate: float
    into: int = 0

    def response(self, rate: Number, time: float) -> Number:
        if time <= self.start:
            return 0.0
        end = min(time, self.stop)
        return self.rate * _filled(rate, end - self.start) * exp(-rate * (time - end))


@dataclass(frozen=True)
class Periodic:
    """The same dose every `every` for ever, the last one at `last`; a bolus if `duration` is 0."""

    last: float
    every: float
    amount: float
    duration: float = 0.0
    into: int = 0

    def response(self, rate: Number, time: float) -> Number:
        missed = max(0, math.ceil((self.last - time) / self.every))
        age = time - self.last + missed * self.every  # of the youngest dose that has begun
        repeated = 1 / -expm1(-rate * self.every)
        if not self.duration:
            return self.amount * exp(-rate * age) * repeated
        total: Number = 0.0
        while age < self.duration:
            total += _filled(rate, age)
            age += self.every
        ended = _filled(rate, self.duration) * exp(-rate * (age - self.duration)) * repeated
        return self.amount / self.duration * (total + ended)


@dataclass(frozen=True)
class Constant:
    """An infusion that has run for ever and stops at `until`."""

    until: float
    rate: float
    into: int = 0

    def response(self, rate: Number, time: float) -> Number:
        return self.rate / rate * exp(-rate * max(time - self.until, 0.0))


type Input = Bolus | Infusion | Periodic | Constant


@dataclass(frozen=True)
class Epoch:
    """From `start` on, only these inputs count: what was before has been wiped out."""

    start: float
    inputs: Sequence[Input]


def _filled(rate: Number, duration: Number) -> Number:
    """The integral of exp(-rate s) over s from 0 to `duration`."""
    return -expm1(-rate * duration) / rate


@dataclass(frozen=True)
class Compartments:
    """Linear compartments: for parameters, the matrix K of dx/dt = K x and minus its eigenvalues."""

    matrix: Callable[[Any], list[list[Number]]]
    rates: Callable[[Any], list[Number]]


def fast_and_slow(k10: Number, k12: Number, k21: Number) -> list[Number]:
    """Rates of two compartments, alpha and beta; beta by their product, lest it cancel."""
    total = k10 + k12 + k21
    alpha = (total + sqrt(total**2 - 4 * k10 * k21)) / 2
    return [alpha, k10 * k21 / alpha]


def coefficients(matrix: list[list[Number]], rates: list[Number]) -> list[Any]:
    """C_m with exp(K s) = sum of C_m exp(-rate_m s), each an object array (n, n)."""
    K = np.array(matrix, dtype=object)
    one = np.array([[float(i == j) for j in range(len(rates))] for i in range(len(rates))], object)
    found = []
    for m, rate in enumerate(rates):
        product = one
        for other in rates[:m] + rates[m + 1 :]:
            product = product @ ((K + other * one) / (other - rate))
        found.append(product)
    return found


def precise(parameters: Any) -> Any:
    """The same parameters in mpmath's numbers."""
    return type(parameters)(**{k: mpmath.mpf(v) for k, v in vars(parameters).items()})


def superposed(
    compartments: Compartments, parameters: Any, inputs: Sequence[Input], times: Sequence[float]
) -> Array:
    """Amounts, shape (times, states)."""
    rates = compartments.rates(parameters)
    gaps = [abs(a - b) / max(a, b) for i, a in enumerate(rates) for b in rates[:i]]
    if min(gaps, default=1.0) < _CLOSE and not isinstance(rates[0], mpmath.mpf):
        with mpmath.workdps(50):
            return superposed(compartments, precise(parameters), inputs, times)
    terms = list(zip(rates, coefficients(compartments.matrix(parameters), rates), strict=True))
    values = np.zeros((len(times), len(rates)))
    for row, time in enumerate(times):
        total = np.zeros(len(rates), dtype=object)
        for given in inputs:
            for rate, C in terms:
                total = total + C[:, given.into] * given.response(rate, time)
        values[row] = [float(x) for x in total]
    return values


def closed_form(
    compartments: Compartments, parameters: Any, epochs: Sequence[Epoch], times: Sequence[float]
) -> Array:
    """Amounts at `times`, of which each sees the inputs of the epoch it lies in."""
    values = np.zeros((len(times), len(compartments.rates(parameters))))
    for row, time in enumerate(times):
        epoch = [each for each in epochs if each.start <= time][-1]
        values[row] = superposed(compartments, parameters, epoch.inputs, [time])[0]
    return values


def numerical_slope(f: Callable[[float], Array], x: float, step: float = 1e-3) -> Array:
    """Derivative by central differences of fourth order; `step` is relative."""
    h = step * max(abs(x), 0.1)
    near = (f(x + h) - f(x - h)) / (2 * h)
    far = (f(x + 2 * h) - f(x - 2 * h)) / (4 * h)
    return (4 * near - far) / 3
