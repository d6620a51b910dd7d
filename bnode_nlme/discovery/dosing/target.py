"""What a regimen is to achieve in one patient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, override

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.discovery.dosing import places
from bnode_nlme.discovery.dosing.places import Places

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Target(ABC):
    """An exposure or response, and the range that it is to lie in.

    Parameters
    ----------
    lower, upper : float, optional
        Ends of the range, which belong to it; at least one.
    output : str, optional
        The system's output (or state); may be left out where one output is measured.
    unit : str
        For print and plots.
    """

    lower: float | None = None
    upper: float | None = None
    output: str | None = None
    unit: str = ""

    of_points: ClassVar[bool] = False

    def __post_init__(self) -> None:
        kind = type(self).__name__
        for name in ("lower", "upper", *self.moments()):
            value = getattr(self, name)
            number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
            if value is not None and not (number and np.isfinite(value)):
                raise ValueError(f"{kind}: {name}= wants a finite number; found {value!r}.")
        if self.lower is None and self.upper is None:
            raise ValueError(f"{kind} wants lower=, upper= or both: what is to be achieved.")
        if self.lower is not None and self.upper is not None and not self.lower < self.upper:
            raise ValueError(
                f"{kind}: lower= must be below upper=; found {self.lower:g} and {self.upper:g}."
            )

    @abstractmethod
    def moments(self) -> tuple[str, ...]:
        """Names of the fields that are times."""

    @abstractmethod
    def places(self, breaks: Sequence[float]) -> Places:
        """Where the output is looked at, given the times at which its course may break."""

    @abstractmethod
    def exposure(self, values: Array, at: Places) -> Array:
        """What the range is about, (N,), from the output's values (N, T)."""

    @property
    @abstractmethod
    def label(self) -> str:
        """In words, without the range."""

    def met(self, exposure: Array) -> NDArray[np.bool_]:
        """Whether exposures lie in the range; NaN does not."""
        low = -np.inf if self.lower is None else self.lower
        high = np.inf if self.upper is None else self.upper
        return np.asarray((exposure >= low) & (exposure <= high))

    @property
    def range_text(self) -> str:
        """The range in words."""
        unit = f" {self.unit}" if self.unit else ""
        if self.upper is None:
            return f"at least {self.lower:g}{unit}"
        if self.lower is None:
            return f"at most {self.upper:g}{unit}"
        return f"{self.lower:g} to {self.upper:g}{unit}"

    def __str__(self) -> str:
        return f"{self.label}: {self.range_text}"


@dataclass(frozen=True, kw_only=True)
class _Window(Target):
    start: float
    end: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.start < self.end:
            raise ValueError(
                f"{type(self).__name__}: start= must be before end=; found {self.start:g} and "
                f"{self.end:g}."
            )

    @override
    def moments(self) -> tuple[str, ...]:
        return ("start", "end")

    @property
    def window_text(self) -> str:
        """The window in words."""
        return f"from {self.start:g} to {self.end:g}"


@dataclass(frozen=True, kw_only=True)
class Trough(Target):
    """The value just before a dose.

    Parameters
    ----------
    at : float
        Time, on the clock of the patient's records: a dose given then has not been given yet.
    lower, upper, output, unit
        See `Target`.

    Examples
    --------
    >>> print(Trough(at=72.0, lower=10.0, upper=15.0, unit="mg/L"))
    trough at 72: 10 to 15 mg/L
    """

    at: float
    of_points: ClassVar[bool] = True

    @override
    def moments(self) -> tuple[str, ...]:
        return ("at",)

    @override
    def places(self, breaks: Sequence[float]) -> Places:
        return places.at(self.at)

    @override
    def exposure(self, values: Array, at: Places) -> Array:
        return np.asarray(values[:, 0])

    @property
    @override
    def label(self) -> str:
        return f"{'' if self.output is None else self.output + ' '}trough at {self.at:g}"


