"""Verdicts on small models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bnode_nlme as bn
from bnode_nlme.diagnostics.of_fit.loo import subject_log_likelihood
from bnode_nlme.discovery import network_share
from bnode_nlme.results.population_draws import chosen_draws
from tests.discovery.small_models import (
    TIMES,
    V,
    declared,
    design,
    elimination,
    hybrid,
    linear,
    measured,
    refits,
)

# Runs as short as may be: what they say of convergence is shown in test_convergence.
pytestmark = pytest.mark.filterwarnings("ignore::bnode_nlme.inference.ConvergenceWarning")

SUBJECTS = 12
NUTS: dict[str, Any] = {"draws": 200, "tune": 200, "chains": 2, "progress": False}


@pytest.fixture(scope="module")
def saturable() -> tuple[bn.Fit, bn.Fit]:
    values = measured(1, saturable=True, subjects=SUBJECTS)
    return refits(linear, SUBJECTS).fit(values, 1), refits(hybrid, SUBJECTS).fit(values, 1)


def test_a_network_helps_where_elimination_saturates(saturable):
    found = bn.verdict(*saturable, refits=0)
    assert found.answer == "helps"
    elpd = found.data["elpd"]
    gain = elpd.sel(model="hybrid") - elpd.sel(model="mechanistic")
    assert found.difference.difference == pytest.approx(float(gain.sum()))
    text = repr(found)
    assert text.startswith("The network: helps")
    assert "share of the network in the rates of change: central " in text


def test_a_subject_that_is_left_out_is_foretold_from_the_others_alone(saturable):
    (fit, _), study = saturable, saturable[0].study
    compared = bn.compare_subjects(fit, fit, refits=0)
    assert compared.difference.difference == 0.0
    subject = study.subjects[0]
    again = bn.fit(declared(linear), study.select(subjects=list(study.subjects[1:])), **NUTS)
    density = subject_log_likelihood(again, study.select(subjects=[subject]))["log_likelihood"]
    exact = float(np.log(np.exp(density).mean()))
    own = compared.data.sel(model="first", subject=subject)
    assert float(own["elpd"]) == pytest.approx(exact, abs=0.3)


def test_the_share_is_what_the_network_changes(saturable):
    fit = saturable[1]
    share = network_share(fit, draws=5)
    assert share.dims == ("sample", "state")
    paths = bn.predict(fit, fit.study, draws=5, states=True)
    chosen = chosen_draws(fit, 5)
    weights = fit.posterior["elimination"].stack(sample=("chain", "draw")).T.to_numpy()[chosen]
    for draw in range(5):
        y = paths["central"].isel(sample=draw).to_numpy()
        ke = paths["ke"].isel(sample=draw).to_numpy().repeat(len(TIMES))
        (W0, b0), (W1, _) = elimination.unpack(weights[draw])
        unit = np.tanh(np.outer(y / V / 5.0, W0[:, 0]) + b0) - np.tanh(b0)
        change = np.abs(ke * y * np.expm1(unit @ W1[0]))
        expected = change.sum() / (change + ke * y).sum()
        assert float(share[draw, 0]) == pytest.approx(expected, rel=1e-6)
    with pytest.raises(ValueError, match="this one has none"):
        network_share(saturable[0])


def test_the_order_and_the_studies_are_checked(saturable):
    with pytest.raises(ValueError, match="system has no network"):
        bn.verdict(saturable[1], saturable[0])
    other = design(SUBJECTS).with_values(measured(2, saturable=True, subjects=SUBJECTS))
    stranger = bn.Fit(saturable[1].data, other, declared(hybrid))
    with pytest.raises(ValueError, match="others than those of the mechanistic fit"):
        bn.verdict(saturable[0], stranger)
    with pytest.raises(ValueError, match=r"worthwhile= above 0; found 0\.9 and 0\.0"):
        bn.verdict(*saturable, worthwhile=0.0)
    with pytest.raises(ValueError, match=r"two different names; found \('a', 'a'\)"):
        bn.compare_subjects(*saturable, names=("a", "a"))
