"""Stated probabilities of target are calibrated: simulated patients, a fitted population."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import bnode_nlme as bn
from tests.discovery.reliability import Reliability, reliability

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::bnode_nlme.inference.ConvergenceWarning"),
]


@pytest.fixture(autouse=True)
def compile_in_python() -> None:
    """Not here: NUTS wants compiled code."""


TYPICAL = {"ka": 1.2, "CL": 3.0, "V": 30.0}
OMEGA = {"ka": 0.4, "CL": 0.45, "V": 0.2}
SIGMA = 0.15
DOSES = np.arange(50.0, 801.0, 25.0)
TARGET = (
    bn.Trough(at=72.0, lower=2.0, upper=4.0),
    bn.Peak(start=60.0, end=72.0, upper=12.0),
)

oral = bn.System(
    states=("depot", "central"),
    parameters=("ka", "CL", "V"),
    rhs=lambda t, y, p, nn, c: {
        "depot": -p.ka * y.depot,
        "central": p.ka * y.depot - p.CL / p.V * y.central,
    },
    outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
)


def model() -> bn.NLME:
    return bn.NLME(
        oral,
        {
            name: bn.Individual(bn.LogNormal(value, 0.5), effect=bn.HalfNormal(0.5))
            for name, value in TYPICAL.items()
        },
        error=bn.Proportional(bn.HalfNormal(0.3)),
        solver={"rtol": 1e-6, "atol": 1e-8},
    )


def simulated(design: bn.Study, rng: np.random.Generator) -> tuple[bn.Study, dict[str, Any]]:
    true = {
        name: value * np.exp(OMEGA[name] * rng.standard_normal(design.n_subjects))
        for name, value in TYPICAL.items()
    }
    clean = bn.simulate(oral, design, true)["cp"].to_numpy()
    return design.with_values(clean * (1.0 + SIGMA * rng.standard_normal(clean.size))), true


def further(dose: float) -> bn.Regimen:
    return bn.Regimen(dose, start=24.0, every=12.0, additional=4)


def outcome(true: dict[str, float], dose: float) -> bool:
    """Whether the targets are met in truth, from another solve and other code."""
    doses = {0.0: 200.0, 12.0: 200.0} | {24.0 + 12.0 * k: dose for k in range(4)}
    ka, CL, V = true["ka"], true["CL"], true["V"]
    k = CL / V
    times = np.append(np.linspace(60.0, 72.0, 2001), 72.0)
    cp = np.zeros(times.size)
    for given, amount in doses.items():
        since = np.maximum(times - given, 0.0)
        cp += amount * ka / V / (ka - k) * (np.exp(-k * since) - np.exp(-ka * since))
    return bool(2.0 <= cp[-1] <= 4.0 and cp.max() <= 12.0)


@pytest.fixture(scope="module")
def population() -> bn.Fit:
    rng = np.random.default_rng(1)
    design = bn.Study.from_regimen(
        bn.Regimen(200.0, every=12.0, additional=1),
        times=[1.0, 3.0, 6.0, 11.0, 14.0, 18.0, 23.0],
        n_subjects=40,
        outputs=["cp"],
    )
    study, _ = simulated(design, rng)
    return bn.fit(model(), study, method="nuts", draws=600, tune=600, chains=2, progress=False)


def central(data: xr.Dataset) -> xr.Dataset:
    """For each patient its most central sample alone: a point estimate."""
    own = []
    for subject in data["subject"].to_numpy():
        at = data.sel(subject=[subject])
        log = np.log(np.stack([at[name].to_numpy()[:, 0] for name in TYPICAL], axis=-1))
        apart = np.sum(((log - log.mean(axis=0)) / log.std(axis=0)) ** 2, axis=1)
        own.append(at.isel(sample=[apart.argmin()]))
    return xr.concat(own, "subject", data_vars="minimal", coords="minimal", compat="override")


def stated_and_met(population: bn.Fit, patients: int, *, plug_in: bool) -> Reliability:
    rng = np.random.default_rng(2)
    design = bn.Study.from_regimen(
        bn.Regimen(200.0, every=12.0, additional=1), times=[2.0, 11.0], n_subjects=patients,
        outputs=["cp"],
    )  # fmt: skip
    study, true = simulated(design, rng)
    found = bn.individualise(population, study, samples=400, draws=100, seed=3)
    if plug_in:
        found = bn.Individualisation(found.fit, found.study, central(found.data))
    stated, met = [], []
    for place, subject in enumerate(study.subjects):
        choice = bn.optimise_dose(found, TARGET, regimen=further, doses=DOSES, subject=subject)
        stated.append(choice.probability)
        met.append(
            outcome({name: float(values[place]) for name, values in true.items()}, choice.dose)
        )
    return reliability(np.array(stated), np.array(met))


def test_stated_probabilities_are_calibrated(population: bn.Fit) -> None:
    honest = stated_and_met(population, 200, plug_in=False)
    print(honest)  # noqa: T201  the figures of the closing note
    assert abs(honest.z) < 3.0
    assert honest.brier < honest.uninformed
    assert honest.worst_bin_z < 3.5
    naive = stated_and_met(population, 200, plug_in=True)
    print(naive)  # noqa: T201
    assert abs(naive.z) > 5.0, "control: who ignores uncertainty is not calibrated"
    assert naive.brier > honest.brier
