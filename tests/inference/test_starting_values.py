"""Starting values that solve, where the model's own do not."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest

import bnode_nlme as bn
from bnode_nlme.inference.flat_model import flat_model
from bnode_nlme.inference.starting_values import StartError, find_start, solves
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


def test_where_nothing_solves_the_error_says_what_fails() -> None:
    flat = flat_model(exploding(30.0, 0.1))
    with pytest.raises(StartError, match=r"(?s)no starting values in 61 tries.*z \(-inf\).*solves"):
        find_start(flat, 1, np.random.default_rng(0))


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
