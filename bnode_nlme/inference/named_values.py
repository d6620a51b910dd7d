"""Values that a user gives by name, as values of a model's free variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
from numpy.typing import NDArray

from bnode_nlme.dynamics.errors import nearest
from bnode_nlme.inference.random_effects import effect_variables

_FAR = 40.0


def sampled_as(model: pm.Model) -> dict[str, str]:
    """Deterministics that stand for one free variable, by that variable's name.

    ``{"CL_pop_log": "CL_pop"}``: `bn.LogNormal` and `bn.LogitNormal` sample the logarithm or logit
    of the parameter that they name.
    """
    deterministics = {str(variable.name) for variable in model.deterministics}
    found = {}
    for variable in model.free_RVs:
        for ending in ("_log", "_logit"):
            base = str(variable.name).removesuffix(ending)
            if base != variable.name and base in deterministics:
                found[str(variable.name)] = base
    return found


def free_values(
    model: pm.Model,
    values: Mapping[str, Any],
    wanted: tuple[str, ...] | None = None,
    *,
    what: str = "fit(start=)",
) -> dict[Any, NDArray[np.float64]]:
    """Turn named values into those of free variables.

    Parameters
    ----------
    model
        The model.
    values
        By the name of a free variable, or of the parameter that it is the logarithm or logit of.
    wanted
        The free variables that must all be given; by default any may be.
    what
        What the values were given to, for the message.

    Returns
    -------
    dict of variable to ndarray
        As PyMC's initial points take them.

    Raises
    ------
    ValueError
        When a name is unknown, or a wanted value is missing.
    """
    names = sampled_as(model)
    known = tuple(str(v.name) for v in model.free_RVs) if wanted is None else wanted
    remaining = dict(values)
    found: dict[Any, NDArray[np.float64]] = {}
    for name in known:
        base = names.get(name, name)
        if name in remaining:
            found[model[name]] = np.asarray(remaining.pop(name), dtype=np.float64)
        elif base in remaining:
            given = np.asarray(remaining.pop(base), dtype=np.float64)
            found[model[name]] = _inverse(model, name, base, given)
    if remaining or (wanted is not None and len(found) < len(known)):
        effects = effect_variables(model) if wanted is None else ()
        public = [
            names.get(name, name)
            for name in known
            if name not in effects and not name.endswith("_correlation_cholesky")
        ]
        slips = {
            name: near
            for name in remaining
            if (near := f"{name}_pop" if f"{name}_pop" in public else nearest(name, public))
        }
        meant = "; ".join(f"did you mean {near!r} for {name!r}?" for name, near in slips.items())
        raise ValueError(
            f"{what} wants values of {', '.join(map(repr, public))}; found "
            f"{', '.join(map(repr, values)) or 'none'}{f': {meant}' if meant else '.'}"
        )
    return found


def _inverse(
    model: pm.Model, name: str, base: str, given: NDArray[np.float64]
) -> NDArray[np.float64]:
    lower, upper = 0.0, np.inf
    if name.endswith("_logit"):
        # The bounds are in the graph: its ends are as good as infinitely far.
        sampled = model.rvs_to_values[model[name]]
        (expression,) = model.replace_rvs_by_values([model[base]])
        function = model.compile_fn(expression, inputs=[sampled], on_unused_input="ignore")
        lower, upper = (
            float(np.min(function({sampled.name: np.full(given.shape, end)})))
            for end in (-_FAR, _FAR)
        )
    if np.any((given <= lower) | (given >= upper)):
        raise ValueError(f"{base!r} wants values between {lower:g} and {upper:g}; found {given}.")
    if name.endswith("_log"):
        return np.log(given)
    return np.log((given - lower) / (upper - given))
