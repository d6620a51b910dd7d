"""Random effects: how individuals differ, as a vector of effects for each subject."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pymc as pm
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.distributions.effect_blocks import EffectBlock, EffectNames, correlated_effects
from bnode_nlme.study.dimensions import OCCASION, SUBJECT


def RandomEffects(  # noqa: N802  named as the distribution that it stands for
    name: str,
    effects: Sequence[str],
    *,
    correlated: bool | Sequence[Sequence[str]] = True,
    centred: bool = False,
    scale: float | Sequence[float] = 1.0,
    concentration: float = 2.0,
    over: Literal["subject", "occasion"] = "subject",
) -> TensorVariable:
    """Normal random effects of the subjects or their occasions, with a learned covariance (omega).

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
        2009, doi:10.1016/j.jmva.2009.04.008), or independent. Blocks, such as
        ``[("CL", "V"), ("ka", "F")]``, are correlated each within itself; effects in no block are
        independent. One effect alone has no correlation.
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

    over
        What has an effect each: ``"subject"``, or ``"occasion"`` for between-occasion effects of a
        study that has occasions.

    Returns
    -------
    TensorVariable (subjects or occasions, effects)
        With dims ``(over, f"{name}_effect")``. Also in the posterior:
        ``f"{name}_sd"`` (effects,); where correlated, ``f"{name}_correlation"`` (effects, effects)
        with dims ``(f"{name}_effect", f"{name}_effect_bis")`` and its factor
        ``f"{name}_correlation_cholesky"`` (with a number appended, one for each of several blocks);
        where non-centred, the standardised effects ``f"{name}_z"``.

    Raises
    ------
    ValueError
        When there is no model, it lacks the dimension `over`, or an argument is faulty.
    """
    model = pm.modelcontext(None)
    if over not in (SUBJECT, OCCASION):
        raise ValueError(
            f"RandomEffects({name!r}): over= wants 'subject' or 'occasion'; found {over!r}."
        )
    if over not in model.coords:
        raise ValueError(
            f"RandomEffects({name!r}) wants a model with the dimension {over!r}; found "
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
    blocks = _blocks(name, labels, correlated, concentration)
    names = EffectNames.from_prefix(name)
    model.add_coord(names.effect, labels)
    sd = pm.HalfNormal(names.sd, scales, dims=names.effect)
    return correlated_effects(names, labels, sd, blocks, over=over, centred=centred)


def _blocks(
    name: str,
    labels: tuple[str, ...],
    correlated: bool | Sequence[Sequence[str]],
    concentration: float,
) -> list[EffectBlock]:
    if isinstance(correlated, bool):
        return [EffectBlock(labels, concentration)] if correlated else []
    groups = [tuple(group) for group in correlated if not isinstance(group, str)]
    members = [effect for group in groups for effect in group]
    unknown = [effect for effect in members if effect not in labels]
    if len(groups) != len(correlated) or unknown or len(set(members)) != len(members):
        raise ValueError(
            f"RandomEffects({name!r}): correlated= wants True, False, or blocks of distinct names "
            f"from {', '.join(map(repr, labels))}; found {correlated!r}."
        )
    return [EffectBlock(group, concentration) for group in groups]
