"""One compartment with absorption whose elimination changes with time, by an integrating factor.

central' = input(t) - k(t) central has the solution central(t) = integral of input(u) exp(-K(u, t))
over u, with K(u, t) the integral of k from u to t (Zill 2018, section 2.3). K is exact, because k
is constant or a straight line between two records; the integral over u is taken by Gauss-Legendre
quadrature between any two times at which something happens, where its integrand is smooth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from tests.records.closed_forms import (
    Array,
    Bolus,
    Compartments,
    Epoch,
    Infusion,
    Input,
    superposed,
)

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(30)
_ABSORPTION = Compartments(lambda p: [[-p.ka]], lambda p: [p.ka])


@dataclass(frozen=True)
class Path:
    """k(t) = factor * slope * covariate, from their values at the records.

    Factors belong to occasions and are never interpolated: under "linear" they hold on, as under
    "locf".
    """

    times: Sequence[float]
    factors: Sequence[float]
    covariate: Sequence[float]
    interpolation: str

    def integral(self, start: Array, stop: float) -> Array:
        """The integral of k from each of `start` to `stop`."""
        total = np.zeros(len(start))
        for i in range(len(self.times) - 1):
            left, right = self.times[i], self.times[i + 1]
            a, b = np.clip(start, left, right), np.clip(stop, left, right)
            if left == right:
                continue
            if self.interpolation == "locf":
                total += self.factors[i] * self.covariate[i] * (b - a)
            elif self.interpolation == "nocb":
                total += self.factors[i + 1] * self.covariate[i + 1] * (b - a)
            else:
                slope = (self.covariate[i + 1] - self.covariate[i]) / (right - left)
                middle = self.covariate[i] + slope * ((a + b) / 2 - left)
                total += self.factors[i] * middle * (b - a)
        return total


def _shifted(inputs: Sequence[Input], into: int) -> list[Any]:
    """The inputs into one state, as if it stood alone."""
    return [
        type(each)(*(vars(each)[name] for name in vars(each) if name != "into"))
        for each in inputs
        if each.into == into
    ]


def _central(p: Any, path: Path, inputs: Sequence[Input], time: float) -> float:
    absorbed, direct = _shifted(inputs, 0), _shifted(inputs, 1)
    total = 0.0
    edges = {time, *path.times}
    for each in inputs:
        if isinstance(each, Bolus):
            edges.add(each.time)
        elif isinstance(each, Infusion):
            edges |= {each.start, each.stop}
        else:
            raise TypeError(f"{each} has no beginning")
    for each in direct:
        if isinstance(each, Bolus) and each.time <= time:
            total += each.amount * float(np.exp(-path.integral(np.array([each.time]), time)[0]))
    within = sorted(edge for edge in edges if edge <= time)
    for left, right in pairwise(within):
        u = (left + right) / 2 + (right - left) / 2 * _NODES
        inflow = p.ka * superposed(_ABSORPTION, p, absorbed, u.tolist())[:, 0]
        for each in direct:
            if isinstance(each, Infusion):
                inflow = inflow + each.rate * ((u > each.start) & (u < each.stop))
        decay = np.exp(-path.integral(u, time))
        total += float((right - left) / 2 * (_WEIGHTS @ (inflow * decay)))
    return total


def varying_form(p: Any, path: Path, epochs: Sequence[Epoch], times: Sequence[float]) -> Array:
    """Amounts in depot and central, shape (times, 2)."""
    values = np.zeros((len(times), 2))
    for row, time in enumerate(times):
        epoch = [each for each in epochs if each.start <= time][-1]
        values[row, 0] = superposed(_ABSORPTION, p, _shifted(epoch.inputs, 0), [time])[0, 0]
        values[row, 1] = _central(p, path, epoch.inputs, time)
    return values
