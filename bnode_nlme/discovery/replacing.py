"""A declaration with a form in the place of a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytensor.tensor as pt
import xarray as xr

from bnode_nlme.discovery.form_fit import FormFit
from bnode_nlme.discovery.forms import Form
from bnode_nlme.discovery.visited import Visited
from bnode_nlme.dynamics.system import System
from bnode_nlme.nlme.individual import Individual
from bnode_nlme.nlme.individual_values import population_name
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.nlme.omega import Omega
from bnode_nlme.nlme.prior import LogNormal, Normal, Prior

PRIOR_SD_LOG = 1.0
"""Of the logarithm of a positive constant, at least: a factor of 7 either way."""

_FLOOR = 1e-6


def constant_name(network: str, constant: str) -> str:
    """Name of a form's constant as a parameter of the system: ``elimination_Vmax``."""
    return f"{network}_{constant}"


def with_form(nlme: NLME, network: str, found: FormFit, visited: Visited) -> NLME:
    """Put a form into the place of a network.

    Parameters
    ----------
    nlme
        With the network in its system.
    network
        Its name.
    found
        The form, and the constants that fit the network's posterior draws. They give the priors:
        log-normal around the median of the fits with a standard deviation of the logarithm of 1 or
        more; for a constant of either sign, normal around it with the standard deviation that
        changes the form by the function's own size. No random effects.
    visited
        What the network was given: a form that is not finite at 0 or below is called on inputs of
        a millionth of their range at least.

    Returns
    -------
    NLME
        Without the parameters that only the network's arguments were made of.

    Raises
    ------
    DeclarationError
        When the system cannot be declared so.

    Notes
    -----
    No prior's width comes from the posterior standard deviation of the network's function: that
    would show the data to the model twice, and favour forms whose constants have such priors.
    """
    form = found.form
    names = {constant: constant_name(network, constant) for constant in form.constants}
    system = nlme.system.with_function(
        network, _expression(form, names, visited), tuple(names.values()), drop_unused=True
    )
    individual = dict(nlme.individual)
    for place, (constant, name) in enumerate(names.items()):
        individual[name] = _individual(found, place, constant in form.real)
    return _replaced(nlme, network, system, individual)


def without_term(nlme: NLME, network: str) -> NLME:
    """Put 0 into the place of a network; parameters that are then used nowhere go with it.

    Raises
    ------
    DeclarationError
        When the system cannot be declared so: another network is then used nowhere, say.
    """
    system = nlme.system.with_function(network, lambda p, *inputs: 0.0, drop_unused=True)
    return _replaced(nlme, network, system, dict(nlme.individual))


def warm_start(
    nlme: NLME, fit_values: Mapping[str, xr.DataArray], found: FormFit | None, network: str
) -> dict[str, Any]:
    """Values to start a fit from, by name.

    Parameters
    ----------
    nlme
        With the form in the network's place.
    fit_values
        Posterior means of the fit with the network, by name: typical values, omega of all effects,
        errors.
    found
        The form, started at the constants that fit the function's median: the medians of the
        constants that fit each draw need not fit anything together.
    network
        The network's name.
    """
    fixed = {
        population_name(name)
        for name, declared in nlme.individual.items()
        if not isinstance(declared.typical, Prior)
    }
    left = {
        "effect": list(nlme.subject_effects),
        "occasion_effect": list(nlme.occasion_effects),
    }
    left |= {f"{dim}_bis": names for dim, names in left.items()}
    start: dict[str, Any] = {}
    for name, value in fit_values.items():
        if name not in fixed:
            start[name] = value.sel(
                {dim: left[dim] for dim in value.dims if dim in left}
            ).to_numpy()
    if found is not None:
        for constant, middle in zip(found.form.constants, found.median, strict=True):
            start[population_name(constant_name(network, constant))] = float(middle)
    return start


def _replaced(nlme: NLME, network: str, system: System, individual: dict[str, Individual]) -> NLME:
    networks = {name: given for name, given in nlme.networks.items() if name != network}
    omegas: Any = nlme.omega  # a tuple since its __post_init__
    return replace(
        nlme,
        system=system,
        individual={name: individual[name] for name in system.parameters},
        networks=networks,
        omega=[kept for own in omegas if (kept := _omega(own, system.parameters)) is not None],
    )


def _omega(omega: Omega, parameters: Sequence[str]) -> Omega | None:
    """What an Omega says of the parameters that are left; None where it says nothing."""
    names = tuple(name for name in omega.names if name in parameters)
    correlated = omega.correlated
    if not isinstance(correlated, bool):
        blocks = [tuple(name for name in block if name in names) for block in correlated]
        correlated = tuple(block for block in blocks if block)
    return replace(omega, names=names, correlated=correlated) if names else None


def _individual(found: FormFit, place: int, real: bool) -> Individual:
    fits = found.constants[:, place]
    middle = float(np.median(fits))
    if real:
        effect = float(found.effect[place])
        return Individual(Normal(middle, effect), effect=False, distribution="normal")
    spread = max(PRIOR_SD_LOG, float(np.log(fits).std()))
    return Individual(LogNormal(middle, spread), effect=False)


def _expression(form: Form, names: Mapping[str, str], visited: Visited) -> Callable[..., Any]:
    compiled = form.pytensor_function()
    floors = _floors(form, visited)

    def function(p: Any, *inputs: Any) -> Any:
        guarded = [
            x if floor is None else pt.maximum(x, floor)
            for x, floor in zip(inputs, floors, strict=True)
        ]
        return compiled(*guarded, *(p[name] for name in names.values()))

    return function


def _floors(form: Form, visited: Visited) -> list[float | None]:
    """The least value of each input that a form is called on; None where any will do."""
    # Irrational, lest a power be even by chance.
    constants = np.full(len(form.constants), np.sqrt(2.0))
    floors: list[float | None] = []
    for place, width in enumerate(visited.ranges):
        at = visited.medians.copy()
        finite = True
        for value in (0.0, -1e-3 * width):
            at[place] = value
            with np.errstate(all="ignore"):
                finite &= bool(np.isfinite(form.array_function()(*at, *constants)))
        never_negative = visited.inputs[:, place].min() >= 0.0
        floors.append(_FLOOR * float(width) if never_negative and not finite else None)
    return floors
