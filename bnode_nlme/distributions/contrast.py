"""A network's contrast between two regions, sampled itself in place of a direction of weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.dynamics.mlp import MLP

_SMALLEST = 1e-6
"""Keeps the density finite where all weights are 0, where PyMC begins before it adds jitter."""


def contrast_points(
    name: str, network: MLP, contrast: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two sets of points, each (points, inputs).

    Raises
    ------
    ValueError
        When the network has no contrast that is linear in its last layer, or there are not two
        sets of points.
    """
    where = f"NetworkWeights({name!r}): contrast="
    bounded = network.lower is not None or network.upper is not None
    if network.output != "linear" or network.outputs != 1 or bounded:
        raise ValueError(
            f"{where} wants a network with output='linear', one output and neither lower= nor "
            f"upper=; found output={network.output!r} with {network.outputs}, "
            f"lower={network.lower}, upper={network.upper}."
        )
    if not (isinstance(contrast, (tuple, list)) and len(contrast) == 2):
        raise ValueError(
            f"{where} wants two arrays (points, inputs), upper and lower; found {contrast!r}."
        )
    sets = []
    for given in contrast:
        points = np.asarray(given, dtype=np.float64)
        if points.ndim == 1 and network.inputs == 1:
            points = points[:, None]
        if points.ndim != 2 or points.shape[1] != network.inputs or not points.size:
            raise ValueError(
                f"{where} wants points of shape (points, {network.inputs}); found "
                f"{np.shape(given)}."
            )
        if not np.all(np.isfinite(points)):
            raise ValueError(f"{where} wants finite points; found {given!r}.")
        sets.append(points)
    return sets[0], sets[1]


def pin_contrast(
    name: str,
    network: MLP,
    weights: TensorVariable,
    sd: TensorVariable,
    points: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> TensorVariable:
    """The weights with their contrast replaced by one that is sampled itself.

    Given the hidden layers, the contrast is linear in the last layer's weights w, ``c @ w``, and
    so normal with the standard deviation ``sd * |c|``. Drawn on its own, it replaces what the
    weights had: ``w + c (contrast - c @ w) / |c|²`` has the distribution of w (Matheron's rule;
    Journel and Huijbregts 1978, Mining Geostatistics).

    Parameters
    ----------
    name
        Prefix of the contrast's name.
    network
        The network.
    weights : TensorVariable (network.size,)
        Its weights; those of the last layer are normal with the standard deviation `sd`, given
        the others.
    sd : TensorVariable ()
        See `weights`.
    points
        As `contrast_points` returns them.

    Returns
    -------
    TensorVariable (network.size,)
    """
    last = network.layers[-1]
    at = network.features(weights, np.concatenate(points))
    split = len(points[0])
    c = at[:split].mean(axis=0) - at[split:].mean(axis=0)
    norm = pt.sqrt((c * c).sum() + _SMALLEST**2)
    contrast = pm.Normal(f"{name}_contrast", 0.0, sd * norm)
    w = weights[last.weight]
    pinned = w + c * (contrast - (c * w).sum()) / norm**2
    result: TensorVariable = weights[last.weight].set(pinned)
    return result
