"""A NUTS run: begun, or taken up where it was cut short."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bnode_nlme.inference.draws import Draws
from bnode_nlme.inference.flat_model import FlatModel
from bnode_nlme.inference.nuts import NUTSSettings, sample_nuts
from bnode_nlme.inference.progress import ProgressLines
from bnode_nlme.inference.pymc_nuts import sample_with_pymc
from bnode_nlme.inference.run_folder import RunFolder
from bnode_nlme.inference.same_run import (
    check_same_model,
    check_same_settings,
    settings_that_count,
)
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
        "settings": settings_that_count(settings),
        "seed": seed,
        "refused": refused,
        "variables": list(flat.labels),
        "start_logp": [flat.logp_and_gradient(x)[0] for x in starts],
    }


def _check_same(folder: RunFolder, flat: FlatModel, settings: NUTSSettings, seed: int) -> None:
    then = folder.settings
    check_same_settings(
        folder.path,
        then["settings"] | {"seed": then["seed"]},
        settings_that_count(settings) | {"seed": seed},
    )
    check_same_model(folder.path, flat, then["variables"], folder.starts, then["start_logp"])
