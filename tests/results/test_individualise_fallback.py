"""A patient whose posterior is a thin bent ridge: importance weights say so, and NUTS follows it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bnode_nlme as bn
from bnode_nlme.inference import Fit
from tests.results.made_fits import made_fit, theophylline_fit

OMEGA, SIGMA, MEASURED = 0.8, 0.05, 2.5

pytestmark = pytest.mark.slow


def patient() -> bn.Study:
    """Two measurements of a sum whose terms are both the patient's own."""
    rows = [
        {"ID": 7, "TIME": time, "EVID": 0, "AMT": 0.0, "DV": MEASURED, "MDV": 0}
        for time in (0.0, 1.0)
    ]
    return bn.read_nonmem(pd.DataFrame(rows))


def sum_fit() -> Fit:
    """A population that is known."""
    constant = bn.System(
        states=("x",),
        parameters=("a", "b"),
        rhs=lambda t, y, p, nn, c: {"x": 0.0 * y.x},
        initial={"x": lambda p, c: p.a + p.b},
    )
    nlme = bn.NLME(
        constant,
        {
            name: bn.Individual(bn.LogNormal(1.0, 0.1), effect=bn.HalfNormal(1.0))
            for name in ("a", "b")
        },
        error={"x": bn.Additive(SIGMA)},
    )
    shape = (2, 100)
    population: dict[str, Any] = {
        "a_pop": ((), np.ones(shape)),
        "b_pop": ((), np.ones(shape)),
        "omega": (("effect",), np.full((*shape, 2), OMEGA)),
    }
    return made_fit(nlme, patient(), population, eta=np.zeros((*shape, 1, 2)))


def exact_probabilities(of: Any) -> Any:
    """That the effect on a, or on b, is less, by quadrature along the ridge."""
    eta = np.linspace(-4.0, np.log(MEASURED) + 0.1, 2001)
    other = np.linspace(-4.0, np.log(MEASURED) + 0.1, 4001)
    mean = np.exp(eta)[:, None] + np.exp(other)
    log = -((mean - MEASURED) ** 2) / SIGMA**2 - 0.5 * (eta[:, None] ** 2 + other**2) / OMEGA**2
    mass = np.cumsum(np.exp(log).sum(axis=1))
    return np.interp(of, eta, mass / mass[-1])


def test_where_weights_fail_nuts_takes_over_and_is_right() -> None:
    of = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    pooled = []
    for seed in range(4):
        found = bn.individualise(sum_fit(), patient(), samples=2000, seed=seed)
        assert float(found.data["pareto_k"][0]) >= 0.7
        assert found.data["method"].item() == "nuts"
        pooled.append(found.data["eta"].to_numpy()[:, 0])
    drawn = np.concatenate(pooled)
    # Both effects have the same distribution. One run's samples of a ridge are worth some seventy
    # independent ones, a standard error of 0.06 for a probability: of four runs and two effects 0.02.
    found_at = exact_probabilities(np.quantile(drawn.ravel(), of))
    np.testing.assert_allclose(found_at, of, atol=0.06)
    control = exact_probabilities(OMEGA * stats.norm.ppf(of))  # the population's, which is wrong
    assert np.abs(control - of).max() > 0.12
    np.testing.assert_allclose(np.exp(drawn).sum(axis=1), MEASURED, atol=5 * SIGMA)


def test_a_patient_takes_seconds_by_importance() -> None:
    study = bn.datasets.theophylline()
    fit = theophylline_fit(study)
    one = study.select(subjects=[study.subjects[3]])
    bn.individualise(fit, one, seed=0)
    begin = time.process_time()
    found = bn.individualise(fit, one, seed=1)
    spent = time.process_time() - begin
    print(f"{spent:.2f} s of one core")  # noqa: T201  the figure of the closing note
    assert found.data["method"].item() == "importance"
    assert spent < 5.0
