"""A smooth curve of one covariate: a natural cubic spline."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType
from typing import Any, Self, override

import numpy as np
import pymc as pm
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from bnode_nlme.nlme.covariate_model import Columns, CovariateModel
from bnode_nlme.nlme.individual_scale import IndividualScale
from bnode_nlme.nlme.prior import Prior
from bnode_nlme.study.study import Study

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Spline(CovariateModel):
    """A smooth curve of a covariate, through one coefficient at each knot but the reference.

    On the parameter's scale the summand ``f(x)``, and the factor exp of it for a log-normal
    parameter. f is the natural cubic spline (straight beyond the outer knots) that is 0 at the
    reference and equals the coefficients at the other knots: a coefficient is what the covariate
    does there, compared with the reference. `Spline.of` takes knots from a study.

    Parameters
    ----------
    covariate
        Its name.
    knots : tuple of float
        Three or more, increasing.
    center
        The reference, one of the knots.
    spread
        Standard deviation of the coefficients' normal prior, whose mean is 0.

    Raises
    ------
    ValueError
        When an argument is faulty.
    """

    covariate: str
    knots: tuple[float, ...]
    center: float
    spread: float = 0.5

    def __post_init__(self) -> None:
        knots = tuple(float(knot) for knot in self.knots)
        where = f"Spline({self.covariate!r})"
        if len(knots) < 3 or not all(a < b for a, b in pairwise(knots)):
            raise ValueError(
                f"{where}: knots= wants three increasing numbers or more; found {self.knots!r}. "
                "bn.Spline.of(study, covariate) takes them from a study."
            )
        if self.center not in knots:
            raise ValueError(
                f"{where}: center= wants one of the knots {knots!r}; found {self.center!r}."
            )
        if not 0.0 < self.spread < math.inf:
            raise ValueError(f"{where}: spread= wants a positive number; found {self.spread!r}.")
        object.__setattr__(self, "knots", knots)

    @classmethod
    def of(cls, study: Study, covariate: str, *, spread: float = 0.5) -> Self:
        """Knots at the 5th, 25th, 50th, 75th and 95th percentile of a study's subjects.

        Rounded to three digits; the reference is the middle one.

        Parameters
        ----------
        study, covariate
            Whose values.
        spread
            As in the class.

        Returns
        -------
        Spline

        Raises
        ------
        ValueError
            When the study lacks the covariate, or it has too few values for a curve.
        """
        if covariate not in study.covariates:
            raise ValueError(
                f"Spline: the study {study.name!r} does not hold the covariate {covariate!r}; it "
                f"holds {', '.join(map(repr, study.covariates)) or 'none'}."
            )
        found = np.quantile(study.covariates[covariate], _QUANTILES)
        rounded = [float(f"{knot:.3g}") for knot in found]
        knots = tuple(sorted(set(rounded)))
        if len(knots) < 3:
            raise ValueError(
                f"Spline: the covariate {covariate!r} has too few different values for a curve: "
                f"its percentiles {', '.join(f'{q:.0%}' for q in _QUANTILES)} are {rounded!r}. "
                "Give knots of your own, or declare bn.Categorical or bn.Exponential."
            )
        return cls(covariate, knots, rounded[len(rounded) // 2], spread)

    @property
    @override
    def covariates(self) -> tuple[str, ...]:
        return (self.covariate,)

    @property
    def _others(self) -> list[float]:
        return [knot for knot in self.knots if knot != self.center]

    @override
    def coefficient(self, name: str, study: Study) -> Any:
        (dim,) = self.coefficient_dims(name)
        pm.modelcontext(None).add_coord(dim, self._others)
        return pm.Normal(name, 0.0, self.spread, dims=dim)

    @override
    def coefficient_dims(self, name: str) -> tuple[str, ...]:
        return (f"{name}_knot",)

    @override
    def prior(self, study: Study | None) -> Prior | None:
        return None

    @property
    @override
    def prior_text(self) -> str | None:
        return f"Normal(0, {self.spread:g}) at each of {', '.join(f'{x:g}' for x in self._others)}"

    def basis(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each coefficient contributes at values of the covariate, (values, coefficients)."""
        at = np.array(self.knots)
        values = np.eye(at.size)[:, [knot != self.center for knot in self.knots]]
        spline = CubicSpline(at, values, bc_type="natural")
        inside = np.clip(x, at[0], at[-1])
        return np.asarray(spline(inside) + (x - inside)[:, None] * spline(inside, 1))

    @override
    def term(
        self, coefficient: Any, columns: Columns, scale: IndividualScale, xp: ModuleType
    ) -> Any:
        return (coefficient[..., None, :] * self.basis(columns[self.covariate])).sum(axis=-1)

    @override
    def text(self, coefficient: str, logarithmic: bool) -> str:
        summand = f"spline({self.covariate}; {coefficient}, 0 at {self.center:g})"
        return f"exp({summand})" if logarithmic else summand

    @override
    def latex(self, coefficient: str, logarithmic: bool) -> str:
        name = self.covariate.replace("_", r"\_")
        summand = rf"\mathrm{{spline}}(\mathrm{{{name}}}_i;\ {coefficient})"
        return rf"\exp\left({summand}\right)" if logarithmic else summand
