"""JAX in float64 on one core, or why it is not there."""

from __future__ import annotations

import importlib.util
from typing import Any

from benchmarks.contenders.contender import ContenderUnavailableError


def jax_with_float64() -> Any:
    """The module jax; `benchmarks/one_core.py` has set its threads before it was imported."""
    for name in ("jax", "diffrax"):
        if importlib.util.find_spec(name) is None:
            raise ContenderUnavailableError(f"{name} is not installed; see make benchmark-peers")
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    return jax
