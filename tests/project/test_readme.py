"""The README's example runs as written."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def namespace(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is defined after all Python blocks have run, one after the other."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    defined: dict[str, Any] = {}
    with contextlib.chdir(tmp_path_factory.mktemp("readme")):  # it saves a fit
        for block in blocks:
            exec(compile(block, str(README), "exec"), defined)
    return defined


def test_the_model_predicts_every_measurement(namespace: dict[str, Any]) -> None:
    replicated = namespace["prior"].prior_predictive["cp"]
    assert replicated.shape == (1, 100, 132)
    assert np.isfinite(replicated).mean() > 0.99


def test_the_simulation_is_the_closed_form(namespace: dict[str, Any]) -> None:
    study, solution = namespace["study"], namespace["solution"]
    records = study.records
    dose = records.amount[study.doses][records.subject[study.observations]]
    time = records.time[study.observations]
    k = 2.8 / 32.0
    expected = dose / 32.0 * 1.5 / (1.5 - k) * (np.exp(-k * time) - np.exp(-1.5 * time))
    np.testing.assert_allclose(solution["cp"], expected, rtol=2e-5, atol=1e-7)


def test_the_population_is_that_of_the_literature(namespace: dict[str, Any]) -> None:
    posterior = namespace["fit"].posterior
    # nlmixr2's SAEM article, without body weight: 1.59 1/h, 2.75 L/h, 31.8 L.
    for name, published in (("ka_pop", 1.59), ("CL_pop", 2.75), ("V_pop", 31.8)):
        assert abs(np.log(posterior[name].mean() / published)) < 0.15
    assert namespace["same"].cp.sizes["observation"] == 132
    assert namespace["new"].cp.sizes == {"sample": 100, "observation": 50 * 73}
    assert np.isfinite(namespace["new"].cp).all()
    # What was measured in the new patient is what is then predicted.
    forecast = namespace["forecast"].cp.groupby("time").median(...)
    np.testing.assert_allclose(forecast.sel(time=[2.0, 8.0]), [9.1, 5.2], rtol=0.15)


def test_the_commands_named_are_targets_of_make() -> None:
    named = set(re.findall(r"^make (\S+)", README.read_text(encoding="utf-8"), re.MULTILINE))
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    assert named == {"demo", "test"}
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in named)
