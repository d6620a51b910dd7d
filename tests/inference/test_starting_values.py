"""Starting values that solve, where the model's own do not."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest

import bnode_nlme as bn
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.inference.flat_model import flat_model
from bnode_nlme.inference.start_failure import failures_at
from bnode_nlme.inference.starting_values import StartError, StartSearch, find_start, solves
from tests.distributions.problems import (
    blow_up,
    bolus_study,
    bolus_table,
    clearance_model,
)
from tests.inference.linear_mixed import DATA, linear_mixed


def exploding(mean: float, sd: float) -> pm.Model:
    """y' = a y^2 from 1 exists until t = 1 / a: up to the last record only for a < 1."""
    study = bn.read_nonmem(bolus_table(np.array([[1.3, 2.0]]), times=(0.5, 1.0), dose=1.0))
    with pm.Model(coords=study.coords) as model:
        a = pm.Normal("a", mean, sd)
        bn.NeuralODE("z", blow_up, study, parameters={"a": a}, error=bn.Additive(0.1))
    return model


def test_a_model_whose_own_start_fails_starts_all_the_same() -> None:
    flat = flat_model(exploding(3.0, 2.0))
    assert not solves(flat, np.array([3.0]))  # the control
    start = find_start(flat, 4, np.random.default_rng(0))
    assert start.refused > 0
    assert start.points.shape == (4, 1)
    assert all(solves(flat, point) for point in start.points)
    # y(0.5) = 1.3 and y(1) = 2 are both close to a = 1/2.
    np.testing.assert_allclose(start.typical, 0.49, atol=0.03)


def test_a_search_finds_what_find_start_finds_and_compiles_nothing_more() -> None:
    """Centred effects too, of which a mode with all terms would run away."""
    for centred in (False, True):
        flat = flat_model(linear_mixed(omega=None, centred=centred))
        wanted = find_start(flat, 2, np.random.default_rng(5))
        search = StartSearch(flat)
        with pytest.MonkeyPatch.context() as patch:
            module = "bnode_nlme.inference.starting_values"
            patch.setattr(f"{module}.make_initial_point_fn", not_again)
            patch.setattr(f"{module}.are_centred", not_again)
            for _ in range(2):
                found = search.find(2, np.random.default_rng(5))
                np.testing.assert_array_equal(found.points, wanted.points)
                np.testing.assert_array_equal(found.typical, wanted.typical)
        np.testing.assert_allclose(wanted.typical[flat.slices["m"]], DATA.mean(), rtol=0.02)


def test_jitter_does_not_lead_where_no_chain_comes_back_from() -> None:
    """A standard deviation of 1e-30 beside 1 costs 1e60 nats, and is as finite as any."""
    with pm.Model() as model:
        a = pm.Normal("a", 0.0, 1.0)
        pm.Normal("y", a, pm.math.exp(-500.0 * pm.math.maximum(a - 0.2, 0.0)), observed=-0.1)
    flat = flat_model(model)
    assert flat.logp_and_gradient(np.array([0.4]))[0] < -1e50  # the control: within the jitter
    assert solves(flat, np.array([0.4]))
    start = find_start(flat, 30, np.random.default_rng(0))
    assert start.refused > 0
    logp = [flat.logp_and_gradient(point)[0] for point in start.points]
    assert min(logp) > -1e5 - 10.0
    assert np.abs(start.points - start.typical).max() > 0.4  # the other way is free


def not_again(*_: object, **__: object) -> None:
    raise AssertionError("made anew")


def two_lengths() -> bn.Study:
    """Subject 7 is followed to 0.5, subject 12 to 1."""
    table = bolus_table(np.array([[1.1, 1.3], [1.3, 2.0]]), times=(0.25, 0.5), dose=1.0)
    table["ID"] = table["ID"].map({1: 7, 2: 12})
    table.loc[(table["ID"] == 12), "TIME"] *= 2.0
    return bn.read_nonmem(table)


def nonsense(mean: float) -> bn.NLME:
    """Its prior hardly allows another value than the mean."""
    return bn.NLME(
        blow_up,
        individual={"a": bn.Individual(bn.Normal(mean, 1e-3), effect=False, distribution="normal")},
        error={"z": bn.Additive()},
    )


def test_where_nothing_solves_the_error_says_which_subjects_fail_and_how() -> None:
    nlme, study = nonsense(30.0), two_lengths()
    with pytest.raises(StartError, match="no starting values in 61 tries") as caught:
        bn.fit(nlme, study, progress=False)
    message = str(caught.value)
    (status,) = set(bn.simulate(blow_up, study, {"a": 30.0})["status"].to_numpy().tolist())
    assert f"subjects 7, 12: {SolveStatus(status).message}" in message
    assert "log-probability of 'z' not finite, of 4 in 4 values" in message
    assert "In all tries bn.solver_report counted" in message
    assert "122 of 122 solves failed" in message
    assert "fit(..., start=" in message


def test_subjects_that_solve_are_not_named() -> None:
    # With a = 3/2 the solution ends at 2/3: after the last record of subject 7, before that of 12.
    flat = flat_model(nonsense(1.5).build(two_lengths()))
    at = flat.vector(flat.model.initial_point())
    lines = failures_at(flat, at)
    assert len(lines) == 2
    assert lines[0].startswith("subjects 12: ")
    assert lines[1] == "log-probability of 'z' not finite, of 2 in 4 values"


def test_a_start_that_fails_for_another_reason_than_a_solve_says_so() -> None:
    with pm.Model() as model:
        x = pm.Normal("x", -30.0, 0.01)
        pm.Potential("above", pm.math.log(x))
    with pytest.raises(StartError, match="log-probability of 'above' not finite, of 1 in 1"):
        find_start(flat_model(model), 1, np.random.default_rng(0))


def test_typical_values_are_at_their_mode_and_effects_at_zero() -> None:
    flat = flat_model(clearance_model(bolus_study(n_subjects=6)))
    start = find_start(flat, 1, np.random.default_rng(0))
    np.testing.assert_array_equal(start.typical[flat.slices["eta"]], 0.0)
    free = [flat.slices[name].start for name in ("log_CL", "sigma")]
    base = flat.logp_and_gradient(start.typical)
    assert np.all(np.abs(base[1][free]) < 0.05)
    np.testing.assert_allclose(np.exp(start.typical[flat.slices["log_CL"]]), 4.0, rtol=0.1)


def test_centred_effects_do_not_drive_their_scale_to_zero() -> None:
    flat = flat_model(linear_mixed(omega=None, centred=True))
    start = find_start(flat, 2, np.random.default_rng(0))
    assert start.typical[flat.slices["omega"]].item() > -2.0
    # Effects at zero: the mean of all data, shrunk towards 0 by the prior.
    np.testing.assert_allclose(start.typical[flat.slices["m"]], DATA.mean(), rtol=0.02)


def test_values_to_start_from_are_used() -> None:
    flat = flat_model(exploding(30.0, 10.0))
    start = find_start(flat, 1, np.random.default_rng(0), {"a": 0.3})
    assert start.refused == 0
