"""Covariate models: how a parameter depends on what is known of a subject.

On the scale of the parameter (log, natural or logit) the terms of covariates add to that of the
typical value; for a log-normal parameter they therefore multiply it. Each has a reference at which
its term is 0, so that the typical value is that of a subject at the reference.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, override

import numpy as np
import pymc as pm
from numpy.typing import NDArray

from bnode_nlme.nlme.individual_scale import IndividualScale
from bnode_nlme.nlme.prior import Normal, Prior, check_prior_or_number, named_value
from bnode_nlme.study.study import Study

Columns = Mapping[str, NDArray[np.float64]]

STANDARD = Normal(0.0, 1.0)
"""Default prior of exponents and of categories' coefficients."""


class CovariateModel(ABC):
    """The dependence of one parameter on covariates, through one coefficient (or vector)."""

    @property
    @abstractmethod
    def covariates(self) -> tuple[str, ...]:
        """Names of the covariates."""

    @property
    def label(self) -> str:
        """Name of the dependence, which the coefficient's name ends with."""
        return "_".join(self.covariates)

    @abstractmethod
    def coefficient(self, name: str, study: Study) -> Any:
        """The coefficient: a number, or a variable added to the model of the context."""

    @property
    def known(self) -> float | None:
        """The coefficient, where it is a number."""
        return None

    def coefficient_dims(self, name: str) -> tuple[str, ...]:
        """Dimensions of the coefficient of that name."""
        return ()

    @abstractmethod
    def prior(self, study: Study | None) -> Prior | None:
        """The coefficient's prior; None where it is a number, or no single prior says it."""

    @property
    def prior_text(self) -> str | None:
        """The prior in words, where it takes the study's numbers; None where it does not."""
        return None

    @abstractmethod
    def term(
        self, coefficient: Any, columns: Columns, scale: IndividualScale, xp: ModuleType
    ) -> Any:
        """The term on the parameter's scale, (..., subjects).

        Parameters
        ----------
        coefficient : (...) or (..., coefficients)
            Leading axes are draws.
        columns
            Each covariate, (subjects,).
        scale
            That of the parameter.
        xp
            NumPy, or PyTensor's tensor module.
        """

    @abstractmethod
    def text(self, coefficient: str, logarithmic: bool) -> str:
        """The term as a model prints it: a factor where `logarithmic`, else a summand."""

    @abstractmethod
    def latex(self, coefficient: str, logarithmic: bool) -> str:
        """The term in LaTeX, likewise."""

    def unusable(self, study: Study) -> str | None:
        """What the study's values of the covariates lack, with the cure; None where nothing."""
        return None


def covariate_columns(parameter: str, model: CovariateModel, study: Study) -> Columns:
    """The covariates of a model in a study, checked.

    Raises
    ------
    ValueError
        When the study lacks one, it varies within a subject, or the model cannot use its values.
    """
    for name in model.covariates:
        if name not in study.covariates:
            raise ValueError(
                f"Individual {parameter!r} uses the covariate {name!r}, which the study "
                f"{study.name!r} does not hold (it holds "
                f"{', '.join(map(repr, study.covariates)) or 'none'}). Read the table with "
                f"covariates=[{name!r}], or give Study.from_regimen covariates={{{name!r}: ...}}."
            )
        if name in study.varying:
            raise ValueError(
                f"Individual {parameter!r} uses the covariate {name!r}, which varies within a "
                f"subject of the study {study.name!r}; an individual parameter has one value a "
                "subject. Use it in the system instead, as System(..., covariates=(...)) and "
                f"c.{name} in rhs, or give each subject its baseline in a column of its own."
            )
    fault = model.unusable(study)
    if fault is not None:
        raise ValueError(f"Individual {parameter!r}: {fault}")
    return {name: study.covariates[name] for name in model.covariates}


def _shift(covariate: str, center: float) -> str:
    if center == 0.0:
        return covariate
    return f"({covariate} - {center:g})" if center > 0.0 else f"({covariate} + {-center:g})"


def _latex_name(name: str) -> str:
    return rf"\mathrm{{{name.replace('_', r'\_')}}}"


@dataclass(frozen=True)
class _OneCovariate(CovariateModel):
    covariate: str

    @property
    @override
    def covariates(self) -> tuple[str, ...]:
        return (self.covariate,)


