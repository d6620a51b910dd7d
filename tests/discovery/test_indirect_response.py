"""What an anchor is for: without drug, a system stays where it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bnode_nlme as bn
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
    settled = ir.response(study, np.array([ir.R0]))
    np.testing.assert_allclose(settled, ir.R0 * (1.0 + 2.0 * 4.0 / (4.0 + 4.0)), rtol=1e-4)


@pytest.mark.parametrize("seed", [0, 1])
def test_training_sets_are_low_doses(seed: int) -> None:
    study, baseline = ir.training_set(seed)
    assert study.n_subjects == ir.SUBJECTS == len(baseline)
    assert np.isfinite(study.records.value[study.observations]).all()
    assert study.records.amount.max() == ir.LOW < max(dose.amount for dose in ir.UNSEEN.doses)
