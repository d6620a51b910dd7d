"""An approximation's draws held against the posterior: corrected, or warned of, with numbers."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.inference.draws import Draws
from bnode_nlme.inference.flat_model import FlatModel
from bnode_nlme.inference.hmc_check import moved_by_hmc
from bnode_nlme.inference.importance import RELIABLE, Importance, importance, resample
from bnode_nlme.study.dimensions import OCCASION, SUBJECT

NARROW = 0.8
"""Share of the reference's standard deviation below which an approximation is narrow."""

_SHOWN = 12


class ApproximationWarning(UserWarning):
    """An approximate posterior is narrower than the posterior, or cannot be checked."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Draws of an approximation that are to be checked.

    Attributes
    ----------
    positions : ndarray (draws, size)
    log_target, log_proposal : ndarray (draws,)
        Log-densities there.
    """

    positions: NDArray[np.float64]
    log_target: NDArray[np.float64]
    log_proposal: NDArray[np.float64]


def checked_draws(
    flat: FlatModel,
    candidates: Candidates,
    count: int,
    rng: np.random.Generator,
    *,
    method: str,
    attributes: dict[str, Any],
) -> Draws:
    """Choose draws from those of an approximation.

    Where the weights are reliable (Pareto k below 0.7), by importance resampling, so that what the
    approximation got wrong is corrected; else as they come, with a warning.

    Parameters
    ----------
    flat
        The model.
    candidates
        More draws than are wanted, so that resampling has a choice.
    count
        Draws wanted.
    rng
        For resampling.
    method
        Name of the approximation.
    attributes
        Of the result.

    Returns
    -------
    Draws
        One chain. Attributes ``pareto_k``, ``importance_ess``, ``importance_resampled`` and
        ``narrow``, as JSON: for each population parameter that is too narrow, its standard
        deviation and mean as the approximation has them and as the reference has them, which is
        importance weighting where the weights are reliable, else Hamiltonian Monte Carlo from the
        approximation's draws (`moved_by_hmc`).

    Warns
    -----
    ApproximationWarning
        Where k is 0.7 or more, or a population parameter's standard deviation is less than 0.8 of
        the reference's.
    """
    weighing = importance(candidates.log_target, candidates.log_proposal)
    usable = np.flatnonzero(np.isfinite(candidates.log_target))
    if weighing.reliable:
        chosen = resample(weighing.weights, count, rng)
    else:
        chosen = usable[np.arange(count) % usable.size]
    narrow = _narrow(flat, candidates, weighing, rng)
    _warn(method, weighing, narrow)
    return Draws(
        positions=candidates.positions[chosen][None],
        statistics={
            "lp": candidates.log_target[chosen][None],
            "log_weight": np.log(np.maximum(weighing.weights[chosen], 1e-300))[None],
        },
        attributes=attributes
        | {
            "pareto_k": weighing.pareto_k,
            "importance_ess": weighing.effective,
            "importance_resampled": bool(weighing.reliable),
            "narrow": json.dumps(narrow),
        },
    )


def _narrow(
    flat: FlatModel, candidates: Candidates, weighing: Importance, rng: np.random.Generator
) -> dict[str, dict[str, float]]:
    """Population parameters that are too narrow, the worst first."""
    usable = np.isfinite(candidates.log_target)
    own = reference = candidates.positions[usable]
    weights = weighing.weights[usable]
    if not weighing.reliable:
        own, reference = moved_by_hmc(flat, own, rng)
        weights = np.full(len(reference), 1.0 / len(reference))
    ours, theirs = flat.expand(own), flat.expand(reference)
    found = {}
    for name in flat.expanded_names:
        dims = flat.model.named_vars_to_dims.get(name) or ()
        if {SUBJECT, OCCASION} & set(dims):
            continue
        for index in np.ndindex(*ours[name].shape[1:]):
            column = ours[name][(slice(None), *index)].astype(np.float64)
            other = theirs[name][(slice(None), *index)].astype(np.float64)
            mean = float(weights @ other)
            spread = float(np.sqrt(weights @ (other - mean) ** 2))
            if column.std() < NARROW * spread:
                found[_label(flat, name, dims, index)] = {
                    "sd": float(column.std()),
                    "reference_sd": spread,
                    "mean": float(column.mean()),
                    "reference_mean": mean,
                }
    return dict(sorted(found.items(), key=lambda item: item[1]["sd"] / item[1]["reference_sd"]))


def _label(flat: FlatModel, name: str, dims: tuple[Any, ...], index: tuple[int, ...]) -> str:
    if not index:
        return name
    coords = flat.model.coords
    parts = [
        str(coords[dim][place]) if dim in coords and coords[dim] is not None else str(place)
        for dim, place in zip(dims or (None,) * len(index), index, strict=False)
    ]
    return f"{name}[{', '.join(parts)}]"


def _warn(method: str, weighing: Importance, narrow: dict[str, dict[str, float]]) -> None:
    if weighing.reliable and not narrow:
        return
    if weighing.reliable:
        reference = "by importance weighting"
        lines = [
            f"method={method!r}: the approximation is narrower than the posterior (Pareto k "
            f"{weighing.pareto_k:.2f}, below {RELIABLE}); its draws were corrected by importance "
            "resampling."
        ]
    else:
        reference = "after a few transitions of Hamiltonian Monte Carlo from its draws"
        lines = [
            f"method={method!r}: the approximation is not the posterior, and cannot be corrected: "
            f"Pareto k of its importance weights is {weighing.pareto_k:.2f} ({RELIABLE} or more). "
            'Use method="nuts".'
        ]
    if narrow:
        lines.append(f"  Too narrow: standard deviation, and {reference}:")
        lines += [
            f"  {name}: {numbers['sd']:.3g}, {numbers['reference_sd']:.3g}"
            for name, numbers in list(narrow.items())[:_SHOWN]
        ]
        if len(narrow) > _SHOWN:
            lines.append(f"  and {len(narrow) - _SHOWN} more: fit.attrs['narrow']")
    warnings.warn("\n".join(lines), ApproximationWarning, stacklevel=4)
