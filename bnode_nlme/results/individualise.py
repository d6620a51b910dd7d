"""`individualise`: new patients from a few measurements, the population as it was fitted."""

from __future__ import annotations

import warnings
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.inference.importance import (
    RELIABLE,
    Importance,
    effective_count,
    importance,
    resample,
)
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.nlme.units import with_units
from bnode_nlme.results.effect_importance import WeightedEffects, weighted_effects
from bnode_nlme.results.effect_nuts import effect_nuts
from bnode_nlme.results.individual_likelihood import IndividualLikelihood
from bnode_nlme.results.individualisation import FAR, FEW, Individualisation
from bnode_nlme.results.population_draws import (
    SAMPLE,
    chosen_draws,
    declaration_of,
    population_draws,
    require_study,
)
from bnode_nlme.study.dimensions import OCCASION, SUBJECT
from bnode_nlme.study.study import Study

Method = Literal["auto", "importance", "nuts"]
Array = NDArray[np.float64]

_POINTS = 12
_MOST = 500


def individualise(
    fit: Fit,
    study: Study,
    *,
    method: Method = "auto",
    draws: int | None = None,
    samples: int = 1000,
    seed: int = 0,
) -> Individualisation:
    """Find the posterior of new patients' random effects from their own measurements.

    Nothing is fitted again. Each patient is taken for the one subject that the population's fit
    has not seen; patients do not inform each other.

    Parameters
    ----------
    fit
        Of a `bn.NLME`, by any method.
    study
        Of the patients: their doses, measurements and covariates. A patient without a measurement
        gets the distribution of a new subject.
    method : {"auto", "importance", "nuts"}
        By importance weights; or by NUTS over the random effects at some draws of the population;
        ``"auto"``: by NUTS for those patients whose weights cannot be trusted (Pareto k of 0.7 or
        more).
    draws
        How many draws of the population are used, evenly spaced; all, but 500 at most, by default
        (and at most 32 of them by NUTS).
    samples
        How many samples of each patient.
    seed
        Of all that is drawn.

    Returns
    -------
    Individualisation
        To look at, and for `predict`.

    Raises
    ------
    ValueError
        When the fit has no declaration, the study lacks a covariate, or an argument is faulty.
    TypeError
        When `fit` is no fit, or `study` no study.

    Warns
    -----
    UserWarning
        With ``method="importance"``, of patients whose weights cannot be trusted; and of patients
        who lie outside of the population: levels in other units, say; and of patients whose
        measurements a single draw of the population foretells far better than all others.

    Notes
    -----
    The target is the posterior of population and patient given the old data and the patient's: by
    draws of the population's posterior, each weighted by how well it foretells the patient's
    measurements, and within each the patient's own random effects. Importance sampling: the
    proposal is a mixture of the population's distribution and a t distribution around the mode at
    each draw (Laplace); weights are Pareto-smoothed (Vehtari et al. 2024, arXiv 1507.02646) over
    all draws and points, and samples are drawn in proportion to them. By NUTS: each of some draws
    of the population has a chain of its own, and their samples are weighted together by the
    densities of all those draws (multistate Bennett acceptance ratio, Shirts and Chodera 2008,
    doi:10.1063/1.2978177).
    """
    nlme = declaration_of(fit, "individualise")
    require_study(study, "individualise")
    if method not in get_args(Method):
        raise ValueError(
            f"individualise: method= wants 'auto', 'importance' or 'nuts'; found {method!r}."
        )
    if samples < 1:
        raise ValueError(f"individualise: samples= wants 1 or more; found {samples!r}.")
    indices = chosen_draws(fit, draws)
    if draws is None and indices.size > _MOST:
        indices = chosen_draws(fit, _MOST)
    values = population_draws(fit, indices)
    likelihood = IndividualLikelihood(nlme, study, values)
    rng = np.random.default_rng(seed)
    size = likelihood.space.size
    if size == 0:
        raise ValueError(
            "individualise wants a model with random effects; without them every patient is the "
            "typical one: predict(fit, study, kind='population')."
        )
    z = np.empty((samples, study.n_subjects, size))
    place = np.empty((samples, study.n_subjects), dtype=np.intp)
    notes: dict[str, Any] = {
        "pareto_k": np.full(study.n_subjects, np.nan),
        "effective": np.full(study.n_subjects, np.nan),
        "log_evidence": np.zeros(study.n_subjects),
        "divergences": np.zeros(study.n_subjects, dtype=np.int64),
        "farthest": np.zeros(study.n_subjects),
        "effective_population_draws": np.full(study.n_subjects, float(indices.size)),
        "method": np.full(study.n_subjects, "prior", dtype="<U10"),
    }
    weighted = weighted_effects(likelihood, _points(indices.size, samples), rng)
    for subject in range(study.n_subjects):
        if not likelihood.measured[subject]:
            place[:, subject] = rng.permutation(np.arange(samples) % indices.size)
            z[:, subject] = rng.standard_normal((samples, size))
            continue
        weighing = _weighing(weighted, subject)
        notes["pareto_k"][subject] = weighing.pareto_k
        notes["effective"][subject] = weighing.effective
        apart = float(np.abs(_weighted_mean(weighted, weighing, subject)).max())
        notes["log_evidence"][subject] = _log_mean(weighted.log_evidence[:, subject])
        if method == "nuts" or (method == "auto" and not weighing.reliable):
            if apart > FAR:
                warnings.warn(
                    f"individualise: patient {study.subjects[subject]} lies far outside of the "
                    f"population by its importance weights ({apart:.1f} standard deviations); NUTS "
                    "takes over, which may take minutes. Are the levels in the units, and the doses "
                    "and times right?",
                    stacklevel=2,
                )
            own = effect_nuts(likelihood, subject, samples, rng)
            place[:, subject], z[:, subject] = own.draws, own.z
            notes["divergences"][subject] = own.divergences
            notes["effective_population_draws"][subject] = own.effective_draws
            notes["method"][subject] = "nuts"
            continue
        of_draws = weighing.weights.reshape(indices.size, -1).sum(axis=1)
        notes["effective_population_draws"][subject] = effective_count(of_draws)
        chosen = resample(weighing.weights, samples, rng)
        place[:, subject], point = np.divmod(chosen, weighted.z.shape[1])
        z[:, subject] = weighted.z[place[:, subject], point, subject]
        notes["method"][subject] = "importance"
    notes["farthest"] = np.abs(z.mean(axis=0)).max(axis=-1)
    _warn(notes, study, indices.size)
    data = _labelled(nlme, study, values, likelihood, z, place)
    data["population_draw"] = ((SAMPLE, SUBJECT), indices[place])
    for name, of_subjects in notes.items():
        data[name] = (SUBJECT, of_subjects)
    data.attrs = {"seed": seed, "population_draws": indices.size}
    return Individualisation(fit, study, with_units(data, nlme))


