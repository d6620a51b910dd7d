"""Random systems with networks, declared for the engine and written in NumPy; random records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytensor.tensor as pt

from bnode_nlme.dynamics import MLP, System
from bnode_nlme.study.study import Study
from tests.engine.plain_simulator import Array, Plain
from tests.engine.tables import Row, dose, observe, predict, reset, study_of

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "softplus": lambda z: np.log1p(np.exp(z)),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "swish": lambda z: z / (1 + np.exp(-z)),
}


def network(mlp: MLP, w: Array, x: Array) -> Array:
    """The network in NumPy, w (size, m) and x (inputs, m) to (outputs, m)."""
    h = x / (1.0 if mlp.scale is None else np.reshape(mlp.scale, (-1, 1)))
    for layer in mlp.layers:
        W = w[layer.weight].reshape(layer.fan_out, layer.fan_in, -1)
        h = np.einsum("oim,im->om", W, h) + w[layer.bias]
        if layer is not mlp.layers[-1] and layer.bias.stop != mlp.size:
            h = ACTIVATIONS[mlp.activation](h)
    return np.log1p(np.exp(h)) if mlp.output == "positive" else h


@dataclass(frozen=True)
class Problem:
    """Everything that a solve takes, twice over."""

    system: System
    plain: Plain
    study: Study
    parameters: Array
    weights: Array
    covariates: Array


def random_system(rng: np.random.Generator) -> tuple[System, Plain]:
    """1 to 4 states, two networks, two outputs, a covariate, an initial expression."""
    n = int(rng.integers(1, 5))
    names = tuple(f"y{i}" for i in range(n))
    kinds = rng.choice(list(ACTIVATIONS), 2)
    drive = MLP(
        "drive",
        inputs=n + 1,
        hidden=tuple(int(k) for k in rng.integers(1, 5, size=rng.integers(1, 3))),
        activation=kinds[0],
        outputs=n,
        scale=10.0,
    )
    link = MLP(
        "link",
        inputs=1,
        hidden=(int(rng.integers(1, 6)),),
        activation=kinds[1],
        output="positive" if rng.random() < 0.5 else "linear",
        scale=5.0,
    )
    wave = float(rng.uniform(0.2, 2.0))

    def rhs(t: Any, y: Any, p: Any, nn: Any, c: Any) -> dict[str, Any]:
        push = nn.drive(*(y[name] for name in names), c.WT)
        push = push if n > 1 else pt.stack([push])
        flows = {}
        for i, name in enumerate(names):
            inflow = p[f"k{i - 1}"] * y[names[i - 1]] if i else p.gain * pt.sin(wave * t) ** 2
            flows[name] = inflow - p[f"k{i}"] * y[name] + pt.tanh(push[i])
        return flows

    system = System(
        states=names,
        parameters=(*(f"k{i}" for i in range(n)), "gain", "scale"),
        networks=(drive, link),
        covariates=("WT",),
        rhs=rhs,
        outputs={
            "level": lambda t, y, p, nn, c: y.y0 / p.scale * c.WT,
            "effect": lambda t, y, p, nn, c: (
                nn.link(y[names[-1]]) + pt.log1p(p.gain * y.y0**2) * pt.exp(-0.05 * t)
            ),
        },
        initial={names[-1]: lambda p, c: p.scale * pt.sqrt(c.WT) + p.gain},
    )

    def derivative(t: float, y: Array, p: Array, w: Array, c: Array) -> Array:
        x = np.concatenate([y, np.full((1, y.shape[1]), c[0])])
        push = np.tanh(network(drive, w[: drive.size], x))
        inflow = np.concatenate([p[n : n + 1] * np.sin(wave * t) ** 2, p[: n - 1] * y[:-1]])
        return inflow - p[:n] * y + push

    def readout(t: float, y: Array, p: Array, w: Array, c: Array) -> Array:
        level = y[:1] / p[n + 1] * c[0]
        effect = network(link, w[drive.size :], y[-1:])
        effect = effect + np.log1p(p[n] * y[:1] ** 2) * np.exp(-0.05 * t)
        return np.concatenate([level, effect, y])

    def initial(p: Array, c: Array) -> Array:
        start = np.zeros((n, p.shape[1]), complex)
        start[-1] = p[n + 1] * np.sqrt(c[0]) + p[n]
        return start

    return system, Plain(names, derivative, readout, initial)


def random_rows(rng: np.random.Generator, states: tuple[str, ...]) -> list[Row]:
    """A subject's records: every kind of event, times that coincide, any record first."""
    times = np.sort(np.round(rng.uniform(-2, 8, size=rng.integers(3, 9)) * 4) / 4)
    rows: list[Row] = []
    for time in times:
        kind = rng.choice(["observe", "predict", "bolus", "infusion", "reset", "both"],
                          p=[0.45, 0.08, 0.2, 0.15, 0.06, 0.06])  # fmt: skip
        into = str(rng.choice([*states, "", "1"]))
        amount = float(np.round(rng.uniform(1, 20), 2))
        more: dict[str, Any] = {
            "additional": int(rng.integers(0, 4)),
            "interval": float(rng.choice([0.5, 1.3])),
        }
        if kind == "observe":
            rows.append(observe(time))
        elif kind == "predict":
            rows.append(predict(time))
        elif kind == "bolus":
            rows.append(dose(time, amount, into=into, **more))
        elif kind == "infusion":
            rate = float(np.round(rng.uniform(2, 20), 1))
            rows.append(dose(time, amount, into=into, rate=rate, **more))
        elif kind == "reset":
            rows.append(reset(time))
        else:
            rows.append(dose(time, amount, into=into, evid=4, **more))
    if rng.random() < 0.9:
        rows.append(observe(float(times[-1])))
        rows.append(observe(float(times[-1] + np.round(rng.uniform(0, 3), 1))))
    return rows


def random_problem(seed: int) -> Problem:
    rng = np.random.default_rng(seed)
    system, plain = random_system(rng)
    subjects = int(rng.integers(1, 4))
    weight = rng.uniform(0.6, 1.6, size=subjects)
    study = study_of(
        *(random_rows(rng, plain.states) for _ in range(subjects)),
        covariates={"WT": weight.tolist()},
    )
    return Problem(
        system,
        plain,
        study,
        parameters=rng.uniform(0.2, 1.8, size=(subjects, len(system.parameters))),
        weights=rng.normal(scale=0.8, size=system.n_weights),
        covariates=weight[:, None],
    )
