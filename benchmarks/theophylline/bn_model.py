"""The classical model of the demonstration, with the solver and tolerances of the comparison."""

from __future__ import annotations

import time
from typing import Any

import nutpie
import pymc as pm
import pytensor.tensor as pt

import bnode_nlme as bn

PARAMETERS = ("ka", "CL", "V")
PRIOR_MEAN = (0.45, 1.0, 3.45)
"""Of the logarithms of the typical values; their standard deviations are 1."""


def model(study: bn.Study, *, centred: bool, **solver: Any) -> pm.Model:
    """One compartment, absorption and elimination of first order, additive error."""
    system = bn.System(
        states=("depot", "central"),
        parameters=PARAMETERS,
        rhs=lambda t, y, p, nn, c: {
            "depot": -p.ka * y.depot,
            "central": p.ka * y.depot - p.CL / p.V * y.central,
        },
        outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
    )
    with pm.Model(coords=study.coords) as made:
        typical = pm.Normal("log_typical", PRIOR_MEAN, 1.0, shape=3)
        eta = bn.RandomEffects("eta", PARAMETERS, correlated=False, centred=centred)
        individual = {name: pt.exp(typical[i] + eta[:, i]) for i, name in enumerate(PARAMETERS)}
        sigma = pm.HalfNormal("sigma", 2.0)
        bn.NeuralODE("cp", system, study, parameters=individual, error=bn.Additive(sigma), **solver)
    return made


def sample(
    study: bn.Study,
    *,
    tune: int,
    draws: int,
    target_accept: float,
    seed: int,
    centred: bool,
    **solver: Any,
) -> dict[str, Any]:
    """Two chains in two threads; arrays (chains, draws, ...) and seconds."""
    start = time.perf_counter()
    compiled = nutpie.compile_pymc_model(model(study, centred=centred, **solver))
    settings = {"chains": 2, "cores": 2, "progress_bar": False, "target_accept": target_accept}
    # What is compiled at the first call is compiled now.
    nutpie.sample(compiled, draws=2, tune=2, seed=seed, **settings)
    compile_seconds = time.perf_counter() - start
    start = time.perf_counter()
    fit = nutpie.sample(compiled, draws=draws, tune=tune, seed=seed, **settings)
    seconds = time.perf_counter() - start
    posterior = fit["posterior"]
    return {
        **{name: posterior[name].values for name in ("log_typical", "eta_sd", "eta", "sigma")},
        "divergences": int(fit["sample_stats"]["diverging"].sum()),
        "gradients": int(fit["sample_stats"]["n_steps"].sum()),
        "seconds": seconds,
        "compile_seconds": compile_seconds,
    }
