"""The evidence for each covariate on each random effect, from the effects' likelihood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.discovery.covariate_association import association
from bnode_nlme.discovery.covariate_finding import SHAPES, CovariateFinding, Verdict, findings_of
from bnode_nlme.discovery.covariate_groups import collinear_groups
from bnode_nlme.discovery.covariate_shapes import ShapeName, shapes_of
from bnode_nlme.discovery.effect_likelihood import EffectLikelihood
from bnode_nlme.discovery.inclusion_design import Design
from bnode_nlme.discovery.spike_and_slab import Inclusions, sample_inclusions

Array = NDArray[np.float64]


_POINTS = 41
_TAIL = 0.1
_TUNE, _DRAWS, _CHAINS = 100, 400, 4


@dataclass(frozen=True, eq=False)
class CovariateEvidence:
    """Numbers of a covariate search.

    Attributes
    ----------
    data : xarray.Dataset
        Over ``effect`` and ``covariate``: ``inclusion``, its Monte Carlo error
        ``inclusion_error``, and over ``shape`` the ``shape_probability`` given inclusion.
        ``x`` (covariate, point), and over ``quantile`` and ``point`` the ``curve`` given
        inclusion: the term on the parameter's scale, 0 at the covariate's median; ``span``, the
        same between the 90th and the 10th percentile (of two codes, between them); ``levels``, how
        many values there are. ``explained`` (effect, quantile): share of
        the effect's variance. ``correlation`` (covariate, other): of ranks, or as `association`
        has it of categories.
    findings : tuple of CovariateFinding
        Those that were found first.
    """

    data: xr.Dataset
    findings: tuple[CovariateFinding, ...]


def covariate_evidence(
    likelihood: EffectLikelihood,
    covariates: Mapping[str, Array],
    *,
    already: Mapping[str, Sequence[str]] | None = None,
    categorical: Sequence[str] = (),
    relevant: float = 2.0,
    threshold: float = 0.9,
    collinear: float = 0.7,
    curves: bool = True,
    mass: float = 0.9,
    seed: int = 0,
) -> CovariateEvidence:
    """Weigh candidates, as `discover_covariates` does, from the effects' likelihood.

    Parameters
    ----------
    likelihood
        Of the random effects.
    covariates : mapping of str to ndarray (S,)
        The candidates.
    already : mapping of str to sequence of str
        Candidates that the model has, by effect: they are not weighed there.
    categorical, relevant, threshold, collinear, curves, mass, seed
        As in `discover_covariates`.

    Returns
    -------
    CovariateEvidence

    Raises
    ------
    ValueError
        When a covariate does not vary or is missing somewhere.
    """
    names, effects = tuple(covariates), likelihood.effects
    values = {name: np.asarray(given, dtype=float) for name, given in covariates.items()}
    shapes = [
        shapes_of(name, x, curves=curves, categorical=name in categorical)
        for name, x in values.items()
    ]
    held = already or {}
    allowed = np.array([[name not in held.get(effect, ()) for name in names] for effect in effects])
    if not allowed.any():
        raise ValueError("discover_covariates: the model has all candidates already.")
    correlation = association(values, categorical)
    design = Design(shapes, len(effects), allowed)
    drawn = sample_inclusions(
        likelihood,
        design,
        correlation,
        relevant=relevant,
        draws=_DRAWS,
        tune=_TUNE,
        chains=_CHAINS,
        seed=seed,
    )
    data = _data(likelihood, design, drawn, values, correlation, mass)
    groups = [tuple(names[j] for j in group) for group in collinear_groups(correlation, collinear)]
    findings = [
        finding
        for k, effect in enumerate(effects)
        for group in groups
        for finding in findings_of(
            effect, group, data, _inside(drawn, design, k, names), threshold, collinear
        )
    ]
    order = get_args(Verdict)
    findings.sort(key=lambda f: (order.index(f.verdict), -f.inclusion))
    return CovariateEvidence(data, tuple(findings))


def _grid(values: Array, shape: ShapeName) -> Array:
    """Points over the range of a covariate; of categories, the codes themselves and nothing else."""
    if shape != "categories":
        return np.linspace(values.min(), values.max(), _POINTS)
    levels = np.unique(values)
    return levels[np.linspace(0, levels.size - 1, _POINTS).round().astype(int)]


def _inside(
    drawn: Inclusions, design: Design, effect: int, names: tuple[str, ...]
) -> dict[str, NDArray[np.bool_]]:
    """Whether each covariate is in, at every draw."""
    states = drawn.states.reshape(-1, len(design.terms))
    return {
        names[term.covariate]: states[:, t] > 0
        for t, term in enumerate(design.terms)
        if term.effect == effect
    }


def _data(
    likelihood: EffectLikelihood,
    design: Design,
    drawn: Inclusions,
    values: Mapping[str, Array],
    correlation: Array,
    mass: float,
) -> xr.Dataset:
    names, effects = list(values), list(likelihood.effects)
    quantiles = [0.5 - mass / 2, 0.5, 0.5 + mass / 2]
    size = (len(effects), len(names))
    inclusion, error = np.full(size, np.nan), np.full(size, np.nan)
    shape_probability = np.full((*size, len(SHAPES)), np.nan)
    curve = np.full((*size, len(quantiles), _POINTS), np.nan)
    span = np.full((*size, len(quantiles)), np.nan)
    x = np.stack(
        [
            _grid(given, own[0].name)
            for given, own in zip(values.values(), design.shapes, strict=True)
        ]
    )
    states = drawn.states.reshape(-1, len(design.terms))
    coefficients = drawn.coefficients.reshape(len(states), len(effects), -1)
    by_chain = drawn.inclusion.mean(axis=1)
    for t, term in enumerate(design.terms):
        at = (term.effect, term.covariate)
        inclusion[at] = by_chain[:, t].mean()
        error[at] = by_chain[:, t].std(ddof=1) / np.sqrt(len(by_chain))
        inside = states[:, t] > 0
        if not inside.any():
            for shape in design.shapes[term.covariate]:
                shape_probability[(*at, SHAPES.index(shape.name))] = 0.0
            continue
        for number, shape in enumerate(design.shapes[term.covariate], start=1):
            place = SHAPES.index(shape.name)
            shape_probability[(*at, place)] = np.mean(states[inside, t] == number)
        given = values[names[term.covariate]]
        two = np.unique(given).size == 2
        ends = np.quantile(given, [0.0, 1.0] if two else [_TAIL, 1.0 - _TAIL])
        points = [*x[term.covariate], np.median(given), *ends]
        own = coefficients[inside, term.effect][:, design.of_covariate[term.covariate]]
        terms = own @ design.functions(term.covariate, np.array(points)).T
        curve[at] = np.quantile(terms[:, :_POINTS] - terms[:, [_POINTS]], quantiles, axis=0)
        span[at] = np.quantile(terms[:, -1] - terms[:, -2], quantiles)
    fitted = np.einsum("sc,dkc->dsk", design.columns[:, 1:], coefficients[:, :, 1:])
    through = fitted.var(axis=1)
    rest = np.diagonal(drawn.unexplained.reshape(-1, *drawn.unexplained.shape[2:]), 0, 1, 2)
    share = np.quantile(through / (through + rest), quantiles, axis=0)
    pair = ("effect", "covariate")
    return xr.Dataset(
        {
            "inclusion": (pair, inclusion),
            "inclusion_error": (pair, error),
            "shape_probability": ((*pair, "shape"), shape_probability),
            "curve": ((*pair, "quantile", "point"), curve),
            "span": ((*pair, "quantile"), span),
            "x": (("covariate", "point"), x),
            "explained": (("quantile", "effect"), share),
            "levels": (("covariate",), [np.unique(given).size for given in values.values()]),
            "information": (("effect",), likelihood.information.mean(axis=0)),
            "correlation": (("covariate", "other"), correlation),
        },
        coords={
            "effect": effects,
            "covariate": names,
            "other": names,
            "shape": list(SHAPES),
            "quantile": quantiles,
        },
    )
