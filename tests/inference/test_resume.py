"""A run that is killed goes on with nothing lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnode_nlme.inference import Fit, fit, load_fit
from bnode_nlme.inference.run_folder import ChainDraws, RunFolder, recover
from tests.inference.linear_mixed import linear_mixed
from tests.inference.slow_model import CHAINS, DRAWS, SIZE, run, slow_model

# Runs as short as may be: what they say of convergence is shown in test_convergence.
pytestmark = pytest.mark.filterwarnings("ignore::bnode_nlme.inference.ConvergenceWarning")

_ROOT = Path(__file__).parents[2]
_PATIENCE = 900.0


def _kept(path: Path) -> list[int]:
    """Draws of each chain that are on disk."""
    read = [RunFolder(path).read(chain)[0] for chain in range(CHAINS)]
    return [0 if draws is None else len(draws) for draws in read]


def _parts(path: Path) -> list[int]:
    return [len(list((path / "chains" / str(c)).glob("[0-9]*"))) for c in range(CHAINS)]


def _halfway(path: Path) -> bool:
    """Whether some chain has written half of its draws, the other perhaps none yet."""
    names = [p.name for p in (path / "chains").glob("*/[0-9]*")]
    return any(int(name) >= DRAWS // 2 for name in names)


def _killed_run(path: Path) -> None:
    """Run the slow model in a process of its own and kill it once its chains have draws."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.inference.slow_model", str(path)],
        cwd=_ROOT,
        env=os.environ | {"PYTHONPATH": str(_ROOT)},
    )
    deadline = time.monotonic() + _PATIENCE
    while (
        child.poll() is None
        and time.monotonic() < deadline
        and not (all(_parts(path)) or _halfway(path))
    ):
        time.sleep(0.02)
    assert child.poll() is None, "the run ended, or failed, before it could be killed"
    assert time.monotonic() < deadline, f"the run had no draws after {_PATIENCE:g} s"
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL


def _interrupted_run(path: Path, parts: list[int]) -> None:
    """Run the slow model and press Ctrl-C, as it were, once there are more draws."""
    sleep = time.sleep

    def interrupting(seconds: float) -> None:
        sleep(seconds)
        if sum(_parts(path)) > sum(parts) + 1:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bnode_nlme.inference.nuts.time.sleep", interrupting)
        with pytest.raises(KeyboardInterrupt, match="resume=True"):
            run(path)


def test_a_run_killed_and_interrupted_ends_with_every_draw(tmp_path: Path) -> None:
    path = tmp_path / "run.zarr"
    _killed_run(path)
    first = _kept(path)
    assert any(0 < count < DRAWS for count in first)
    with pytest.raises(ValueError, match="an unfinished run"):
        load_fit(path)
    _interrupted_run(path, _parts(path))
    second = _kept(path)
    assert all(before <= now for before, now in zip(first, second, strict=True))
    assert sum(first) < sum(second) < CHAINS * DRAWS
    before = [RunFolder(path).read(chain)[0] for chain in range(CHAINS)]

    result = run(path)
    x = result.posterior["x"].to_numpy()
    assert x.shape == (CHAINS, DRAWS, SIZE)
    assert np.all(np.isfinite(x))
    for chain, kept in enumerate(before):
        if kept is None:
            continue
        np.testing.assert_array_equal(x[chain, : len(kept)], kept.positions)
        np.testing.assert_array_equal(
            result.sample_stats["lp"][chain, : len(kept)], kept.statistics["lp"]
        )
    segments = json.loads(result.attrs["segments"])
    for chain in range(CHAINS):
        parts = segments[str(chain)]
        # A chain that had no draws yet, or had all of them, was not taken up again.
        begun = {0} | {count for count in (first[chain], second[chain]) if count < DRAWS}
        assert [part["first"] for part in parts] == sorted(begun)
        assert sum(part["draws"] for part in parts) == DRAWS
        assert [part["discarded"] for part in parts] == [200] + [100] * (len(parts) - 1)
    # 400 effective draws at the very least.
    np.testing.assert_allclose(x.mean(axis=(0, 1)), 1.0, atol=5.0 * 0.5 / 20.0)
    np.testing.assert_allclose(x.std(axis=(0, 1)), 0.5, rtol=0.15)
    again = sum(len(segments[str(chain)]) - 1 for chain in range(CHAINS))
    assert again > 0
    assert f"resumed: chains taken up again {again} times, {again * 100} draws" in str(result)

    # What is finished is read, not sampled again; and nothing of the run is left beside it.
    np.testing.assert_array_equal(load_fit(path).posterior["x"], x)
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.zarr"]
    np.testing.assert_array_equal(run(path).posterior["x"], x)


