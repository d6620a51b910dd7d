"""A network from covariates to a parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, ModuleType
from typing import Any, override

import numpy as np

from bnode_nlme.distributions.network_weights import NetworkWeights
from bnode_nlme.dynamics.mlp import MLP
from bnode_nlme.nlme.covariate_model import Columns, CovariateModel
from bnode_nlme.nlme.individual_scale import IndividualScale
from bnode_nlme.nlme.prior import Prior
from bnode_nlme.study.study import Study


@dataclass(frozen=True)
class CovariateNetwork(CovariateModel):
    """A network of covariates, whose value adds on the parameter's scale.

    The factor ``exp(network(x))`` of a log-normal parameter.

    Parameters
    ----------
    network : MLP
        With one linear (or monotone) output and an anchor: the covariates' reference values, at
        which the network is 0, so that the typical value is that of the reference subject.
    names
        The covariates, in the order of the network's inputs.
    prior_options
        Further arguments of `NetworkWeights`.

    Raises
    ------
    ValueError
        When the network does not fit.
    """

    network: MLP
    names: tuple[str, ...]
    prior_options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.network, MLP):
            raise ValueError(f"CovariateNetwork: network= wants an MLP; found {self.network!r}.")
        where = f"CovariateNetwork({self.network.name!r})"
        names = (self.names,) if isinstance(self.names, str) else tuple(self.names)
        if len(names) != self.network.inputs or len(set(names)) != len(names):
            raise ValueError(
                f"{where}: names= wants {self.network.inputs} distinct covariates, one for each "
                f"input of the network; found {self.names!r}."
            )
        if self.network.outputs != 1 or self.network.output == "positive":
            raise ValueError(
                f"{where} wants a network with one output that may be negative; found "
                f"output={self.network.output!r} with {self.network.outputs}."
            )
        if self.network.anchor is None:
            raise ValueError(
                f"{where} wants a network with an anchor, because its constant part and the "
                "typical value cannot be told apart. Declare MLP(..., anchor=(...)) with the "
                "covariates' reference values."
            )
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "prior_options", MappingProxyType(dict(self.prior_options)))

    @property
    @override
    def covariates(self) -> tuple[str, ...]:
        return self.names

    @property
    @override
    def label(self) -> str:
        return self.network.name

    @override
    def coefficient(self, name: str, study: Study) -> Any:
        return NetworkWeights(name, self.network, **self.prior_options)

    @override
    def coefficient_dims(self, name: str) -> tuple[str, ...]:
        return (f"{name}_weight",)

    @override
    def prior(self, study: Study | None) -> Prior | None:
        return None

    @property
    @override
    def prior_text(self) -> str | None:
        return f"NetworkWeights, {self.network.size} weights"

    @override
    def term(
        self, coefficient: Any, columns: Columns, scale: IndividualScale, xp: ModuleType
    ) -> Any:
        x = np.column_stack([columns[name] for name in self.names])
        if xp is np:
            return self.network.evaluate(coefficient, x)
        return self.network(coefficient, x)

    @override
    def text(self, coefficient: str, logarithmic: bool) -> str:
        summand = f"{self.network.name}({', '.join(self.names)})"
        return f"exp({summand})" if logarithmic else summand

    @override
    def latex(self, coefficient: str, logarithmic: bool) -> str:
        inputs = ", ".join(rf"\mathrm{{{name.replace('_', r'\_')}}}_i" for name in self.names)
        summand = rf"\mathrm{{{self.network.name.replace('_', r'\_')}}}({inputs})"
        return rf"\exp\left({summand}\right)" if logarithmic else summand

    def __reduce__(self) -> tuple[Any, ...]:
        # A mapping proxy can be neither pickled nor copied.
        return CovariateNetwork, (self.network, self.names, dict(self.prior_options))
