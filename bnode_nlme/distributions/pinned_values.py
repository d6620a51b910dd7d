"""A network's values at a few points, sampled themselves in place of directions of its weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.dynamics.mlp import MLP

_SMALLEST = 1e-9
"""Keeps the density finite where all weights are 0, where PyMC begins before it adds jitter."""


def pinned_points(name: str, network: MLP, pinned: Any) -> NDArray[np.float64]:
    """The points, (points, inputs).

    Raises
    ------
    ValueError
        When the network's last layer is not linear in its weights, or these are no points, or more
        than the last layer has weights.
    """
    where = f"NetworkWeights({name!r}): pinned="
    if network.output == "monotone" or network.outputs != 1:
        raise ValueError(
            f"{where} wants a network with one output whose last layer is linear in its weights; "
            f"found output={network.output!r} with {network.outputs}."
        )
    points = np.asarray(pinned, dtype=np.float64)
    if points.ndim == 1 and network.inputs == 1:
        points = points[:, None]
    most = network.layers[-1].fan_in
    if points.ndim != 2 or points.shape[1] != network.inputs or not 1 <= len(points) <= most:
        raise ValueError(
            f"{where} wants points of shape (points, {network.inputs}), 1 to {most} of them; found "
            f"shape {np.shape(pinned)}."
        )
    if not np.all(np.isfinite(points)):
        raise ValueError(f"{where} wants finite points; found {pinned!r}.")
    return points


def pin_values(
    name: str,
    network: MLP,
    weights: TensorVariable,
    scale: TensorVariable,
    points: NDArray[np.float64],
) -> TensorVariable:
    """The weights with the network's values at points replaced by such as are sampled themselves.

    Given the hidden layers, values before the output's transform are linear in the last layer's
    weights, ``D @ w``, and so normal. They are drawn one after the other, each given those before
    it, and replace what the weights had: of standardised weights z the components along the
    orthonormalised rows of D are exchanged, the others stay (Matheron's rule; Journel and
    Huijbregts 1978, Mining Geostatistics). So the weights have the distribution that they had.

    Parameters
    ----------
    name
        Prefix of the values' names.
    network
        The network.
    weights : TensorVariable (network.size,)
        Its weights; those of the last layer are independent and normal, given the others.
    scale : TensorVariable ()
        Standard deviation of the last layer's bias; of its weights times the root of the fan-in.
    points
        As `pinned_points` returns them.

    Returns
    -------
    TensorVariable (network.size,)
    """
    last = network.layers[-1]
    sd = np.full(last.fan_in, last.fan_in**-0.5)
    features = network.features(weights, points)
    if network.anchor is None:
        sd = np.append(sd, 1.0)
        features = pt.concatenate([features, np.ones((len(points), 1))], axis=1)
    place = slice(last.weight.start, last.weight.start + sd.size)
    rows = features * (sd * scale)
    z = weights[place] / (sd * scale)
    axes: list[Any] = []
    along: list[Any] = []
    for number in range(len(points)):
        row = rows[number]
        shares = [(axis * row).sum() for axis in axes]
        rest = row - _sum([share * axis for share, axis in zip(shares, axes, strict=True)])
        length = pt.sqrt((rest * rest).sum() + _SMALLEST**2)
        foreseen = _sum([share * own for share, own in zip(shares, along, strict=True)])
        value = pm.Normal(f"{name}_value_{number}", foreseen, length)
        axes.append(rest / length)
        along.append((value - foreseen) / length)
    exchanged = z + _sum(
        [axis * (own - (axis * z).sum()) for axis, own in zip(axes, along, strict=True)]
    )
    result: TensorVariable = weights[place].set(exchanged * sd * scale)
    return result


def _sum(terms: Sequence[Any]) -> Any:
    return sum(terms[1:], terms[0]) if terms else 0.0