SMALL = {"draws": 40, "tune": 60, "chains": 2, "cores": 1, "seed": 4, "progress": False}


def small(path: Path | None = None, **changed: object) -> Fit:
    return fit(linear_mixed(), path=path, **(SMALL | changed))  # type: ignore[arg-type]


def test_keeping_draws_changes_none_and_a_run_killed_in_warm_up_runs_as_it_would_have(
    tmp_path: Path,
) -> None:
    plain = small()
    kept = small(tmp_path / "kept.zarr")
    np.testing.assert_array_equal(plain.posterior["z"], kept.posterior["z"])
    # What a run leaves that is killed in the warm-up of its first chain: settings and starts.
    begun = tmp_path / "begun.zarr"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bnode_nlme.inference.nuts_run.sample_nuts", _killed)
        with pytest.raises(InterruptedError, match="killed"):
            small(begun)
    assert RunFolder.is_unfinished(begun)
    np.testing.assert_array_equal(small(begun, resume=True).posterior["z"], plain.posterior["z"])


def _killed(*_: object) -> None:
    raise InterruptedError("killed")


def _killed_at(place: int) -> Any:
    """A `replace_by` that is killed before its first or second rename, or before it clears up."""
    count, real = 0, os.rename

    def rename(*names: Any) -> None:
        nonlocal count
        count += 1
        if count > place:
            raise InterruptedError("killed")
        real(*names)

    def replaced(run: RunFolder, finished: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("bnode_nlme.inference.run_folder.os.rename", rename)
            patch.setattr("bnode_nlme.inference.run_folder.shutil.rmtree", _killed)
            replace_by(run, finished)

    replace_by = RunFolder.replace_by
    return replaced


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_run_killed_while_the_fit_takes_its_place_ends_with_the_same_draws(
    tmp_path: Path, place: int
) -> None:
    path = tmp_path / "run.zarr"
    options: dict[str, Any] = {"draws": 10, "tune": 10}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "replace_by", _killed_at(place))
        with pytest.raises(InterruptedError, match="killed"):
            small(path, **options)
    beside = {0: {"run.zarr", ".run.finished.zarr"}, 1: {".run.zarr.draws", ".run.finished.zarr"}}
    left = {entry.name for entry in tmp_path.iterdir()}
    assert left == beside.get(place, {"run.zarr", ".run.zarr.draws"})
    resumed = small(path, resume=True, **options)
    np.testing.assert_array_equal(resumed.posterior["z"], small(**options).posterior["z"])
    np.testing.assert_array_equal(load_fit(path).posterior["z"], resumed.posterior["z"])
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.zarr"]


def test_another_model_or_other_settings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.zarr"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bnode_nlme.inference.nuts_run.sample_nuts", _killed)
        with pytest.raises(InterruptedError, match="killed"):
            small(path)
    with pytest.raises(FileExistsError, match="resume=True"):
        small(path)
    with pytest.raises(ValueError, match=r"begun with draws=40, now 50; seed=4, now 5"):
        small(path, resume=True, draws=50, seed=5)
    with pytest.raises(ValueError, match="of another model or other data"):
        fit(linear_mixed(omega=0.5), path=path, resume=True, **SMALL)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="of another model or other data"):
        fit(slow_model(), path=path, resume=True, **SMALL)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["nuts", "map"])
