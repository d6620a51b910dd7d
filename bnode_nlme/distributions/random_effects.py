"""Random effects: how individuals differ, as a vector of effects for each subject."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.transforms import CholeskyCorrTransform
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.study.dimensions import SUBJECT


class CholeskyCorrelation(CholeskyCorrTransform):
    """PyMC's own transform, under a name without an underscore.

    PyMC 6.4 finds a variable's name from that of its transformed value by cutting off what stands
    between the last underscores, so that with ``cholesky_corr`` `pymc.compute_log_likelihood`
    looks for a variable that does not exist.
    """

    name = "choleskycorr"


def RandomEffects(  # noqa: N802  named as the distribution that it stands for
    name: str,
    effects: Sequence[str],
    *,
    correlated: bool = True,
    centred: bool = False,
    scale: float | Sequence[float] = 1.0,
    concentration: float = 2.0,
) -> TensorVariable:
    """Normal random effects of the subjects, with a learned covariance (omega).

    Must be called inside a model that has the study's coordinates:
    ``pm.Model(coords=study.coords)``.

    Parameters
    ----------
    name
        Name of the variable and prefix of its parts.
    effects
        Names of the effects; the columns of the result.
    correlated
        Whether the effects are correlated, with an LKJ prior (Lewandowski, Kurowicka and Joe
        2009, doi:10.1016/j.jmva.2009.04.008), or independent. One effect alone has no correlation.
    centred
        The parameterisation in which the effects are sampled: themselves (better when each
        subject has much data), or standardised (the default, better when it has little).
    scale
        Scale of the half-normal priors of the effects' standard deviations: one number, or one
        for each effect. For effects on a log scale, 1 is vague.
    concentration
        Concentration of the LKJ prior, positive; 1 is uniform over correlation matrices, more
        favours weak correlations. A single correlation of k effects has the variance
        ``1 / (2 concentration + k - 1)``.

    Returns
    -------
    TensorVariable (subjects, effects)
        With dims ``("subject", f"{name}_effect")``. Also in the posterior:
        ``f"{name}_sd"`` (effects,); where correlated, ``f"{name}_correlation"`` (effects, effects)
        with dims ``(f"{name}_effect", f"{name}_effect_bis")`` and its factor
        ``f"{name}_correlation_cholesky"``; where non-centred, the standardised effects
        ``f"{name}_z"`` (subjects, effects).

    Raises
    ------
    ValueError
        When there is no model, it lacks the dimension "subject", or an argument is faulty.
    """
    model = pm.modelcontext(None)
    if SUBJECT not in model.coords:
        raise ValueError(
            f"RandomEffects({name!r}) wants a model with the dimension 'subject'; found "
            f"{', '.join(map(repr, model.coords)) or 'no dimensions'}. Write "
            "pm.Model(coords=study.coords)."
        )
    labels = (effects,) if isinstance(effects, str) else tuple(effects)
    if not labels or len(set(labels)) != len(labels):
        raise ValueError(
            f"RandomEffects({name!r}): effects= wants distinct names, at least one; found "
            f"{effects!r}."
        )
    scales = np.asarray(scale, dtype=float)
    fits = scales.shape in ((), (len(labels),))
    if not (fits and np.all(np.isfinite(scales)) and np.all(scales > 0.0)):
        raise ValueError(
            f"RandomEffects({name!r}): scale= wants one positive number or {len(labels)}; found "
            f"{scale!r}."
        )
    if not (np.isscalar(concentration) and np.isfinite(concentration) and concentration > 0.0):
        raise ValueError(
            f"RandomEffects({name!r}): concentration= wants one positive number; found "
            f"{concentration!r}."
        )
    effect, other = f"{name}_effect", f"{name}_effect_bis"
    model.add_coord(effect, labels)
    sd = pm.HalfNormal(f"{name}_sd", scales, dims=effect)
    factor: Any = None
    if correlated and len(labels) > 1:
        model.add_coord(other, labels)
        cholesky = pm.LKJCorr(
            f"{name}_correlation_cholesky",
            n=len(labels),
            eta=concentration,
            dims=(effect, other),
            default_transform=CholeskyCorrelation(n=len(labels), upper=False),
        )
        pm.Deterministic(f"{name}_correlation", cholesky @ cholesky.T, dims=(effect, other))
        factor = sd[:, None] * cholesky
    if centred:
        if factor is None:
            return pm.Normal(name, 0.0, sd, dims=(SUBJECT, effect))
        return pm.MvNormal(name, np.zeros(len(labels)), chol=factor, dims=(SUBJECT, effect))
    z = pm.Normal(f"{name}_z", dims=(SUBJECT, effect))
    values = z * sd if factor is None else pt.dot(z, factor.T)
    return pm.Deterministic(name, values, dims=(SUBJECT, effect))
