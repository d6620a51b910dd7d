"""The declaration of one individual parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from bnode_nlme.nlme.covariate_model import CovariateModel
from bnode_nlme.nlme.individual_scale import (
    Distribution,
    IndividualScale,
    LogitScale,
    LogScale,
    NaturalScale,
)
from bnode_nlme.nlme.prior import HalfNormal, Normal, Prior, check_prior_or_number


@dataclass(frozen=True)
class Individual:
    """How a parameter of the system varies between individuals.

    On the parameter's scale: the typical value, plus a term for each covariate, plus the subject's
    random effect, plus the occasion's.

    Parameters
    ----------
    typical : Prior or float
        Prior of the typical value, in the parameter's own units; or the value, where it is known.
    effect : bool, Prior or float
        Whether subjects have a random effect; a prior is that of its standard deviation (omega) on
        the parameter's scale, a number that standard deviation, known. True: half-normal with
        scale 1, and for ``"normal"`` with the standard deviation of `typical`.
    covariates : sequence of CovariateModel
        `Power`, `Exponential`, `Linear`, `Categorical`, `CovariateNetwork`, `Horseshoe`,
        `Spline`.
    distribution : {"lognormal", "normal", "logitnormal"}
        The scale on which effects are normal: log, the parameter's own, or logit.
    bounds : (float, float)
        Of a ``"logitnormal"`` parameter.
    occasion : bool, Prior or float
        Whether the subject's occasions have a random effect each, likewise. The study needs a
        column OCC.

    Raises
    ------
    ValueError
        When an argument is faulty, or the typical value's prior reaches beyond what the
        distribution allows.
    """

    typical: Prior | float
    effect: bool | Prior | float = True
    covariates: Sequence[CovariateModel] = ()
    distribution: Distribution = "lognormal"
    bounds: tuple[float, float] = (0.0, 1.0)
    occasion: bool | Prior | float = False

    def __post_init__(self) -> None:
        check_prior_or_number("Individual: typical=", self.typical)
        if self.distribution not in get_args(Distribution):
            raise ValueError(
                "Individual: distribution= wants one of "
                f"{', '.join(map(repr, get_args(Distribution)))}; found {self.distribution!r}."
            )
        if self.bounds != (0.0, 1.0) and self.distribution != "logitnormal":
            raise ValueError(
                f"Individual: bounds={self.bounds!r} belong to distribution='logitnormal'; found "
                f"{self.distribution!r}."
            )
        if not -np.inf < self.bounds[0] < self.bounds[1] < np.inf:
            raise ValueError(
                f"Individual: bounds= wants two finite numbers in order; found {self.bounds!r}."
            )
        if isinstance(self.covariates, CovariateModel):
            raise ValueError(
                f"Individual: covariates= wants a list; write covariates=[{self.covariates!r}]."
            )
        for model in self.covariates:
            if not isinstance(model, CovariateModel):
                raise ValueError(
                    "Individual: covariates= wants covariate models, such as bn.Power('WT', "
                    f"center=70); found {model!r}."
                )
        labels = [model.label for model in self.covariates]
        if len(set(labels)) != len(labels):
            raise ValueError(
                f"Individual: covariates= names one thing twice: {', '.join(labels)}. Put what "
                "depends on one covariate into one covariate model."
            )
        object.__setattr__(self, "covariates", tuple(self.covariates))
        for name in ("effect", "occasion"):
            self._check_effect(name, getattr(self, name))
        self._check_support()

    @property
    def scale(self) -> IndividualScale:
        """The scale on which effects add."""
        if self.distribution == "lognormal":
            return LogScale()
        return NaturalScale() if self.distribution == "normal" else LogitScale(*self.bounds)

    @property
    def effect_sd(self) -> Prior | float | None:
        """The standard deviation of the subject's effect, or its prior; None without one."""
        return self._sd(self.effect)

    @property
    def occasion_sd(self) -> Prior | float | None:
        """The standard deviation of the occasion's effect, or its prior; None without one."""
        return self._sd(self.occasion)

    def _sd(self, given: bool | Prior | float) -> Prior | float | None:
        if isinstance(given, bool):
            return self._default_sd if given else None
        return given

    @property
    def _default_sd(self) -> Prior:
        if self.distribution != "normal":
            return HalfNormal(1.0)
        if isinstance(self.typical, Normal):
            return HalfNormal(self.typical.sd)
        raise ValueError(
            "Individual: a 'normal' parameter whose typical value has no Normal prior has no "
            "default for the standard deviation of its random effects. Give it a prior in the "
            "parameter's units, such as effect=bn.HalfNormal(...)."
        )

    def _check_effect(self, name: str, given: object) -> None:
        if isinstance(given, bool):
            self._sd(given)
            return
        check_prior_or_number(f"Individual: {name}= (True, False, or a standard deviation)", given)
        if isinstance(given, Prior):
            if given.support[0] < 0.0:
                raise ValueError(
                    f"Individual: {name}= wants the prior of a standard deviation, which is "
                    f"positive; found {given.text}. Use bn.HalfNormal or bn.LogNormal."
                )
        elif given <= 0.0:  # type: ignore[operator]
            raise ValueError(
                f"Individual: {name}= wants a standard deviation above 0; found {given!r}. "
                f"For none write {name}=False."
            )

    def _check_support(self) -> None:
        least, most = self.scale.support
        if isinstance(self.typical, Prior):
            lower, upper = self.typical.support
            inside = lower >= least and upper <= most
            found = f"{self.typical.text}, which reaches from {lower:g} to {upper:g}"
        else:
            inside = least < self.typical < most
            found = repr(self.typical)
        if not inside:
            raise ValueError(
                f"Individual: a {self.distribution!r} parameter lies between {least:g} and "
                f"{most:g}, and so must typical=; found {found}. Use "
                + {
                    "lognormal": "bn.LogNormal(median, sd_log), or distribution='normal'.",
                    "normal": "finite numbers.",
                    "logitnormal": "bn.LogitNormal(median, sd_logit) with the same bounds.",
                }[self.distribution]
            )
