"""latent: a 2-dimensional linear latent system with jumps at visits, 180 subjects, 21 visits.

Visits are irregular and each subject's own; at a visit both states are measured and then, but for
the last visit, an intervention of known size moves the first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import bnode_nlme as bn
from benchmarks.problems.problem import SEED, Problem
from benchmarks.problems.table import Table

SUBJECTS, VISITS = 180, 21
TYPICAL = {"a11": -0.4, "a12": 0.5, "a21": -0.5, "a22": -0.2, "z1": 1.0, "z2": 0.5}

STAN = """
  vector derivative(real t, vector y, vector p, vector w) {
    return [p[1] * y[1] + p[2] * y[2], p[3] * y[1] + p[4] * y[2]]';
  }
  vector readout(vector y, vector p) { return y; }
  vector initial(vector p) { return p[5:6]; }
"""


def _study(rng: np.random.Generator) -> bn.Study:
    table = Table()
    for subject in range(1, SUBJECTS + 1):
        gaps = rng.uniform(0.5, 1.5, VISITS - 1)
        for visit, time in enumerate(np.concatenate([[0.0], np.cumsum(gaps)])):
            table.observe(subject, float(time), ("x1", "x2"))
            if visit < VISITS - 1:
                table.dose(subject, float(time), float(rng.uniform(0.2, 1.0)), "first")
    return table.study()


def _system() -> bn.System:
    return bn.System(
        states=("first", "second"),
        parameters=tuple(TYPICAL),
        rhs=lambda t, y, p, nn, c: {
            "first": p.a11 * y.first + p.a12 * y.second,
            "second": p.a21 * y.first + p.a22 * y.second,
        },
        outputs={
            "x1": lambda t, y, p, nn, c: y.first,
            "x2": lambda t, y, p, nn, c: y.second,
        },
        initial={"first": lambda p, c: p.z1, "second": lambda p, c: p.z2},
    )


def latent() -> Problem:
    """Damped oscillation, moved at every visit."""
    rng = np.random.default_rng(SEED)
    deviations = 0.2 * rng.standard_normal((SUBJECTS, len(TYPICAL)))

    def derivative(xp: Any, t: Any, y: Any, p: Any, w: Any) -> list[Any]:
        return [p[0] * y[0] + p[1] * y[1], p[2] * y[0] + p[3] * y[1]]

    return Problem(
        name="latent",
        system=_system(),
        study=_study(rng),
        parameters=np.array(list(TYPICAL.values())) * np.exp(deviations),
        weights=np.zeros(0),
        sigma=(0.1, 0.1),
        derivative=derivative,
        readout=lambda xp, y, p: [y[0], y[1]],
        initial=lambda xp, p: [p[4], p[5]],
        stan=STAN,
    ).with_data()
