"""What one process has compiled for a model, the next one loads."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

SCRIPT = """
import json, sys
from numba.core import event
from pytensor import grad
from pytensor.compile.maker import function
import pytensor.tensor as pt
from bnode_nlme.engine import native, solve
from bnode_nlme.dynamics import System
from tests.engine.tables import dose, observe, study_of

compiled = []

class Listener(event.Listener):
    def on_start(self, started): compiled.append(str(started.data["dispatcher"].py_func))
    def on_end(self, ended): pass

event.register("numba:compile", Listener())
kernels = []
machine_code = native._machine_code
native._machine_code = lambda *given: kernels.append(given) or machine_code(*given)

factor = float(sys.argv[1])  # what makes the system one that this machine has never seen
system = System(
    states=("central",),
    parameters=("CL", "V"),
    rhs=lambda t, y, p, nn, c: {"central": -factor * p.CL / p.V * y.central},
)
study = study_of([dose(0, 100), observe(1), observe(4)], [dose(0, 50), observe(2)])
CL, V = pt.dvector("CL", shape=(2,)), pt.dvector("V", shape=(2,))
solution = solve(system, study, {"CL": CL, "V": V})
cost = (solution.states["central"] ** 2).sum()
compute = function([CL, V], [cost, *grad(cost, [CL, V])], mode="NUMBA")
found = compute([1.0, 2.0], [20.0, 30.0])
print(json.dumps([[float(found[0]), *map(float, found[1])], compiled, len(kernels)]))
"""


def run(factor: float) -> tuple[Any, str]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, repr(factor)],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout), done.stderr


def test_a_second_process_compiles_nothing() -> None:
    factor = 1.0 + random.SystemRandom().random()
    (first, compiled, kernels), _ = run(factor)
    assert kernels >= 1  # the first on a machine compiles the arithmetic of CVODES too
    assert any("solve" in function for function in compiled)
    (second, compiled, kernels), said = run(factor)
    assert compiled == []
    assert kernels == 0
    assert said == ""
    assert second == first


def test_another_system_takes_nothing_from_it() -> None:
    factor = 1.0 + random.SystemRandom().random()
    (first, _, _), _ = run(factor)
    (second, _, kernels), _ = run(2.0 * factor)
    assert kernels == 1
    assert second != first