def _points(draws: int, samples: int) -> int:
    """Points for each draw of the population: several times as many in all as there are samples."""
    return max(_POINTS, -(-4 * samples // draws))


def _weighing(weighted: WeightedEffects, subject: int) -> Importance:
    target = weighted.log_likelihood[..., subject] + weighted.log_prior[..., subject]
    return importance(target.ravel(), weighted.log_proposal[..., subject].ravel())


def _weighted_mean(weighted: WeightedEffects, weighing: Importance, subject: int) -> Array:
    """Of the random effects, in standard deviations, (size,)."""
    z = weighted.z[:, :, subject]
    return np.asarray(weighing.weights @ z.reshape(-1, z.shape[-1]))


def _log_mean(values: Array) -> float:
    return float(np.logaddexp.reduce(values) - np.log(values.size))


def _warn(notes: dict[str, Any], study: Study, draws: int) -> None:
    doubtful = (notes["method"] == "importance") & ~(notes["pareto_k"] < RELIABLE)
    if doubtful.any():
        shown = ", ".join(
            f"{study.subjects[s]} (k {notes['pareto_k'][s]:.2f})"
            for s in np.flatnonzero(doubtful)[:10]
        )
        warnings.warn(
            f"individualise: the importance weights of {_patients(doubtful)} cannot be trusted "
            f"(Pareto k of {RELIABLE} or more): {shown}. Use method='auto' or 'nuts'.",
            stacklevel=3,
        )
    outlying = notes["farthest"] > FAR
    if outlying.any():
        shown = ", ".join(
            f"{study.subjects[s]} ({notes['farthest'][s]:.1f} standard deviations)"
            for s in np.flatnonzero(outlying)[:10]
        )
        warnings.warn(
            f"individualise: {_patients(outlying)} outside of the population that was "
            f"fitted, by the mean of a random effect more than {FAR:g} standard deviations from 0: "
            f"{shown}. Their parameters are not to be relied upon. Are the levels in the units, and "
            "the doses and times right?",
            stacklevel=3,
        )
    alone = notes["effective_population_draws"] < min(FEW, draws)
    if alone.any():
        shown = ", ".join(
            f"{study.subjects[s]} ({notes['effective_population_draws'][s]:.1f} draws)"
            for s in np.flatnonzero(alone)[:10]
        )
        warnings.warn(
            f"individualise: the samples of {_patients(alone)} are all of about one draw of the "
            f"population, and parameters without a random effect seem to be certain: {shown}. The "
            "fit has no draws that foretell such measurements: are they, and the doses, right? "
            "Otherwise fit with more draws.",
            stacklevel=3,
        )


def _patients(which: NDArray[np.bool_]) -> str:
    count = int(which.sum())
    return f"{count} patient" + ("" if count == 1 else "s")


def _labelled(
    nlme: NLME,
    study: Study,
    values: xr.Dataset,
    likelihood: IndividualLikelihood,
    z: Array,
    place: NDArray[np.intp],
) -> xr.Dataset:
    """Random effects and individual parameters, each patient with its own population draws."""
    parts: dict[str, list[xr.DataArray]] = {}
    for subject, label in enumerate(study.subjects):
        draws = place[:, subject]
        effects = likelihood.space.random_effects(z[:, None], draws).isel(point=0)
        own = study.select(subjects=[label])
        at = values.isel({SAMPLE: draws}).drop_vars(["chain", "draw"], errors="ignore")
        effects = nlme.known_effects(effects.drop_vars(["chain", "draw"], errors="ignore"), own)
        individual = nlme.individual_parameters(at, own, effects)
        for name, array in {**effects.data_vars, **individual.data_vars}.items():
            if SAMPLE not in array.dims:
                array = array.expand_dims({SAMPLE: len(draws)})
            parts.setdefault(str(name), []).append(array)
    joined = {}
    for name, arrays in parts.items():
        dim = SUBJECT if SUBJECT in arrays[0].dims else OCCASION
        joined[name] = xr.concat(arrays, dim).transpose(SAMPLE, dim, ...)
    return xr.Dataset(joined)
