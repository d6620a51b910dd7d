"""Whether what is on disk is what is asked for now."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bnode_nlme.inference.flat_model import FlatModel, Vector

ASKED = "asked"
"""Attribute of a finished fit: what was asked for, and the log-probability of its points."""
_LOGP = "logp"
_ASIDE = ("cores", "compiled_anew")


def settings_that_count(settings: Any) -> dict[str, Any]:
    """Settings that change what comes out, as JSON holds them."""
    counted = {name: value for name, value in asdict(settings).items() if name not in _ASIDE}
    result: dict[str, Any] = json.loads(json.dumps(counted))
    return result


def check_same_settings(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse other settings than those of a run.

    Raises
    ------
    ValueError
        Naming those that differ.
    """
    differing = [
        f"{name}={before.get(name)!r}, now {now[name]!r}"
        for name in now
        if before.get(name) != now[name]
    ]
    if differing:
        raise ValueError(
            f"fit(resume=True): the run at {path} was begun with {'; '.join(differing)}. "
            "Ask for the same, or begin a new run at another path."
        )


def check_same_model(
    path: Path,
    flat: FlatModel,
    variables: Sequence[str],
    points: Iterable[Vector],
    logp: Sequence[float],
) -> None:
    """Refuse another model, or other data, than those of a run.

    Raises
    ------
    ValueError
        When its variables differ, or its log-probability at `points` is not `logp`.
    """
    same = list(variables) == list(flat.labels) and np.allclose(
        [flat.logp_and_gradient(x)[0] for x in points], logp, rtol=1e-6
    )
    if not same:
        raise ValueError(
            f"fit(resume=True): the run at {path} is of another model or other data: its "
            "variables, or its log-probability at points that it kept, differ. Give the model and "
            "study that the run was begun with, or begin a new run at another path."
        )


def asked_text(tree: xr.DataTree, flat: FlatModel, asked: Mapping[str, Any]) -> str:
    """What a finished fit keeps, so that it is not taken for another: JSON."""
    logp = [flat.logp_and_gradient(x)[0] for x in _points(tree)]
    return json.dumps(dict(asked) | {_LOGP: logp})


def check_same_fit(
    path: Path, tree: xr.DataTree, flat: FlatModel, asked: Mapping[str, Any]
) -> None:
    """Refuse a finished fit of something else.

    Raises
    ------
    ValueError
        When it was asked for with other settings, is of another model or other data, or does not
        say.
    """
    if ASKED not in tree.attrs:
        raise ValueError(
            f"fit(resume=True): the fit at {path} does not say what it was asked for. Read it with "
            "bn.load_fit, or begin a new run at another path."
        )
    before = json.loads(tree.attrs[ASKED])
    check_same_settings(path, before, asked)
    labels = tree["unconstrained_posterior"]["unconstrained"].to_numpy().tolist()
    check_same_model(path, flat, labels, _points(tree), before[_LOGP])


def _points(tree: xr.DataTree) -> Any:
    """The first draw of each chain, (chains, size)."""
    return tree["unconstrained_posterior"]["position"].isel(draw=0).to_numpy()
