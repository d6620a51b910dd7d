"""Whether the parts of an NLME declaration fit together."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bnode_nlme.distributions.error_model import ResidualErrorModel
from bnode_nlme.distributions.network_weights import NetworkWeights
from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.solve import solve
from bnode_nlme.nlme.individual import Individual
from bnode_nlme.nlme.individual_values import coefficient_name, population_name
from bnode_nlme.nlme.omega import Omega
from bnode_nlme.nlme.units import checked_units


def check_declaration(
    system: Any,
    individual: Any,
    omega: Any,
    error: Any,
    networks: Any,
    solver: Any,
    units: Any,
) -> dict[str, Any]:
    """Check the arguments of `NLME`, and put them into their usual form.

    Raises
    ------
    ValueError
        Naming what is at fault, what was found and the valid choices.
    """
    if not isinstance(system, System):
        raise ValueError(f"NLME: system= wants a System; found {system!r}.")
    individual = _mapping("individual", individual, Individual, "bn.Individual(typical=...)")
    _check_names("individual", individual, system.parameters, "parameters", complete=True)
    individual = {name: individual[name] for name in system.parameters}
    omegas = _omegas(omega, individual)
    errors = _errors(system, error)
    networks = _mapping("networks", networks, Mapping, "a dict of arguments of NetworkWeights")
    _check_names("networks", networks, [n.name for n in system.networks], "networks")
    options = set(inspect.signature(NetworkWeights).parameters) - {"name", "network"}
    for name, given in networks.items():
        _check_names(f"networks[{name!r}]", given, options, "options of NetworkWeights")
    valid = [p for p, v in inspect.signature(solve).parameters.items() if v.kind == v.KEYWORD_ONLY]
    solver = _mapping("solver", solver, object, "")
    _check_names("solver", solver, valid, "options of a solve")
    _check_distinct(system, individual, errors)
    return {
        "individual": MappingProxyType(individual),
        "omega": omegas,
        "error": MappingProxyType(errors),
        "networks": MappingProxyType({name: dict(given) for name, given in networks.items()}),
        "solver": MappingProxyType(solver),
        "units": MappingProxyType(checked_units(units, system)),
    }


def _mapping(argument: str, given: Any, kind: Any, example: str) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise ValueError(f"NLME: {argument}= wants a dict by name; found {given!r}.")
    for name, value in given.items():
        if not isinstance(value, kind):
            raise ValueError(f"NLME: {argument}[{name!r}] wants {example}; found {value!r}.")
    return dict(given)


def _check_names(
    argument: str,
    given: Iterable[str],
    valid: Iterable[str],
    what: str,
    *,
    complete: bool = False,
) -> None:
    given, valid = list(given), list(valid)
    unknown = [name for name in given if name not in valid]
    missing = [name for name in valid if name not in given] if complete else []
    if unknown or missing:
        raise ValueError(
            f"NLME: {argument}= names {what} ({', '.join(map(repr, valid)) or 'none'}); "
            + "; ".join(
                f"{word} {', '.join(map(repr, names))}"
                for word, names in (("missing", missing), ("unknown", unknown))
                if names
            )
            + "."
        )


def _omegas(omega: Any, individual: Mapping[str, Individual]) -> tuple[Omega, ...]:
    omegas = () if omega is None else (omega,) if isinstance(omega, Omega) else omega
    if not isinstance(omegas, Sequence) or not all(isinstance(o, Omega) for o in omegas):
        raise ValueError(f"NLME: omega= wants an Omega or a list of them; found {omega!r}.")
    seen: set[tuple[str, str]] = set()
    for one in omegas:
        for name in one.names:
            sd = None
            if name in individual:
                declared = individual[name]
                sd = declared.effect_sd if one.level == "subject" else declared.occasion_sd
            if sd is None:
                with_effect = [
                    other
                    for other, d in individual.items()
                    if (d.effect_sd if one.level == "subject" else d.occasion_sd) is not None
                ]
                cure = "effect=True" if one.level == "subject" else "occasion=True"
                raise ValueError(
                    f"NLME: omega= names {name!r}, which has no random effect of the {one.level}; "
                    f"those that do are {', '.join(map(repr, with_effect)) or 'none'}. Declare it "
                    f"with {cure}, or leave it out of Omega."
                )
            if (one.level, name) in seen:
                raise ValueError(
                    f"NLME: omega= names {name!r} twice. Each effect belongs to one Omega."
                )
            seen.add((one.level, name))
    return tuple(omegas)


def _errors(system: System, error: Any) -> dict[str, ResidualErrorModel]:
    if isinstance(error, ResidualErrorModel):
        if len(system.output_names) > 1:
            raise ValueError(
                f"NLME: error= wants a dict by output ({', '.join(system.output_names)}); found "
                f"one error for all. Write error={{{system.output_names[0]!r}: ...}}."
            )
        error = {system.output_names[0]: error}
    errors = _mapping(
        "error", error, ResidualErrorModel, "a residual error model, such as bn.Combined()"
    )
    _check_names("error", errors, system.output_names, "outputs")
    if not errors:
        raise ValueError("NLME: error= is empty; give an error for each measured output.")
    return errors


def _check_distinct(
    system: System,
    individual: Mapping[str, Individual],
    errors: Mapping[str, ResidualErrorModel],
) -> None:
    """Refuse names that would stand for two variables of the model."""
    names = [*system.parameters, *errors, *(network.name for network in system.networks)]
    names += [population_name(name) for name in system.parameters]
    for name, declared in individual.items():
        names += [coefficient_name(name, model.label) for model in declared.covariates]
    for output, error in errors.items():
        names += [f"{output}_{parameter}" for parameter in error.parameters]
    names += ["eta", "eta_z", "omega", "omega_correlation", "kappa", "kappa_z", "omega_occasion"]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"NLME: {', '.join(map(repr, twice))} would name two variables of the model. Rename "
            "the parameter, output, covariate or network that leads to it."
        )
