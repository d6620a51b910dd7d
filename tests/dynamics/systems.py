"""Systems for the tests, each with its derivative, outputs and initial state in plain NumPy."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytensor.tensor as pt
from numpy.typing import NDArray

from bnode_nlme.dynamics import MLP, System

type Array = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """A system, and the same written by hand: (t, y, p, w, c) -> (derivative, outputs, initial)."""

    name: str
    system: System
    by_hand: Callable[[float, Array, Array, Array, Array], tuple[list[float], ...]]


def _one_compartment(
    t: float, y: Array, p: Array, w: Array, c: Array
) -> tuple[list[float], list[float], list[float]]:
    (ka, CL, V), (depot, central), (WT,) = p, y, c
    volume = V * WT / 70
    return (
        [-ka * depot, ka * depot - CL * (WT / 70) ** 0.75 / volume * central],
        [central / volume],
        [0.0, 0.0],
    )


def _two_compartments(
    t: float, y: Array, p: Array, w: Array, c: Array
) -> tuple[list[float], list[float], list[float]]:
    (CL, V1, Q, V2, base), (central, peripheral, area) = p, y
    forth, back = Q / V1 * central, Q / V2 * peripheral
    return (
        [back - forth - CL / V1 * central, forth - back, central / V1],
        [central / V1, np.log(area + 1.0) * np.exp(-0.1 * t)],
        [base * V1, 0.0, 0.0],
    )


def _target_mediated(
    t: float, y: Array, p: Array, w: Array, c: Array
) -> tuple[list[float], list[float], list[float]]:
    (kel, kon, koff, ksyn, kdeg, kint), (L, R, LR) = p, y
    binding = kon * L * R - koff * LR
    return (
        [-kel * L - binding, ksyn - kdeg * R - binding, binding - kint * LR],
        [L, R, LR],
        [0.0, ksyn / kdeg, 0.0],
    )


def _networks(
    t: float, y: Array, p: Array, w: Array, c: Array
) -> tuple[list[float], list[float], list[float]]:
    (V, eta), (depot, central) = p, y
    # absorption: 1-3-1 tanh, positive, scale 50: W (3, 1), b (3,), W (1, 3), b (1,)
    h = np.tanh(w[0:3] * depot / 50.0 + w[3:6])
    ka = np.log1p(np.exp(w[6:9] @ h + w[9]))
    # exchange: 2-2-2 swish, linear, anchored at 0
    u = w[10:14].reshape(2, 2) @ np.array([central / V, eta]) + w[14:16]
    u, u0 = u / (1 + np.exp(-u)), w[14:16] / (1 + np.exp(-w[14:16]))
    loss, gain = w[16:20].reshape(2, 2) @ (u - u0)
    return (
        [-ka * depot, ka * depot - loss],
        [central / V + gain],
        [0.0, 0.0],
    )


CASES = [
    Case(
        "one compartment",
        System(
            states=("depot", "central"),
            parameters=("ka", "CL", "V"),
            covariates=("WT",),
            rhs=lambda t, y, p, nn, c: {
                "depot": -p.ka * y.depot,
                "central": p.ka * y.depot
                - p.CL * (c.WT / 70) ** 0.75 / (p.V * c.WT / 70) * y["central"],
            },
            outputs={"cp": lambda t, y, p, nn, c: y.central / (p.V * c.WT / 70)},
        ),
        _one_compartment,
    ),
    Case(
        "two compartments",
        System(
            ("central", "peripheral", "area"),
            ("CL", "V1", "Q", "V2", "base"),
            # in another order than states=, which must not matter
            lambda t, y, p, nn, c: {
                "area": y.central / p.V1,
                "peripheral": p.Q / p.V1 * y.central - p.Q / p.V2 * y.peripheral,
                "central": p.Q / p.V2 * y.peripheral - (p.Q + p.CL) / p.V1 * y.central,
            },
            outputs={
                "cp": lambda t, y, p, nn, c: y.central / p.V1,
                "effect": lambda t, y, p, nn, c: pt.log1p(y.area) * pt.exp(-0.1 * t),
            },
            initial={"central": lambda p, c: p.base * p.V1},
        ),
        _two_compartments,
    ),
    Case(
        "target-mediated disposition",
        System(
            states=("L", "R", "LR"),
            parameters=("kel", "kon", "koff", "ksyn", "kdeg", "kint"),
            rhs=lambda t, y, p, nn, c: {
                "L": -p.kel * y.L - p.kon * y.L * y.R + p.koff * y.LR,
                "R": p.ksyn - p.kdeg * y.R - p.kon * y.L * y.R + p.koff * y.LR,
                "LR": p.kon * y.L * y.R - (p.koff + p.kint) * y.LR,
            },
            initial={"R": lambda p, c: p.ksyn / p.kdeg},
        ),
        _target_mediated,
    ),
    Case(
        "network absorption and exchange",
        System(
            states=("depot", "central"),
            parameters=("V", "eta"),
            networks=(
                MLP("absorption", 1, (3,), output="positive", scale=50.0),
                MLP("exchange", 2, (2,), activation="swish", outputs=2, anchor=0.0),
            ),
            rhs=lambda t, y, p, nn, c: {
                "depot": -nn.absorption(y.depot) * y.depot,
                "central": nn.absorption(y.depot) * y.depot
                - nn.exchange(y.central / p.V, p.eta)[0],
            },
            outputs={
                "cp": lambda t, y, p, nn, c: (
                    y.central / p.V + nn["exchange"](pt.stack([y.central / p.V, p.eta]))[1]
                ),
            },
        ),
        _networks,
    ),
]
