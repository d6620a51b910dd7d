"""The same design fitted to one data set after another, compiled once."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import bnode_nlme as bn
from bnode_nlme.diagnostics.calibration.fitted_model import FittedModel
from bnode_nlme.inference.draws import Draws
from bnode_nlme.inference.nuts import NUTSSettings
from bnode_nlme.inference.posterior_tree import posterior_tree


class Refits:
    """NUTS of a declaration on a design whose one output is measured without censoring."""

    def __init__(self, nlme: bn.NLME, design: bn.Study, **settings: Any) -> None:
        asked = NUTSSettings(**settings)
        self.nlme, self.design, self.draws = nlme, design, asked.draws
        filled = design.with_values(np.ones(design.n_observations))
        self.model = FittedModel(nlme.build(filled), asked)

    def fit(self, values: Any, seed: int, chains: int = 2) -> bn.Fit:
        (place,) = self.model.places
        running = [
            self.model.begin({place: values}, 1000 * seed + chain, self.draws)
            for chain in range(chains)
        ]
        while not all(chain.finished for chain in running):
            time.sleep(0.05)
        done = [chain.result() for chain in running]
        statistics = {
            name: np.stack([chain.statistics[name] for chain in done])
            for name in done[0].statistics
        }
        drawn = Draws(np.stack([chain.positions for chain in done]), statistics)
        tree = posterior_tree(self.model.flat, drawn, attributes={"method": "nuts", "seed": seed})
        return bn.Fit(tree, self.design.with_values(values), self.nlme, self.model.flat.model)
