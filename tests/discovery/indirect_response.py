"""An indirect response whose stimulation by the drug is not known (Emax, in truth)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import bnode_nlme as bn

EMAX, EC50 = 2.0, 4.0
R0, KOUT = 10.0, 0.15
SPREAD = {"Emax": 0.4, "EC50": 0.6, "kout": 0.3}
OMEGA, SIGMA = 0.15, 0.05
LOW, HIGH = 100.0, 300.0
SUBJECTS = 10
PRIOR_SCALE = 2.0

MIDDLE = 2.0
"""In the middle of the concentrations that a low dose leads to."""
ANCHORED = bn.MLP(
    "stimulation", 1, (4,), output="monotone", anchor=0.0, scale=MIDDLE, logarithmic=True
)
NAIVE = bn.MLP("stimulation", 1, (4,), scale=MIDDLE, logarithmic=True)

TRAINING = bn.Regimen(LOW)
UNSEEN = bn.Regimen(LOW, every=24.0, additional=2) + bn.Regimen(
    HIGH, start=72.0, every=24.0, additional=1
)
SAMPLED = (0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 18.0, 24.0, 36.0, 48.0)
FORESEEN = np.arange(3.0, 145.0, 3.0)


def system(network: bn.MLP) -> bn.System:
    """Production is stimulated by the concentration; clearance and volume are known."""
    return bn.System(
        states=("central", "response"),
        parameters=("R0", "kout"),
        covariates=("CL", "V"),
        networks=(network,),
        rhs=lambda t, y, p, nn, c: {
            "central": -c.CL / c.V * y.central,
            "response": p.R0 * p.kout * (1.0 + nn.stimulation(y.central / c.V))
            - p.kout * y.response,
        },
        initial={"response": lambda p, c: p.R0},
        outputs={"R": lambda t, y, p, nn, c: y.response},
    )


truth = bn.System(
    states=("central", "response"),
    parameters=("R0", "kout", "Emax", "EC50"),
    covariates=("CL", "V"),
    rhs=lambda t, y, p, nn, c: {
        "central": -c.CL / c.V * y.central,
        "response": p.R0 * p.kout * (1.0 + p.Emax * y.central / (p.EC50 * c.V + y.central))
        - p.kout * y.response,
    },
    initial={"response": lambda p, c: p.R0},
    outputs={"R": lambda t, y, p, nn, c: y.response},
)


def nlme(network: bn.MLP) -> bn.NLME:
    """Baselines vary between subjects; the network has the default prior."""
    return bn.NLME(
        system(network),
        {
            "R0": bn.Individual(bn.LogNormal(10.0, 0.5), effect=bn.HalfNormal(0.3)),
            "kout": bn.Individual(bn.LogNormal(0.15, 0.7), effect=False),
        },
        error={"R": bn.Proportional(bn.HalfNormal(0.1))},
        networks={"stimulation": {"scale": PRIOR_SCALE}},
        solver={"rtol": 1e-5, "atol": 1e-6},
    )


def design() -> bn.Study:
    """Ten subjects, one low dose each, eleven measurements of the response."""
    rng = np.random.default_rng(99)
    covariates = {
        "CL": 2.0 * np.exp(0.25 * rng.standard_normal(SUBJECTS)),
        "V": 20.0 * np.exp(0.15 * rng.standard_normal(SUBJECTS)),
    }
    return bn.Study.from_regimen(
        TRAINING, times=SAMPLED, n_subjects=SUBJECTS, covariates=covariates, outputs=["R"]
    )


@dataclass(frozen=True)
class Truth:
    """Parameters of the system that data are simulated from."""

    R0: Any
    kout: float = KOUT
    Emax: float = EMAX
    EC50: float = EC50


def training_set(seed: int) -> tuple[bn.Study, Truth]:
    """Measurements of the design, and the truth behind them.

    Each data set has a truth of its own. With one for all, bands at concentrations that no subject
    reached would hold it always or never: where data say nothing the prior speaks, and whether it
    holds a single curve is no frequency.
    """
    rng = np.random.default_rng(seed)
    planned = design()
    drawn = {name: np.exp(sd * rng.standard_normal()) for name, sd in SPREAD.items()}
    exact = Truth(
        R0 * np.exp(OMEGA * rng.standard_normal(SUBJECTS)),
        KOUT * drawn["kout"],
        EMAX * drawn["Emax"],
        EC50 * drawn["EC50"],
    )
    clean = response(planned, exact)
    return planned.with_values(clean * (1.0 + SIGMA * rng.standard_normal(clean.size))), exact


def response(study: bn.Study, exact: Truth) -> Any:
    """The true response at the study's observations."""
    return bn.simulate(truth, study, vars(exact), rtol=1e-9, atol=1e-11)["R"].to_numpy()


def coverage(fit: bn.Fit, behind: Truth, draws: int = 300) -> dict[str, Any]:
    """How often 90 % bands of the response to the unseen regimen hold the true one."""
    assert fit.study is not None
    foreseen = fit.study.with_regimen(UNSEEN).at_times(FORESEEN)
    predicted = bn.predict(fit, foreseen, draws=draws)["R"].to_numpy()
    low, middle, high = np.quantile(predicted, [0.05, 0.5, 0.95], axis=0)
    exact = response(foreseen, behind)
    held = (low <= exact) & (exact <= high)
    late = np.tile(FORESEEN > 72.0, SUBJECTS)
    return {
        "all": held.mean(),
        "low doses": held[~late].mean(),
        "high doses": held[late].mean(),
        "error": np.abs(middle / exact - 1.0).mean(),
        "width": ((high - low) / exact)[late].mean(),
    }
