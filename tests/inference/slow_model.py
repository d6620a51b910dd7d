"""A model whose posterior is known and that takes its time; run as a script, a fit of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bnode_nlme.inference import Fit, fit

SIZE = 4
DRAWS, TUNE, CHAINS = 3000, 200, 2


def slow_model() -> pm.Model:
    """Four independent normals with standard deviation 1/2, and much work at each evaluation."""
    work = np.linspace(-1.0, 1.0, 50_000)
    with pm.Model() as model:
        x = pm.Normal("x", 1.0, 0.5, shape=SIZE)
        pm.Potential("work", 1e-12 * pt.sum(pt.tanh(work * x[0])))
    return model


def run(path: Path, **changed: Any) -> Fit:
    options = {"draws": DRAWS, "tune": TUNE, "chains": CHAINS, "cores": 2, "seed": 5} | changed
    return fit(slow_model(), method="nuts", path=path, resume=True, progress=False, **options)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
