"""The activation functions of a network, each as a PyTensor graph and as a NumPy function."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytensor.tensor as pt
from numpy.typing import NDArray

from bnode_nlme.dynamics.expression import Expression

__all__ = ["ACTIVATIONS", "Activation", "softplus"]


@dataclass(frozen=True)
class Activation:
    """An elementwise function between the layers of a network.

    Attributes
    ----------
    graph : callable
        The function on PyTensor variables.
    array : callable
        The same function on NumPy arrays.
    increasing : bool
        Whether it never decreases, which a monotone network needs.
    """

    graph: Callable[[Expression], Expression]
    array: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    increasing: bool


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    # exp of a non-positive number never overflows, whichever sign x has
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def _softplus(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.logaddexp(0.0, x)


softplus = Activation(lambda x: pt.softplus(x), _softplus, increasing=True)

ACTIVATIONS: dict[str, Activation] = {
    "tanh": Activation(lambda x: pt.tanh(x), np.tanh, increasing=True),
    "softplus": softplus,
    "sigmoid": Activation(lambda x: pt.sigmoid(x), _sigmoid, increasing=True),
    "relu": Activation(lambda x: pt.maximum(x, 0.0), lambda x: np.maximum(x, 0.0), increasing=True),
    "swish": Activation(lambda x: x * pt.sigmoid(x), lambda x: x * _sigmoid(x), increasing=False),
}
"""Name to activation:

``tanh``
    Bounded and smooth; the default. It saturates, so inputs should be of order one (``scale=``).
``softplus``
    log(1 + exp(x)): smooth, grows linearly; a smooth relu.
``sigmoid``
    1 / (1 + exp(-x)): bounded in (0, 1), smooth.
``relu``
    max(x, 0): piecewise linear. Its kink makes ODE solvers and NUTS take smaller steps.
``swish``
    x * sigmoid(x): smooth, dips below zero, not monotone.
"""
