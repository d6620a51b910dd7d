"""Priors over the weights of a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.distributions.contrast import contrast_points, pin_contrast
from bnode_nlme.distributions.pinned_values import pin_values, pinned_points
from bnode_nlme.dynamics.mlp import MLP

Prior = Literal["normal", "laplace", "horseshoe"]
PRIORS: tuple[Prior, ...] = get_args(Prior)


def NetworkWeights(  # noqa: N802  named as the distribution that it stands for
    name: str,
    network: MLP,
    *,
    prior: Prior = "normal",
    scale: float = 1.0,
    contrast: Sequence[Any] | None = None,
    pinned: Sequence[Any] | None = None,
    relevant: float | None = None,
) -> TensorVariable:
    """Hierarchical prior over a network's flat weight vector.

    Each layer has one learned scale s, half-normal with scale `scale`; by default its weights are normal
    with standard deviation ``s / sqrt(fan-in)`` and its biases with s, so that the variance of a
    layer's output does not depend on its width (Neal 1996, doi:10.1007/978-1-4612-0745-0).
    Sampled standardised.

    Weights are not identified (hidden units permute, tanh flips sign): judge convergence on the
    network's values over a grid, never on the weights. A monotone network's weights are meant as
    they are in the flat vector, before softplus makes them positive.

    Parameters
    ----------
    name
        Name of the weight vector and prefix of its parts.
    network
        The network.
    prior
        ``"normal"``; or one that shrinks most weights towards 0 and leaves few alone, biases normal
        as before. ``"laplace"``: weights have a Laplace distribution with the normal prior's
        standard deviation (Williams 1995, doi:10.1162/neco.1995.7.1.117), as a normal one times
        the root of a standard exponential variable. ``"horseshoe"``: the normal prior's standard
        deviation is multiplied by t / sqrt(1 + t^2) with t the product of two standard half-Cauchy
        variables, one of the weight and one of its layer: a regularised horseshoe whose slab is
        the normal prior, half of the weights expected to matter (Piironen and Vehtari 2017,
        doi:10.1214/17-EJS1337SI, equation 2.8). Its posterior is funnel-shaped: sample with
        ``target_accept=0.95`` or above. Not with `contrast` or `pinned`.
    scale
        Scale of the half-normal priors of the layers' scales; of order one where the network's
        inputs are.
    contrast : two arrays (points, inputs), optional
        Two regions between which the data determine the network's difference well. That
        difference of means is then sampled itself, as ``f"{name}_contrast"``, in place of one
        direction of the last layer. The prior is the same; NUTS can take longer steps, because
        what the data determine is no longer a curved surface in the space of the weights. Only for
        networks with one linear output, and only where the data do determine the contrast.
    pinned : array (points,) or (points, inputs), optional
        Two to four points spread over where the data determine the network's value well. Its
        values there, before the output's transform, are then sampled themselves, as
        ``f"{name}_value_0"`` and so on, in place of as many directions of the last layer. The
        prior is the same; NUTS can take longer steps, as with `contrast`, of which it is the
        stronger form. Not for monotone networks, whose last layer is not linear in its weights.
    relevant
        How many of the network's inputs are expected to matter, for automatic relevance: the
        weights that leave input j are multiplied by ``f"{name}_relevance"[j]``, which lies between
        0 (the input does nothing) and 1. It is t / sqrt(1 + t^2) with t the product of two
        half-Cauchy variables, one for the input and one for all, whose scale is relevant over the
        number of the others: a horseshoe with a slab (Piironen and Vehtari 2017,
        doi:10.1214/17-EJS1337SI) for each input's weights together.

    Returns
    -------
    TensorVariable (network.size,)
        With the dim ``f"{name}_weight"``, labelled ``W0[i,j]`` (layer, unit, input) and ``b0[i]``.
        Also in the posterior: ``f"{name}_scale"`` (layers,) with the dim ``f"{name}_layer"``, and
        what is sampled, the standardised weights ``f"{name}_z"`` (network.size,); of a prior that
        shrinks, ``f"{name}_local"`` of each weight that is no bias, with the dim
        ``f"{name}_shrunk"``, and of the horseshoe ``f"{name}_tau"`` of each layer.

    Raises
    ------
    ValueError
        When `network` is no MLP, `prior` is not one of the choices, `scale` is not positive,
        `contrast` or `pinned` do not fit the network or the prior, both are given, or `relevant`
        is not below the number of inputs.
    """
    if prior not in PRIORS:
        raise ValueError(
            f"NetworkWeights({name!r}): prior= wants one of {', '.join(map(repr, PRIORS))}; found "
            f"{prior!r}."
        )
    if not isinstance(network, MLP):
        raise ValueError(f"NetworkWeights({name!r}): network= wants an MLP; found {network!r}.")
    if not (np.isscalar(scale) and np.isfinite(scale) and scale > 0.0):
        raise ValueError(
            f"NetworkWeights({name!r}): scale= wants a positive number; found {scale!r}."
        )
    if relevant is not None and not 0.0 < relevant < network.inputs:
        raise ValueError(
            f"NetworkWeights({name!r}): relevant= wants a number above 0 and below that of the "
            f"network's inputs, {network.inputs}; found {relevant!r}."
        )
    if prior != "normal" and (contrast is not None or pinned is not None):
        raise ValueError(
            f"NetworkWeights({name!r}): {'contrast' if pinned is None else 'pinned'}= wants "
            f"prior='normal', whose last layer it takes directions of; found {prior!r}. Leave one "
            "of them out."
        )
    points = None if contrast is None else contrast_points(name, network, contrast)
    values = None if pinned is None else pinned_points(name, network, pinned)
    if points is not None and values is not None:
        raise ValueError(
            f"NetworkWeights({name!r}): contrast= and pinned= both take directions of the last "
            "layer; give one of them."
        )
    model = pm.modelcontext(None)
    weight, layer = f"{name}_weight", f"{name}_layer"
    model.add_coord(layer, np.arange(len(network.layers)))
    labels = np.empty(network.size, dtype=object)
    of_layer = np.empty(network.size, dtype=np.int64)
    shrinkage = np.ones(network.size)
    for index, part in enumerate(network.layers):
        of_layer[part.weight.start : part.bias.stop] = index
        shrinkage[part.weight] = 1.0 / np.sqrt(part.fan_in)
        labels[part.weight] = [
            f"W{index}[{i},{j}]" for i in range(part.fan_out) for j in range(part.fan_in)
        ]
        labels[part.bias] = [f"b{index}[{i}]" for i in range(part.fan_out)]
    model.add_coord(weight, labels.astype(str))
    scales = pm.HalfNormal(f"{name}_scale", scale, dims=layer)
    z = pm.Normal(f"{name}_z", dims=weight)
    weights = z * scales[of_layer] * shrinkage
    if prior != "normal":
        weights = weights * _local_scales(name, network, prior, labels, of_layer)
    if relevant is not None:
        weights = _with_relevance(name, network, weights, relevant)
    if points is not None:
        sd = scales[-1] / np.sqrt(network.layers[-1].fan_in)
        weights = pin_contrast(name, network, weights, sd, points)
    if values is not None:
        weights = pin_values(name, network, weights, scales[-1], values)
    return pm.Deterministic(name, weights, dims=weight)


def _local_scales(
    name: str, network: MLP, prior: Prior, labels: NDArray[Any], of_layer: NDArray[np.int64]
) -> TensorVariable:
    """Factors on the weights' standard deviations, 1 for biases, (network.size,)."""
    dim = f"{name}_shrunk"
    shrunk = np.concatenate(
        [np.arange(part.weight.start, part.weight.stop) for part in network.layers]
    )
    pm.modelcontext(None).add_coord(dim, labels[shrunk].astype(str))
    if prior == "laplace":
        factor = pt.sqrt(pm.Exponential(f"{name}_local", 1.0, dims=dim))
    else:
        tau = pm.HalfCauchy(f"{name}_tau", 1.0, dims=f"{name}_layer")
        reach = pm.HalfCauchy(f"{name}_local", 1.0, dims=dim) * tau[of_layer[shrunk]]
        factor = reach / pt.sqrt(1.0 + reach**2)
    return pt.set_subtensor(pt.ones(network.size)[shrunk], factor)


def _with_relevance(
    name: str, network: MLP, weights: TensorVariable, relevant: float
) -> TensorVariable:
    """Shrink the first layer's weights, input by input."""
    dim = f"{name}_input"
    pm.modelcontext(None).add_coord(dim, np.arange(network.inputs))
    local = pm.HalfCauchy(f"{name}_relevance_local", 1.0, dims=dim)
    scale = relevant / (network.inputs - relevant)
    reach = local * pm.HalfCauchy(f"{name}_relevance_global", scale)
    relevance = pm.Deterministic(f"{name}_relevance", reach / pt.sqrt(1.0 + reach**2), dims=dim)
    first = network.layers[0]
    # Weights of a layer lie unit by unit, each with all inputs.
    factor = pt.tile(relevance, first.fan_out)
    return pt.set_subtensor(weights[first.weight], weights[first.weight] * factor)
