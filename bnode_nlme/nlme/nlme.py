"""`NLME`: a nonlinear mixed-effects model, declared whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from types import MappingProxyType
from typing import Any

import pymc as pm
import xarray as xr

from bnode_nlme.distributions.effect_blocks import EffectBlock
from bnode_nlme.distributions.error_model import ResidualErrorModel
from bnode_nlme.dynamics.mlp import MLP
from bnode_nlme.dynamics.system import System
from bnode_nlme.nlme import effects, equations
from bnode_nlme.nlme.build import build_model
from bnode_nlme.nlme.covariate_network import CovariateNetwork
from bnode_nlme.nlme.declaration import check_declaration
from bnode_nlme.nlme.individual import Individual
from bnode_nlme.nlme.individual_values import coefficient_name
from bnode_nlme.nlme.omega import Omega
from bnode_nlme.nlme.posterior_parameters import individual_parameters
from bnode_nlme.study.study import Study


@dataclass(frozen=True, eq=False, repr=False)
class NLME:
    """A nonlinear mixed-effects model: a system, and how its parameters vary and are measured.

    It holds no data: `build` joins it to a study, as a plain `pymc.Model`.

    Parameters
    ----------
    system : System
    individual : mapping of str to Individual
        A declaration for each of ``system.parameters``.
    omega : Omega or sequence of Omega, optional
        Which random effects are correlated; by default none.
    error : ResidualErrorModel or mapping of str to ResidualErrorModel
        For each output that is measured. A parameter that is left out has a default prior; a prior
        or a number may be given in its place: ``Combined(bn.HalfNormal(0.1), 0.2)``.
    networks : mapping of str to mapping, optional
        Further arguments of `NetworkWeights` for networks of the system, by name. Every network has
        that prior.
    solver : mapping, optional
        Options of the solve: method, rtol, atol, ... as for `solve`.
    units : mapping of str to str, optional
        By the names of parameters, outputs and states, and of ``"time"`` and ``"amount"``, as many
        as are wanted: ``{"CL": "L/h", "cp": "mg/L", "time": "h"}``. Nothing is converted; they are
        the attribute ``units`` of what belongs to the name in posteriors, observed data and
        predictions (``CL``, ``CL_pop``, ``cp``, ``cp_measured``, the standard deviation of its
        additive error, time), the units of `parameter_table`, and all of them are the attribute
        ``units`` of a fit, as JSON.

    Attributes
    ----------
    subject_effects, occasion_effects : tuple of str
        Parameters with a random effect of the subject, of the occasion.

    Raises
    ------
    ValueError
        When the parts do not fit together.

    Notes
    -----
    Names in the model and in every result: ``CL_pop`` the typical value of ``CL``; ``CL_WT`` the
    coefficient of its covariate; ``eta`` (subject, effect) the random effects, ``omega`` (effect)
    their standard deviations, ``omega_correlation`` (effect, effect_bis); ``kappa`` (occasion,
    occasion_effect), ``omega_occasion`` and ``omega_occasion_correlation`` those of occasions;
    ``CL`` (subject, or occasion) the individual parameters; ``cp_sigma`` a parameter of the
    residual error of the output ``cp``; a network's weights under its own name. What is sampled
    of the random effects is standardised: ``eta_z``, ``kappa_z``.
    """

    system: System
    individual: Mapping[str, Individual]
    _: KW_ONLY
    omega: Omega | Sequence[Omega] | None = None
    error: ResidualErrorModel | Mapping[str, ResidualErrorModel]
    networks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    solver: Mapping[str, Any] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checked = check_declaration(
            self.system,
            self.individual,
            self.omega,
            self.error,
            self.networks,
            self.solver,
            self.units,
        )
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def __getstate__(self) -> dict[str, Any]:
        # A mapping proxy can be neither pickled nor copied.
        return {
            name: dict(value) if isinstance(value, MappingProxyType) else value
            for name, value in self.__dict__.items()
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            frozen = MappingProxyType(value) if isinstance(value, dict) else value
            object.__setattr__(self, name, frozen)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the individual parameters: the system's."""
        return self.system.parameters

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that are measured."""
        return tuple(self.errors)

    @property
    def errors(self) -> Mapping[str, ResidualErrorModel]:
        """The residual error model of each measured output."""
        return self.error  # type: ignore[return-value]  # a mapping since __post_init__

    @property
    def subject_effects(self) -> tuple[str, ...]:
        """Parameters with a random effect of the subject, in the order of ``effect``."""
        return tuple(n for n in self.parameters if self.individual[n].effect_sd is not None)

    @property
    def occasion_effects(self) -> tuple[str, ...]:
        """Parameters with a random effect of the occasion, in the order of ``occasion_effect``."""
        return tuple(n for n in self.parameters if self.individual[n].occasion_sd is not None)

    @property
    def covariate_networks(self) -> Mapping[str, CovariateNetwork]:
        """Networks of covariates, by the name of their weights in the model (``CL_net``)."""
        return {
            coefficient_name(name, model.label): model
            for name, declared in self.individual.items()
            for model in declared.covariates
            if isinstance(model, CovariateNetwork)
        }

    @property
    def all_networks(self) -> Mapping[str, MLP]:
        """The system's networks and those of covariates, by the name of their weights."""
        own = {network.name: network for network in self.system.networks}
        return own | {name: model.network for name, model in self.covariate_networks.items()}

    def blocks(self, level: str) -> tuple[EffectBlock, ...]:
        """Blocks of correlated effects at the level ``"subject"`` or ``"occasion"``."""
        omegas: Any = self.omega
        return tuple(block for omega in omegas if omega.level == level for block in omega.blocks)

    def build(self, study: Study) -> pm.Model:
        """Join the declaration to a study.

        Parameters
        ----------
        study
            Subjects, records and covariates.

        Returns
        -------
        pymc.Model
            With the study's coordinates; the observed variables have the names of the outputs.

        Raises
        ------
        ValueError
            When the study lacks a covariate, occasions, or measurements.
        TableError
            When the study's labels or values do not fit.
        """
        return build_model(self, study)

    def individual_parameters(
        self, values: xr.Dataset, study: Study, random_effects: xr.Dataset | None = None
    ) -> xr.Dataset:
        """Individual parameters of a study's subjects at given population parameters.

        Parameters
        ----------
        values : xarray.Dataset
            Population parameters by their names in the model, such as a posterior: any dimensions
            that the model does not have (chain, draw, sample) are draws.
        study
            Subjects, covariates and occasions; not necessarily those of a fit.
        random_effects : xarray.Dataset, optional
            From `known_effects`, `new_effects` or `zero_effects`; by default the known ones of
            `values`.

        Returns
        -------
        xarray.Dataset
            Each individual parameter over the draws and ``subject``, or ``occasion`` where it has
            an effect of the occasion.

        Raises
        ------
        ValueError
            When `values` lacks a variable, or a subject, or the study a covariate.
        """
        if random_effects is None:
            random_effects = self.known_effects(values, study)
        return individual_parameters(self, values, study, random_effects)

    def known_effects(
        self, values: xr.Dataset, study: Study, *, seed: int | None = None
    ) -> xr.Dataset:
        """Random effects that `values` (a posterior) holds of the study's subjects.

        Parameters
        ----------
        values : xarray.Dataset
            With ``eta`` and ``kappa``, and with `seed` the standard deviations (and correlations)
            of occasions' effects.
        study
            Whose subjects and occasions are wanted.
        seed
            For drawing effects of occasions that `values` does not hold, from their distribution at
            each draw; those of the subject are kept. Without one such occasions are refused.

        Returns
        -------
        xarray.Dataset
            ``eta`` (..., subject, effect) and ``kappa`` (..., occasion, occasion_effect).

        Raises
        ------
        ValueError
            When a subject is not there, or an occasion and no seed is given.
        """
        return effects.known_effects(self, values, study, seed)

    def new_effects(self, values: xr.Dataset, study: Study, *, seed: int = 0) -> xr.Dataset:
        """Random effects of new subjects, drawn from the population at each draw of `values`.

        Returns
        -------
        xarray.Dataset
            As `known_effects` returns it.
        """
        return effects.new_effects(self, values, study, seed)

    def zero_effects(self, study: Study) -> xr.Dataset:
        """Random effects of the typical subject: zero.

        Returns
        -------
        xarray.Dataset
            As `known_effects` returns it, without draws.
        """
        return effects.zero_effects(self, study)

    def __repr__(self) -> str:
        return equations.model_text(self)

    def to_latex(self) -> str:
        """Write the model as an ``aligned`` block of LaTeX equations with priors."""
        return equations.model_latex(self)
