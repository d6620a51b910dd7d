"""The covariate model of a category."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, override

import numpy as np
import pymc as pm

from bnode_nlme.nlme.covariate_model import STANDARD, Columns, OneCovariate, latex_name
from bnode_nlme.nlme.individual_scale import IndividualScale
from bnode_nlme.nlme.prior import Prior
from bnode_nlme.study.study import Study


@dataclass(frozen=True)
class Categorical(OneCovariate):
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
        summand = rf"{coefficient}[{latex_name(self.covariate)}_i]"
        return rf"\exp\left({summand}\right)" if logarithmic else summand
