"""The small UDE over twenty simulated data sets: coverage, the mechanism, and its controls.

Each data set is a test of its own, which keeps its result in pytest's cache; the last tests judge
what is there. In pieces: ``pytest -m slow tests/discovery/test_small_ude_evidence.py -k "set and 3"``.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bnode_nlme as bn
from bnode_nlme.discovery.ranking import is_worse
from tests.discovery.small_ude import linear, michaelis_menten, small_nlme, small_ude

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::bnode_nlme.inference.ConvergenceWarning"),
]

SEEDS = range(20)
TRUTHS = {"michaelis-menten": michaelis_menten, "linear": linear}


@pytest.fixture(autouse=True)
def compile_in_python() -> None:
    """Not here: long runs want the compiled model."""


@pytest.fixture(scope="module")
def kept(request: pytest.FixtureRequest) -> Path:
    return Path(request.config.cache.mkdir("small_ude"))


@pytest.mark.parametrize("truth", list(TRUTHS))
@pytest.mark.parametrize("seed", SEEDS)
def test_a_data_set(seed: int, truth: str, kept: Path) -> None:
    path = kept / f"{truth}_{seed}.json"
    if path.exists():
        pytest.skip("run before; --cache-clear begins anew")
    begin = time.process_time()
    study = small_ude(100 + seed, TRUTHS[truth])
    fit = bn.fit(
        small_nlme(pinned=True), study, draws=250, tune=400, chains=2, cores=1, seed=seed,
        compiled_anew=False, progress=False,
    )  # fmt: skip
    # Whether the network helps is asked of linear elimination alone.
    keep = 2 if truth == "michaelis-menten" else 1
    found = bn.discover(fit, rate_constant=True, draws=20, keep=keep, loo_draws=100, seed=seed)
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
        "network_helps": is_worse(found["linear"].difference, found["linear"].difference_se),
        "r_hat": float(table["r_hat"].where(~table["extrapolated"]).max()),
        "seconds": time.process_time() - begin,
        "claims": found.claims,
        "table": found.table.reset_index().to_dict("records"),
    }
    path.write_text(json.dumps(result, default=float))
    assert np.isfinite(float(found["network"].elpd.elpd))


def results(kept: Path, truth: str) -> list[dict[str, Any]]:
    found = [kept / f"{truth}_{seed}.json" for seed in SEEDS]
    missing = [path.name for path in found if not path.exists()]
    if missing:
        pytest.skip(f"not run yet: {', '.join(missing)}")
    return [json.loads(path.read_text()) for path in found]


def test_the_band_covers_the_truth_where_data_lie(kept: Path) -> None:
    found = results(kept, "michaelis-menten")
    coverage = sum(own["covered"] for own in found) / sum(own["points"] for own in found)
    assert 0.85 <= coverage <= 0.95


def test_the_mechanism_is_found_and_the_linear_one_refuted(kept: Path) -> None:
    found = results(kept, "michaelis-menten")
    assert sum(own["first"] == "Michaelis-Menten" for own in found) >= 16
    assert sum(own["linear_refuted"] for own in found) >= 16


def test_where_elimination_is_linear_the_network_is_not_called_needed(kept: Path) -> None:
    assert sum(not own["network_helps"] for own in results(kept, "linear")) >= 19
