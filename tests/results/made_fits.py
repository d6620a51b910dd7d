"""Fits whose posteriors are made up, so that what follows from them is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

import bnode_nlme as bn
from bnode_nlme.inference import Fit

CHAINS, DRAWS = 2, 150


def made_fit(
    nlme: bn.NLME,
    study: bn.Study,
    population: Mapping[str, tuple[tuple[str, ...], Any]],
    *,
    eta: Any = None,
) -> Fit:
    """A fit with draws of the population, and of the subjects' effects (chain, draw, S, E)."""
    variables: dict[str, Any] = {
        name: (("chain", "draw", *dims), values) for name, (dims, values) in population.items()
    }
    coords: dict[str, Any] = {"subject": study.subjects, "effect": list(nlme.subject_effects)}
    if "omega_correlation" in variables:
        coords["effect_bis"] = list(nlme.subject_effects)
    if eta is not None:
        variables["eta"] = (("chain", "draw", "subject", "effect"), eta)
    posterior = xr.Dataset(variables, coords=coords)
    posterior = posterior.assign_coords(
        {dim: np.arange(posterior.sizes[dim]) for dim in ("chain", "draw")}
    )
    tree = xr.DataTree.from_dict({"posterior": posterior})
    tree.attrs = {"method": "nuts", "seed": 0}
    return Fit(tree, study, nlme, None)


def around(values: Any, spread: float, rng: np.random.Generator) -> Any:
    """Draws (chain, draw, ...) that scatter around positive values by a factor."""
    values = np.asarray(values, dtype=float)
    return values * np.exp(spread * rng.standard_normal((CHAINS, DRAWS, *values.shape)))


def theophylline_fit(study: bn.Study | None = None) -> Fit:
    """Theophylline, with values near those that are published."""
    from tests.nlme.declarations import theophylline_nlme

    study = bn.datasets.theophylline() if study is None else study
    nlme = theophylline_nlme()
    rng = np.random.default_rng(1)
    omega = around([0.27, 0.15], 0.2, rng)
    r = np.clip(0.2 + 0.15 * rng.standard_normal((CHAINS, DRAWS)), -0.9, 0.9)
    correlation = np.ones((CHAINS, DRAWS, 2, 2))
    correlation[..., 0, 1] = correlation[..., 1, 0] = r
    factor = omega[..., :, None] * np.linalg.cholesky(correlation)
    z = 0.8 * rng.standard_normal((study.n_subjects, 2)) + 0.3 * rng.standard_normal(
        (CHAINS, DRAWS, study.n_subjects, 2)
    )
    return made_fit(
        nlme,
        study,
        {
            "CL_pop": ((), around(2.8, 0.08, rng)),
            "V_pop": ((), around(32.0, 0.04, rng)),
            "ka_pop": ((), around(1.5, 0.1, rng)),
            "V_WT": ((), 0.01 + 0.003 * rng.standard_normal((CHAINS, DRAWS))),
            "omega": (("effect",), omega),
            "omega_correlation": (("effect", "effect_bis"), correlation),
            "cp_additive": ((), around(0.3, 0.1, rng)),
            "cp_proportional": ((), around(0.1, 0.1, rng)),
        },
        eta=np.einsum("cdij,cdsj->cdsi", factor, z),
    )
