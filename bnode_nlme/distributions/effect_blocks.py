"""Blocks of correlated random effects: their names in a model, and the effects themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.transforms import CholeskyCorrTransform
from pytensor.tensor.variable import TensorVariable


class CholeskyCorrelation(CholeskyCorrTransform):
    """PyMC's own transform, under a name without an underscore.

    PyMC 6.4 finds a variable's name from that of its transformed value by cutting off what stands
    between the last underscores, so that with ``cholesky_corr`` `pymc.compute_log_likelihood`
    looks for a variable that does not exist.
    """

    name = "choleskycorr"


@dataclass(frozen=True)
class EffectBlock:
    """Effects that are correlated with each other, under an LKJ prior.

    Attributes
    ----------
    effects : tuple of str
        Their names.
    concentration : float
        Of the LKJ prior; 1 is uniform over correlation matrices.
    """

    effects: tuple[str, ...]
    concentration: float = 2.0


@dataclass(frozen=True)
class EffectNames:
    """Names that random effects have in a model.

    Attributes
    ----------
    values, standardised, sd, correlation : str
        Of the variables; the factor of the correlation has ``_cholesky`` appended.
    effect : str
        Of the dimension; the second one of a matrix has ``_bis`` appended.
    """

    values: str
    standardised: str
    sd: str
    correlation: str
    effect: str

    @classmethod
    def from_prefix(cls, name: str) -> EffectNames:
        """Give every name the prefix of the effects' own."""
        return cls(name, f"{name}_z", f"{name}_sd", f"{name}_correlation", f"{name}_effect")


def correlated_effects(
    names: EffectNames,
    labels: Sequence[str],
    sd: TensorVariable,
    blocks: Sequence[EffectBlock],
    *,
    over: str,
    centred: bool = False,
) -> TensorVariable:
    """Add normal effects with given standard deviations to the model of the context.

    Parameters
    ----------
    names
        Names of the variables; the dimension ``names.effect`` is there already.
    labels
        Names of the effects, k of them.
    sd : TensorVariable (k,)
        Their standard deviations.
    blocks
        Which of them are correlated; disjoint.
    over
        The dimension that has an effect each, n long.
    centred
        Whether the effects are sampled themselves, not standardised.

    Returns
    -------
    TensorVariable (n, k)
    """
    model = pm.modelcontext(None)
    blocks = [block for block in blocks if len(block.effects) > 1]
    factor: Any = None
    if blocks:
        other = f"{names.effect}_bis"
        model.add_coord(other, labels)
        cholesky = _cholesky_of_correlation(names, labels, blocks)
        pm.Deterministic(names.correlation, cholesky @ cholesky.T, dims=(names.effect, other))
        factor = sd[:, None] * cholesky
    dims = (over, names.effect)
    if centred:
        if factor is None:
            return pm.Normal(names.values, 0.0, sd, dims=dims)
        return pm.MvNormal(names.values, np.zeros(len(labels)), chol=factor, dims=dims)
    z = pm.Normal(names.standardised, dims=dims)
    values = z * sd if factor is None else pt.dot(z, factor.T)
    return pm.Deterministic(names.values, values, dims=dims)


def _cholesky_of_correlation(
    names: EffectNames, labels: Sequence[str], blocks: Sequence[EffectBlock]
) -> Any:
    model = pm.modelcontext(None)
    whole: Any = pt.eye(len(labels))
    for number, block in enumerate(blocks, start=1):
        suffix = f"_{number}" if len(blocks) > 1 else ""
        dims = (f"{names.effect}", f"{names.effect}_bis")
        if block.effects != tuple(labels):
            dims = (f"{names.effect}_block{number}", f"{names.effect}_block{number}_bis")
            for dim in dims:
                model.add_coord(dim, block.effects)
        cholesky = pm.LKJCorr(
            f"{names.correlation}_cholesky{suffix}",
            n=len(block.effects),
            eta=block.concentration,
            dims=dims,
            default_transform=CholeskyCorrelation(n=len(block.effects), upper=False),
        )
        if block.effects == tuple(labels):
            return cholesky
        # The factor of a matrix of blocks whose members need not stand together: each row has the
        # factor's entries of its own block, in the block's order.
        places = [list(labels).index(effect) for effect in block.effects]
        whole = pt.set_subtensor(whole[np.ix_(places, places)], cholesky)
    return whole
