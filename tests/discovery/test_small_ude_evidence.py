"""The small UDE over twenty simulated data sets: coverage, the mechanism, and its controls.

Each data set is a test of its own, which keeps its result in pytest's cache, by the sources that
made it; the last tests judge what is there, and fail where a data set is missing. In pieces:
``pytest -m slow tests/discovery/test_small_ude_evidence.py -k "set and 3"``.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bnode_nlme as bn
from tests.discovery.small_ude import (
    linear,
    linear_nlme,
    michaelis_menten,
    small_nlme,
    small_ude,
)

pytestmark = [
    pytest.mark.slow,
    # Effective sample sizes are those of short runs; R-hat is asserted.
    pytest.mark.filterwarnings("ignore::bnode_nlme.inference.ConvergenceWarning"),
]

SEEDS = range(20)
TRUTHS = {"michaelis-menten": michaelis_menten, "linear": linear}
NUTS: dict[str, Any] = {
    "draws": 250, "tune": 600, "chains": 2, "cores": 1, "target_accept": 0.95,
    "compiled_anew": False, "progress": False,
}  # fmt: skip


@pytest.fixture(autouse=True)
def compile_in_python() -> None:
    """Not here: long runs want the compiled model."""


def sources() -> str:
    """A hash of what a kept result hangs on: the package, the model, and this file."""
    package = Path(str(bn.__file__)).parent
    here = Path(__file__)
    digest = hashlib.sha256()
    for path in [*sorted(package.rglob("*.py")), here.with_name("small_ude.py"), here]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@pytest.fixture(scope="module")
def kept(request: pytest.FixtureRequest) -> Path:
    return Path(request.config.cache.mkdir(f"small_ude_{sources()}"))


@pytest.mark.parametrize("truth", list(TRUTHS))
@pytest.mark.parametrize("seed", SEEDS)
def test_a_data_set(seed: int, truth: str, kept: Path) -> None:
    path = kept / f"{truth}_{seed}.json"
    if not path.exists():
        path.write_text(json.dumps(result_of(seed, truth), default=float))
    found = json.loads(path.read_text())
    assert found["r_hat"] < 1.1
    wanted = {"linear", "network"} | (
        {"Michaelis-Menten"} if truth == "michaelis-menten" else set()
    )
    assert set(found["compared"]) >= wanted


def result_of(seed: int, truth: str) -> dict[str, Any]:
    begin = time.process_time()
    study = small_ude(100 + seed, TRUTHS[truth])
    fit = bn.fit(small_nlme(pinned=True), study, seed=seed, **NUTS)
    found = bn.discover(fit, rate_constant=True, draws=20, keep=4, loo_draws=300, seed=seed)
    table = found.function.data
    x = table["x"].to_numpy()
    low, high = (table["band"].sel(quantile=q).to_numpy() for q in (0.05, 0.95))
    true = TRUTHS[truth](x)
    where = ~table["extrapolated"].to_numpy()
    result = {
        "covered": int(np.sum((low <= true) & (true <= high), where=where)),
        "points": int(where.sum()),
        "first": found.first.name,
        "linear_refuted": found["linear"].refuted,
        "compared": [own.name for own in found.candidates if own.is_judged],
        "r_hat": float(table["r_hat"].where(~table["extrapolated"]).max()),
        "claims": found.claims,
        "table": found.table.reset_index().to_dict("records"),
    }
    if truth == "linear":
        # Not discover's own refit: a model declared by hand, judged by the rule of verdict.
        mechanistic = bn.fit(linear_nlme(), study, seed=seed, **NUTS)
        result["verdict"] = bn.verdict(mechanistic, fit, refits=0, draws=300).answer
    return result | {"seconds": time.process_time() - begin}


def results(kept: Path, truth: str) -> list[dict[str, Any]]:
    found = [kept / f"{truth}_{seed}.json" for seed in SEEDS]
    missing = [path.name for path in found if not path.exists()]
    assert not missing, f"not run yet: {', '.join(missing)}"
    return [json.loads(path.read_text()) for path in found]


def test_the_band_covers_the_truth_where_data_lie(kept: Path) -> None:
    found = results(kept, "michaelis-menten")
    coverage = sum(own["covered"] for own in found) / sum(own["points"] for own in found)
    assert 0.85 <= coverage <= 0.95


def test_the_mechanism_is_found_and_the_linear_one_refuted(kept: Path) -> None:
    found = results(kept, "michaelis-menten")
    assert all({"linear", "Michaelis-Menten"} <= set(own["compared"]) for own in found)
    assert sum(own["first"] == "Michaelis-Menten" for own in found) >= 16
    assert sum(own["linear_refuted"] for own in found) >= 16


def test_where_elimination_is_linear_the_network_is_not_called_needed(kept: Path) -> None:
    answers = [own["verdict"] for own in results(kept, "linear")]
    assert sum(answer in ("unnecessary", "undecided") for answer in answers) >= 19
