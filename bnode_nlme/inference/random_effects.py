"""Which free variables of a model are random effects."""

from __future__ import annotations

import pymc as pm
from pytensor.graph.traversal import ancestors

from bnode_nlme.study.dimensions import OCCASION, SUBJECT


def effect_variables(model: pm.Model) -> tuple[str, ...]:
    """Names of the free variables that have a value for each subject or occasion.

    They are known by their first dimension, whatever made them.
    """
    return tuple(
        str(variable.name)
        for variable in model.free_RVs
        if (model.named_vars_to_dims.get(str(variable.name)) or (None,))[0] in (SUBJECT, OCCASION)
    )


def are_centred(model: pm.Model, effects: tuple[str, ...]) -> bool:
    """Whether the density of a random effect depends on another free variable."""
    for name in effects:
        own = model.rvs_to_values[model[name]]
        others = {value for value in model.value_vars if value is not own}
        terms = model.logp(vars=[model[name]], sum=False)
        if others & set(ancestors(terms)):
            return True
    return False
