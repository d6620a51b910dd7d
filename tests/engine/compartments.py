"""Linear compartments: systems and, beside them, their closed forms by superposition."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.dynamics import System

type Array = NDArray[np.float64]
type Response = Callable[[Array], Array]

KA, CL, V = 1.3, 2.9, 31.0
ONE = {"ka": KA, "CL": CL, "V": V}
CL2, V1, Q, V2 = 3.1, 12.0, 4.7, 40.0
TWO = {"CL": CL2, "V1": V1, "Q": Q, "V2": V2}

one_compartment = System(
    states=("depot", "central"),
    parameters=("ka", "CL", "V"),
    rhs=lambda t, y, p, nn, c: {
        "depot": -p.ka * y.depot,
        "central": p.ka * y.depot - p.CL / p.V * y.central,
    },
    outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
)

two_compartments = System(
    states=("central", "peripheral"),
    parameters=("CL", "V1", "Q", "V2"),
    rhs=lambda t, y, p, nn, c: {
        "central": -(p.CL + p.Q) / p.V1 * y.central + p.Q / p.V2 * y.peripheral,
        "peripheral": p.Q / p.V1 * y.central - p.Q / p.V2 * y.peripheral,
    },
    outputs={"cp": lambda t, y, p, nn, c: y.central / p.V1},
)


def one_bolus(elapsed: Array) -> Array:
    """Concentration after a unit bolus into the central compartment."""
    return np.exp(-CL / V * elapsed) / V


def one_oral(elapsed: Array) -> Array:
    """Concentration after a unit dose into the depot (Bateman 1910)."""
    k = CL / V
    return KA / V / (KA - k) * (np.exp(-k * elapsed) - np.exp(-KA * elapsed))


def two_bolus(elapsed: Array) -> Array:
    """Concentration after a unit bolus: A exp(-alpha t) + B exp(-beta t)."""
    alpha, beta, A, B = macro_constants()
    return A * np.exp(-alpha * elapsed) + B * np.exp(-beta * elapsed)


def macro_constants() -> tuple[float, float, float, float]:
    k10, k12, k21 = CL2 / V1, Q / V1, Q / V2
    total, product = k10 + k12 + k21, k10 * k21
    alpha = (total + np.sqrt(total**2 - 4 * product)) / 2
    beta = product / alpha
    return (
        alpha,
        beta,
        (alpha - k21) / (alpha - beta) / V1,
        (k21 - beta) / (alpha - beta) / V1,
    )


def infused(terms: Sequence[tuple[float, float]], rate: float, duration: float) -> Response:
    """Response to an infusion, for a unit bolus's response sum(A exp(-k t)) given as (A, k)."""

    def response(elapsed: Array) -> Array:
        running = np.minimum(elapsed, duration)
        after = elapsed - running
        parts = [rate * A / k * (1 - np.exp(-k * running)) * np.exp(-k * after) for A, k in terms]
        return np.sum(parts, axis=0, dtype=np.float64)

    return response


def one_infusion(rate: float, duration: float) -> Response:
    return infused([(1 / V, CL / V)], rate, duration)


def one_depot_infusion(rate: float, duration: float) -> Response:
    k = CL / V
    A = KA / V / (KA - k)
    return infused([(A, k), (-A, KA)], rate, duration)


def two_infusion(rate: float, duration: float) -> Response:
    alpha, beta, A, B = macro_constants()
    return infused([(A, alpha), (B, beta)], rate, duration)


def superposed(times: Array, given: Sequence[tuple[float, float, Response]]) -> Array:
    """Sum of responses to doses (time, factor, response); a dose acts from its time on."""
    total = np.zeros(len(times))
    for start, factor, response in given:
        elapsed = times - start
        total += np.where(elapsed >= 0, factor * response(np.maximum(elapsed, 0)), 0.0)
    return total
