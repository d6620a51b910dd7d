"""`predict`: what a fitted model says of a study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import xarray as xr

from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.nlme.units import with_units
from bnode_nlme.results.failed_solves import failed_solves, warn_of_failed_solves
from bnode_nlme.results.individualisation import Individualisation
from bnode_nlme.results.population_draws import (
    SAMPLE,
    Parameters,
    chosen_draws,
    declaration_of,
    population_draws,
    require_study,
)
from bnode_nlme.results.predicted import predicted_at
from bnode_nlme.results.quantification import Limits, limit_of, quantified
from bnode_nlme.results.same_subjects import require_same_subjects, subjects_of
from bnode_nlme.study.dimensions import OBSERVATION, OCCASION, SUBJECT
from bnode_nlme.study.study import Study

Kind = Literal["individual", "population", "new"]

_NEW_SUBJECTS = (
    "For new subjects write kind='new', for typical ones kind='population', and for patients with "
    "measurements bn.predict(bn.individualise(fit, study))."
)
_NEW_PATIENTS = (
    "For new subjects write bn.predict(fit, study, kind='new') with the fit of the population, and "
    "for patients with measurements individualise these."
)


def predict(
    fit: Fit | Individualisation,
    study: Study | None = None,
    *,
    kind: Kind = "individual",
    draws: int | None = None,
    parameters: Parameters = "draws",
    residual_error: bool = False,
    lloq: Limits = None,
    uloq: Limits = None,
    states: bool = False,
    seed: int = 0,
) -> xr.Dataset:
    """Predict every output at every observation row of a study, at draws of the posterior.

    Parameters
    ----------
    fit : Fit or Individualisation
        A fit of a `bn.NLME`, or what `individualise` found of new patients.
    study : Study, optional
        By default the one that was fitted. The same subjects under other doses:
        ``fit.study.with_regimen(...)``; at other times: ``fit.study.at_times(...)``; virtual
        patients: ``Study.from_regimen(...)``.
    kind : {"individual", "population", "new"}
        Whose random effects: those of the study's subjects, whom the fit must know by their IDs,
        where occasions that it does not know have new ones of the occasion; none, for a typical
        subject with the study's covariates; or new ones, drawn from the population at every draw.
    draws
        How many draws of the posterior, evenly spaced. By default all, up to 1000. Where more are
        asked for than there are, each is used again, with new random effects and errors.
    parameters : {"draws", "mean"}
        ``"mean"``: the population's parameters (and known effects) have their posterior means at
        every draw, so that uncertainty about them is left out.
    residual_error
        Whether to draw measurements around the predictions too.
    lloq, uloq : float or mapping of str to float, optional
        Limits of quantification of the drawn measurements, of all outputs or by output.
    states
        Whether to return the states of the system too.
    seed
        Of random effects and errors.

    Returns
    -------
    xarray.Dataset
        Each output over ``sample`` and ``observation``; with `residual_error` also
        ``<output>_measured``, and with limits ``<output>_censoring`` (1 below, -1 above, where the
        measurement is then the limit, as in a table). Individual parameters over ``sample`` and
        ``subject`` (or ``occasion``), random effects ``eta`` and ``kappa``, and ``status`` (a
        `SolveStatus`). Coordinates: ``time`` and ``subject_of_observation``; ``chain`` and ``draw``
        of each sample. The attribute ``failed`` counts the solves that failed: their predictions
        are NaN. Variables have the attribute ``units`` where ``bn.NLME(..., units=...)`` says it.

    Raises
    ------
    ValueError
        When the fit has no declaration, an argument is faulty, or with ``kind="individual"`` a
        subject is not known: virtual patients of ``Study.from_regimen(..., n_subjects=...)`` never
        are.
    TypeError
        When `fit` is no fit, or `study` no study.

    Warns
    -----
    UserWarning
        When solves failed: how many, at how many draws, of which subjects, and why. When with
        ``kind="individual"`` a known subject's constant covariates are not those that the fit knows.

    Notes
    -----
    All draws and subjects are solved as one large population; where the system has networks, each
    draw is a population of its own.
    """
    predicted = predicted_draws(
        fit,
        study,
        kind=kind,
        draws=draws,
        parameters=parameters,
        residual_error=residual_error,
        lloq=lloq,
        uloq=uloq,
        states=states,
        seed=seed,
    )
    warn_of_failed_solves(
        "predict",
        {"predictions": predicted["status"]},
        "their predictions are NaN, and `status` says which",
    )
    return predicted


def predicted_draws(
    fit: Fit | Individualisation,
    study: Study | None = None,
    *,
    kind: Kind = "individual",
    draws: int | None = None,
    parameters: Parameters = "draws",
    residual_error: bool = False,
    lloq: Limits = None,
    uloq: Limits = None,
    states: bool = False,
    seed: int = 0,
) -> xr.Dataset:
    """As `predict`; what is to be said of failed solves is left to the caller."""
    if isinstance(fit, Individualisation):
        predicted = _of_patients(fit, study, kind, draws, parameters, seed, residual_error, states)
        nlme = declaration_of(fit.fit, "predict")
    else:
        nlme = declaration_of(fit, "predict")
        predicted = _of_fit(fit, study, kind, draws, parameters, seed, residual_error, states)
    if residual_error:
        for output in nlme.outputs:
            limits = limit_of(lloq, output, nlme), limit_of(uloq, output, nlme)
            predicted = quantified(predicted, output, *limits)
    elif lloq is not None or uloq is not None:
        raise ValueError(
            "predict: lloq= and uloq= are limits of drawn measurements, and want "
            "residual_error=True."
        )
    predicted = with_units(predicted, nlme)
    predicted.attrs = {
        "kind": kind,
        "parameters": parameters,
        "seed": seed,
        "failed": int(failed_solves(predicted["status"]).sum()),
        "fit_method": (fit.fit if isinstance(fit, Individualisation) else fit).method,
    }
    return predicted


def _of_fit(
    fit: Fit,
    study: Study | None,
    kind: Kind,
    draws: int | None,
    parameters: Parameters,
    seed: int,
    residual_error: bool,
    states: bool,
) -> xr.Dataset:
    nlme = declaration_of(fit, "predict")
    if kind not in get_args(Kind):
        raise ValueError(
            f"predict: kind= wants 'individual', 'population' or 'new'; found {kind!r}."
        )
    study = fit.study if study is None else study
    if study is None:
        raise ValueError("predict: this fit was stored without its study; give study=.")
    require_study(study, "predict")
    values = population_draws(fit, chosen_draws(fit, draws), parameters)
    effects_seed, errors_seed = (int(s) for s in np.random.SeedSequence(seed).generate_state(2))
    if kind == "individual":
        if nlme.subject_effects or nlme.occasion_effects:
            require_same_subjects(study, subjects_of(values, fit.study), fit.study, _NEW_SUBJECTS)
        effects = nlme.known_effects(values, study, seed=effects_seed)
    elif kind == "new":
        effects = nlme.new_effects(values, study, seed=effects_seed)
    else:
        effects = nlme.zero_effects(study)
    rng = np.random.default_rng(errors_seed)
    return predicted_at(nlme, values, study, effects, rng if residual_error else None, states)


def _of_patients(
    found: Individualisation,
    study: Study | None,
    kind: Kind,
    draws: int | None,
    parameters: Parameters,
    seed: int,
    residual_error: bool,
    states: bool,
) -> xr.Dataset:
    """Patient by patient: each has draws of the population of its own."""
    if kind != "individual" or parameters != "draws":
        raise ValueError(
            "predict: of an individualisation there are kind='individual' and "
            f"parameters='draws' only; found {kind!r} and {parameters!r}. Predict from the fit "
            "for the others."
        )
    nlme = declaration_of(found.fit, "predict")
    study = found.study if study is None else study
    require_study(study, "predict")
    unknown = [name for name in study.subjects.tolist() if name not in found.study.subjects]
    if unknown:
        raise ValueError(
            f"predict: patients {unknown[:10]} were not individualised; those that were are "
            f"{found.study.subjects.tolist()[:10]}. {_NEW_PATIENTS}"
        )
    require_same_subjects(study, found.study.subjects, found.study, _NEW_PATIENTS)
    total = found.data.sizes[SAMPLE]
    count = total if draws is None else draws
    if not 1 <= count <= total:
        raise ValueError(
            f"predict: draws= wants 1 to {total}, as many as the individualisation has; found "
            f"{count!r}."
        )
    chosen = np.arange(count) * total // count
    streams = np.random.SeedSequence(seed).spawn(study.n_subjects)
    parts = []
    for subject, stream in zip(study.subjects, streams, strict=True):
        values, effects = found.of_patient(subject, chosen)
        own = study.select(subjects=[subject])
        rng = np.random.default_rng(stream) if residual_error else None
        (occasions_seed,) = stream.spawn(1)[0].generate_state(1)
        held = values.drop_dims([SUBJECT, OCCASION], errors="ignore").merge(effects)
        effects = nlme.known_effects(held, own, seed=int(occasions_seed))
        predicted = predicted_at(nlme, values, own, effects, rng, states)
        # Each patient's samples are of other draws of the population.
        parts.append(predicted.drop_vars(["chain", "draw"], errors="ignore"))
    return _joined(parts)


def _joined(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Predictions of several patients as those of one study."""
    variables = {}
    for name, first in parts[0].variables.items():
        along = [dim for dim in (OBSERVATION, SUBJECT, OCCASION) if dim in first.dims]
        variables[name] = (
            xr.Variable.concat([part[name].variable for part in parts], along[0])
            if along
            else first
        )
    return xr.Dataset(variables).set_coords([str(name) for name in parts[0].coords])
