"""Residual error models of continuous measurements.

Each is a small frozen object that holds its parameters, which may be random.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from numbers import Real
from typing import Any, Literal, Self, get_args, override

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.distributions.continuous import Continuous
from bnode_nlme.distributions.error_model import BLQ, ResidualErrorModel
from bnode_nlme.distributions.noise import NormalNoise, StudentTNoise
from bnode_nlme.distributions.spread import (
    Constant,
    Relative,
    Spread,
    SumOfScales,
    SumOfVariances,
)

FORMS = ("variance", "sd")


class ContinuousErrorModel(ResidualErrorModel):
    """A residual error around a prediction, with limits of quantification.

    With ``blq=``, measurements that the study marks as censored (CENS) are, after Beal (2001,
    doi:10.1023/A:1012299115260):

    - ``"M1"``: left out;
    - ``"M3"``: in the likelihood with the probability that they lie below the limit that DV holds
      (above it where CENS is -1), and on the other side of LIMIT where that is given;
    - ``"M4"``: likewise, and every measurement's distribution is truncated at 0, as that of a
      quantity known to be positive.

    Where the error has no spread (a proportional error at f = 0, as before the first dose) the
    measurement can only be f: under M3 and M4 a censored row whose interval holds f has the
    log-probability 0, and -inf where it does not.

    Draws are what would be measured without a limit: compare them with it.
    """

    @property
    @override
    def takes_blq(self) -> bool:
        return True

    @property
    @override
    def family(self) -> Continuous:
        method = None if self.blq == "M1" else self.blq
        return Continuous(self._spread, NormalNoise(), log_scale=self._log_scale, blq=method)

    @property
    def _spread(self) -> Spread:
        return Constant()

    @property
    def _log_scale(self) -> bool:
        return False

    @override
    def impossible(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        positive = self._log_scale or self.blq == "M4"
        return values <= 0.0 if positive else super().impossible(values)

    @property
    @override
    def support(self) -> str:
        return "above 0" if self._log_scale or self.blq == "M4" else super().support


def _check(error: ContinuousErrorModel) -> None:
    name = type(error).__name__
    for parameter, value in error.parameters.items():
        if not isinstance(value, list | tuple | Real | np.ndarray):
            continue  # a prior, a variable, or nothing yet
        try:
            numbers = np.asarray(value, np.float64)
        except (TypeError, ValueError):
            numbers = np.array(np.nan)
        # One part of a combined error may be missing.
        good = numbers >= 0.0 if isinstance(error, Combined) else numbers > 0.0
        if not good.all() or np.isinf(numbers).any():
            raise ValueError(
                f"{name}: {parameter}= wants a positive number, a prior or a PyTensor variable; "
                f"found {value!r}."
            )
    if error.blq is not None and error.blq not in get_args(BLQ):
        raise ValueError(f"{name}: blq= wants 'M1', 'M3', 'M4' or None; found {error.blq!r}.")


@dataclass(frozen=True, eq=False)
class Additive(ContinuousErrorModel):
    """Additive residual error: ``y ~ Normal(f, sigma)``.

    Parameters
    ----------
    sigma : scalar or TensorVariable () or (measurements,)
        Standard deviation, in the units of the output; positive.
    blq : {"M1", "M3", "M4"}, optional
        What is done with censored measurements, see `ContinuousErrorModel`.

    Raises
    ------
    ValueError
        When `blq` is none of its choices, or a number is not positive.
    """

    sigma: Any = None
    _: KW_ONLY
    blq: BLQ | None = None

    def __post_init__(self) -> None:
        _check(self)

    @property
    @override
    def parameters(self) -> dict[str, Any]:
        return {"sigma": self.sigma}


@dataclass(frozen=True, eq=False)
class Proportional(ContinuousErrorModel):
    """Proportional residual error: ``y ~ Normal(f, sigma |f|)``.

    Where the prediction is exactly 0, as before a first dose, the log-probability is -inf: the
    model says that nothing but 0 can be measured there. Leave such records out, or use `Combined`.

    Parameters
    ----------
    sigma : scalar or TensorVariable () or (measurements,)
        Coefficient of variation, as a fraction; positive.
    blq : {"M1", "M3", "M4"}, optional
        What is done with censored measurements, see `ContinuousErrorModel`.

    Raises
    ------
    ValueError
        When `blq` is none of its choices, or a number is not positive.
    """

    sigma: Any = None
    _: KW_ONLY
    blq: BLQ | None = None

    def __post_init__(self) -> None:
        _check(self)

    @property
    @override
    def parameters(self) -> dict[str, Any]:
        return {"sigma": self.sigma}

    @property
    @override
    def _spread(self) -> Spread:
        return Relative()


@dataclass(frozen=True, eq=False)
class Combined(ContinuousErrorModel):
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
    blq : {"M1", "M3", "M4"}, optional
        What is done with censored measurements, see `ContinuousErrorModel`.

    Raises
    ------
    ValueError
        When `form` or `blq` is none of its choices.
    """

    additive: Any = None
    proportional: Any = None
    form: Literal["variance", "sd"] = "variance"
    _: KW_ONLY
    blq: BLQ | None = None

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ValueError(f"Combined: form= wants 'variance' or 'sd'; found {self.form!r}.")
        _check(self)

    @property
    @override
    def parameters(self) -> dict[str, Any]:
        return {"additive": self.additive, "proportional": self.proportional}

    @property
    @override
    def _spread(self) -> Spread:
        return SumOfVariances() if self.form == "variance" else SumOfScales()


