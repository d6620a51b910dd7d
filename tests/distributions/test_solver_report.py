from __future__ import annotations

import gc
import weakref

import numpy as np
import pymc as pm
import pytest

import bnode_nlme as bn
from tests.distributions.problems import (
    blow_up_model,
    bolus_study,
    clearance_model,
    two_output_study,
    two_outputs,
)


def test_every_subject_of_every_evaluation_counts_once(method):
    model = clearance_model(bolus_study(n_subjects=2))
    logp, point = model.compile_logp(), model.initial_point()
    bn.solver_report(model, reset=True)
    for _ in range(3):
        logp(point)
    report = bn.solver_report(model)
    assert report.solves == 6
    assert report.failures == 0
    assert str(report) == f"0 of 6 solves failed (method {method})"


def test_failures_are_counted_by_their_cause_and_reset(method):
    model = blow_up_model()
    logp = model.compile_logp()
    bn.solver_report(model, reset=True)
    assert np.isfinite(logp({"a": np.array(0.5)}))
    assert logp({"a": np.array(2.0)}) == -np.inf
    with model:
        report = bn.solver_report(reset=True)
    assert report.solves == 2
    assert report.failures == 1
    failed = {status: n for status, n in report.counts.items() if n and status.value}
    ((status, count),) = failed.items()
    assert count == 1
    handed_over = "  1 handed over from tsit5 to bdf\n" if method == "auto" else ""
    assert str(report) == (
        f"1 of 2 solves failed (method {method})\n{handed_over}  1: {status.message}"
    )
    assert bn.solver_report(model).solves == 0


def test_solves_of_several_outputs_and_options_are_added_up():
    study = two_output_study()
    with pm.Model() as model:
        for name, rtol in (("cp", 1e-6), ("amount", 1e-5)):
            bn.NeuralODE(
                name,
                two_outputs,
                study,
                parameters={"CL": pm.HalfNormal(f"CL_{name}"), "V": 20.0},
                error=bn.Additive(1.0),
                rtol=rtol,
            )
    logp = model.compile_logp()
    bn.solver_report(model, reset=True)
    logp(model.initial_point())
    assert bn.solver_report(model).solves == 4


def test_model_without_a_solve():
    with pm.Model() as model:
        pm.Normal("x")
    with pytest.raises(ValueError, match=r"wants a model with a NeuralODE.*found none"):
        bn.solver_report(model)


def test_a_dropped_model_is_forgotten():
    study = bolus_study()
    model = clearance_model(study)
    logp = model.compile_logp()
    logp(model.initial_point())
    bn.solver_report(model)
    left = [weakref.ref(model), weakref.ref(model["cp"]), weakref.ref(study)]
    assert all(reference() is not None for reference in left)
    del model, study, logp
    gc.collect()
    assert [reference() for reference in left] == [None, None, None]
