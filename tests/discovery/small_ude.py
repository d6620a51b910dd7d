"""The small universal differential equation: what eliminates a drug is not known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import bnode_nlme as bn

DOSES = (2.5, 5.0, 10.0, 20.0)
TIMES = (0.5, 1.0, 2.0, 4.0, 6.0, 9.0, 12.0)
SOLVER = {"rtol": 1e-5, "atol": 1e-6}
PINNED = (5.0,)
VMAX, KM, VOLUME, OMEGA, SIGMA = 2.0, 3.0, 1.0, 0.1, 0.1

ELIMINATION = bn.MLP("elimination", inputs=1, hidden=(4,), output="positive", scale=5.0)

learned = bn.System(
    states=("central",),
    parameters=("V",),
    networks=(ELIMINATION,),
    rhs=lambda t, y, p, nn, c: {"central": -nn.elimination(y.central / p.V) * y.central},
    outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
)


def design() -> bn.Study:
    """Eight subjects with four doses, seven observations each."""
    return bn.Study.from_regimen(
        {subject: bn.Regimen(DOSES[(subject - 1) % 4], "central") for subject in range(1, 9)},
        times=TIMES,
    )


def michaelis_menten(x: Any) -> Any:
    """The truth, as a rate constant."""
    return VMAX / (KM + x)


def linear(x: Any) -> Any:
    """First-order elimination, about as fast."""
    return 0.3 + 0.0 * x


def small_ude(seed: int, truth: Callable[[Any], Any] = michaelis_menten) -> bn.Study:
    """A simulated data set: concentrations with proportional error, volumes that vary."""
    rng = np.random.default_rng(seed)
    study = design()
    system = learned.with_function("elimination", lambda p, x: truth(x))
    volume = VOLUME * np.exp(OMEGA * rng.standard_normal(study.n_subjects))
    solved = bn.simulate(system, study, {"V": volume}, rtol=1e-9, atol=1e-12)
    clean = solved["cp"].to_numpy()
    return study.with_values(clean * (1.0 + SIGMA * rng.standard_normal(clean.shape)))


def small_nlme(*, pinned: bool = False) -> bn.NLME:
    """The network in the place of the elimination.

    Its prior leaves a rate constant between 0.02 and 4 per hour (90 %), half-lives of ten minutes to
    a day and a half. With `pinned`, its value at one concentration is sampled itself: the level,
    which the data determine whatever the shape. More values would be a funnel where the function is
    flat: given one, the others hardly vary, and chains stick there.
    """
    prior: dict[str, Any] = {"scale": 2.0}
    if pinned:
        prior["pinned"] = PINNED
    return bn.NLME(
        learned,
        {"V": bn.Individual(bn.LogNormal(1.0, 0.5), effect=bn.HalfNormal(0.3))},
        error={"cp": bn.Proportional(bn.HalfNormal(0.3))},
        networks={"elimination": prior},
        solver=SOLVER,
    )


def linear_nlme() -> bn.NLME:
    """First-order elimination, declared by hand; volume and error as beside the network."""
    system = bn.System(
        states=("central",),
        parameters=("V", "ke"),
        rhs=lambda t, y, p, nn, c: {"central": -p.ke * y.central},
        outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
    )
    beside = small_nlme()
    individual = {**beside.individual, "ke": bn.Individual(bn.LogNormal(0.3, 1.0), effect=False)}
    return bn.NLME(system, individual, error=beside.error, solver=SOLVER)
