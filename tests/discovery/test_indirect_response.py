"""What an anchor is for, and which input puts the truth into the middle of the prior."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytest

import bnode_nlme as bn
from bnode_nlme.distributions.network_weights import NetworkWeights
from tests.discovery import indirect_response as ir


def drug_free(network: bn.MLP, w: Any) -> Any:
    """Response over a month without drug, relative to the baseline."""
    study = bn.Study.from_regimen(
        {1: None}, times=np.linspace(0.0, 720.0, 13), covariates={"CL": 2.0, "V": 20.0}
    )
    system = ir.system(network)
    options: Any = {"rtol": 1e-8, "atol": 1e-10}
    return np.array([
        bn.simulate(system, study, {"R0": ir.R0, "kout": ir.KOUT}, {"stimulation": row}, **options)[
            "R"
        ].to_numpy()
        / ir.R0
        for row in w
    ])  # fmt: skip


def weights(network: bn.MLP, count: int) -> Any:
    return np.random.default_rng(2).normal(size=(count, network.size))


def test_an_anchored_network_keeps_a_drug_free_system_at_its_baseline() -> None:
    relative = drug_free(ir.ANCHORED, weights(ir.ANCHORED, 4))
    np.testing.assert_allclose(relative, 1.0, atol=1e-12)


def test_a_naive_network_lets_it_drift() -> None:
    relative = drug_free(ir.NAIVE, weights(ir.NAIVE, 4))
    assert np.median(np.abs(relative[:, -1] - 1.0)) > 0.2
    assert np.all(np.abs(relative[:, -1] - 1.0) > 1e-3)


def test_the_simulated_truth_is_emax_turnover() -> None:
    """At a constant concentration the response settles at R0 (1 + Emax C / (EC50 + C))."""
    study = bn.Study.from_regimen(
        bn.Regimen(8.0 * 1000.0, rate=8.0), times=[200.0], covariates={"CL": 2.0, "V": 20.0}
    )
    settled = ir.response(study, ir.Truth(np.array([ir.R0])))
    np.testing.assert_allclose(settled, ir.R0 * (1.0 + 2.0 * 4.0 / (4.0 + 4.0)), rtol=1e-4)


@pytest.mark.parametrize("seed", [0, 1])
def test_training_sets_are_low_doses(seed: int) -> None:
    study, exact = ir.training_set(seed)
    assert study.n_subjects == ir.SUBJECTS == len(exact.R0)
    assert np.isfinite(study.records.value[study.observations]).all()
    assert study.records.amount.max() == ir.LOW < max(dose.amount for dose in ir.UNSEEN.doses)


def where_the_truth_lies(network: bn.MLP, scale: float) -> Any:
    """Share of prior draws that are below the truth in how much a threefold or so dose adds.

    Of f(20) / f(5) and of f(5) / f(1): the shape, which decides what is foretold at high doses.
    """
    with pm.Model():
        w = pm.draw(NetworkWeights("stimulation", network, scale=scale), 2000, random_seed=1)
    f = network.evaluate(w, np.array([[1.0], [5.0], [20.0]]))
    exact = ir.EMAX * np.array([1.0, 5.0, 20.0]) / (ir.EC50 + np.array([1.0, 5.0, 20.0]))
    return [np.mean(f[:, i + 1] / f[:, i] < exact[i + 1] / exact[i]) for i in (1, 0)]


def test_the_prior_holds_the_truth_on_log_concentration() -> None:
    """Data of one low dose leave kout and the shape to the prior: it has to hold the truth."""
    shares = where_the_truth_lies(ir.ANCHORED, ir.PRIOR_SCALE)
    assert 0.2 < min(shares) < max(shares) < 0.85
    # Control: on concentration itself units are straight lines, and all curves almost so.
    straight = bn.MLP("stimulation", 1, (4,), output="monotone", anchor=0.0, scale=5.0)
    assert min(where_the_truth_lies(straight, 1.0)) < 0.05
