"""A small dense network for any array library, with weights in the order of `bnode_nlme.MLP`."""

from __future__ import annotations

from typing import Any

import bnode_nlme as bn


def dense(xp: Any, network: bn.MLP, weights: Any, *inputs: Any) -> Any:
    """The last layer of a tanh network before its output function.

    `inputs` are scalars, or vectors over subjects; `network.scale` is for the caller.
    """
    layer = xp.stack(inputs)
    last = len(network.layers) - 1
    for index, each in enumerate(network.layers):
        matrix = weights[each.weight].reshape(each.fan_out, each.fan_in)
        bias = weights[each.bias].reshape(-1, *[1] * (layer.ndim - 1))
        layer = xp.tensordot(matrix, layer, 1) + bias
        if index < last:
            layer = xp.tanh(layer)
    return layer[0]


def softplus(xp: Any, x: Any) -> Any:
    """log(1 + exp(x)) without overflow."""
    return xp.logaddexp(x, 0.0)
