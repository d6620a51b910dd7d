"""The functions a network is made of, once for PyTensor graphs and once for NumPy arrays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytensor.tensor as pt

from bnode_nlme.dynamics.activation import ACTIVATIONS, softplus

__all__ = ["ARRAY", "GRAPH", "Arithmetic"]

Function = Callable[..., Any]


@dataclass(frozen=True)
class Arithmetic:
    """Elementwise functions, and what joins arrays along their last axis."""

    softplus: Function
    sigmoid: Function
    tanh: Function
    sin: Function
    log1p: Function
    where: Function
    joined: Function


GRAPH = Arithmetic(
    softplus.graph,
    ACTIVATIONS["sigmoid"].graph,
    ACTIVATIONS["tanh"].graph,
    lambda x: pt.sin(x),
    lambda x: pt.log1p(x),
    lambda condition, yes, no: pt.switch(condition, yes, no),
    lambda parts: pt.concatenate(parts, axis=parts[0].ndim - 1),
)
ARRAY = Arithmetic(
    softplus.array,
    ACTIVATIONS["sigmoid"].array,
    ACTIVATIONS["tanh"].array,
    np.sin,
    np.log1p,
    np.where,
    lambda parts: np.concatenate(parts, axis=-1),
)
