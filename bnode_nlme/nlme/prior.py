"""Priors as they are declared: small specifications that become PyMC variables."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, override

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable


class Prior(ABC):
    """The prior of one parameter."""

    @abstractmethod
    def variable(self, name: str, *, dims: str | None = None) -> TensorVariable:
        """Add a variable with this prior to the model of the context.

        Parameters
        ----------
        name
            Its name.
        dims
            A dimension of the model; without it the variable is a scalar.
        """

    @property
    @abstractmethod
    def support(self) -> tuple[float, float]:
        """Ends of the interval outside which the density is 0."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The prior as a model prints it."""

    @property
    @abstractmethod
    def latex(self) -> str:
        """The prior in LaTeX."""


def _check(kind: str, **positive: float) -> None:
    for name, value in positive.items():
        if not (isinstance(value, (int, float, np.number)) and 0.0 < value < math.inf):
            raise ValueError(f"{kind}: {name}= wants a positive number; found {value!r}.")


@dataclass(frozen=True)
class Normal(Prior):
    """Normal prior.

    Parameters
    ----------
    mean
        Its mean.
    sd
        Its standard deviation; positive.

    Raises
    ------
    ValueError
        When a number is out of range.
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        _check("Normal", sd=self.sd)

    @override
    def variable(self, name: str, *, dims: str | None = None) -> TensorVariable:
        return pm.Normal(name, self.mean, self.sd, dims=dims)

    @property
    @override
    def support(self) -> tuple[float, float]:
        return -math.inf, math.inf

    @property
    @override
    def text(self) -> str:
        return f"Normal({self.mean:g}, {self.sd:g})"

    @property
    @override
    def latex(self) -> str:
        return rf"\operatorname{{Normal}}({self.mean:g},\ {self.sd:g})"


@dataclass(frozen=True)
class LogNormal(Prior):
    """Log-normal prior, by its median.

    Sampled as the normal logarithm, under the name with ``_log`` appended, so that sampling starts
    at the median and a mode is that of the logarithm.

    Parameters
    ----------
    median
        Its median; positive.
    sd_log
        Standard deviation of the logarithm; positive. 1 leaves a factor of 7 either way.

    Raises
    ------
    ValueError
        When a number is out of range.
    """

    median: float
    sd_log: float

    def __post_init__(self) -> None:
        _check("LogNormal", median=self.median, sd_log=self.sd_log)

    @override
    def variable(self, name: str, *, dims: str | None = None) -> TensorVariable:
        log = pm.Normal(f"{name}_log", math.log(self.median), self.sd_log, dims=dims)
        return pm.Deterministic(name, pt.exp(log), dims=dims)

    @property
    @override
    def support(self) -> tuple[float, float]:
        return 0.0, math.inf

    @property
    @override
    def text(self) -> str:
        return f"LogNormal(median {self.median:g}, sd of log {self.sd_log:g})"

    @property
    @override
    def latex(self) -> str:
        return rf"\operatorname{{LogNormal}}(\log {self.median:g},\ {self.sd_log:g})"


@dataclass(frozen=True)
class HalfNormal(Prior):
    """Half-normal prior of a positive number.

    Parameters
    ----------
    scale
        Standard deviation of the normal whose absolute value it is; positive.

    Raises
    ------
    ValueError
        When it is not positive.
    """

    scale: float

    def __post_init__(self) -> None:
        _check("HalfNormal", scale=self.scale)

    @override
    def variable(self, name: str, *, dims: str | None = None) -> TensorVariable:
        return pm.HalfNormal(name, self.scale, dims=dims)

    @property
    @override
    def support(self) -> tuple[float, float]:
        return 0.0, math.inf

    @property
    @override
    def text(self) -> str:
        return f"HalfNormal({self.scale:g})"

    @property
    @override
    def latex(self) -> str:
        return rf"\operatorname{{HalfNormal}}({self.scale:g})"


@dataclass(frozen=True)
class LogitNormal(Prior):
    """Logit-normal prior between two bounds, by its median.

    Sampled as the normal logit, under the name with ``_logit`` appended.

    Parameters
    ----------
    median
        Its median, between the bounds.
    sd_logit
        Standard deviation of the logit; positive. 1.5 is close to uniform around the middle.
    lower, upper
        The bounds.

    Raises
    ------
    ValueError
        When a number is out of range.
    """

    median: float
    sd_logit: float
    lower: float = 0.0
    upper: float = 1.0

    def __post_init__(self) -> None:
        _check("LogitNormal", sd_logit=self.sd_logit)
        if not -math.inf < self.lower < self.median < self.upper < math.inf:
            raise ValueError(
                "LogitNormal wants lower < median < upper; found "
                f"{self.lower!r}, {self.median!r}, {self.upper!r}."
            )

    @override
    def variable(self, name: str, *, dims: str | None = None) -> TensorVariable:
        fraction = (self.median - self.lower) / (self.upper - self.lower)
        centre = math.log(fraction / (1.0 - fraction))
        logit = pm.Normal(f"{name}_logit", centre, self.sd_logit, dims=dims)
        value = self.lower + (self.upper - self.lower) * pt.sigmoid(logit)
        return pm.Deterministic(name, value, dims=dims)

    @property
    @override
    def support(self) -> tuple[float, float]:
        return self.lower, self.upper

    @property
    def _bounds(self) -> str:
        usual = (self.lower, self.upper) == (0.0, 1.0)
        return "" if usual else f" on {self.lower:g} to {self.upper:g}"

    @property
    @override
    def text(self) -> str:
        return f"LogitNormal(median {self.median:g}, sd of logit {self.sd_logit:g}){self._bounds}"

    @property
    @override
    def latex(self) -> str:
        inner = rf"\operatorname{{logit}} {self.median:g},\ {self.sd_logit:g}"
        tail = rf"\ \text{{{self._bounds.strip()}}}" if self._bounds else ""
        return rf"\operatorname{{LogitNormal}}({inner}){tail}"


@dataclass(frozen=True)
class Uniform(Prior):
    """Uniform prior between two bounds.

    Parameters
    ----------
    lower, upper
        The bounds.

    Raises
    ------
    ValueError
        When they are not finite and in order.
    """

    lower: float
    upper: float

    def __post_init__(self) -> None:
        if not -math.inf < self.lower < self.upper < math.inf:
            raise ValueError(
                f"Uniform wants finite bounds in order; found {self.lower!r} and {self.upper!r}."
            )

    @override
    def variable(self, name: str, *, dims: str | None = None) -> TensorVariable:
        return pm.Uniform(name, self.lower, self.upper, dims=dims)

    @property
    @override
    def support(self) -> tuple[float, float]:
        return self.lower, self.upper

    @property
    @override
    def text(self) -> str:
        return f"Uniform({self.lower:g}, {self.upper:g})"

    @property
    @override
    def latex(self) -> str:
        return rf"\operatorname{{Uniform}}({self.lower:g},\ {self.upper:g})"


def check_prior_or_number(where: str, value: object) -> None:
    """Refuse what is neither a prior nor a finite number.

    Raises
    ------
    ValueError
        Naming `where` and what was found.
    """
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if isinstance(value, Prior) or (number and math.isfinite(value)):  # type: ignore[arg-type]
        return
    raise ValueError(
        f"{where} wants a prior, such as bn.LogNormal(median, sd_log), or a number that is known; "
        f"found {value!r}."
    )


def named_value(name: str, given: Prior | float, *, dims: str | None = None) -> Any:
    """Add a variable for a prior to the model of the context; return a number as it is."""
    return given.variable(name, dims=dims) if isinstance(given, Prior) else float(given)
