"""Units: from the declaration to the attributes of everything that comes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import xarray as xr

from bnode_nlme.nlme.error_priors import in_units_of_the_output
from bnode_nlme.nlme.individual_values import population_name

if TYPE_CHECKING:
    from bnode_nlme.dynamics.system import System
    from bnode_nlme.nlme.nlme import NLME

UNITS = "units"
"""The attribute that says a variable's unit, as in netCDF's conventions."""
TIME, AMOUNT = "time", "amount"


def checked_units(units: object, system: System) -> dict[str, str]:
    """Units by name, of what a system has.

    Raises
    ------
    ValueError
        When it is no mapping of text to text, or names something else.
    """
    valid = (*system.parameters, *system.output_names, *system.states, TIME, AMOUNT)
    if not isinstance(units, Mapping):
        raise ValueError(
            f"NLME: units= wants a dict by name, such as {{'CL': 'L/h', 'time': 'h'}}; found "
            f"{units!r}."
        )
    unknown = [name for name in units if name not in valid]
    if unknown:
        raise ValueError(
            f"NLME: units= names parameters, outputs, states, 'time' and 'amount' "
            f"({', '.join(map(repr, dict.fromkeys(valid)))}); unknown "
            f"{', '.join(map(repr, unknown))}."
        )
    for name, unit in units.items():
        if not isinstance(unit, str):
            raise ValueError(f"NLME: units[{name!r}] wants text, such as 'L/h'; found {unit!r}.")
    return dict(units)


def variable_units(nlme: NLME) -> dict[str, str]:
    """Units by the names of variables in posteriors, predictions and observed data.

    Of a parameter and its typical value; of an output, measurements drawn around it, and the
    standard deviation of an additive error; of a state; of time and amounts.
    """
    given = nlme.units
    result = dict(given)
    result |= {population_name(name): given[name] for name in nlme.parameters if name in given}
    for output, error in nlme.errors.items():
        if output in given:
            result[f"{output}_measured"] = given[output]
            result |= {
                f"{output}_{parameter}": given[output]
                for parameter in error.parameters
                if in_units_of_the_output(error, parameter)
            }
    return result


def with_units(dataset: xr.Dataset, nlme: NLME) -> xr.Dataset:
    """Write ``attrs["units"]`` of those variables and coordinates whose unit is known."""
    units = {name: u for name, u in variable_units(nlme).items() if name in dataset.variables}
    if not units:
        return dataset
    labelled = dataset.copy()
    for name, unit in units.items():
        labelled[name].attrs[UNITS] = unit
    return labelled
