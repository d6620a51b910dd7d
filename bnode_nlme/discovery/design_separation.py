"""Which planned study would tell two fitted models apart."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.results.predict import predict
from bnode_nlme.study.study import Study

Array = NDArray[np.float64]

_LEAST = 100
"""Simulated patients, at least, that a covariance is estimated from."""


def design_separation(
    mechanistic: Fit,
    hybrid: Fit,
    designs: Mapping[str, Study],
    *,
    worthwhile: float,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """How far what two models foretell of new patients parts, design by design.

    Parameters
    ----------
    mechanistic, hybrid
        The fits.
    designs
        Planned studies by name, such as those of `Study.from_regimen`; their measured values, if
        any, are not used.
    worthwhile
        Difference in ELPD, in nats, that is to be reached.
    draws
        Simulated patients for each patient of a design.
    seed

    Returns
    -------
    pandas.DataFrame
        Indexed by ``design``, the best first: ``if_network`` and ``if_mechanism``, the nats that
        one patient is expected to add to the difference in log predictive density, in favour of the
        hybrid where that is right and of the mechanistic model where it is; ``subjects``, how many
        patients, three at least, are expected to reach `worthwhile` whichever is right.

    Raises
    ------
    TypeError
        When a design is no `Study`.
    ValueError
        When there is none, one has no observations, or most of its solves fail.

    Notes
    -----
    The Kullback-Leibler divergence between the predictive distributions of one patient's
    measurements, each taken as multivariate normal with the mean and covariance of simulated
    patients, less what it is expected to be between two samples of one distribution,
    ``(d + d (d + 1) / 2) / draws`` for d measurements. So it ranks designs rather than measures them
    where measurements are far from normal.
    """
    if not isinstance(designs, Mapping) or not designs:
        raise ValueError(
            "verdict: designs= wants planned studies by name, such as {'daily': "
            f"bn.Study.from_regimen(...)}}; found {designs!r}."
        )
    rows = []
    for name, study in designs.items():
        if not isinstance(study, Study):
            raise TypeError(
                f"verdict: design {name!r} wants a bn.Study, such as of bn.Study.from_regimen(...); "
                f"found {type(study).__name__}."
            )
        if not study.n_observations:
            raise ValueError(
                f"verdict: design {name!r} has no observations. Give times= to "
                "bn.Study.from_regimen."
            )
        simulated = [_measurements(fit, study, name, draws, seed) for fit in (hybrid, mechanistic)]
        subject = study.records.subject[study.observations]
        gains = np.array([
            [divergence(first[:, own], second[:, own])
             for first, second in (simulated, simulated[::-1])]
            for own in (subject == place for place in np.unique(subject))
        ]).mean(axis=0)  # fmt: skip
        wanted = max(3.0, np.ceil(worthwhile / gains.min())) if gains.min() > 0.0 else np.inf
        rows.append((name, *gains, wanted))
    table = pd.DataFrame(rows, columns=["design", "if_network", "if_mechanism", "subjects"])
    return table.sort_values("subjects", kind="stable").set_index("design")


def divergence(first: Array, second: Array) -> float:
    """Kullback-Leibler divergence of the first sample's normal distribution from the second's.

    Parameters
    ----------
    first, second
        Samples (draws, measurements).

    Returns
    -------
    float
        In nats; not below 0. What is expected of equal distributions is taken off. Measurements
        that are the same in all draws of both samples, as before the first dose, are left out.
    """
    varies = (np.ptp(first, axis=0) > 0.0) | (np.ptp(second, axis=0) > 0.0)
    varies |= first[0] != second[0]
    if not varies.any():
        return 0.0
    first, second = first[:, varies], second[:, varies]
    if min(np.ptp(first, axis=0).min(), np.ptp(second, axis=0).min()) == 0.0:
        return float("inf")
    size = first.shape[1]
    apart = second.mean(axis=0) - first.mean(axis=0)
    own, other = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (first, second))
    trace = np.trace(np.linalg.solve(other, own))
    distance = apart @ np.linalg.solve(other, apart)
    volumes = np.linalg.slogdet(other)[1] - np.linalg.slogdet(own)[1]
    by_chance = (size + size * (size + 1) / 2) * (0.5 / len(first) + 0.5 / len(second))
    return float(max(0.5 * (trace + distance - size + volumes) - by_chance, 0.0))


def _measurements(fit: Fit, study: Study, name: str, draws: int, seed: int) -> Array:
    """Simulated measurements (draws, observations) of new patients; failed ones left out."""
    predicted = predict(fit, study, kind="new", draws=draws, residual_error=True, seed=seed)
    labels = study.records.output[study.observations]
    outputs = [
        key.removesuffix("_measured") for key in map(str, predicted) if key.endswith("_measured")
    ]
    values = np.empty((predicted.sizes["sample"], study.n_observations))
    for place, label in enumerate(labels):
        output = label or outputs[0]
        values[:, place] = predicted[f"{output}_measured"].to_numpy()[:, place]
    kept: Array = values[np.isfinite(values).all(axis=1)]
    if len(kept) < max(_LEAST, draws // 2):
        raise ValueError(
            f"verdict: of {draws} simulations of design {name!r}, {draws - len(kept)} failed. "
            "bn.predict(fit, design, kind='new') says why."
        )
    return kept
