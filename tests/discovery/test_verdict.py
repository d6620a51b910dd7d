"""Verdicts on small models."""

from __future__ import annotations

import numpy as np
import pytest

import bnode_nlme as bn
from bnode_nlme.diagnostics.of_fit.loo import subject_log_likelihood
from bnode_nlme.discovery import network_share
from tests.discovery.small_models import declared, hybrid, linear, simulated

OPTIONS = {"method": "laplace", "draws": 200, "progress": False}
_SETS, _PIECES = 100, 20


def _fits(study):
    return [bn.fit(declared(system), study, **OPTIONS) for system in (linear, hybrid)]


@pytest.fixture(scope="module")
def saturable():
    return _fits(simulated(1, saturable=True, subjects=16))


def test_a_network_helps_where_elimination_saturates(saturable):
    found = bn.verdict(*saturable, draws=200)
    assert found.answer == "helps"
    elpd = found.data["elpd"]
    gain = elpd.sel(model="hybrid") - elpd.sel(model="mechanistic")
    assert found.difference.difference == pytest.approx(float(gain.sum()))
    assert found.run_time_ratio > 1.0
    text = repr(found)
    assert text.startswith("The network: helps")
    assert "share of the network in the rates of change: central " in text


def test_a_subject_that_is_refitted_is_foretold_from_the_others_alone(saturable):
    study = saturable[0].study
    first = bn.compare_subjects(*saturable, draws=200, refits=0)
    subject = study.subjects[0]
    kept = study.select(subjects=list(study.subjects[1:]))
    again = bn.fit(declared(linear), kept, **OPTIONS)
    density = subject_log_likelihood(again, study.select(subjects=[subject]), draws=200)
    exact = float(np.log(np.exp(density).mean()))
    own = first.data.sel(model="first", subject=subject)
    assert float(own["elpd"]) == pytest.approx(exact, abs=0.5)


def test_the_share_is_what_the_network_changes(saturable):
    # Without the network elimination is ke * y; with it, less, by what the network takes away.
    share = network_share(saturable[1], draws=5)
    assert share.dims == ("sample", "state")
    assert np.all((share > 0.1) & (share < 0.6))
    with pytest.raises(ValueError, match="this one has none"):
        network_share(saturable[0])


def test_the_order_and_the_studies_are_checked(saturable):
    with pytest.raises(ValueError, match="system has no network"):
        bn.verdict(saturable[1], saturable[0])
    other = bn.fit(declared(hybrid), simulated(2, saturable=True, subjects=16), **OPTIONS)
    with pytest.raises(ValueError, match="others than those of the mechanistic fit"):
        bn.verdict(saturable[0], other)


def _answers(seeds, *, saturable):
    return [
        bn.verdict(*_fits(simulated(100 + seed, saturable=saturable)), draws=200).answer
        for seed in seeds
    ]


@pytest.mark.slow
@pytest.mark.parametrize("piece", range(_PIECES))
def test_false_helps_where_the_mechanism_is_true(piece, record_property):
    # At most 5 of 100 are allowed in all, and no piece of 5 may hold more than one.
    seeds = range(piece * _SETS // _PIECES, (piece + 1) * _SETS // _PIECES)
    answers = _answers(seeds, saturable=False)
    record_property("answers", answers)
    assert answers.count("helps") <= 1


@pytest.mark.slow
def test_power_where_elimination_saturates(record_property):
    answers = _answers(range(20), saturable=True)
    record_property("answers", answers)
    assert answers.count("helps") >= 16
