"""A NUTS run: begun, or taken up where it was cut short."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bnode_nlme.inference.draws import Draws
from bnode_nlme.inference.flat_model import FlatModel
from bnode_nlme.inference.nuts import NUTSSettings, sample_nuts
from bnode_nlme.inference.progress import ProgressLines
from bnode_nlme.inference.pymc_nuts import sample_with_pymc
from bnode_nlme.inference.run_folder import RunFolder
from bnode_nlme.inference.starting_values import find_start


def run_nuts(
    flat: FlatModel,
    settings: NUTSSettings,
    *,
    seed: int,
    start: Mapping[str, Any] | None,
    path: Path | None,
    progress: bool,
) -> Draws:
    """Find starting values and sample; go on with the unfinished run at `path` if there is one.

    Raises
    ------
    ValueError
        When the run at `path` is of another model, or was asked for with other settings.
    """
    if settings.sampler == "pymc":
        if path is not None:
            raise ValueError(
                "fit: path= wants sampler='nutpie'; the draws of sampler='pymc' cannot be kept as "
                "they come. Install nutpie, or save the fit when it is there."
            )
        found = find_start(flat, settings.chains, np.random.default_rng(seed), start)
        drawn = sample_with_pymc(flat, found.points, seed, settings, progress)
        return Draws(
            drawn.positions, drawn.statistics, dict(drawn.attributes) | _of_start(found.refused)
        )
    folder = None
    if path is not None and RunFolder.is_unfinished(path):
        folder = RunFolder(path)
        _check_same(folder, flat, settings, seed)
        starts, refused = folder.starts, int(folder.settings["refused"])
    else:
        found = find_start(flat, settings.chains, np.random.default_rng(seed), start)
        starts, refused = found.points, found.refused
        if path is not None:
            folder = RunFolder.create(path, _asked(flat, settings, seed, starts, refused), starts)
    with ProgressLines(progress) as lines:
        drawn = sample_nuts(flat, starts, seed, settings, folder, lines)
    return Draws(drawn.positions, drawn.statistics, dict(drawn.attributes) | _of_start(refused))


def _of_start(refused: int) -> dict[str, Any]:
    return {"refused_starts": refused}


def _asked(
    flat: FlatModel, settings: NUTSSettings, seed: int, starts: Any, refused: int
) -> dict[str, Any]:
    return {
        "settings": _settings_that_count(settings),
        "seed": seed,
        "refused": refused,
        "variables": list(flat.labels),
        "start_logp": [flat.logp_and_gradient(x)[0] for x in starts],
    }


def _settings_that_count(settings: NUTSSettings) -> dict[str, Any]:
    return {name: value for name, value in asdict(settings).items() if name != "cores"}


def _check_same(folder: RunFolder, flat: FlatModel, settings: NUTSSettings, seed: int) -> None:
    then = folder.settings
    now = _settings_that_count(settings) | {"seed": seed}
    before = then["settings"] | {"seed": then["seed"]}
    differing = [
        f"{name}={before.get(name)!r}, now {now[name]!r}"
        for name in now
        if before.get(name) != now[name]
    ]
    if differing:
        raise ValueError(
            f"fit(resume=True): the run at {folder.path} was begun with {'; '.join(differing)}. "
            "Ask for the same, or begin a new run at another path."
        )
    same = then["variables"] == list(flat.labels) and np.allclose(
        [flat.logp_and_gradient(x)[0] for x in folder.starts], then["start_logp"], rtol=1e-6
    )
    if not same:
        raise ValueError(
            f"fit(resume=True): the run at {folder.path} is of another model or other data: its "
            "variables, or its log-probability at the starting values, differ. Give the model and "
            "study that the run was begun with, or begin a new run at another path."
        )
