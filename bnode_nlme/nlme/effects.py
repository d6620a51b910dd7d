"""Random effects of a study's subjects: known, drawn from the population, or zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.distributions.effect_blocks import EffectNames
from bnode_nlme.nlme.build import OCCASION_NAMES, SUBJECT_NAMES
from bnode_nlme.nlme.draw_arrays import Dims, draw_dims, of_draws
from bnode_nlme.nlme.individual_values import occasions_of
from bnode_nlme.study.dimensions import OCCASION, SUBJECT
from bnode_nlme.study.study import Study

if TYPE_CHECKING:
    from bnode_nlme.nlme.nlme import NLME


def _levels(nlme: NLME, study: Study) -> list[tuple[EffectNames, str, tuple[str, ...]]]:
    """Names, dimension and labels of the effects that a model has."""
    levels = []
    if nlme.subject_effects:
        levels.append((SUBJECT_NAMES, SUBJECT, nlme.subject_effects))
    if nlme.occasion_effects:
        occasions_of(study, list(nlme.occasion_effects))
        levels.append((OCCASION_NAMES, OCCASION, nlme.occasion_effects))
    return levels


def known_effects(nlme: NLME, values: xr.Dataset, study: Study, seed: int | None) -> xr.Dataset:
    """See `NLME.known_effects`."""
    known = {}
    for names, dim, labels in _levels(nlme, study):
        if names.values not in values:
            raise ValueError(
                f"The values hold no {names.values!r}, the random effects of each {dim}; they hold "
                f"{', '.join(map(repr, values.data_vars)) or 'nothing'}. Use new_effects or "
                "zero_effects."
            )
        wanted = study.coords[dim]
        there = np.isin(wanted, values[dim].to_numpy())
        drawing = dim == OCCASION and seed is not None
        if not there.all() and not drawing:
            cure = (
                "To draw those of the known subjects' new occasions, give known_effects a seed. "
                if dim == OCCASION
                else ""
            )
            raise ValueError(
                f"The values hold no random effects of {dim} "
                f"{', '.join(str(label) for label in wanted[~there][:10])}. {cure}For new ones "
                "draw them with new_effects, or take zero_effects."
            )
        held = values[names.values].reindex({dim: wanted})
        if not there.all() and seed is not None:
            rng = np.random.default_rng(seed)
            drawn = _drawn(values, study, rng, names, dim, labels)
            held = held.where(xr.DataArray(there, dims=dim, coords={dim: wanted}), drawn)
        known[names.values] = held
    return xr.Dataset(known)


def new_effects(nlme: NLME, values: xr.Dataset, study: Study, seed: int) -> xr.Dataset:
    """See `NLME.new_effects`."""
    rng = np.random.default_rng(seed)
    drawn = {
        names.values: _drawn(values, study, rng, names, dim, labels)
        for names, dim, labels in _levels(nlme, study)
    }
    coords = {name: values[name] for name in values.coords if name in values.dims}
    kept = {name: c for name, c in coords.items() if any(name in d.dims for d in drawn.values())}
    return xr.Dataset(drawn).assign_coords(
        {name: c for name, c in kept.items() if name not in (SUBJECT, OCCASION)}
    )


def _drawn(
    values: xr.Dataset,
    study: Study,
    rng: np.random.Generator,
    names: EffectNames,
    dim: str,
    labels: tuple[str, ...],
) -> xr.DataArray:
    """Effects of all subjects, or occasions, from the population at each draw."""
    cores: dict[str, Dims] = {names.sd: (names.effect,)}
    correlated = names.correlation in values
    if correlated:
        cores[names.correlation] = (names.effect, f"{names.effect}_bis")
    dims = draw_dims(values, cores)
    sd = of_draws(values, names.sd, cores[names.sd], dims)
    shape = tuple(values.sizes[name] for name in dims)
    z = rng.standard_normal((*shape, len(study.coords[dim]), len(labels)))
    if correlated:
        correlation = of_draws(values, names.correlation, cores[names.correlation], dims)
        z = z @ np.swapaxes(np.linalg.cholesky(correlation), -1, -2)
    return _labelled(z * sd[..., None, :], dims, dim, names, labels, study)


def zero_effects(nlme: NLME, study: Study) -> xr.Dataset:
    """See `NLME.zero_effects`."""
    zeros = {}
    for names, dim, labels in _levels(nlme, study):
        nothing = np.zeros((len(study.coords[dim]), len(labels)))
        zeros[names.values] = _labelled(nothing, (), dim, names, labels, study)
    return xr.Dataset(zeros)


def _labelled(
    effects: NDArray[np.float64],
    dims: Dims,
    dim: str,
    names: EffectNames,
    labels: tuple[str, ...],
    study: Study,
) -> xr.DataArray:
    coords = {dim: study.coords[dim], names.effect: list(labels)}
    return xr.DataArray(effects, dims=(*dims, dim, names.effect), coords=coords)
