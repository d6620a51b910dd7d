"""Many covariates on a parameter, few of which matter: a regularised horseshoe."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import Any, Self, override

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bnode_nlme.nlme.covariate_model import Columns, CovariateModel
from bnode_nlme.nlme.individual_scale import IndividualScale
from bnode_nlme.nlme.prior import Prior
from bnode_nlme.study.study import Study


@dataclass(frozen=True)
class Horseshoe(CovariateModel):
    """A weighted sum of many standardised covariates, of which few are expected to matter.

    On the parameter's scale the summand ``sum of coefficient * (x - center) / scale``; the factor
    exp of it for a log-normal parameter. `Horseshoe.of` takes centers and scales from a study.

    Parameters
    ----------
    standards : mapping of str to (float, float)
        Center and scale of each covariate, usually its mean and standard deviation. They are part
        of the declaration, so that a coefficient means the same in every study.
    relevant
        How many of them are expected to matter, p0; it sets the prior scale of the global
        shrinkage, ``p0 / (D - p0) * spread / sqrt(subjects)``.
    spread
        Standard deviation, on the parameter's scale, of what covariates do not explain: about
        that of the random effect.
    slab_scale, slab_df
        Scale and degrees of freedom of Student's t that coefficients which matter have: effects of
        one standard deviation of a covariate that are far above the scale are not expected.
    name
        Of the whole; the coefficients are ``f"{parameter}_{name}"``.

    Raises
    ------
    ValueError
        When an argument is faulty.

    Notes
    -----
    Coefficient j is ``z_j * tau * local_j * c / sqrt(c^2 + tau^2 local_j^2)`` with z standard
    normal, local half-Cauchy(1), tau half-Cauchy with the scale above, and c^2 inverse
    gamma(df / 2, df / 2 * scale^2): the regularised horseshoe of Piironen and Vehtari 2017,
    doi:10.1214/17-EJS1337SI, equations 2.8 and 3.12. Its posterior is funnel-shaped: sample with
    ``fit(..., target_accept=0.95)`` or above. Of collinear covariates each gets part of the
    coefficient, with a wide posterior.

    In the model, under the coefficients' name: the coefficients, with the dim
    ``f"{name}_covariate"``; and ``_z``, ``_local``, ``_tau`` and ``_slab`` (c).
    """

    standards: Mapping[str, tuple[float, float]]
    relevant: float
    spread: float = 0.3
    slab_scale: float = 1.0
    slab_df: float = 4.0
    name: str = "horseshoe"

    def __post_init__(self) -> None:
        if not isinstance(self.standards, Mapping) or len(self.standards) < 2:
            raise ValueError(
                "Horseshoe: standards= wants the center and scale of two covariates or more, by "
                f"name; found {self.standards!r}. bn.Horseshoe.of(study, covariates, relevant=...) "
                "takes them from a study."
            )
        for covariate, pair in self.standards.items():
            if not (len(pair) == 2 and math.isfinite(pair[0]) and 0.0 < pair[1] < math.inf):
                raise ValueError(
                    f"Horseshoe: standards[{covariate!r}] wants a center and a positive scale; "
                    f"found {pair!r}."
                )
        if not 0.0 < self.relevant < len(self.standards):
            raise ValueError(
                f"Horseshoe: relevant= wants a number above 0 and below that of the covariates, "
                f"{len(self.standards)}; found {self.relevant!r}."
            )
        for argument in ("spread", "slab_scale", "slab_df"):
            given = getattr(self, argument)
            if not 0.0 < given < math.inf:
                raise ValueError(
                    f"Horseshoe: {argument}= wants a positive number; found {given!r}."
                )
        frozen = {name: (float(a), float(b)) for name, (a, b) in self.standards.items()}
        object.__setattr__(self, "standards", MappingProxyType(frozen))

    @classmethod
    def of(cls, study: Study, covariates: Sequence[str], relevant: float, **options: Any) -> Self:
        """Standardise by the means and standard deviations of a study.

        Parameters
        ----------
        study
            Whose subjects.
        covariates
            Names of covariates of the study.
        relevant, **options
            As in the class.

        Returns
        -------
        Horseshoe

        Raises
        ------
        ValueError
            When the study lacks a covariate, or one does not vary.
        """
        standards = {}
        for name in covariates:
            if name not in study.covariates:
                raise ValueError(
                    f"Horseshoe: the study {study.name!r} does not hold the covariate {name!r}; it "
                    f"holds {', '.join(map(repr, study.covariates)) or 'none'}."
                )
            values = study.covariates[name]
            if np.ptp(values) == 0.0:
                raise ValueError(
                    f"Horseshoe: the covariate {name!r} is {values[0]:g} in every subject. Leave it "
                    "out."
                )
            standards[name] = (float(values.mean()), float(values.std()))
        return cls(standards, relevant, **options)

    @property
    @override
    def covariates(self) -> tuple[str, ...]:
        return tuple(self.standards)

    @property
    @override
    def label(self) -> str:
        return self.name

    def global_scale(self, subjects: int) -> float:
        """The prior scale of the global shrinkage in a study of so many subjects."""
        others = len(self.standards) - self.relevant
        return self.relevant / others * self.spread / math.sqrt(subjects)

    @override
    def coefficient(self, name: str, study: Study) -> Any:
        (dim,) = self.coefficient_dims(name)
        pm.modelcontext(None).add_coord(dim, list(self.standards))
        z = pm.Normal(f"{name}_z", dims=dim)
        local = pm.HalfCauchy(f"{name}_local", 1.0, dims=dim)
        tau = pm.HalfCauchy(f"{name}_tau", self.global_scale(study.n_subjects))
        half = 0.5 * self.slab_df
        square = pm.InverseGamma(f"{name}_slab_square", half, half * self.slab_scale**2)
        slab = pm.Deterministic(f"{name}_slab", pt.sqrt(square))
        reach = tau * local
        return pm.Deterministic(name, z * reach * slab / pt.sqrt(square + reach**2), dims=dim)

    @override
    def coefficient_dims(self, name: str) -> tuple[str, ...]:
        return (f"{name}_covariate",)

    @override
    def prior(self, study: Study | None) -> Prior | None:
        return None

    @property
    @override
    def prior_text(self) -> str | None:
        return (
            f"RegularisedHorseshoe({self.relevant:g} of {len(self.standards)} expected to matter, "
            f"spread {self.spread:g}, slab t({self.slab_df:g}) with scale {self.slab_scale:g})"
        )

    @override
    def term(
        self, coefficient: Any, columns: Columns, scale: IndividualScale, xp: ModuleType
    ) -> Any:
        x = np.column_stack(
            [(columns[name] - center) / sd for name, (center, sd) in self.standards.items()]
        )
        return (coefficient[..., None, :] * x).sum(axis=-1)

    @override
    def text(self, coefficient: str, logarithmic: bool) -> str:
        listed = ", ".join(
            f"({name} - {center:.4g}) / {sd:.4g}" if center >= 0.0
            else f"({name} + {-center:.4g}) / {sd:.4g}"
            for name, (center, sd) in self.standards.items()
        )  # fmt: skip
        summand = f"{coefficient} . [{listed}]"
        return f"exp({summand})" if logarithmic else summand

    @override
    def latex(self, coefficient: str, logarithmic: bool) -> str:
        listed = r",\ ".join(
            rf"\frac{{\mathrm{{{name.replace('_', r'\_')}}}_i - {center:.4g}}}{{{sd:.4g}}}"
            for name, (center, sd) in self.standards.items()
        )
        summand = rf"{coefficient}^\top \left[{listed}\right]"
        return rf"\exp\left({summand}\right)" if logarithmic else summand

    def __reduce__(self) -> tuple[Any, ...]:
        # A mapping proxy can be neither pickled nor copied.
        given = (self.relevant, self.spread, self.slab_scale, self.slab_df, self.name)
        return type(self), (dict(self.standards), *given)
