"""A straight line with normal effects and errors, of which everything is known in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from scipy.special import logsumexp

import bnode_nlme as bn
from bnode_nlme.inference import Fit
from tests.results.made_fits import CHAINS, DRAWS, around, made_fit

Array = NDArray[np.float64]

line = bn.System(
    states=("level",),
    parameters=("base", "slope"),
    rhs=lambda t, y, p, nn, c: {"level": p.slope},
    initial={"level": lambda p, c: p.base},
    outputs={"y": lambda t, y, p, nn, c: y.level},
)


def line_nlme() -> bn.NLME:
    return bn.NLME(
        line,
        {
            "base": bn.Individual(bn.Normal(10.0, 3.0), distribution="normal"),
            "slope": bn.Individual(bn.Normal(1.0, 1.0), distribution="normal"),
        },
        omega=bn.Omega(("base", "slope")),
        error=bn.Additive(),
    )


def line_study(values: dict[int, dict[float, float]]) -> bn.Study:
    """Measurements by subject and time; time 0 of all is a record, so that lines begin there."""
    rows = []
    for subject, measured in values.items():
        rows.append({"ID": subject, "TIME": 0.0, "EVID": 2, "AMT": 0.0, "DV": np.nan, "MDV": 1})
        rows += [
            {"ID": subject, "TIME": t, "EVID": 0, "AMT": 0.0, "DV": y, "MDV": 0}
            for t, y in measured.items()
        ]
    return bn.read_nonmem(pd.DataFrame(rows))


def line_population(seed: int = 3) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    r = np.clip(0.4 + 0.1 * rng.standard_normal((CHAINS, DRAWS)), -0.9, 0.9)
    correlation = np.ones((CHAINS, DRAWS, 2, 2))
    correlation[..., 0, 1] = correlation[..., 1, 0] = r
    return {
        "base_pop": ((), 10.0 + 0.5 * rng.standard_normal((CHAINS, DRAWS))),
        "slope_pop": ((), 1.0 + 0.1 * rng.standard_normal((CHAINS, DRAWS))),
        "omega": (("effect",), around([2.0, 0.4], 0.15, rng)),
        "omega_correlation": (("effect", "effect_bis"), correlation),
        "y_sigma": ((), around(0.5, 0.1, rng)),
    }


@dataclass(frozen=True)
class Exact:
    """One subject, at each of D draws of the population.

    Attributes: density of the measurements (D,), mean (D, 2) and covariance (D, 2, 2) of the
    random effects given them.
    """

    log_evidence: Array
    mean: Array
    covariance: Array

    @property
    def weights(self) -> Array:
        """Posterior probability of each draw."""
        return np.asarray(np.exp(self.log_evidence - logsumexp(self.log_evidence)))

    def moments(self) -> tuple[Array, Array]:
        """Mean and standard deviation of the random effects over all draws."""
        mean = self.weights @ self.mean
        second = np.diagonal(self.covariance, axis1=1, axis2=2) + self.mean**2
        return mean, np.sqrt(self.weights @ second - mean**2)


def exact(fit: Fit, measured: dict[float, float]) -> Exact:
    posterior = fit.posterior.stack(sample=("chain", "draw"), create_index=False)
    times, y = np.array(list(measured)), np.array(list(measured.values()))
    X = np.column_stack([np.ones_like(times), times])
    evidence, means, covariances = [], [], []
    for draw in range(posterior.sizes["sample"]):
        at = posterior.isel(sample=draw)
        typical = np.array([float(at["base_pop"]), float(at["slope_pop"])])
        sd = at["omega"].to_numpy()
        omega = np.outer(sd, sd) * at["omega_correlation"].to_numpy()
        noise = float(at["y_sigma"]) ** 2 * np.eye(len(y))
        total = X @ omega @ X.T + noise
        gain = omega @ X.T @ np.linalg.inv(total)
        residual = y - X @ typical
        evidence.append(stats.multivariate_normal(np.zeros(len(y)), total).logpdf(residual))
        means.append(gain @ residual)
        covariances.append(omega - gain @ X @ omega)
    return Exact(np.array(evidence), np.array(means), np.array(covariances))


def line_fit(study: bn.Study) -> Fit:
    """Population as made up; known subjects' effects drawn from the population."""
    population = line_population()
    rng = np.random.default_rng(4)
    factor = population["omega"][1][..., :, None] * np.linalg.cholesky(
        population["omega_correlation"][1]
    )
    z = rng.standard_normal((CHAINS, DRAWS, study.n_subjects, 2))
    return made_fit(line_nlme(), study, population, eta=np.einsum("cdij,cdsj->cdsi", factor, z))
