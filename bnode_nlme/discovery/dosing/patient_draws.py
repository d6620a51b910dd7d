"""One patient at draws of a posterior, whatever the posterior came in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.results.individualisation import Individualisation
from bnode_nlme.results.individualise import individualise
from bnode_nlme.results.population_draws import (
    SAMPLE,
    chosen_draws,
    declaration_of,
    network_weights,
    parameter_arrays,
    population_draws,
)
from bnode_nlme.study.dimensions import SUBJECT
from bnode_nlme.study.study import Study


@dataclass(frozen=True, eq=False)
class PatientDraws:
    """One patient.

    Attributes
    ----------
    nlme : NLME
    study : Study
        Of the patient alone.
    values : xarray.Dataset (sample, ...)
        Draws of the population.
    parameters : mapping of str to ndarray (N, 1) or (N, K)
        Individual parameters.
    weights : mapping of str to ndarray (N, size)
        Of networks.
    effective : float
        How many independent draws the N are worth by their importance weights.
    draws : ndarray (N,)
        The draw of the population that each belongs to: those of one draw are not independent.
    new : bool
        Whether the patient was individualised: the fit, and weights of several, do not know its
        levels.
    log_evidence : float
        Of a new patient: logarithm of the density of its levels under the fitted model, 0 without
        levels.
    pareto_k : float
        Of the importance weights behind that; NaN without levels.
    """

    nlme: NLME
    study: Study
    values: xr.Dataset
    parameters: Mapping[str, NDArray[np.float64]]
    weights: Mapping[str, NDArray[np.float64]]
    effective: float
    draws: NDArray[np.intp]
    new: bool
    log_evidence: float = 0.0
    pareto_k: float = float("nan")

    @property
    def size(self) -> int:
        """Number of draws, N."""
        return int(self.values.sizes[SAMPLE])

    def variance_of_mean(self, values: NDArray[np.float64], floor: float = 0.0) -> Any:
        """Monte Carlo variance of means over the draws.

        Parameters
        ----------
        values : ndarray (N, ...)
        floor
            Least variance of a single value.

        Returns
        -------
        ndarray (...,)
            The larger of two: of as many independent values as the importance weights say, and of
            clusters, each the values of one draw of the population.
        """
        apart = values - values.mean(axis=0)
        independent = np.maximum(apart.var(axis=0), floor) / self.effective
        _, cluster = np.unique(self.draws, return_inverse=True)
        count = int(cluster.max()) + 1
        if count == 1:
            # How far another draw of the population would be is not seen at all.
            return np.maximum(independent, np.maximum(apart.var(axis=0), floor))
        sums = np.zeros((count, *values.shape[1:]))
        np.add.at(sums, cluster, apart)
        between = count / (count - 1.0) * np.sum((sums / self.size) ** 2, axis=0)
        return np.maximum(independent, between)


def patient_draws(
    source: Individualisation | Fit,
    study: Study | None,
    subject: Any,
    draws: int | None,
    seed: int,
) -> PatientDraws:
    """Draws of one patient.

    Parameters
    ----------
    source
        An individualisation; or a fit, with `study` of a new patient, or of a subject it knows.
    study
        Of a new patient, for a fit.
    subject
        Which, where there are several.
    draws
        How many; by default all, and 1000 at most of a fit.
    seed
        Of what is drawn.

    Raises
    ------
    TypeError
        When the source is neither.
    ValueError
        When the patient is not known, or not named where there are several.
    """
    if isinstance(source, Fit) and study is not None:
        one = study.select(subjects=[_subject(study, subject)])
        source = individualise(source, one, samples=1000 if draws is None else draws, seed=seed)
    if isinstance(source, Individualisation):
        nlme = declaration_of(source.fit, "optimise_dose")
        subject = _subject(source.study, subject)
        total = source.data.sizes[SAMPLE]
        count = total if draws is None else min(draws, total)
        samples = np.arange(count) * total // count
        values, effects = source.of_patient(subject, samples)
        of_population = source.data["population_draw"].sel({SUBJECT: subject})
        population = of_population.to_numpy()[samples]
        own = source.study.select(subjects=[subject])
        noted = float(source.data["effective"].sel(subject=subject))
        sampled = str(source.data["method"].sel(subject=subject).item()) == "importance"
        effective = min(count, noted) if sampled else float(count)
        told: dict[str, Any] = {
            "new": True,
            "log_evidence": float(source.data["log_evidence"].sel(subject=subject)),
            "pareto_k": float(source.data["pareto_k"].sel(subject=subject)),
        }
    elif isinstance(source, Fit):
        nlme = declaration_of(source, "optimise_dose")
        if source.study is None:
            raise ValueError(
                "optimise_dose: this fit was stored without its study; give study= of the patient."
            )
        if subject is None and source.study.n_subjects > 1:
            raise ValueError(
                "optimise_dose: give study= of a new patient, or subject=, one of the fit's "
                f"{source.study.subjects.tolist()[:10]}."
            )
        subject = _subject(source.study, subject)
        values = effects = population_draws(source, chosen_draws(source, draws))
        own = source.study.select(subjects=[subject])
        effective = float(values.sizes[SAMPLE])
        population = np.arange(values.sizes[SAMPLE])
        told = {"new": False}
    else:
        raise TypeError(
            "optimise_dose wants a Fit, an Individualisation, or a sequence of them; found "
            f"{type(source).__name__}."
        )
    values = values.drop_vars(["chain", "draw"], errors="ignore")
    known = nlme.known_effects(effects.drop_vars(["chain", "draw"], errors="ignore"), own)
    individual = nlme.individual_parameters(values, own, known)
    size = values.sizes[SAMPLE]
    arrays = parameter_arrays(individual, size)
    weights = network_weights(nlme, values)
    return PatientDraws(nlme, own, values, arrays, weights, effective, population, **told)


def _subject(study: Study, subject: Any) -> Any:
    ids = study.subjects.tolist()
    if subject is None and len(ids) == 1:
        return ids[0]
    if subject in ids:
        return subject
    found = "none" if subject is None else repr(subject)
    raise ValueError(
        f"optimise_dose is for one patient at a time: subject= wants one of {ids[:10]}; found "
        f"{found}."
    )
