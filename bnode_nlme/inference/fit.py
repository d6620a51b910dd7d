"""`fit`: from a model and a study to a posterior, by one of several methods."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pymc as pm

from bnode_nlme.distributions.solve_nodes import solve_nodes
from bnode_nlme.distributions.solver_report import solver_report
from bnode_nlme.inference.advi import ADVISettings, advi
from bnode_nlme.inference.convergence import FUNCTIONS, warn_of_convergence
from bnode_nlme.inference.draws import Draws
from bnode_nlme.inference.fit_result import Buildable, Fit
from bnode_nlme.inference.flat_model import FlatModel, flat_model
from bnode_nlme.inference.function_agreement import function_agreement
from bnode_nlme.inference.laplace import LaplaceSettings, laplace
from bnode_nlme.inference.mode import ModeSettings, mode
from bnode_nlme.inference.nuts import NUTSSettings, available_cores, default_sampler
from bnode_nlme.inference.nuts_run import run_nuts
from bnode_nlme.inference.pathfinder import PathfinderSettings, pathfinder
from bnode_nlme.inference.posterior_tree import posterior_tree
from bnode_nlme.inference.progress import ProgressLines
from bnode_nlme.inference.run_folder import RunFolder, recover
from bnode_nlme.inference.same_run import (
    ASKED,
    asked_text,
    check_same_fit,
    settings_that_count,
)
from bnode_nlme.inference.starting_values import find_start
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.nlme.units import UNITS, with_units
from bnode_nlme.study.study import Study
from bnode_nlme.version import __version__

Method = Literal["nuts", "pathfinder", "advi", "map", "laplace"]

_SETTINGS: Mapping[str, Any] = {
    "nuts": NUTSSettings,
    "pathfinder": PathfinderSettings,
    "advi": ADVISettings,
    "map": ModeSettings,
    "laplace": LaplaceSettings,
}
_DRAWS = {"nuts": 1000, "pathfinder": 2000, "advi": 2000, "laplace": 2000}
_VERSIONS = ("pymc", "pytensor", "nutpie", "numba", "numpy")


def fit(
    nlme: Buildable | pm.Model,
    study: Study | None = None,
    method: Method = "nuts",
    *,
    seed: int = 0,
    draws: int | None = None,
    start: Mapping[str, Any] | None = None,
    path: str | Path | None = None,
    resume: bool = False,
    log_likelihood: bool = False,
    progress: bool = True,
    **options: Any,
) -> Fit:
    """Fit a population model.

    Every method starts from values at which the model can be solved: a mode of the typical values,
    random effects at zero, and jitter around it that was tested.

    Parameters
    ----------
    nlme : NLME or pymc.Model
        The declaration, or a model of one's own.
    study : Study
        Needed with a declaration; kept with the fit of a plain model.
    method : {"nuts", "pathfinder", "advi", "map", "laplace"}
        The No-U-Turn sampler; Pathfinder (several paths); variational inference; the mode of the
        joint density, for typical values and starting values alone, because it does not estimate
        omega and residual errors; the random effects integrated out by their modes and curvatures,
        as FOCEI does. Pathfinder and ADVI are checked by importance weights, and corrected by them where
        these can be trusted.
    seed
        The same seed gives the same draws.
    draws
        Number of draws; of each chain with ``"nuts"``. Not for ``"map"``.
    start
        Values of parameters to start from, by name: ``{"CL_pop": 2.5}``.
    path
        Where to keep the fit: a name ending in ``.zarr`` (a folder) or ``.nc``. With ``"nuts"`` it
        must be the former, and draws are written there as they come.
    resume
        Go on with the run at `path`, if there is one: draws that were written are kept, and each
        unfinished chain goes on from the last of them after adapting anew, which
        ``fit.attrs["segments"]`` records. A finished fit at `path` is read and returned, if it is
        of this model, these data and these settings.
    log_likelihood
        Whether to compute the log-likelihood of each measurement at each draw.
    progress
        Whether to show progress.
    **options
        Of the method: see `NUTSSettings`, `PathfinderSettings`, `ADVISettings`, `ModeSettings`,
        `LaplaceSettings`.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        When an argument is faulty, or the run at `path` is another one: with other settings, of
        another model, or by another method.
    StartError
        When there are no starting values that solve.
    FileExistsError
        When there is something at `path` and `resume` is not set.

    Warns
    -----
    ConvergenceWarning
        With ``"nuts"``, once, with numbers and cures: where chains differ (R-hat above 1.01) or
        have too few independent draws (ESS below 100 a chain) in a parameter of the population or
        in a function that a network learned (not in its weights, which are not identified); of
        divergences; of trees at their greatest depth. Printing the fit says the same.
    ApproximationWarning
        With ``"pathfinder"`` and ``"advi"``, where the approximation is not the posterior.
    """
    _check(nlme, study, method, draws, path, resume, options)
    where = None if path is None else Path(path)
    if where is not None:
        recover(where)
        if where.exists() and not resume:
            raise FileExistsError(
                f"fit: there is something at {where} already. Write resume=True to go on with that "
                "run or to read that fit; for a new run, give another path or remove it."
            )
    count = _DRAWS.get(method, 1) if draws is None else draws
    settings = _settings(method, count, options)
    asked = {"method": method, "draws": count, **settings_that_count(settings), "seed": seed}
    if where is not None and where.exists():
        if not RunFolder.is_unfinished(where):
            return _finished(nlme, study, where, asked)
        if method != "nuts":
            raise ValueError(
                f"fit(resume=True): at {where} is an unfinished run of method='nuts', which this fit "
                f"by method={method!r} would replace. Write method='nuts' to go on with it; for "
                f"{method!r} give another path, or remove that run first."
            )
    begin = time.perf_counter()
    model = nlme if isinstance(nlme, pm.Model) else nlme.build(study)  # type: ignore[arg-type]
    flat = flat_model(model)
    if solve_nodes(model):
        solver_report(model, reset=True)
    drawn = _draw(flat, study, method, seed, count, settings, start, where, progress)
    sampled = time.perf_counter() - begin
    attributes: dict[str, Any] = {"method": method, "seed": seed, "sampling_seconds": sampled}
    tree = posterior_tree(flat, drawn, log_likelihood=log_likelihood)
    if isinstance(nlme, NLME) and nlme.units:
        tree = tree.map_over_datasets(with_units, nlme)
        attributes[UNITS] = json.dumps(dict(nlme.units))
    if solve_nodes(model):
        attributes["solver_report"] = str(solver_report(model))
    attributes |= {
        ASKED: asked_text(tree, flat, asked),
        "seconds": time.perf_counter() - begin,
        "versions": json.dumps(
            {"bnode_nlme": __version__} | {name: _version(name) for name in _VERSIONS}
        ),
    }
    # netCDF has no boolean attributes.
    tree.attrs = attributes | {
        name: int(value) if isinstance(value, bool) else value
        for name, value in drawn.attributes.items()
    }
    if method == "nuts" and isinstance(nlme, NLME) and study is not None and nlme.all_networks:
        agreement = function_agreement(nlme, study, tree["posterior"].to_dataset())
        tree.attrs[FUNCTIONS] = json.dumps(agreement)
    result = Fit(tree, study, None if isinstance(nlme, pm.Model) else nlme, model)
    if where is not None:
        _store(result, where)
    if method == "nuts":
        warn_of_convergence(tree)  # when all is stored, for a warning may be made an error
    return result


def _settings(method: Method, count: int, options: Mapping[str, Any]) -> Any:
    if method == "nuts":
        own = {"draws": count, "sampler": default_sampler(), "cores": available_cores()}
        return NUTSSettings(**(own | dict(options)))
    return _SETTINGS[method](**options)


def _finished(
    nlme: Buildable | pm.Model, study: Study | None, path: Path, asked: Mapping[str, Any]
) -> Fit:
    """Read the fit at `path`, if it is what is asked for."""
    found = Fit.load(path)
    model = nlme if isinstance(nlme, pm.Model) else nlme.build(study)  # type: ignore[arg-type]
    check_same_fit(path, found.data, flat_model(model), asked)
    return Fit(found.data, found.study, None if isinstance(nlme, pm.Model) else nlme, model)


def _draw(
    flat: FlatModel,
    study: Study | None,
    method: Method,
    seed: int,
    count: int,
    settings: Any,
    start: Mapping[str, Any] | None,
    path: Path | None,
    progress: bool,
) -> Draws:
    if method == "nuts":
        return run_nuts(flat, settings, seed=seed, start=start, path=path, progress=progress)
    rng = np.random.default_rng(seed)
    paths = settings.paths if method == "pathfinder" else 1
    found = find_start(flat, paths, rng, start)
    with ProgressLines(progress) as lines:
        line = lines.line(method, paths if method == "pathfinder" else None)
        if method == "pathfinder":
            return pathfinder(
                flat, found.points, count, rng, settings, lambda done: lines.update(line, done)
            )
        if method == "advi":
            return advi(
                flat,
                found.typical,
                count,
                rng,
                settings,
                lambda done, elbo: lines.update(line, done, f"ELBO {elbo:.2f}"),
            )
        if method == "map":
            return mode(flat, found.typical, settings, lambda done: lines.update(line, done))
        return laplace(
            flat,
            study,
            found.typical,
            count,
            rng,
            settings,
            lambda done, value: lines.update(line, done, f"objective {value:.3f}"),
        )


def _store(result: Fit, path: Path) -> None:
    if not RunFolder.is_unfinished(path):
        result.save(path)
        return
    run = RunFolder(path)
    run.replace_by(result.save(run.place_for_finished()))


def _version(name: str) -> str:
    try:
        return version(name)
    except ImportError:  # not installed
        return "none"


def _check(
    nlme: Any,
    study: Study | None,
    method: str,
    draws: int | None,
    path: str | Path | None,
    resume: bool,
    options: Mapping[str, Any],
) -> None:
    if not (isinstance(nlme, pm.Model) or hasattr(nlme, "build")):
        raise ValueError(f"fit wants a bn.NLME or a pymc.Model; found {type(nlme).__name__}.")
    if not isinstance(nlme, pm.Model) and study is None:
        raise ValueError("fit wants a study with a declaration: fit(nlme, study).")
    if method not in get_args(Method):
        raise ValueError(
            f"fit: method= wants one of {', '.join(map(repr, get_args(Method)))}; found {method!r}."
        )
    valid = [f.name for f in fields(_SETTINGS[method]) if f.name != "draws"]
    unknown = [name for name in options if name not in valid]
    if unknown:
        raise ValueError(
            f"fit: method={method!r} has no option {', '.join(map(repr, unknown))}; its options "
            f"are {', '.join(map(repr, valid))}."
        )
    if draws is not None and (method == "map" or draws < 1):
        raise ValueError(
            "fit: method='map' has one draw; leave draws= out."
            if method == "map"
            else f"fit: draws= wants 1 or more; found {draws!r}."
        )
    if resume and path is None:
        raise ValueError("fit: resume=True wants path=, where the run is.")
    if path is not None:
        endings = (".zarr",) if method == "nuts" else (".zarr", ".nc")
        if Path(path).suffix not in endings:
            raise ValueError(
                f"fit: path= wants a name ending in {' or '.join(endings)}; found {str(path)!r}."
            )