@dataclass(frozen=True, eq=False)
class LogNormalError(ContinuousErrorModel):
    """Log-normal residual error: ``log y ~ Normal(log f, sigma)``, f the median.

    Where the prediction is not above 0, the log-probability is -inf; that of a censored row, under
    M3 and M4, is 0 where its interval holds 0, which is all that can then be measured.

    Parameters
    ----------
    sigma : scalar or TensorVariable () or (measurements,)
        Standard deviation of the logarithm; positive.
    blq : {"M1", "M3", "M4"}, optional
        What is done with censored measurements, see `ContinuousErrorModel`; ``"M4"`` is ``"M3"`` here,
        because the measurement is positive in any case.

    Raises
    ------
    ValueError
        When `blq` is none of its choices, or a number is not positive.
    """

    sigma: Any = None
    _: KW_ONLY
    blq: BLQ | None = None

    def __post_init__(self) -> None:
        _check(self)

    @property
    @override
    def parameters(self) -> dict[str, Any]:
        return {"sigma": self.sigma}

    @property
    @override
    def _log_scale(self) -> bool:
        return True


@dataclass(frozen=True, eq=False)
class StudentT(ContinuousErrorModel):
    """Student-t residual error, for measurements with outliers: ``(y - f) / scale ~ t(nu)``.

    Parameters
    ----------
    error : Additive, Proportional, Combined or LogNormalError
        What gives the scale, and the method for censored measurements. Its standard deviations are
        scales here: the t distribution's own standard deviation is ``sqrt(nu / (nu - 2))`` of them.
    nu : scalar or TensorVariable () or (measurements,)
        Degrees of freedom; positive.

    Raises
    ------
    ValueError
        When `error` is none of these.
    """

    error: ContinuousErrorModel
    nu: Any = None

    def __post_init__(self) -> None:
        if not isinstance(self.error, (Additive, Proportional, Combined, LogNormalError)):
            raise ValueError(
                "StudentT: error= wants Additive, Proportional, Combined or LogNormalError, which "
                f"gives its scale; found {self.error!r}. Write StudentT(Additive(sigma), nu)."
            )

    @property
    @override
    def blq(self) -> BLQ | None:
        return self.error.blq

    @property
    @override
    def family(self) -> Continuous:
        return replace(self.error.family, noise=StudentTNoise())

    @property
    @override
    def parameters(self) -> dict[str, Any]:
        return {"nu": self.nu} | self.error.parameters

    @override
    def with_parameters(self, values: Mapping[str, Any]) -> Self:
        inner = {name: value for name, value in values.items() if name != "nu"}
        return replace(self, error=self.error.with_parameters(inner), nu=values.get("nu", self.nu))

    @override
    def impossible(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        return self.error.impossible(values)

    @property
    @override
    def support(self) -> str:
        return self.error.support
