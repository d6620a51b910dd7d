"""Stated probabilities against what happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Reliability:
    """Brier score, that of the mean probability for all, and how stated and observed agree.

    z: observed less stated number of successes over its standard deviation if what was stated
    holds (Spiegelhalter 1986). bins: (mean stated, observed share, number) of each fifth.
    """

    brier: float
    uninformed: float
    z: float
    worst_bin_z: float
    bins: tuple[tuple[float, float, int], ...]

    def __str__(self) -> str:
        told = ", ".join(f"{said:.2f}: {were:.2f} ({count})" for said, were, count in self.bins)
        return (
            f"Brier {self.brier:.4f} (uninformed {self.uninformed:.4f}), z {self.z:.2f}, "
            f"worst bin {self.worst_bin_z:.2f}; stated: observed (patients) {told}"
        )


def reliability(stated: Array, met: NDArray[np.bool_]) -> Reliability:
    were = met.astype(np.float64)
    order = np.argsort(stated, kind="stable")
    bins, worst = [], 0.0
    for part in np.array_split(order, 5):
        said, share = stated[part].mean(), were[part].mean()
        spread = np.sqrt(max(np.sum(stated[part] * (1.0 - stated[part])), 1e-12)) / part.size
        worst = max(worst, abs(share - said) / max(spread, 1.0 / part.size))
        bins.append((float(said), float(share), int(part.size)))
    spread = np.sqrt(max(np.sum(stated * (1.0 - stated)), 1e-12))
    return Reliability(
        float(np.mean((were - stated) ** 2)),
        float(were.mean() * (1.0 - were.mean())),
        float(np.sum(were - stated) / max(spread, 1.0)),
        float(worst),
        tuple(bins),
    )
