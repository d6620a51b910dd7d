"""Solutions at draws of a posterior are solutions at those numbers."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from bnode_nlme.datasets import indomethacin
from bnode_nlme.dynamics import System
from bnode_nlme.engine import simulate
from bnode_nlme.results import trajectories


def _system() -> System:
    return System(
        states=("central",),
        parameters=("CL", "V"),
        rhs=lambda t, y, p, nn, c: {"central": -p.CL / p.V * y.central},
        outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
    )


def _posterior() -> xr.Dataset:
    rng = np.random.default_rng(2)
    return xr.Dataset(
        {
            "clearance": (("chain", "draw", "subject"), rng.uniform(5, 9, (2, 10, 6))),
            "V": (("chain", "draw"), rng.uniform(8, 12, (2, 10))),
        }
    )


def test_every_draw_is_solved_once_and_as_simulate_does() -> None:
    posterior, study = _posterior(), indomethacin()
    solved = trajectories(
        _system(), study, posterior, parameters={"CL": "clearance"}, draws=1000, rtol=1e-9
    )
    assert solved.sizes["sample"] == 20
    closed = []
    records = study.records
    subject = records.subject[study.observations]
    time = records.time[study.observations]
    for chain in range(2):
        for draw in range(10):
            clearance = posterior.clearance.to_numpy()[chain, draw][subject]
            volume = float(posterior.V[chain, draw])
            closed.append(25.0 / volume * np.exp(-clearance / volume * time))
    np.testing.assert_allclose(solved["cp"].transpose("sample", ...), closed, rtol=1e-5)


def test_a_choice_of_draws_is_the_same_for_a_seed() -> None:
    def solved(seed: int) -> xr.DataArray:
        names = {"CL": "clearance"}
        return trajectories(
            _system(), indomethacin(), _posterior(), parameters=names, draws=4, seed=seed
        )["cp"]

    xr.testing.assert_identical(solved(5), solved(5))
    assert not solved(5).equals(solved(6))


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(KeyError, match="posterior has no 'CL'; it has 'clearance', 'V'"):
        trajectories(_system(), indomethacin(), _posterior())


def test_a_single_draw_is_simulate() -> None:
    posterior = xr.Dataset({"CL": (("chain", "draw"), [[7.0]]), "V": (("chain", "draw"), [[9.0]])})
    solved = trajectories(_system(), indomethacin(), posterior)
    direct = simulate(_system(), indomethacin(), {"CL": 7.0, "V": 9.0})
    np.testing.assert_array_equal(solved["cp"].squeeze("sample"), direct["cp"])


def test_failed_solves_are_counted_aloud() -> None:
    posterior = xr.Dataset(
        {"CL": (("chain", "draw"), [[7.0, np.nan, 8.0]]), "V": (("chain", "draw"), [[9.0] * 3])}
    )
    with pytest.warns(UserWarning, match="In 1 of 3 draws the solve of a subject failed"):
        solved = trajectories(_system(), indomethacin(), posterior)
    assert int(solved["cp"].isnull().any("observation").sum()) == 1
