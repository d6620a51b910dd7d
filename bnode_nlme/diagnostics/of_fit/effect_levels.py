"""At which levels a fit has random effects: of subjects, of their occasions."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from bnode_nlme.distributions.effect_blocks import EffectNames
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.nlme.build import OCCASION_NAMES, SUBJECT_NAMES
from bnode_nlme.results.population_draws import declaration_of
from bnode_nlme.study.dimensions import OCCASION, SUBJECT


@dataclass(frozen=True)
class EffectLevel:
    """Random effects of one level, and what they are called.

    Attributes
    ----------
    names : EffectNames
        Of the variables in the posterior.
    over : str
        Dimension of those who have an effect each.
    symbol : str
        As it is written: "η", "κ".
    prefix : str
        Of what a table holds of them: nothing for subjects, ``"kappa_"`` for occasions.
    """

    names: EffectNames
    over: str
    symbol: str
    prefix: str

    def values(self, fit: Fit) -> xr.DataArray:
        """The effects at each draw, (chain, draw, subject or occasion, effect)."""
        return fit.posterior[self.names.values]

    def standard_deviations(self, fit: Fit) -> xr.DataArray:
        """Their standard deviations in the population, (chain, draw, effect)."""
        return fit.posterior[self.names.sd]


OF_SUBJECTS = EffectLevel(SUBJECT_NAMES, SUBJECT, "η", "")
OF_OCCASIONS = EffectLevel(OCCASION_NAMES, OCCASION, "κ", f"{OCCASION_NAMES.values}_")
LEVELS = (OF_SUBJECTS, OF_OCCASIONS)


def effect_levels(fit: Fit, what: str) -> tuple[EffectLevel, ...]:
    """The levels at which a fit has random effects.

    Parameters
    ----------
    fit
        Of an NLME.
    what
        Name of the caller.

    Raises
    ------
    ValueError
        When there are none, or the fit has no declaration.
    """
    nlme = declaration_of(fit, what)
    there = nlme.subject_effects, nlme.occasion_effects
    levels = tuple(level for level, effects in zip(LEVELS, there, strict=True) if effects)
    if not levels:
        raise ValueError(
            f"{what} wants a model with random effects, of subjects or of occasions; this one has "
            "none: every Individual is declared with effect=False."
        )
    return levels
