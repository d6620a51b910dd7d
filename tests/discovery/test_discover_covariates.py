"""Covariates from a fit: search, suggestion, refit, comparison."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bnode_nlme as bn
from tests.nlme.declarations import bolus, small_study

OPTIONS: dict[str, Any] = {"method": "laplace", "draws": 400, "progress": False}
REAL = {"CL": {"WT", "CRCL"}, "V": {"WT"}}


def declared(**covariates: Any) -> bn.NLME:
    return bn.NLME(
        bolus,
        individual={
            name: bn.Individual(
                bn.LogNormal(typical, 0.7),
                effect=bn.HalfNormal(0.5),
                covariates=covariates.get(name, ()),
            )
            for name, typical in (("CL", 4.0), ("V", 30.0))
        },
        omega=bn.Omega(("CL", "V")),
        error=bn.Proportional(),
    )


def simulated(seed: int, *, subjects: int = 60, candidates: int = 8) -> bn.Study:
    """A bolus of 100; CL by weight and by clearance of creatinine (saturating), V by weight."""
    rng = np.random.default_rng([41, seed])
    z = rng.normal(size=(subjects, candidates))
    covariates = {"WT": 70.0 * np.exp(0.25 * z[:, 0]), "CRCL": 80.0 * np.exp(0.4 * z[:, 1])}
    covariates |= {f"X{j}": z[:, j] for j in range(2, candidates)}
    renal = covariates["CRCL"] / (covariates["CRCL"] + 60.0)
    size = covariates["WT"] / 70.0
    eta = rng.multivariate_normal([0, 0], [[0.0400, 0.01], [0.01, 0.0225]], size=subjects)
    CL = 7.0 * renal * size**0.75 * np.exp(eta[:, 0])
    V = 30.0 * size * np.exp(eta[:, 1])
    rows: list[dict[str, float]] = []
    for i in range(subjects):
        own = {name: float(values[i]) for name, values in covariates.items()} | {"ID": i + 1}
        rows.append(own | {"TIME": 0.0, "EVID": 1, "AMT": 100.0, "DV": np.nan})
        for time in (0.5, 2.0, 6.0, 12.0):
            value = 100.0 / V[i] * np.exp(-CL[i] / V[i] * time) * (1.0 + 0.1 * rng.normal())
            rows.append(own | {"TIME": time, "EVID": 0, "AMT": 0.0, "DV": value})
    return bn.read_nonmem(pd.DataFrame(rows), covariates=list(covariates))


def _found(discovery: bn.CovariateDiscovery) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for finding in discovery.found:
        found.setdefault(finding.effect, set()).update(finding.covariates)
    return found


@pytest.fixture(scope="module")
def base() -> bn.Fit:
    return bn.fit(declared(), simulated(1), **OPTIONS)


def test_what_was_simulated_is_found(base):
    assert _found(bn.discover_covariates(base)) == REAL


@pytest.mark.slow
def test_what_is_suggested_is_refitted_and_better(base):
    found = bn.discover_covariates(base)
    # Each effect is told with its size: the true factors lie within the bands.
    span = found.data["span"].sel(effect="V", covariate="WT").to_numpy()
    weights = found.study.covariates["WT"]
    truth = np.diff(np.log(np.quantile(weights, [0.1, 0.9])))[0]
    assert span[0] < truth < span[2]
    refitted = found.refit(draws=400, progress=False)
    compared = bn.compare_subjects(refitted, base, names=("suggested", "base"), draws=200,
                                   refit_options={"tolerance": 0.1})  # fmt: skip
    assert compared.outcome == "better"
    assert bool(compared.data["approximate"].all())
    assert repr(compared).startswith("suggested foretells left-out subjects better than base")
    # What the suggested model leaves unexplained holds nothing more.
    again = bn.discover_covariates(refitted)
    assert again.already == {"CL": ("WT", "CRCL"), "V": ("WT",)}
    assert not again.found
    with pytest.raises(ValueError, match="no covariate was found"):
        again.refit()


def test_covariates_of_other_subjects_explain_nothing(base):
    rng = np.random.default_rng(7)
    order = rng.permutation(base.study.n_subjects)
    mixed = {name: values[order] for name, values in base.study.covariates.items()}
    fit = replace(base, study=replace(base.study, covariates=mixed))
    assert not bn.discover_covariates(fit).found


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"candidates": "WT"}, r"wants a list; write \['WT'\]"),
        ({"candidates": ["AGE"]}, "has no covariate 'AGE'; it has 'WT', 'CRCL'"),
        ({"candidates": []}, "at least one; found"),
        ({"candidates": ["WT", "WT"]}, "wants distinct covariates"),
        ({"threshold": 0.3}, r"threshold= one from 0.5 to 1.*0\.3"),
        ({"relevant": 0.0}, "relevant= wants a positive number"),
        ({"mass": 1.0}, "mass= wants a number between 0 and 1; found 1"),
    ],
)
def test_faulty_arguments(base, options, message):
    with pytest.raises(ValueError, match=message):
        bn.discover_covariates(base, **options)


def test_a_model_without_random_effects_is_refused():
    nlme = bn.NLME(
        bolus,
        individual={
            "CL": bn.Individual(bn.LogNormal(4.0, 0.5), effect=False),
            "V": bn.Individual(20.0, effect=False),
        },
        error=bn.Additive(0.3),
    )
    fit = bn.fit(nlme, small_study(), method="map", progress=False)
    with pytest.raises(ValueError, match="wants a model with random effects of subjects"):
        bn.discover_covariates(fit)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_fits_of_many_studies(seed):
    fit = bn.fit(declared(), simulated(seed, subjects=100, candidates=20), **OPTIONS)
    found = _found(bn.discover_covariates(fit, seed=seed))
    assert sum(len(REAL[name] & found.get(name, set())) for name in REAL) >= 2
    assert sum(len(found.get(name, set()) - REAL[name]) for name in REAL) <= 1
