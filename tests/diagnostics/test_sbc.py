"""Calibration: a right model passes, a wrong one does not, and what is found can be trusted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import bnode_nlme as bn
from bnode_nlme.diagnostics.calibration.design import calibration_design
from bnode_nlme.diagnostics.calibration.joint_model import JointModel
from bnode_nlme.inference.flat_model import flat_model
from tests.diagnostics.calibrated import SD, decay, few_subjects

FEW: dict[str, Any] = {
    "replicates": 40,
    "draws": 100,
    "tune": 150,
    "ranked": 31,
    "seed": 1,
    "progress": False,
}


@pytest.fixture(scope="module")
def right() -> bn.SBCResult:
    return bn.sbc(decay(), few_subjects(), cores=1, **FEW)


def test_a_right_model_passes(right: bn.SBCResult) -> None:
    assert right.failures == ()
    assert right.ranks.quantity.to_numpy().tolist() == ["k_pop", "log_likelihood"]
    assert right.ranks["rank"].dims == ("replicate", "quantity")
    assert right.ranks["rank"].shape == (40, 2)
    assert right.p_value > 0.01
    assert right.dependent < 0.05
    assert right.verdict in str(right).lower()


def test_a_standard_deviation_that_is_wrong_by_a_third_is_found() -> None:
    result = bn.sbc(
        decay(), few_subjects(), simulated_from=decay(bn.Additive(1.33 * SD)), cores=1, **FEW
    )
    assert result.verdict == "not calibrated"
    p_values = result.uniformity.p_value.sel(test="ecdf")
    assert float(p_values.sel(quantity="log_likelihood")) < 1e-3
    assert "log_likelihood: p = " in str(result)


def test_a_run_that_was_cut_short_goes_on_to_the_same_ranks(
    right: bn.SBCResult, tmp_path: Path
) -> None:
    path = tmp_path / "kept" / "replicates.jsonl"
    bn.sbc(decay(), few_subjects(), cores=2, path=path, **FEW | {"replicates": 25})
    # Killed while it was writing the next one.
    torn = path.read_text()
    path.write_text(torn + '{"replicate": 25, "se')
    resumed = bn.sbc(decay(), few_subjects(), cores=2, path=path, **FEW)
    assert path.read_text().startswith(torn)
    assert len(path.read_text().splitlines()) == 41
    # Neither the number of cores nor the interruption shows.
    xr.testing.assert_allclose(right.ranks, resumed.ranks)
    with pytest.raises(ValueError, match=r"begun otherwise: seed=1, now 2; .* Ask"):
        bn.sbc(decay(), few_subjects(), path=path, **FEW | {"seed": 2})


def test_a_replicate_without_posterior_is_counted_with_its_seed(
    right: bn.SBCResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = int(right.ranks.seed[3])
    draw = JointModel.draw

    def failing(self: JointModel, seed: int) -> object:
        if seed == bad:
            raise RuntimeError("nothing came of it\nin detail")
        return draw(self, seed)

    monkeypatch.setattr(JointModel, "draw", failing)
    result = bn.sbc(decay(), few_subjects(), cores=1, **FEW | {"replicates": 20})
    assert [(outcome.replicate, outcome.seed) for outcome in result.failures] == [(3, bad)]
    assert f"replicate 3 (seed {bad}): RuntimeError: nothing came of it" in str(result)
    assert 3 not in result.ranks.replicate
    kept = [k for k in range(20) if k != 3]
    np.testing.assert_array_equal(result.ranks["rank"], right.ranks["rank"].sel(replicate=kept))


def test_measurements_are_those_of_their_parameters() -> None:
    design = calibration_design(decay(), few_subjects(), None).study
    model = decay().build(design)
    flat = flat_model(model)
    # In another order than the model's, as that of a copied model is.
    flat = replace(flat, names=flat.names[::-1], shapes=flat.shapes[::-1])
    source = JointModel(model, ["amount"], flat.names)
    records, rows = design.records, design.observations
    residuals, rates = [], []
    for seed in range(200):
        drawn = source.draw(seed)
        values = flat.expand(drawn.position[None])
        k = values["k"][0]
        clean = np.exp(-k[records.subject[rows]] * records.time[rows])
        residuals.append((drawn.measured["amount"] - clean) / SD)
        rates.append(values["k_pop"][0])
    # 4000 standard normal numbers, and 200 draws of the prior.
    z = np.concatenate(residuals)
    assert abs(z.mean()) < 4 / np.sqrt(z.size)
    assert abs(z.std() - 1.0) < 4 / np.sqrt(2 * z.size)
    log = (np.log(rates) - np.log(0.5)) / 0.5
    assert abs(log.mean()) < 4 / np.sqrt(log.size)
    assert abs(log.std() - 1.0) < 4 / np.sqrt(2 * log.size)
    again = source.draw(7)
    np.testing.assert_array_equal(again.position, source.draw(7).position)
    assert not np.array_equal(again.position, source.draw(8).position)
