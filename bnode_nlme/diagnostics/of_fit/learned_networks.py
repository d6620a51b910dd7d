"""The networks of a model, and what they were given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.diagnostics.of_fit.visited_inputs import visited_inputs
from bnode_nlme.dynamics.mlp import MLP
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.nlme.nlme import NLME


@dataclass(frozen=True)
class LearnedNetwork:
    """A network of a model.

    Attributes
    ----------
    name
        Of its weights in the posterior.
    network
        The network.
    covariates
        Its inputs, where it is a covariate network; else empty.
    """

    name: str
    network: MLP
    covariates: tuple[str, ...] = ()


def learned_network(nlme: NLME, name: str | None, what: str) -> LearnedNetwork:
    """The network asked for, or the only one.

    Parameters
    ----------
    nlme
        The declaration.
    name
        Of the network, of a covariate network with its parameter before it ("CL_net").
    what
        Who asks, for messages.

    Raises
    ------
    ValueError
        When there is none, or several and none is named, or none of that name.
    """
    of_covariates = nlme.covariate_networks
    known = {
        key: LearnedNetwork(key, net, of_covariates[key].names if key in of_covariates else ())
        for key, net in nlme.all_networks.items()
    }
    if not known:
        raise ValueError(
            f"{what} wants a model with a network; found none. R-hat and effective sample sizes "
            "of parameters are in bn.parameter_table(fit)."
        )
    if name is None and len(known) == 1:
        name = next(iter(known))
    if name not in known:
        found = "none" if name is None else repr(name)
        raise ValueError(
            f"{what}: network= wants one of {', '.join(map(repr, known))}; found {found}."
        )
    return known[name]


def visited_by(fit: Fit, learned: LearnedNetwork, *, draws: int, what: str) -> NDArray[np.float64]:
    """Inputs that a network was given where was measured.

    Parameters
    ----------
    fit
        With its study.
    learned
        Which network.
    draws
        Of the posterior, at most.
    what
        Who asks, for messages.

    Returns
    -------
    ndarray (visited, inputs)
        Of a network in the system, at the observation rows and at individual predictions of some
        draws; of a covariate network, each subject's covariates.

    Raises
    ------
    ValueError
        When the fit was stored without its study.
    """
    if fit.study is None:
        raise ValueError(
            f"{what} looks where the data are, and this fit was stored without its study; give "
            "inputs=."
        )
    if learned.covariates:
        columns = [fit.study.covariates[name] for name in learned.covariates]
        return np.stack(columns, axis=-1).astype(np.float64)
    total = fit.posterior.sizes["chain"] * fit.posterior.sizes["draw"]
    return visited_inputs(fit, fit.study, learned.network, draws=min(draws, total))
