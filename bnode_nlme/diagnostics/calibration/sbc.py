"""`sbc`: simulation-based calibration of a model on a design."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike

from bnode_nlme.diagnostics.calibration.design import calibration_design
from bnode_nlme.diagnostics.calibration.fitted_model import FittedModel, Method, Settings
from bnode_nlme.diagnostics.calibration.joint_model import JointModel
from bnode_nlme.diagnostics.calibration.outcome import OutcomeFile
from bnode_nlme.diagnostics.calibration.quantities import ranked_quantities
from bnode_nlme.diagnostics.calibration.replaceable import data_of
from bnode_nlme.diagnostics.calibration.replicates import Replicates
from bnode_nlme.diagnostics.calibration.sbc_result import SBCResult, result_of
from bnode_nlme.engine.threads import available_cores
from bnode_nlme.inference.advi import ADVISettings
from bnode_nlme.inference.nuts import NUTSSettings
from bnode_nlme.inference.pathfinder import PathfinderSettings
from bnode_nlme.inference.progress import ProgressLines
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.study.study import Study

_PROBES = 24
_QUICK: Mapping[str, Any] = {"adaptation": "low_rank", "target_accept": 0.8}
_OWN = ("draws", "tune", "chains", "cores", "sampler")
_OPTIONS: Mapping[str, type[Any]] = {
    "nuts": NUTSSettings,
    "pathfinder": PathfinderSettings,
    "advi": ADVISettings,
}


def sbc(
    nlme: NLME,
    design: Study,
    *,
    replicates: int = 200,
    draws: int = 500,
    tune: int = 300,
    method: Method = "nuts",
    ranked: int = 31,
    functions: Mapping[str, ArrayLike] | None = None,
    lloq: float | Mapping[str, float] | None = None,
    simulated_from: NLME | None = None,
    seed: int = 0,
    cores: int | None = None,
    path: str | Path | None = None,
    progress: bool = True,
    **options: Any,
) -> SBCResult:
    """Check that the posteriors of a model are what they claim to be, on data that it simulates.

    Each replicate draws parameters from the prior and measurements given them, finds the posterior
    of these measurements, and counts how many of its draws lie below the true value. Where model,
    solver, gradients and sampler are right, this rank is uniform, for every quantity (Cook, Gelman
    and Rubin 2006; Talts et al. 2018). Ranked are population parameters, scales and correlations
    of random effects, values of networks, and the log-likelihood of the measurements, which shows
    what parameters alone do not (Modrák et al. 2023).

    Parameters
    ----------
    nlme : NLME
        The declaration. Its priors are what is simulated from: where they are so wide that the
        system cannot be solved, or that nothing can be learned, calibration is slow and shows
        little.
    design : Study
        Subjects, doses, times and covariates, as from ``Study.from_regimen``. Where it holds
        measurements, their values are replaced; else every prediction point is measured.
    replicates : int
        At least 20. With 200, a posterior that is 1.3 times too narrow is seen nearly always.
    draws, tune : int
        Of each posterior, one chain (`tune` only with ``"nuts"``). Where the effective sample size
        of a quantity falls below `ranked`, the chain is drawn anew, as long as that needs, but at
        most eight times as long.
    method : {"nuts", "pathfinder", "advi"}
        Of inference: approximations can be judged in the same way.
    ranked : int
        Draws, evenly spaced in the chain, among which true values are ranked.
    functions : mapping of str to array_like (points,) or (points, inputs), optional
        By the name of a network (of a covariate network with its parameter before it,
        ``"CL_net"``), inputs at which its value is ranked.
    lloq : float or mapping of str to float, optional
        Lower limit of quantification (by output): measurements below it are censored, and the
        error model says with ``blq="M3"`` or ``"M4"`` what they mean. If left out, that of the
        design's censored rows, if it has any.
    simulated_from : NLME, optional
        What parameters and measurements are drawn from, if it is not `nlme`. A declaration with the
        same free variables: it shows what the ranks look like if `nlme` is wrong.
    seed : int
        Same seed, same ranks, whatever `cores` is.
    cores : int, optional
        Replicates at a time; all cores if left out. Chains of NUTS run in threads that need no
        interpreter, so the model is compiled once for all of them. ``"pathfinder"`` and ``"advi"``
        run one at a time.
    path : str or Path, optional
        A file to which each replicate is added as it comes to its end. A call with the same
        arguments goes on with the replicates that it holds.
    progress : bool
        Whether to show a progress bar.
    **options
        Of the method, see `NUTSSettings`, `PathfinderSettings`, `ADVISettings`. For NUTS,
        ``adaptation="low_rank"`` and ``target_accept=0.8`` unless given: in short chains of
        population models they give about three times as many effective draws a second.

    Returns
    -------
    SBCResult
        Printed, it says what was found. ``plot_rank_ecdf(result.uniformity)`` draws the ranks.

    Raises
    ------
    ValueError
        When arguments do not fit the model or the design, or the file at `path` is of another run.
    TableError
        When the design's labels do not fit the system.
    RuntimeError
        When no replicate has a posterior.

    References
    ----------
    Talts, Betancourt, Simpson, Vehtari, Gelman 2018, arXiv:1804.06788. Modrák, Moon, Kim, Bürkner,
    Huurre, Faltejsková, Gelman, Vehtari, Bayesian Anal 2025;20:461, doi:10.1214/23-BA1404.
    """
    settings = _settings(nlme, design, method, replicates, draws, tune, ranked, cores, options)
    planned = calibration_design(nlme, design, lloq)
    source_of = nlme if simulated_from is None else simulated_from
    model = nlme.build(planned.study)
    fitted = FittedModel(model, settings)
    source = JointModel(source_of.build(planned.study), list(nlme.errors), fitted.flat.names)
    seeds = np.random.default_rng([seed, 1]).integers(2**31, size=_PROBES)
    probes = [source.draw(int(of_probe)) for of_probe in seeds]
    fitted.put(data_of(probes[0].measured, planned.limits, fitted.places))
    positions = np.array([probe.position for probe in probes])
    quantities = ranked_quantities(
        fitted.flat, list(model.named_vars), nlme.all_networks, functions or {}, positions
    )
    common = Replicates(source, fitted, quantities, planned.limits, draws, ranked, seed)
    file = None
    if path is not None:
        asked: dict[str, Any] = {"seed": seed, "draws": draws, "ranked": ranked, "method": method}
        asked |= {"settings": settings.__dict__, "quantities": quantities.names}
        asked |= {"model": repr(nlme), "simulated_from": repr(source_of)}
        # Whatever differs in the design shows in what is simulated.
        asked |= {"simulated": [float(values.sum()) for values in probes[0].measured.values()]}
        file = OutcomeFile(Path(path), asked)
    outcomes = {} if file is None else {k: v for k, v in file.outcomes.items() if k < replicates}
    at_a_time = 1 if method != "nuts" else available_cores() if cores is None else cores
    with ProgressLines(progress) as lines:
        line = lines.line("replicates", replicates)
        lines.update(line, len(outcomes))
        missing = [number for number in range(replicates) if number not in outcomes]
        for outcome in common.run(missing, at_a_time):
            outcomes[outcome.replicate] = outcome
            if file is not None:
                file.add(outcome)
            failed = sum(bool(o.failure) for o in outcomes.values())
            lines.update(line, len(outcomes), f"{failed} failed" if failed else "")
    return result_of(list(outcomes.values()), quantities.names, ranked)


def _settings(
    nlme: Any,
    design: Any,
    method: str,
    replicates: int,
    draws: int,
    tune: int,
    ranked: int,
    cores: int | None,
    options: Mapping[str, Any],
) -> Settings:
    if not isinstance(nlme, NLME) or not isinstance(design, Study):
        raise ValueError(
            "sbc wants a declaration and a study, sbc(nlme, design); found "
            f"{type(nlme).__name__} and {type(design).__name__}."
        )
    if method not in get_args(Method):
        raise ValueError(
            f"sbc: method= wants one of {', '.join(map(repr, get_args(Method)))}; found {method!r}."
        )
    least = {"replicates": 20, "ranked": 7, "draws": ranked, "tune": 1, "cores": 1}
    given = {
        "replicates": replicates,
        "ranked": ranked,
        "draws": draws,
        "tune": tune,
        "cores": 1 if cores is None else cores,
    }
    for name, value in given.items():
        if value < least[name]:
            cure = ", which is ranked=" if name == "draws" else ""
            raise ValueError(f"sbc: {name}= wants {least[name]} or more{cure}; found {value!r}.")
    kind = _OPTIONS[method]
    valid = [name for name in kind.__dataclass_fields__ if name not in _OWN]
    unknown = [name for name in options if name not in valid]
    if unknown:
        raise ValueError(
            f"sbc: method={method!r} has no option {', '.join(map(repr, unknown))}; its options "
            f"are {', '.join(map(repr, valid))}."
        )
    quick = {**_QUICK, "tune": tune} if method == "nuts" else {}
    return kind(**{**quick, **options})
