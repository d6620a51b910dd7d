"""Weights of a network that are different and mean the same function."""

from __future__ import annotations

from collections.abc import Sequence
from math import factorial, prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bnode_nlme.dynamics.mlp import MLP

Array = NDArray[np.float64]


def flips(network: MLP) -> bool:
    """Whether a hidden unit may change its sign: tanh is odd, and no weight is kept positive."""
    return network.activation == "tanh" and network.output != "monotone"


def symmetries(network: MLP) -> int:
    """Number of weight vectors with the function of one: permutations and changes of sign."""
    of_unit = 2 if flips(network) else 1
    return prod(factorial(width) * of_unit**width for width in network.hidden)


def symmetric_copy(
    network: MLP, w: ArrayLike, layer: int, order: ArrayLike, signs: ArrayLike | None = None
) -> Array:
    """Rearrange the units of one hidden layer, in and out together.

    Parameters
    ----------
    network
        The network.
    w : array_like (..., size)
        Its weights; leading axes are draws.
    layer
        Which hidden layer, counted from 0.
    order : array_like (units,) or (..., units)
        The units that take the first, second, ... place.
    signs : array_like (..., units), optional
        1 or -1 for each unit, before it is moved.

    Returns
    -------
    ndarray (..., size)
        Of the same function.

    Raises
    ------
    ValueError
        When a sign is changed and the activation is not odd, or weights are kept positive.
    """
    w = np.asarray(w, dtype=np.float64)
    units = network.hidden[layer]
    shape = (*w.shape[:-1], units)
    order = np.broadcast_to(np.asarray(order, dtype=np.intp), shape)
    turned = np.broadcast_to(np.ones(units) if signs is None else np.asarray(signs), shape)
    if np.any(turned < 0) and not flips(network):
        raise ValueError(
            f"Network {network.name!r}: units of activation={network.activation!r} and "
            f"output={network.output!r} may be permuted and not change their sign."
        )
    parts = network.unpack(w)
    W, b = parts[layer]
    after, after_b = parts[layer + 1]
    W = np.take_along_axis(W * turned[..., None], order[..., None], axis=-2)
    b = np.take_along_axis(b * turned, order, axis=-1)
    after = np.take_along_axis(after * turned[..., None, :], order[..., None, :], axis=-1)
    return _joined(
        [*parts[:layer], (W, b), (after, after_b), *parts[layer + 2 :]], leading=w.shape[:-1]
    )


def in_one_order(network: MLP, w: ArrayLike) -> Array:
    """One of all the symmetric copies of each weight vector.

    The first incoming weight of every unit is not negative where signs may change, and units are in
    order of their biases.
    """
    w = np.asarray(w, dtype=np.float64)
    for layer in range(len(network.hidden)):
        W, b = network.unpack(w)[layer]
        signs = np.where(W[..., 0] < 0.0, -1.0, 1.0) if flips(network) else np.ones_like(b)
        w = symmetric_copy(network, w, layer, np.argsort(b * signs, axis=-1), signs)
    return w


def _joined(parts: Sequence[tuple[Any, Any]], leading: tuple[int, ...]) -> Array:
    flat = [piece.reshape((*leading, -1)) for part in parts for piece in part]
    return np.concatenate(flat, axis=-1)
