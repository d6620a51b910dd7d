"""Covariate models: how a parameter depends on what is known of a subject.

On the scale of the parameter (log, natural or logit) the terms of covariates add to that of the
typical value; for a log-normal parameter they therefore multiply it. Each has a reference at which
its term is 0, so that the typical value is that of a subject at the reference.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, override

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.dynamics.errors import nearest
from bnode_nlme.nlme.individual_scale import IndividualScale
from bnode_nlme.nlme.prior import Normal, Prior
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
            near = nearest(name, study.covariates)
            raise ValueError(
                f"Individual {parameter!r} uses the covariate {name!r}, which the study "
                f"{study.name!r} does not hold (it holds "
                f"{', '.join(map(repr, study.covariates)) or 'none'}). "
                f"{f'Did you mean {near!r}? If not, read' if near else 'Read'} the table with "
                f"covariates=[{name!r}], or give Study.from_regimen covariates={{{name!r}: ...}}."
            )
        if name in study.varying:
            raise ValueError(
                f"Individual {parameter!r} uses the covariate {name!r}, which varies within a "
                f"subject of the study {study.name!r}; an individual parameter has one value a "
                "subject, or occasion. To follow the covariate, use it in the system instead: "
                f"System(..., parameters=(..., 'b'), covariates=({name!r},)), in rhs and outputs "
                f"p.{parameter} * (c.{name} / {_reference(study, name):.3g}) ** p.b for "
                f"p.{parameter}, and individual={{..., 'b': bn.Individual(bn.Normal(0.75, 0.2), "
                "effect=False, distribution='normal')}. To take its value at each subject's first "
                "record throughout: dataclasses.replace(study, varying={name: values for name, "
                f"values in study.varying.items() if name != {name!r}}})."
            )
    fault = model.unusable(study)
    if fault is not None:
        raise ValueError(f"Individual {parameter!r}: {fault}")
    return {name: study.covariates[name] for name in model.covariates}


def _reference(study: Study, name: str) -> float:
    return float(np.median(study.covariates[name]))


@dataclass(frozen=True)
class OneCovariate(CovariateModel):
    """The dependence on one covariate."""

    covariate: str

    @property
    @override
    def covariates(self) -> tuple[str, ...]:
        return (self.covariate,)


def latex_name(name: str) -> str:
    """A covariate's name in LaTeX, upright."""
    return rf"\mathrm{{{name.replace('_', r'\_')}}}"
