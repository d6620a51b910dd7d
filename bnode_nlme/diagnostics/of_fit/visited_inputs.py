"""What a system's network was given along the solutions of a fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.dynamics.mlp import MLP
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.nlme.network_inputs import network_inputs
from bnode_nlme.results.population_draws import chosen_draws, declaration_of, population_draws
from bnode_nlme.study.study import Study


def visited_inputs(fit: Fit, study: Study, network: MLP, *, draws: int) -> NDArray[np.float64]:
    """Inputs of a network at the observation rows, at individual predictions of some draws.

    Parameters
    ----------
    fit
        Of an NLME whose system has the network.
    study
        The one that was fitted.
    network
        Which.
    draws
        Of the posterior.

    Returns
    -------
    ndarray (draws * rows * calls, inputs)
        For each call of the network in the right-hand side and in the outputs. Rows at which a
        solve failed are left out.
    """
    nlme = declaration_of(fit, "function_convergence")
    return network_inputs(nlme, study, population_draws(fit, chosen_draws(fit, draws)), network)
