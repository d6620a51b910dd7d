"""`discover_covariates`: which covariates explain the random effects of a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from bnode_nlme.discovery.covariate_evidence import covariate_evidence
from bnode_nlme.discovery.covariate_finding import CovariateFinding
from bnode_nlme.discovery.covariate_shapes import ShapeName
from bnode_nlme.discovery.covariate_text import discovery_text
from bnode_nlme.discovery.effect_likelihood import effect_likelihood_of
from bnode_nlme.discovery.suggested_covariates import with_covariates
from bnode_nlme.inference.fit import fit as fit_model
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.results.population_draws import declaration_of
from bnode_nlme.study.study import Study


@dataclass(frozen=True, eq=False, repr=False)
class CovariateDiscovery:
    """Covariates that explain random effects, with the evidence. `print` shows it.

    Attributes
    ----------
    data : xarray.Dataset
        The numbers, as `bnode_nlme.discovery.CovariateEvidence` has them.
    findings : tuple of CovariateFinding
        What is said of each candidate, or group of candidates that are alike, on each parameter.
    suggested : NLME
        The declaration with every covariate that was found; of a group, the likeliest. The
        declaration itself where none was found.
    alternatives : mapping of str to NLME
        For each group, by ``"CL: WT"``, the declarations with another of its members instead.
    already : mapping of str to tuple of str
        Candidates that were not weighed for a parameter, because its model has them.
    nlme, study
        What was fitted.
    method
        How it was fitted.
    """

    data: xr.Dataset
    findings: tuple[CovariateFinding, ...]
    suggested: NLME
    alternatives: Mapping[str, NLME]
    already: Mapping[str, tuple[str, ...]]
    nlme: NLME
    study: Study
    method: str

    @property
    def found(self) -> tuple[CovariateFinding, ...]:
        """The findings that say "found", groups included."""
        return tuple(f for f in self.findings if f.verdict.startswith("found"))

    def refit(self, **options: Any) -> Fit:
        """Fit the suggested declaration to the same study.

        Parameters
        ----------
        **options
            Of `bnode_nlme.fit`; the method is that of the first fit unless given.

        Returns
        -------
        Fit
            To be compared: ``bn.compare_subjects(refitted, fit)``.

        Raises
        ------
        ValueError
            When nothing was found, so that there is nothing to refit.
        """
        if not self.found:
            raise ValueError(
                "refit: no covariate was found; the suggested model is the fitted one."
            )
        return fit_model(self.suggested, self.study, **({"method": self.method} | options))

    def __repr__(self) -> str:
        return discovery_text(self.data, self.findings, self.already, self.nlme)


def discover_covariates(
    fit: Fit,
    candidates: Sequence[str] | None = None,
    *,
    categorical: Sequence[str] = (),
    relevant: float = 2.0,
    threshold: float = 0.9,
    collinear: float = 0.7,
    curves: bool = True,
    mass: float = 0.9,
    draws: int | None = None,
    seed: int = 0,
) -> CovariateDiscovery:
    """Find covariates that explain the random effects of a fit, from their whole posterior.

    Parameters
    ----------
    fit
        Of a `bn.NLME` with random effects of subjects, by ``"nuts"``, ``"laplace"`` or any other
        method that has draws.
    candidates : sequence of str, optional
        Covariates of the study; by default all that differ between subjects.
    categorical
        Candidates whose values are codes of three or more categories.
    relevant
        How many candidates are expected to matter for one parameter.
    threshold
        Probability from which a covariate counts as found.
    collinear
        Absolute rank correlation (of categories: correlation ratio) from which two covariates are
        alike: they are reported together.
    curves
        Whether a dependence may be curved. Straight lines, and powers of positive covariates, are
        always weighed.
    mass
        Probability of the bands.
    draws
        Of the posterior; up to 1000 by default.
    seed

    Returns
    -------
    CovariateDiscovery

    Raises
    ------
    ValueError
        When the fit has no declaration, no random effects or too few draws, or a candidate is not
        in the study, varies within a subject, or is the same in all of them.

    Notes
    -----
    Each subject's posterior is divided by the population's distribution (`EffectLikelihood`), so
    that a subject that was measured badly counts for little and shrinkage neither hides nor makes
    up a relation. On the effects so measured with error, all candidates are weighed together by a
    spike and slab (`sample_inclusions`): what is reported is the posterior probability that a
    covariate has an effect. Of covariates that are alike, the probability that at least one of
    them has an effect may be near 1 while none has it for itself: then the group is what was found.
    """
    nlme = declaration_of(fit, "discover_covariates")
    study = _study_of(fit)
    if not nlme.subject_effects:
        raise ValueError(
            "discover_covariates wants a model with random effects of subjects: without them the "
            "model leaves nothing between subjects to be explained."
        )
    names = _candidates(study, candidates, categorical)
    if not relevant > 0.0 or not 0.5 <= threshold < 1.0 or not 0.0 < collinear <= 1.0:
        raise ValueError(
            "discover_covariates: relevant= wants a positive number, threshold= one from 0.5 to 1 "
            f"and collinear= one above 0 up to 1; found {relevant!r}, {threshold!r}, {collinear!r}."
        )
    if not 0.0 < mass < 1.0:
        raise ValueError(
            f"discover_covariates: mass= wants a number between 0 and 1; found {mass!r}."
        )
    already = {
        effect: tuple(
            name
            for name in names
            if any(name in model.covariates for model in nlme.individual[effect].covariates)
        )
        for effect in nlme.subject_effects
    }
    evidence = covariate_evidence(
        effect_likelihood_of(fit, nlme, study, draws),
        {name: study.covariates[name] for name in names},
        already=already,
        categorical=categorical,
        relevant=relevant,
        threshold=threshold,
        collinear=collinear,
        curves=curves,
        mass=mass,
        seed=seed,
    )
    suggested, alternatives = _suggestions(nlme, study, evidence.findings)
    return CovariateDiscovery(
        evidence.data, evidence.findings, suggested, alternatives, already, nlme, study, fit.method
    )


def _study_of(fit: Fit) -> Study:
    if fit.study is None:
        raise ValueError("discover_covariates wants a fit that holds its study; this one does not.")
    return fit.study


def _candidates(
    study: Study, given: Sequence[str] | None, categorical: Sequence[str]
) -> tuple[str, ...]:
    usable = {
        name: values
        for name, values in study.covariates.items()
        if name not in study.varying and np.unique(values).size > 1
    }
    names = tuple(usable) if given is None else tuple(given)
    if isinstance(given, str):
        raise ValueError(f"discover_covariates: candidates= wants a list; write [{given!r}].")
    for name in (*names, *categorical):
        if name in study.varying:
            raise ValueError(
                f"discover_covariates: {name!r} varies within a subject, and a random effect has "
                "one value a subject. Give each subject its baseline in a column of its own."
            )
        if name not in study.covariates:
            raise ValueError(
                f"discover_covariates: the study {study.name!r} has no covariate {name!r}; it has "
                f"{', '.join(map(repr, study.covariates)) or 'none'}. Read the table with "
                f"covariates=[{name!r}, ...]."
            )
    if not names or len(set(names)) != len(names):
        raise ValueError(
            "discover_covariates: candidates= wants distinct covariates, at least one; found "
            f"{given!r}, and the study has {', '.join(map(repr, usable)) or 'none'} that differ "
            "between subjects."
        )
    return names


def _suggestions(
    nlme: NLME, study: Study, findings: Sequence[CovariateFinding]
) -> tuple[NLME, dict[str, NLME]]:
    found = [finding for finding in findings if finding.verdict.startswith("found")]

    def declared(instead: Mapping[int, str]) -> NLME:
        chosen: dict[str, list[tuple[str, ShapeName]]] = {}
        for place, finding in enumerate(found):
            name = instead.get(place, finding.covariates[0])
            shape = finding.shapes[finding.covariates.index(name)]
            chosen.setdefault(finding.effect, []).append((name, shape))
        return with_covariates(nlme, study, chosen)

    alternatives = {
        f"{finding.effect}: {name}": declared({place: name})
        for place, finding in enumerate(found)
        for name in finding.covariates[1:]
    }
    return declared({}), alternatives
