"""One process of `bench_cold_start`: seconds to the first gradient of a model, imports apart.

Called with the name of a problem and a number that makes its system a new one.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pymc.blocking import DictToArrayBijection
from pytensor.compile.maker import function
from pytensor.gradient import grad

from benchmarks import pk_net
from bnode_nlme import datasets
from bnode_nlme.cli import theophylline
from bnode_nlme.engine import kernels, native, solve


def theophylline_model(token: float) -> Callable[[], Any]:
    """Log-density and gradient of the demonstration's model with its network, as PyMC has it."""
    theophylline.NOMINAL_DOSE *= token
    model = theophylline.learned_model(datasets.theophylline()).model
    start = DictToArrayBijection.map(model.initial_point())
    compiled = model.logp_dlogp_function(ravel_inputs=True, mode="NUMBA")
    compiled.set_extra_values({})
    return lambda: compiled(start)


def pk_net_solution(token: float) -> Callable[[], Any]:
    """Value and gradient of `pk_net` for 128 subjects, by `solve` and a PyTensor function."""
    system = pk_net.pk_net_system(token)
    values = pk_net.pk_net_values()
    parameters, weights = pt.dmatrix(), pt.vector(shape=(25,), dtype="float64")
    solution = solve(
        system,
        pk_net.pk_net_study(),
        {name: parameters[:, i] for i, name in enumerate(pk_net.PARAMETERS)},
        {"elimination": weights},
    )
    cost = (solution.outputs["cp"] * values["cotangents"]).sum()
    compiled = function(
        [parameters, weights], [cost, *grad(cost, [parameters, weights])], mode="NUMBA"
    )
    return lambda: compiled(values["parameters"], values["weights"])


PROBLEMS = {"theophylline": theophylline_model, "pk-net": pk_net_solution}


def _timed(module: Any, name: str, spent: dict[str, float]) -> None:
    inner = getattr(module, name)

    def timed(*given: Any) -> Any:
        begun = time.perf_counter()
        try:
            return inner(*given)
        finally:
            spent[name] = spent.get(name, 0.0) + time.perf_counter() - begun

    setattr(module, name, timed)


def main() -> None:
    """Print a line of JSON."""
    problem, token = sys.argv[1], float(sys.argv[2])
    spent: dict[str, float] = {}
    _timed(kernels, "build_kernels", spent)
    _timed(native, "_machine_code", spent)
    begun, processor = time.perf_counter(), time.process_time()
    compute = PROBLEMS[problem](token)
    built = time.perf_counter()
    found = compute()
    done = time.perf_counter()
    assert all(np.isfinite(value).all() for value in found)
    spent |= {
        "to call": built - begun,
        "first call": done - built,
        "seconds": done - begun,
        "processor": time.process_time() - processor,
    }
    print(json.dumps(spent))


if __name__ == "__main__":
    main()
