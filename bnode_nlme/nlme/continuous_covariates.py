"""Covariate models of a number: power, exponential, linear."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType
from typing import Any, override

import numpy as np

from bnode_nlme.nlme.covariate_model import STANDARD, Columns, OneCovariate, latex_name
from bnode_nlme.nlme.individual_scale import IndividualScale
from bnode_nlme.nlme.prior import Normal, Prior, check_prior_or_number, named_value
from bnode_nlme.study.study import Study


def _shift(covariate: str, center: float) -> str:
    if center == 0.0:
        return covariate
    return f"({covariate} - {center:g})" if center > 0.0 else f"({covariate} + {-center:g})"


@dataclass(frozen=True)
class Power(OneCovariate):
    """Power of a positive covariate: the factor ``(x / center) ** exponent``.

    On a natural or logit scale the summand ``exponent * log(x / center)``. With 70 kg and the
    exponents 0.75 for clearances and 1 for volumes, allometric scaling (Anderson and Holford 2008,
    doi:10.1146/annurev.pharmtox.48.113006.094708).

    Parameters
    ----------
    covariate
        Its name.
    center
        The reference; positive.
    exponent
        A number, or a prior; Normal(0, 1) by default.

    Raises
    ------
    ValueError
        When `center` is not positive, or `exponent` is neither.
    """

    center: float
    exponent: Prior | float = STANDARD

    def __post_init__(self) -> None:
        if not 0.0 < self.center < math.inf:
            raise ValueError(
                f"Power({self.covariate!r}): center= wants a positive number; found "
                f"{self.center!r}."
            )
        check_prior_or_number(f"Power({self.covariate!r}): exponent=", self.exponent)

    @property
    @override
    def known(self) -> float | None:
        given = self.exponent
        return None if given is None or isinstance(given, Prior) else float(given)

    @override
    def coefficient(self, name: str, study: Study) -> Any:
        return named_value(name, self.exponent)

    @override
    def prior(self, study: Study | None) -> Prior | None:
        return self.exponent if isinstance(self.exponent, Prior) else None

    @override
    def term(
        self, coefficient: Any, columns: Columns, scale: IndividualScale, xp: ModuleType
    ) -> Any:
        return coefficient[..., None] * np.log(columns[self.covariate] / self.center)

    @override
    def unusable(self, study: Study) -> str | None:
        values = study.covariates[self.covariate]
        low = values <= 0.0
        if not low.any():
            return None
        return (
            f"Power({self.covariate!r}) wants positive values; found {values[low][0]:g} in subject "
            f"{study.subjects[low][0]}. If that stands for a missing value, as -99 often does, fill "
            "it in, for example with the median, or leave the subject out. Use bn.Exponential or "
            "bn.Linear for a covariate that may be 0 or below."
        )

    @override
    def text(self, coefficient: str, logarithmic: bool) -> str:
        ratio = f"{self.covariate} / {self.center:g}"
        return f"({ratio})^{coefficient}" if logarithmic else f"{coefficient} * log({ratio})"

    @override
    def latex(self, coefficient: str, logarithmic: bool) -> str:
        ratio = rf"\frac{{{latex_name(self.covariate)}_i}}{{{self.center:g}}}"
        if logarithmic:
            return rf"\left({ratio}\right)^{{{coefficient}}}"
        return rf"{coefficient} \log {ratio}"


@dataclass(frozen=True)
class _Slope(OneCovariate):
    center: float
    slope: Prior | float | None = None

    def __post_init__(self) -> None:
        where = f"{type(self).__name__}({self.covariate!r})"
        if not math.isfinite(self.center):
            raise ValueError(f"{where}: center= wants a number; found {self.center!r}.")
        if self.slope is not None:
            check_prior_or_number(f"{where}: slope=", self.slope)

    @property
    @override
    def known(self) -> float | None:
        given = self.slope
        return None if given is None or isinstance(given, Prior) else float(given)

    @override
    def coefficient(self, name: str, study: Study) -> Any:
        prior = self.prior(study)
        given = self.slope if prior is None else prior
        return named_value(name, given)  # type: ignore[arg-type]

    @override
    def prior(self, study: Study | None) -> Prior | None:
        if self.slope is not None:
            return self.slope if isinstance(self.slope, Prior) else None
        if study is None:
            return None
        sd = float(np.std(study.covariates[self.covariate]))
        return Normal(0.0, 1.0 / sd if sd > 0.0 else 1.0)

    @property
    @override
    def prior_text(self) -> str | None:
        return f"Normal(0, 1 / sd of {self.covariate})" if self.slope is None else None


@dataclass(frozen=True)
class Exponential(_Slope):
    """Exponential dependence: the factor ``exp(slope * (x - center))``.

    On a natural or logit scale the summand ``slope * (x - center)``.

    Parameters
    ----------
    covariate
        Its name.
    center
        The reference.
    slope
        A number, or a prior; by default normal around 0, with a standard deviation of 1 over that
        of the covariate in the study.

    Raises
    ------
    ValueError
        When `center` is not finite, or `slope` is neither.
    """

    @override
    def term(
        self, coefficient: Any, columns: Columns, scale: IndividualScale, xp: ModuleType
    ) -> Any:
        return coefficient[..., None] * (columns[self.covariate] - self.center)

    @override
    def text(self, coefficient: str, logarithmic: bool) -> str:
        summand = f"{coefficient} * {_shift(self.covariate, self.center)}"
        return f"exp({summand})" if logarithmic else summand

    @override
    def latex(self, coefficient: str, logarithmic: bool) -> str:
        summand = rf"{coefficient} {_shift(latex_name(self.covariate) + '_i', self.center)}"
        return rf"\exp\left({summand}\right)" if logarithmic else summand


@dataclass(frozen=True)
class Linear(_Slope):
    """Linear dependence: the factor ``1 + slope * (x - center)`` of a log-normal parameter.

    On a natural or logit scale the summand ``slope * (x - center)``. Where the factor is not
    positive there is no parameter, and the log-probability is -inf.

    Parameters
    ----------
    covariate
        Its name.
    center
        The reference.
    slope
        A number, or a prior; by default normal around 0, with a standard deviation of 1 over that
        of the covariate in the study.

    Raises
    ------
    ValueError
        When `center` is not finite, or `slope` is neither.
    """

    @override
    def term(
        self, coefficient: Any, columns: Columns, scale: IndividualScale, xp: ModuleType
    ) -> Any:
        change = coefficient[..., None] * (columns[self.covariate] - self.center)
        if not scale.logarithmic:
            return change
        possible = change > -1.0
        return xp.where(possible, xp.log1p(xp.where(possible, change, 0.0)), np.nan)

    @override
    def text(self, coefficient: str, logarithmic: bool) -> str:
        summand = f"{coefficient} * {_shift(self.covariate, self.center)}"
        return f"(1 + {summand})" if logarithmic else summand

    @override
    def latex(self, coefficient: str, logarithmic: bool) -> str:
        summand = rf"{coefficient} {_shift(latex_name(self.covariate) + '_i', self.center)}"
        return rf"\left(1 + {summand}\right)" if logarithmic else summand