def test_a_finished_fit_of_something_else_is_refused(tmp_path: Path, method: Any) -> None:
    path = tmp_path / "done.zarr"
    asked: dict[str, Any] = {"method": method, "progress": False, "path": path, "seed": 4}
    if method == "nuts":
        asked |= {"draws": 20, "tune": 40, "chains": 2, "cores": 1}
    done = fit(linear_mixed(), **asked)
    again = fit(
        linear_mixed(), resume=True, **(asked | {"cores": 2} if method == "nuts" else asked)
    )
    np.testing.assert_array_equal(again.posterior["z"], done.posterior["z"])
    with pytest.raises(ValueError, match=r"begun with seed=4, now 5\. Ask for the same"):
        fit(linear_mixed(), resume=True, **(asked | {"seed": 5}))
    with pytest.raises(ValueError, match="of another model or other data"):
        fit(linear_mixed(omega=0.5), resume=True, **asked)
    with pytest.raises(ValueError, match="of another model or other data"):
        fit(slow_model(), resume=True, **asked)
    with pytest.raises(ValueError, match=f"begun with method='{method}', now 'advi'"):
        fit(linear_mixed(), method="advi", path=path, resume=True, progress=False)


def test_a_tree_that_does_not_say_what_was_asked_for_is_not_returned(tmp_path: Path) -> None:
    done = fit(linear_mixed(), method="map", progress=False)
    del done.data.attrs["asked"]
    path = done.save(tmp_path / "old.zarr")
    with pytest.raises(ValueError, match=r"does not say what it was asked for\. Read it with"):
        fit(linear_mixed(), method="map", path=path, resume=True, progress=False)


def _part(count: int, value: float) -> ChainDraws:
    return ChainDraws(
        np.full((count, 3), value),
        {"lp": np.full(count, -value), "diverging": np.zeros(count, dtype=bool)},
    )


def test_parts_are_whole_or_not_there(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "r.zarr", {"a": 1}, np.zeros((1, 3)))
    folder.append(0, _part(4, 1.0), first=0, segment=0, discarded=9)
    folder.append(0, _part(2, 2.0), first=4, segment=1, discarded=5)
    # A part whose writing was cut short keeps its hidden name.
    (folder.path / "chains" / "0" / ".000000006").mkdir()
    draws, segments = folder.read(0)
    assert draws is not None
    assert len(draws) == 6
    assert draws.statistics["diverging"].dtype == bool
    np.testing.assert_array_equal(draws.statistics["lp"], [-1, -1, -1, -1, -2, -2])
    assert [s["first"] for s in segments] == [0, 4]
    (folder.path / "chains" / "0" / "000000000").rename(tmp_path / "gone")
    with pytest.raises(OSError, match="lacks draws 0 to 4 of chain 0"):
        folder.read(0)


def test_a_replacement_that_was_cut_short_is_undone(tmp_path: Path) -> None:
    path = tmp_path / "r.zarr"
    RunFolder.create(path, {"a": 1}, np.zeros((1, 3)))
    path.rename(tmp_path / ".r.zarr.draws")
    recover(path)
    assert RunFolder(path).settings == {"a": 1}


def test_another_method_does_not_replace_an_unfinished_run(tmp_path: Path) -> None:
    path = tmp_path / "run.zarr"
    RunFolder.create(path, {}, np.zeros((2, 3)))
    before = sorted(str(p.relative_to(path)) for p in path.rglob("*"))
    for method in ("laplace", "map", "advi", "pathfinder"):
        with pytest.raises(
            ValueError,
            match=f"unfinished run of method='nuts', .*'{method}' would replace.*another",
        ):
            fit(linear_mixed(), method=method, path=path, resume=True, progress=False)
    assert sorted(str(p.relative_to(path)) for p in path.rglob("*")) == before
    assert RunFolder.is_unfinished(path)
