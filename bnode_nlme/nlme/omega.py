"""Omega: which random effects are correlated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bnode_nlme.distributions.effect_blocks import EffectBlock

Level = Literal["subject", "occasion"]


@dataclass(frozen=True)
class Omega:
    """Covariance of random effects: full, in blocks, or diagonal.

    The standard deviations are those that each `Individual` declares; here are the correlations.
    Effects that no Omega names are independent.

    Parameters
    ----------
    names : sequence of str
        Parameters whose random effects it is about.
    correlated : bool or sequence of sequences of str
        True: all of them with each other. False: none. Blocks, such as
        ``[("CL", "V"), ("ka", "F")]``: each within itself.
    concentration : float
        Of the LKJ prior of each block's correlation matrix (Lewandowski, Kurowicka and Joe 2009,
        doi:10.1016/j.jmva.2009.04.008): 1 is uniform, more favours weak correlations.
    level : {"subject", "occasion"}
        Whether it is about the effects of subjects or those of their occasions.

    Raises
    ------
    ValueError
        When an argument is faulty.
    """

    names: Sequence[str]
    correlated: bool | Sequence[Sequence[str]] = True
    concentration: float = 2.0
    level: Level = "subject"

    def __post_init__(self) -> None:
        names = (self.names,) if isinstance(self.names, str) else tuple(self.names)
        if not names or len(set(names)) != len(names):
            raise ValueError(f"Omega wants distinct names, at least one; found {self.names!r}.")
        if self.level not in ("subject", "occasion"):
            raise ValueError(f"Omega: level= wants 'subject' or 'occasion'; found {self.level!r}.")
        if not (np.isscalar(self.concentration) and 0.0 < self.concentration < np.inf):
            raise ValueError(
                f"Omega: concentration= wants a positive number; found {self.concentration!r}."
            )
        object.__setattr__(self, "names", names)
        if isinstance(self.correlated, bool):
            return
        groups = [tuple(group) for group in self.correlated if not isinstance(group, str)]
        members = [name for group in groups for name in group]
        if (
            len(groups) != len(self.correlated)
            or len(set(members)) != len(members)
            or not set(members) <= set(names)
        ):
            raise ValueError(
                "Omega: correlated= wants True, False, or blocks of distinct names from "
                f"{', '.join(map(repr, names))}; found {self.correlated!r}."
            )
        object.__setattr__(self, "correlated", tuple(groups))

    @property
    def blocks(self) -> tuple[EffectBlock, ...]:
        """The blocks of two effects or more."""
        if isinstance(self.correlated, bool):
            groups = [tuple(self.names)] if self.correlated else []
        else:
            groups = [tuple(group) for group in self.correlated]
        return tuple(EffectBlock(group, self.concentration) for group in groups if len(group) > 1)
