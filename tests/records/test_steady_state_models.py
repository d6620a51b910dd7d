"""Records with SS in models: `NeuralODE` and `NLME.build`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from numpy.testing import assert_allclose

import bnode_nlme as bn
from bnode_nlme.distributions.solve_nodes import solve_nodes
from tests.records.rows import dose, frame, observe
from tests.records.saturable import least_amount_at_steady_state

TOLERANCES: Any = {"rtol": 1e-10, "atol": 1e-11}

learned = bn.System(
    states=("central",),
    parameters=("Vm", "Km", "V", "tlag"),
    rhs=lambda t, y, p, nn, c: {"central": -p.Vm * y.central / (p.Km * p.V + y.central)},
    outputs={
        "cp": lambda t, y, p, nn, c: y.central / p.V,
        "amount": lambda t, y, p, nn, c: y.central,
    },
    dosing={"central": bn.Dosing(lag=lambda p, c: p.tlag)},
)


def study_of(*amounts: float) -> bn.Study:
    """Subjects at the steady state of a dose every 8, their outputs in turn."""
    tables = [
        frame(
            [
                dose(3, amount, steady=1, every=8, DVID=1),
                observe(3, DVID=1),
                observe(6, DVID=2),
                observe(11, DVID=1),
            ],
            subject,
        )
        for subject, amount in enumerate(amounts, 1)
    ]
    table = pd.concat(tables, ignore_index=True)
    table.loc[table["EVID"] == 0, "DV"] = 3.0 + np.arange(3 * len(amounts)) % 4
    return bn.read_nonmem(table)


def check_gradient(model: pm.Model, point: dict[str, Any]) -> None:
    """The gradient of the log-probability against central differences."""
    evaluate, slope = model.compile_logp(), model.compile_dlogp()
    found = slope(point)
    place = 0
    for variable in model.value_vars:
        value = np.asarray(point[variable.name], dtype=np.float64)
        for index in np.ndindex(value.shape):

            def at(
                step: float, value: Any = value, index: Any = index, name: str = variable.name
            ) -> float:
                moved = value.copy()
                moved[index] += step
                return float(evaluate({**point, name: moved}))

            wanted = (8 * (at(1e-3) - at(-1e-3)) - at(2e-3) + at(-2e-3)) / 12e-3
            assert_allclose(found[place], wanted, rtol=1e-6, atol=1e-6, err_msg=variable.name)
            place += 1


def test_two_outputs_share_a_solve_and_its_steady_states() -> None:
    study = study_of(90.0, 60.0)
    with pm.Model(coords=study.coords) as model:
        Vm = pm.LogNormal("Vm", np.log(20.0), 0.3)
        tlag = pm.LogNormal("tlag", np.log(1.3), 0.3)
        for output in ("cp", "amount"):
            bn.NeuralODE(
                output, learned, study, parameters={"Vm": Vm, "Km": 2.0, "V": 20.0, "tlag": tlag},
                error=bn.Additive(0.5), output=output, **TOLERANCES,
            )  # fmt: skip
    assert len(solve_nodes(model)) == 1
    check_gradient(model, model.initial_point())


def test_a_population_and_a_subject_without_a_steady_state() -> None:
    study = study_of(90.0, 60.0, 75.0)
    model = bn.NLME(
        learned,
        individual={
            "Vm": bn.Individual(bn.LogNormal(20.0, 1.0)),
            "Km": bn.Individual(2.0, effect=False),
            "V": bn.Individual(bn.LogNormal(20.0, 1.0), effect=False),
            "tlag": bn.Individual(0.4, effect=False),
        },
        error={"cp": bn.Additive(0.5), "amount": bn.Additive(5.0)},
        solver=TOLERANCES,
    ).build(study)
    point = model.initial_point()
    check_gradient(model, point)
    assert "no steady state" not in str(bn.solver_report(model))
    # Half of the elimination is not enough for 90 every 8.
    name = next(name for name in point if name.startswith("Vm_pop"))
    assert model.compile_logp()({**point, name: point[name] - np.log(2)}) == -np.inf
    assert "no steady state was found" in str(bn.solver_report(model))


def test_predictions_at_steady_state() -> None:
    p = {"Vm": 20.0, "Km": 2.0, "V": 20.0}
    least = least_amount_at_steady_state(type("p", (), p), 90, 8)
    regimen = bn.Regimen(90, every=8, steady_state=True)
    study = bn.Study.from_regimen(regimen, times=[0, 8], before_dose=False)
    solved = bn.simulate(learned, study, p | {"tlag": 0.0}, **TOLERANCES)
    assert solved["amount"].to_numpy() == pytest.approx([least + 90, least], rel=1e-8)
