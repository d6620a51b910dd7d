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
from bnode_nlme.inference.importance import RELIABLE, Importance, importance, resample

NARROW = 0.8
"""Share of the importance-weighted standard deviation below which an approximation is narrow."""

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
        ``narrow`` (as JSON: standard deviation and mean of each narrow population parameter, as the
        approximation has them and by importance weighting).

    Warns
    -----
    ApproximationWarning
        Where k is 0.7 or more, or a population parameter's standard deviation is less than 0.8 of
        the importance-weighted one.
    """
    weighing = importance(candidates.log_target, candidates.log_proposal)
    usable = np.flatnonzero(np.isfinite(candidates.log_target))
    if weighing.reliable:
        chosen = resample(weighing.weights, count, rng)
    else:
        chosen = usable[np.arange(count) % usable.size]
    narrow = _narrow(flat, candidates, weighing)
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
    flat: FlatModel, candidates: Candidates, weighing: Importance
) -> dict[str, dict[str, float]]:
    """Population parameters that are too narrow, the worst first."""
    usable = np.isfinite(candidates.log_target)
    values = flat.expand(candidates.positions[usable])
    weights = weighing.weights[usable]
    found = {}
    for name in flat.expanded_names:
        dims = flat.model.named_vars_to_dims.get(name) or ()
        if {"subject", "occasion", "observation"} & set(dims):
            continue
        flattened = values[name].reshape(usable.sum(), -1)
        for place, index in enumerate(np.ndindex(*values[name].shape[1:])):
            column = flattened[:, place].astype(np.float64)
            mean = float(weights @ column)
            weighted = float(np.sqrt(weights @ (column - mean) ** 2))
            plain = float(column.std())
            # Weights of one or two draws have no spread: nothing can be said by them.
            if plain < NARROW * weighted:
                found[_label(flat, name, dims, index)] = {
                    "sd": plain,
                    "importance_sd": weighted,
                    "mean": float(column.mean()),
                    "importance_mean": mean,
                }
    return dict(sorted(found.items(), key=lambda item: item[1]["sd"] / item[1]["importance_sd"]))


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
        lines = [
            f"method={method!r}: the approximation is narrower than the posterior (Pareto k "
            f"{weighing.pareto_k:.2f}, below {RELIABLE}); its draws were corrected by importance "
            "resampling."
        ]
    else:
        lines = [
            f"method={method!r}: the approximation is not the posterior, and cannot be corrected: "
            f"Pareto k of its importance weights is {weighing.pareto_k:.2f} ({RELIABLE} or more). "
            'Standard deviations may be too small; use method="nuts".'
        ]
    if narrow:
        lines.append("  standard deviation: of the approximation, importance-weighted")
        lines += [
            f"  {name}: {numbers['sd']:.3g}, {numbers['importance_sd']:.3g}"
            for name, numbers in list(narrow.items())[:_SHOWN]
        ]
        if len(narrow) > _SHOWN:
            lines.append(f"  and {len(narrow) - _SHOWN} more: fit.attrs['narrow']")
    warnings.warn("\n".join(lines), ApproximationWarning, stacklevel=4)
