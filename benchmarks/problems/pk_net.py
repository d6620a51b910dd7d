"""pk-net: the system of `benchmarks/pk_net.py`, 128 subjects, 10 observations, 28 parameters."""

from __future__ import annotations

from typing import Any

from benchmarks.pk_net import pk_net_study, pk_net_system, pk_net_values
from benchmarks.problems.dense import dense, softplus
from benchmarks.problems.problem import Problem

STAN = """
  real elimination(real x, vector w) {
    return log1p_exp(dot_product(w[17:24], tanh(w[1:8] * x + w[9:16])) + w[25]);
  }
  vector derivative(real t, vector y, vector p, vector w) {
    real absorbed = p[1] * y[1];
    return [-absorbed, absorbed - p[3] * elimination(y[2] / p[2], w) * y[2]]';
  }
  vector readout(vector y, vector p) { return [y[2] / p[2]]'; }
  vector initial(vector p) { return [0, 0]'; }
"""


def pk_net(subjects: int = 128) -> Problem:
    """One-compartment oral model; a 1-8-1 network of the concentration eliminates."""
    system = pk_net_system()
    (network,) = system.networks
    values = pk_net_values(subjects)

    def derivative(xp: Any, t: Any, y: Any, p: Any, w: Any) -> list[Any]:
        absorbed = p[0] * y[0]
        rate = p[2] * softplus(xp, dense(xp, network, w, y[1] / p[1]))
        return [-absorbed, absorbed - rate * y[1]]

    return Problem(
        name="pk-net",
        system=system,
        study=pk_net_study(subjects),
        parameters=values["parameters"],
        weights=values["weights"],
        sigma=(0.05,),
        derivative=derivative,
        readout=lambda xp, y, p: [y[1] / p[1]],
        initial=lambda xp, p: [0.0 * p[0], 0.0 * p[0]],
        stan=STAN,
    ).with_data()
