"""`optimise_dose`: the regimen that most probably achieves what is wanted in one patient."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from bnode_nlme.discovery.dosing.candidates import Candidates, listed_candidates, varied_candidates
from bnode_nlme.discovery.dosing.dose_choice import DoseChoice
from bnode_nlme.discovery.dosing.exposures import exposures
from bnode_nlme.discovery.dosing.model_weights import ModelWeights, model_weights
from bnode_nlme.discovery.dosing.patient_draws import PatientDraws, patient_draws
from bnode_nlme.discovery.dosing.target import Target
from bnode_nlme.discovery.dosing.target_units import warn_of_units
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.results.individualisation import Individualisation
from bnode_nlme.study.regimen import Regimen
from bnode_nlme.study.study import Study

Array = NDArray[np.float64]
Patient = Individualisation | Fit

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def optimise_dose(
    patient: Patient | Sequence[Patient],
    target: Target | Sequence[Target],
    *,
    candidates: Mapping[str, Regimen | None] | Sequence[Regimen | None] | None = None,
    regimen: Callable[[float], Regimen] | None = None,
    doses: ArrayLike | None = None,
    between: tuple[float, float] | None = None,
    study: Study | None = None,
    subject: Any = None,
    after: float | None = None,
    weights: ArrayLike | None = None,
    residual_error: bool = False,
    draws: int | None = None,
    points: int = 41,
    tolerance: float | None = None,
    seed: int = 0,
) -> DoseChoice:
    """Choose the regimen with the largest probability that a patient meets a target.

    Parameters
    ----------
    patient : Individualisation or Fit, or a sequence of them
        What is known of the patient: `individualise` from its own levels; or a fit, with `study`
        (a new patient, individualised here) or `subject` (one that was fitted). Several for
        several models of the same data, whose `weights` say how far each is believed.
    target : Target or sequence of Target
        `Trough`, `AUC`, `Peak`, `TimeAbove` or `Response`; all of several are to be met.
    candidates : mapping of str to Regimen or None, or sequence of them
        Regimens to choose from; None is no further dose.
    regimen : callable
        Instead of `candidates`: from a dose to a regimen, ``lambda dose: bn.Regimen(dose, every=12,
        additional=5, start=48)``.
    doses : array_like (C,)
        Doses that can be given, for `regimen`.
    between : (float, float)
        Or the range of a dose that can be anything: `points` doses evenly spaced, and as many again
        around the best.
    study
        Of a new patient, where `patient` is a fit: past doses, covariates, levels if any.
    subject
        Which patient, where there are several.
    after
        The patient's recorded doses at this time or later do not take place; by default the time of
        the first dose of all candidates. Earlier ones stay, and act on. Of a study with occasions
        the patient's last one goes on; varying covariates run on as `Study.at_times` has them.
    weights : array_like (models,)
        Of several models, such as stacking weights, before anything is known of the patient;
        normalised here. For a patient individualised from levels of its own, each is multiplied
        by the density of those levels under its model (`Individualisation`'s ``log_evidence``):
        a model under which they are improbable counts for little. Not for a subject of the fits,
        whose levels the weights know already.
    residual_error
        Whether the target is for what would be measured. By default it is for the true value, which
        is what acts. Only for `Trough` and `Response`.
    draws
        Of each posterior; by default all of an individualisation, 1000 of a fit.
    points
        Doses of `between`, at first.
    tolerance
        Probability by which a candidate may fall short of the best and still be as good; by
        default the Monte Carlo standard error of the difference, whose draws are in common. Of all
        that are as good the smallest dose is chosen: by the mean rate of what is at steady state,
        then by the total of all doses.
    seed
        Of what is drawn.

    Returns
    -------
    DoseChoice
        With the probability of every candidate.

    Raises
    ------
    TypeError
        When `patient` holds neither fits nor individualisations, or `target` no target.
    ValueError
        When there is no model or no candidate; the patient is not known, or not named where there
        are several; `tolerance`, `draws` or `after` are out of range; `weights` are missing for several models, negative or of another number; the
        models know different levels of the patient; an output is unknown; or `residual_error` is
        asked for a target of a whole window.

    Warns
    -----
    UserWarning
        When a target is in another unit than its output is declared in; when solves failed; or when
        the density of the levels under one of several models rests on importance weights that
        cannot be trusted (Pareto k of 0.7 or more).

    Notes
    -----
    The probability is that of the posterior: uncertainty about the population, the patient, the
    learned functions and, with several models, about the model: P = sum_m w_m(y) P_m(y) with
    w_m(y) in proportion to w_m p_m(y), y being a new patient's levels. With prior or posterior
    probabilities of the models as w_m that is Bayesian model averaging (Hoeting et al. 1999,
    doi:10.1214/ss/1009212519); with stacking weights, which are no probabilities, it is a heuristic
    that leaves them as they are for a patient without levels. Its Monte Carlo error is the larger
    of that of as many draws as importance weights say, and that of the draws of the population,
    each a cluster of the patient's samples. Expected utility with a utility of 1 within the target and 0 outside: Berry et al.
    2010, Bayesian Adaptive Methods for Clinical Trials; regimens from individual posteriors:
    Sheiner et al. 1979, doi:10.1002/cpt1979263294.
    """
    if tolerance is not None and not 0.0 <= tolerance < 1.0:
        raise ValueError(
            f"optimise_dose: tolerance= wants a probability, from 0 to below 1; found {tolerance!r}."
        )
    if draws is not None and draws < 1:
        raise ValueError(f"optimise_dose: draws= wants 1 or more; found {draws!r}.")
    if after is not None and not np.isfinite(after):
        raise ValueError(f"optimise_dose: after= wants a finite time; found {after!r}.")
    sources = [patient] if isinstance(patient, (Individualisation, Fit)) else list(patient)
    targets = (target,) if isinstance(target, Target) else tuple(target)
    _check(sources, targets, residual_error)
    given = _shares(weights, len(sources))
    models = [patient_draws(source, study, subject, draws, seed) for source in sources]
    shares = model_weights(given, models)
    warn_of_units(models[0].nlme, targets)
    begun = listed_candidates(candidates, regimen, doses, between, points)
    when = begun.first_dose if after is None else float(after)

    def met(of: Candidates) -> tuple[list[Array], int]:
        values, failed = [], 0
        for model in models:
            found = exposures(
                model, of.regimens, targets, when, residual_error=residual_error, seed=seed
            )
            values.append(found.values)
            failed += found.failed
        return values, failed

    values, failed = met(begun)
    chosen, summary = _chosen(begun, values, targets, shares, models, tolerance)
    if between is not None and regimen is not None:
        finer = varied_candidates(regimen, _around(begun.dose, chosen, points))
        further, more_failed = met(finer)
        failed += more_failed
        begun, order = begun.joined(finer)
        values = [
            np.concatenate([first, second], axis=1)[:, order]
            for first, second in zip(values, further, strict=True)
        ]
        chosen, summary = _chosen(begun, values, targets, shares, models, tolerance)
    if failed:
        warnings.warn(
            f"optimise_dose: {failed} solves failed; their draws meet no target.", stacklevel=2
        )
    summary.attrs = {
        "failed": failed,
        "residual_error": int(residual_error),
        "after": when,
        "varied": int(regimen is not None),
        "seed": seed,
    }
    return DoseChoice(summary, begun.regimens, targets, chosen)


def _chosen(
    candidates: Candidates,
    values: Sequence[Array],
    targets: Sequence[Target],
    weighing: ModelWeights,
    models: Sequence[PatientDraws],
    tolerance: float | None,
) -> tuple[int, xr.Dataset]:
    shares = weighing.weight
    each = [
        np.stack([t.met(v[..., place]) for place, t in enumerate(targets)], axis=-1) for v in values
    ]
    every = [of_targets.all(axis=-1).astype(np.float64) for of_targets in each]
    by_model = np.stack([hits.mean(axis=0) for hits in every])
    probability = shares @ by_model
    error = np.sqrt(
        sum(
            share**2 * model.variance_of_mean(hits, _least_variance(model.effective))
            for share, model, hits in zip(shares, models, every, strict=True)
        )
    )
    best = int(np.argmax(probability))
    if tolerance is None:
        allowed = np.sqrt(
            sum(
                share**2 * model.variance_of_mean(hits[:, [best]] - hits)
                for share, model, hits in zip(shares, models, every, strict=True)
            )
        )
    else:
        allowed = np.full(len(probability), float(tolerance))
    tied = probability >= probability[best] - allowed - 1e-12
    total = candidates.total
    standing = candidates.at_steady_state
    chosen = int(
        min(np.flatnonzero(tied), key=lambda place: (standing[place], total[place], place))
    )
    draws_weight = np.concatenate(
        [np.full(len(v), share / len(v)) for v, share in zip(values, shares, strict=True)]
    )
    pooled = np.concatenate(list(values))
    known = np.isfinite(pooled)
    quantiles = np.full((len(_QUANTILES), *pooled.shape[1:]), np.nan)
    mean = np.full(pooled.shape[1:], np.nan)
    for place in np.ndindex(pooled.shape[1:]):
        own = known[(slice(None), *place)]
        if own.any():
            column, w = pooled[(own, *place)], draws_weight[own]
            quantiles[(slice(None), *place)] = _weighted_quantiles(column, w)
            mean[place] = w @ column / w.sum()
    of_target = np.einsum("m,mct->ct", shares, np.stack([hits.mean(axis=0) for hits in each]))
    summary = xr.Dataset(
        {
            "probability": ("candidate", probability),
            "error": ("candidate", error),
            "dose": ("candidate", candidates.dose),
            "total": ("candidate", total),
            "tied": ("candidate", tied),
            "probability_of_model": (("model", "candidate"), by_model),
            "weight": ("model", shares),
            "weight_before": ("model", weighing.before),
            "log_evidence": ("model", weighing.log_evidence),
            "probability_of_target": (("candidate", "target"), of_target),
            "mean_exposure": (("candidate", "target"), mean),
            "exposure": (("quantile", "candidate", "target"), quantiles),
        },
        coords={
            "candidate": list(candidates.labels),
            "model": [f"model {number + 1}" for number in range(len(models))],
            "target": [str(t) for t in targets],
            "quantile": list(_QUANTILES),
        },
    )
    return chosen, summary


def _least_variance(effective: float) -> float:
    """Of one draw within the target or not, where all are alike: that of one more on either side."""
    share = 1.0 / (effective + 2.0)
    return share * (1.0 - share)


def _weighted_quantiles(values: Array, weights: Array) -> Array:
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) - 0.5 * weights[order]
    return np.interp(_QUANTILES, reached / weights.sum(), values[order])


def _around(dose: Array, best: int, points: int) -> Array:
    """Doses between the neighbours of one, without those that are there already."""
    low, high = dose[max(0, best - 1)], dose[min(len(dose) - 1, best + 1)]
    finer = np.linspace(low, high, points + 2)[1:-1]
    return finer[np.min(np.abs(finer[:, None] - dose), axis=1) > 1e-9 * max(abs(high), 1e-300)]


def _shares(weights: ArrayLike | None, models: int) -> Array:
    if weights is None:
        if models > 1:
            raise ValueError(
                f"optimise_dose: {models} models want weights=, such as their stacking weights; "
                "equal ones are weights=[1] * models."
            )
        return np.ones(1)
    shares = np.asarray(weights, dtype=np.float64)
    if shares.shape != (models,) or np.any(shares < 0) or not 0 < shares.sum() < np.inf:
        raise ValueError(
            f"optimise_dose: weights= wants one number of 0 or more for each of the {models} "
            f"models; found {weights!r}."
        )
    return np.asarray(shares / shares.sum())


def _check(sources: Sequence[Any], targets: Sequence[Any], residual_error: bool) -> None:
    if not sources:
        raise ValueError("optimise_dose wants what is known of a patient; found no model.")
    wrong = [t for t in targets if not isinstance(t, Target)]
    if wrong or not targets:
        raise TypeError(
            "optimise_dose: target= wants bn.Trough, bn.AUC, bn.Peak, bn.TimeAbove or bn.Response, "
            f"one or several; found {wrong[0] if wrong else 'none'!r}."
        )
    unsuited = [type(t).__name__ for t in targets if not t.of_points]
    if residual_error and unsuited:
        raise ValueError(
            "optimise_dose: residual_error=True is for the measurement of one value (Trough, "
            f"Response); {', '.join(unsuited)} is of a whole window. Leave it out."
        )