@dataclass(frozen=True)
class Power(_OneCovariate):
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
            f"{study.subjects[low][0]}. Use bn.Exponential or bn.Linear for a covariate that may "
            "be 0 or below."
        )

    @override
    def text(self, coefficient: str, logarithmic: bool) -> str:
        ratio = f"{self.covariate} / {self.center:g}"
        return f"({ratio})^{coefficient}" if logarithmic else f"{coefficient} * log({ratio})"

    @override
    def latex(self, coefficient: str, logarithmic: bool) -> str:
        ratio = rf"\frac{{{_latex_name(self.covariate)}_i}}{{{self.center:g}}}"
        if logarithmic:
            return rf"\left({ratio}\right)^{{{coefficient}}}"
        return rf"{coefficient} \log {ratio}"


@dataclass(frozen=True)
class _Slope(_OneCovariate):
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
        summand = rf"{coefficient} {_shift(_latex_name(self.covariate) + '_i', self.center)}"
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
        summand = rf"{coefficient} {_shift(_latex_name(self.covariate) + '_i', self.center)}"
        return rf"\left(1 + {summand}\right)" if logarithmic else summand


@dataclass(frozen=True)
class Categorical(_OneCovariate):
    """A coefficient for each category but the reference: the factor ``exp(coefficient[x])``.

    On a natural or logit scale the summand ``coefficient[x]``.

    Parameters
    ----------
    covariate
        Its name.
    levels
        Every category, as the table codes it.
    reference
        The category without a coefficient; by default the first of `levels`.
    coefficient_prior
        Prior of each coefficient.

    Raises
    ------
    ValueError
        When `levels` are not two or more distinct ones, or `reference` is none of them.
    """

    levels: Sequence[float]
    reference: float | None = None
    coefficient_prior: Prior = STANDARD

    def __post_init__(self) -> None:
        where = f"Categorical({self.covariate!r})"
        levels = tuple(float(level) for level in self.levels)
        if len(set(levels)) != len(levels) or len(levels) < 2:
            raise ValueError(
                f"{where}: levels= wants two or more distinct ones; found {self.levels!r}."
            )
        reference = levels[0] if self.reference is None else float(self.reference)
        if reference not in levels:
            raise ValueError(
                f"{where}: reference= wants one of the levels {levels}; found {self.reference!r}."
            )
        if not isinstance(self.coefficient_prior, Prior):
            raise ValueError(
                f"{where}: coefficient_prior= wants a prior; found {self.coefficient_prior!r}."
            )
        object.__setattr__(self, "levels", levels)
        object.__setattr__(self, "reference", reference)

    @override
    def coefficient_dims(self, name: str) -> tuple[str, ...]:
        return (f"{name}_level",)

    @property
    def _others(self) -> list[float]:
        return [level for level in self.levels if level != self.reference]

    @override
    def coefficient(self, name: str, study: Study) -> Any:
        (dim,) = self.coefficient_dims(name)
        pm.modelcontext(None).add_coord(dim, self._others)
        return self.coefficient_prior.variable(name, dims=dim)

    @override
    def prior(self, study: Study | None) -> Prior | None:
        return self.coefficient_prior

    @override
    def term(
        self, coefficient: Any, columns: Columns, scale: IndividualScale, xp: ModuleType
    ) -> Any:
        values = columns[self.covariate]
        indicator = (values[:, None] == np.array(self._others)).astype(np.float64)
        return (coefficient[..., None, :] * indicator).sum(axis=-1)

    @override
    def unusable(self, study: Study) -> str | None:
        values = study.covariates[self.covariate]
        odd = ~np.isin(values, self.levels)
        if not odd.any():
            return None
        return (
            f"Categorical({self.covariate!r}) knows the levels "
            f"{', '.join(f'{level:g}' for level in self.levels)}; found {values[odd][0]:g} in "
            f"subject {study.subjects[odd][0]}. Add it to levels=."
        )

    @override
    def text(self, coefficient: str, logarithmic: bool) -> str:
        summand = f"{coefficient}[{self.covariate}]"
        return f"exp({summand})" if logarithmic else summand

    @override
    def latex(self, coefficient: str, logarithmic: bool) -> str:
        summand = rf"{coefficient}[{_latex_name(self.covariate)}_i]"
        return rf"\exp\left({summand}\right)" if logarithmic else summand
