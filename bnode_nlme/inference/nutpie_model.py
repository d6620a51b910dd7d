"""A model as nutpie samples it: compiled once more by nutpie, or called as it is compiled already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np

from bnode_nlme.inference.flat_model import FlatModel, Vector


def nutpie_model(flat: FlatModel, *, compiled_anew: bool) -> Any:
    """A model for `nutpie.sample`.

    Parameters
    ----------
    flat
        The model.
    compiled_anew
        Whether nutpie compiles the density into a function of its own, which chains can call in
        parallel and without Python: 5 to 10 seconds. Otherwise chains call the function that has
        found the starting values, one at a time: some 30 µs more for each gradient.
    """
    import nutpie  # as late as this, because with sampler="pymc" it may be missing

    if compiled_anew:
        return nutpie.compile_pymc_model(flat.model, var_names=[])

    lock = Lock()

    def value(x: Vector) -> tuple[float, Vector]:
        # A compiled function keeps its results in one place, and frees the GIL while it computes.
        with lock:
            return flat.logp_and_gradient(x)

    def density() -> Callable[[Vector], tuple[float, Vector]]:
        return value

    def expansion(*_: Any) -> Callable[[Vector], dict[str, Any]]:
        return lambda x: {}

    return nutpie.compiled_pyfunc.from_pyfunc(flat.size, density, expansion, [], [], [])


def started_at(model: Any, start: Vector) -> Any:
    """The model with a chain's first point, on the unconstrained scale."""
    field = "initial_point_func" if hasattr(model, "initial_point_func") else "_make_initial_points"
    return replace(model, **{field: lambda _: np.array(start)})