@dataclass(frozen=True, kw_only=True)
class AUC(_Window):
    """The area under the curve in a window.

    Parameters
    ----------
    start, end : float
        Of the window.
    lower, upper, output, unit
        See `Target`.

    Notes
    -----
    By Gauss-Legendre quadrature between doses and ends of infusions. A jump at a time that only
    the solver knows (a bolus with a lag, straight into the measured compartment) is integrated
    less exactly.
    """

    @override
    def places(self, breaks: Sequence[float]) -> Places:
        return places.quadrature(self.start, self.end, breaks)

    @override
    def exposure(self, values: Array, at: Places) -> Array:
        return np.asarray(values @ at.weights)

    @property
    @override
    def label(self) -> str:
        return f"{'' if self.output is None else self.output + ' '}AUC {self.window_text}"


@dataclass(frozen=True, kw_only=True)
class Peak(_Window):
    """The largest value in a window, of a fine grid of times and both sides of every dose.

    Parameters
    ----------
    start, end : float
        Of the window.
    lower, upper, output, unit
        See `Target`.
    """

    @override
    def places(self, breaks: Sequence[float]) -> Places:
        return places.grid(self.start, self.end, breaks)

    @override
    def exposure(self, values: Array, at: Places) -> Array:
        return np.asarray(values.max(axis=1))

    @property
    @override
    def label(self) -> str:
        return f"{'' if self.output is None else self.output + ' '}peak {self.window_text}"


@dataclass(frozen=True, kw_only=True)
class TimeAbove(_Window):
    """The share of a window during which an output is above a level, such as a MIC.

    Parameters
    ----------
    level : float
        The level, in the output's unit.
    start, end : float
        Of the window.
    lower, upper : float, optional
        Shares from 0 to 1: ``lower=0.5`` for half of the window.
    output, unit
        See `Target`; the unit is that of the level.

    Notes
    -----
    Crossings are found by straight lines on a fine grid.
    """

    level: float

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("lower", "upper"):
            share = getattr(self, name)
            if share is not None and not 0.0 <= share <= 1.0:
                raise ValueError(
                    f"TimeAbove: {name}= is a share of the window, from 0 to 1; found {share!r}. "
                    f"The level to be above is level={self.level:g}."
                )

    @override
    def moments(self) -> tuple[str, ...]:
        return ("start", "end", "level")

    @override
    def places(self, breaks: Sequence[float]) -> Places:
        return places.grid(self.start, self.end, breaks)

    @override
    def exposure(self, values: Array, at: Places) -> Array:
        over = values - self.level
        first, second = over[:, :-1], over[:, 1:]
        with np.errstate(divide="ignore", invalid="ignore"):
            crossed = np.maximum(first, second) / np.abs(second - first)
        share = np.where((first > 0) == (second > 0), first > 0, np.clip(crossed, 0.0, 1.0))
        share = np.where(np.isnan(first) | np.isnan(second), np.nan, share)
        return np.asarray(share @ at.weights[:-1] / (self.end - self.start))

    @property
    @override
    def label(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return (
            f"share of time with {self.output or 'output'} above {self.level:g}{unit} "
            f"{self.window_text}"
        )

    @property
    @override
    def range_text(self) -> str:
        ends = (("at least", self.lower), ("at most", self.upper))
        return " and ".join(f"{word} {share:.0%}" for word, share in ends if share is not None)


@dataclass(frozen=True, kw_only=True)
class Response(Target):
    """The value of an output at a time, as it is or relative to that at another time.

    Parameters
    ----------
    at : float
        Time.
    relative_to : float, optional
        Time of the value that it is divided by, such as that of the baseline.
    lower, upper, output, unit
        See `Target`.
    """

    at: float
    relative_to: float | None = None
    of_points: ClassVar[bool] = True

    @override
    def moments(self) -> tuple[str, ...]:
        return ("at", "relative_to")

    @override
    def places(self, breaks: Sequence[float]) -> Places:
        if self.relative_to is None:
            return places.at(self.at)
        times = np.array([self.at, self.relative_to])
        return Places(times, np.ones(2, dtype=np.bool_), np.ones(2))

    @override
    def exposure(self, values: Array, at: Places) -> Array:
        if self.relative_to is None:
            return np.asarray(values[:, 0])
        return np.asarray(values[:, 0] / values[:, 1])

    @property
    @override
    def label(self) -> str:
        relative = "" if self.relative_to is None else f", relative to {self.relative_to:g},"
        return f"{self.output or 'response'} at {self.at:g}{relative}"
