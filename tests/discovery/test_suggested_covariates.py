"""From findings to a declaration, and the words and pictures that go with them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import xarray as xr

import bnode_nlme as bn
from bnode_nlme.discovery import (
    CovariateDiscovery,
    PairedDifference,
    covariate_evidence,
)
from bnode_nlme.discovery.compare_subjects import SubjectComparison
from bnode_nlme.discovery.discover_covariates import _suggestions
from bnode_nlme.discovery.suggested_covariates import covariate_model, with_covariates
from tests.discovery.simulated_effects import simulated_effects
from tests.nlme.declarations import bolus_nlme, small_study


def _study(**covariates: Any) -> bn.Study:
    return small_study(AGE=np.array([20.0, 41.26, 60.0]), **covariates)


def test_each_shape_has_its_covariate_model():
    study = _study()
    assert covariate_model("AGE", "linear", study, logarithmic=True) == bn.Exponential("AGE", 41.3)
    assert covariate_model("AGE", "linear", study, logarithmic=False) == bn.Linear("AGE", 41.3)
    assert covariate_model("WT", "power", study, logarithmic=True) == bn.Power("WT", 70.0)
    categories = covariate_model("SEX", "categories", study, logarithmic=True)
    assert categories == bn.Categorical("SEX", (0.0, 1.0, 2.0))
    curve = covariate_model("AGE", "curve", study, logarithmic=True)
    assert curve == bn.Spline.of(study, "AGE")
    assert curve.center == 41.3
    codes = _study(SEX=np.array([0.0, 1.0, 1.0]))
    assert covariate_model("SEX", "linear", codes, logarithmic=True) == bn.Exponential("SEX", 0.0)


def test_what_was_found_is_added_to_what_was_there():
    nlme = bolus_nlme(bn.Individual(bn.LogNormal(4.0, 0.5), covariates=[bn.Power("WT", 70.0)]))
    made = with_covariates(nlme, _study(), {"CL": [("AGE", "curve"), ("SEX", "linear")]})
    labels = [model.label for model in made.individual["CL"].covariates]
    assert labels == ["WT", "AGE", "SEX"]
    assert made.individual["V"] == nlme.individual["V"]
    assert "CL_AGE" in made.build(_study()).named_vars


@pytest.fixture(scope="module")
def found():
    simulated = simulated_effects(1, subjects=100, candidates=8, collinear=0.99)
    evidence = covariate_evidence(simulated.likelihood, simulated.covariates)
    study: Any = _Study(simulated.covariates)
    nlme = bolus_nlme(bn.Individual(bn.LogNormal(4.0, 0.5)))
    suggested, alternatives = _suggestions(nlme, study, evidence.findings)
    return CovariateDiscovery(
        evidence.data,
        evidence.findings,
        suggested,
        alternatives,
        {"CL": ()},
        nlme,
        study,
        "laplace",
    )


class _Study:
    """As much of a study as references and pictures need."""

    def __init__(self, covariates: dict[str, Any]) -> None:
        self.covariates = covariates


def test_the_suggestion_and_its_alternatives(found):
    names = {name for finding in found.found for name in finding.covariates[:1]}
    suggested = {n for m in found.suggested.individual["CL"].covariates for n in m.covariates}
    assert suggested == names
    groups = [finding for finding in found.found if len(finding.covariates) > 1]
    assert len(found.alternatives) == sum(len(finding.covariates) - 1 for finding in groups)
    for label, alternative in found.alternatives.items():
        other = label.removeprefix("CL: ")
        used = {n for m in alternative.individual["CL"].covariates for n in m.covariates}
        assert other in used


def test_the_words(found):
    text = repr(found)
    assert text.startswith("Covariates of CL, from 8 candidates")
    assert "found: X1, probability" in text
    # X3 is X0 but for a correlation of 0.99; whether both are found as one is near its threshold.
    assert re.search(r"(found|unclear): one of X0 and X3, which cannot be told apart", text)
    assert "no evidence (probability" in text


def test_the_pictures(found):
    figure = bn.plot_covariate_discovery(found)
    shown = sum(len(finding.covariates) for finding in found.found)
    assert len(figure.axes) == 1 + shown
    figure.canvas.draw()


def test_a_verdict_in_words_and_in_a_picture():
    rng = np.random.default_rng(1)
    elpd = np.stack([rng.normal(-10.0, 1.0, 8)] * 2) + np.array([[0.0], [0.3]])
    elpd[1] += rng.normal(size=8)
    no = np.zeros((2, 8), dtype=bool)
    refitted = no.copy()
    refitted[1, 2] = True
    data = xr.Dataset(
        {
            "elpd": (("model", "subject"), elpd),
            "pareto_k": (("model", "subject"), no * 0.1),
            "refitted": (("model", "subject"), refitted),
            "doubtful": (("model", "subject"), no),
            "reason": (("model", "subject"), np.full((2, 8), "")),
            "approximate": ("model", np.array([False, True])),
            "unsettled": ("model", np.array(["", ""])),
            "share": (("share_draw", "state"), np.array([[0.2, np.nan], [0.4, np.nan]])),
        },
        coords={
            "model": ["mechanistic", "hybrid"],
            "subject": np.arange(8),
            "state": ["depot", "central"],
        },
    )
    seconds = {"mechanistic": 2.0, "hybrid": 9.0}
    network = SubjectComparison(
        "undecided", PairedDifference(2.4, 2.8, 8), data, ("hybrid", "mechanistic")
    )
    made = bn.Verdict(network, None, data, seconds)
    text = repr(made)
    assert "The network: undecided" in text
    assert "ELPD +2.4 (standard error 2.8" in text
    assert "hybrid: 1 subject left out by fitting again" in text
    assert "hybrid: its draws are of an approximation" in text
    assert "mechanistic: its draws" not in text
    assert "share of the network in the rates of change: depot 30%" in text
    assert "the hybrid fit took 4.5 times as long" in text
    assert "would show it to be real" in text
    figure = bn.plot_verdict(made)
    assert len(figure.axes) == 3
    figure.canvas.draw()
