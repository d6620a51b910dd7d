"""Small systems, studies and models that the tests of this folder share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from numpy.typing import NDArray

import bnode_nlme as bn
from bnode_nlme.engine.solve_op import AdjointOp, SolveOp

PYTHON = "FAST_COMPILE"
"""Mode of PyTensor that compiles nothing; the engine's own kernels are native in every mode."""

DOSE, V = 100.0, 20.0
TIMES = (1.0, 2.0, 4.0)

one_compartment = bn.System(
    states=("central",),
    parameters=("CL", "V"),
    rhs=lambda t, y, p, nn, c: {"central": -p.CL / p.V * y.central},
    outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
)

two_outputs = bn.System(
    states=("central",),
    parameters=("CL", "V"),
    rhs=lambda t, y, p, nn, c: {"central": -p.CL / p.V * y.central},
    outputs={
        "cp": lambda t, y, p, nn, c: y.central / p.V,
        "amount": lambda t, y, p, nn, c: y.central,
    },
)

# y' = a y^2 from a dose of 1 is y = 1 / (1 - a t), which ceases to exist at t = 1 / a.
blow_up = bn.System(
    states=("y",),
    parameters=("a",),
    rhs=lambda t, y, p, nn, c: {"y": p.a * y.y**2},
    outputs={"z": lambda t, y, p, nn, c: y.y},
)


def concentration(CL: Any, t: Any, V: float = V) -> Any:
    """Closed form of `one_compartment` after a bolus of `DOSE`."""
    return DOSE / V * np.exp(-CL / V * np.asarray(t))


def bolus_table(
    values: NDArray[np.float64], times: Any = TIMES, dose: float = DOSE
) -> pd.DataFrame:
    """One bolus at 0 for each subject, then the values (subjects, times)."""
    rows = []
    for subject, measured in enumerate(values, start=1):
        rows.append({"ID": subject, "TIME": 0.0, "AMT": dose, "EVID": 1, "DV": "."})
        rows += [
            {"ID": subject, "TIME": time, "AMT": ".", "EVID": 0, "DV": value}
            for time, value in zip(times, measured, strict=True)
        ]
    return pd.DataFrame(rows)


def bolus_study(noise: float = 0.1, n_subjects: int = 2, CL: float = 4.0) -> bn.Study:
    """Concentrations of `one_compartment` at `TIMES`, with normal noise."""
    rng = np.random.default_rng(20240501)
    values = concentration(CL, TIMES) + noise * rng.normal(size=(n_subjects, len(TIMES)))
    return bn.read_nonmem(bolus_table(values))


def two_output_study() -> bn.Study:
    """Two subjects, each measured at `TIMES` as cp and as amount, in alternating rows."""
    rng = np.random.default_rng(7)
    rows: list[dict[str, Any]] = []
    for subject in (1, 2):
        rows.append({"ID": subject, "TIME": 0, "AMT": DOSE, "EVID": 1, "DV": ".", "DVID": "."})
        for time in TIMES:
            cp = concentration(4.0, time)
            for output, value in (("cp", cp), ("amount", V * cp)):
                rows.append(
                    {
                        "ID": subject,
                        "TIME": time,
                        "AMT": ".",
                        "EVID": 0,
                        "DV": value * np.exp(0.05 * rng.normal()),
                        "DVID": output,
                    }
                )
    return bn.read_nonmem(pd.DataFrame(rows))


def clearance_model(study: bn.Study, **options: Any) -> pm.Model:
    """Individual clearances around a population value; V known; additive error."""
    with pm.Model(coords=study.coords) as model:
        log_CL = pm.Normal("log_CL", 1.0, 1.0)
        eta = pm.Normal("eta", 0.0, 0.1, dims="subject")
        CL = pm.Deterministic("CL", pt.exp(log_CL + eta), dims="subject")
        sigma = pm.HalfNormal("sigma", 1.0)
        bn.NeuralODE(
            "cp",
            one_compartment,
            study,
            parameters={"CL": CL, "V": V},
            error=bn.Additive(sigma),
            **options,
        )
    return model


def blow_up_model() -> pm.Model:
    """A posterior over `a` that ends where the solution does, at a = 1 / max(t) = 1."""
    study = bn.read_nonmem(bolus_table(np.array([[1.3, 2.0]]), times=(0.5, 1.0), dose=1.0))
    with pm.Model(coords=study.coords) as model:
        a = pm.Normal("a", 0.0, 2.0)
        bn.NeuralODE("z", blow_up, study, parameters={"a": a}, error=bn.Additive(3.0))
    return model


def posterior(**draws: Any) -> xr.DataTree:
    """A posterior of given draws, each (draws, ...), as one chain."""
    dims = {"eta": ("chain", "draw", "subject")}
    variables = {
        name: (dims.get(name, ("chain", "draw")), np.asarray(values)[None])
        for name, values in draws.items()
    }
    dataset = xr.Dataset(variables)
    if "subject" in dataset.dims:
        dataset = dataset.assign_coords(subject=np.arange(1, dataset.sizes["subject"] + 1))
    return xr.DataTree.from_dict({"/posterior": dataset})


def solves_in(function: Any) -> list[str]:
    """Kinds of the solves in a compiled function, sorted."""
    nodes = function.maker.fgraph.apply_nodes
    return sorted(type(n.op).__name__ for n in nodes if isinstance(n.op, (SolveOp, AdjointOp)))
