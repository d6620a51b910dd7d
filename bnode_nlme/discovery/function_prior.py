"""What a learned function was before the data: draws of its network's prior."""

from __future__ import annotations

import numpy as np
import pymc as pm
from numpy.typing import NDArray
from pytensor.compile.mode import Mode

from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.results.population_draws import declaration_of

# Compiling would take longer than these few draws.
_MODE = Mode(linker="py", optimizer="fast_compile")


def prior_weights(fit: Fit, name: str, draws: int, seed: int) -> NDArray[np.float64] | None:
    """Draws of a network's weights from their prior.

    Parameters
    ----------
    fit
        Of an NLME.
    name
        Of the weights in the posterior.
    draws, seed
        How many, and of which seed.

    Returns
    -------
    ndarray (draws, size), or None
        None where the fit was stored without its model and without its study.
    """
    model = fit.model
    if model is None:
        if fit.study is None:
            return None
        model = declaration_of(fit, "learned_function").build(fit.study)
    # Not pm.sample_prior_predictive, which logs "Sampling: ..." as if something were fitted again.
    values = pm.draw(model[name], draws, random_seed=seed, mode=_MODE)
    return np.asarray(values).reshape(draws, -1)
