"""What a calibration shows, in numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.diagnostics.calibration.outcome import Outcome
from bnode_nlme.diagnostics.rank_statistics import rank_uniformity

Verdict = Literal["calibrated", "not calibrated", "undecided"]

_LEVEL = 0.05
_TOLERATED = 0.05
_SHOWN = 10


@dataclass(frozen=True, eq=False, repr=False)
class SBCResult:
    """Ranks of true values among draws of the posteriors of simulated data. `print` it.

    Attributes
    ----------
    ranks : xarray.Dataset
        Over ``replicate`` (those that have a posterior) and ``quantity``: ``rank`` (0 to the
        attribute ``largest``), ``truth`` and ``effective`` (effective sample size); over
        ``replicate``: ``seed``, ``draws``, ``divergences``, ``refused`` (draws of the prior that
        could not be solved and were drawn again).
    failures : tuple of Outcome
        Replicates that have no posterior, with their seeds and what went wrong.
    """

    ranks: xr.Dataset
    failures: tuple[Outcome, ...]

    @cached_property
    def uniformity(self) -> xr.Dataset:
        """Histograms, distribution functions and tests of the ranks; see `rank_uniformity`."""
        return rank_uniformity(
            self.ranks["rank"].to_numpy(),
            int(self.ranks.attrs["largest"]),
            names=self.ranks.quantity.to_numpy().tolist(),
        )

    @property
    def p_value(self) -> float:
        """Smallest p-value of the distribution functions, times the number of quantities."""
        return float(self.uniformity.adjusted.sel(test="ecdf"))

    @property
    def dependent(self) -> float:
        """Share of replicates whose draws were fewer, by effective size, than were ranked among."""
        least = self.ranks.effective.min("quantity")
        return float((least < self.ranks.attrs["largest"]).mean())

    @property
    def verdict(self) -> Verdict:
        """What the ranks say.

        ``"not calibrated"``: those of some quantity are not uniform, at the level 0.05 for all
        quantities together. ``"undecided"``: they are not known to be otherwise, but more than 5 %
        of the replicates have no posterior, or one whose draws are too dependent to be ranked
        among, so that nothing can be said. Else ``"calibrated"``: as far as so many replicates can
        tell.
        """
        if self.p_value < _LEVEL:
            return "not calibrated"
        failed = len(self.failures) / (len(self.failures) + self.ranks.sizes["replicate"])
        return "undecided" if max(failed, self.dependent) > _TOLERATED else "calibrated"

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        p_values = self.uniformity.p_value.sel(test="ecdf").to_numpy()
        names = self.ranks.quantity.to_numpy()
        count, largest = self.ranks.sizes["replicate"], self.ranks.attrs["largest"]
        departing = np.flatnonzero(np.minimum(1.0, p_values * names.size) < _LEVEL)
        worst = int(np.argmin(p_values))
        lines = [f"{self.verdict.capitalize()}, by {count} replicates of {names.size} quantities."]
        if departing.size:
            lines.append(
                f"Ranks that are not uniform (p-value times {names.size} below {_LEVEL:g}):"
            )
            lines += [
                f"  {names[k]}: p = {p_values[k]:.2g}; the posterior {self._shape(k)}"
                for k in departing[np.argsort(p_values[departing])]
            ]
        else:
            lines.append(
                f"No quantity's ranks depart from uniform: the smallest p-value is "
                f"{p_values[worst]:.2g} ({names[worst]}), {self.p_value:.2g} when adjusted for "
                f"{names.size} quantities."
            )
        lines.append(
            f"True values were ranked among {largest} draws of each posterior. "
            f"Smallest effective sample size: {float(self.ranks.effective.min()):.0f}"
            f" ({self.dependent:.0%} of replicates below {largest}, which makes ranks too extreme)."
        )
        divergences = self.ranks.divergences
        if int(divergences.sum()):
            lines.append(
                f"{int(divergences.sum())} divergences, in {int((divergences > 0).sum())} replicates."
            )
        if int(self.ranks.refused.sum()):
            lines.append(
                f"{int(self.ranks.refused.sum())} draws of the prior could not be solved and were "
                "drawn again."
            )
        if self.failures:
            lines.append(f"{len(self.failures)} replicates failed:")
            lines += [
                f"  replicate {outcome.replicate} (seed {outcome.seed}): "
                f"{outcome.failure.splitlines()[0]}"
                for outcome in self.failures[:_SHOWN]
            ]
            if len(self.failures) > _SHOWN:
                lines.append(f"  and {len(self.failures) - _SHOWN} more: result.failures")
        return lines

    def _shape(self, place: int) -> str:
        """In which way the ranks of a quantity depart most."""
        largest = self.ranks.attrs["largest"]
        fraction = (self.ranks["rank"].to_numpy()[:, place] + 0.5) / (largest + 1)
        # Means of u and of (2u - 1)^2, by their standard errors where u is uniform.
        bias = (fraction.mean() - 0.5) * np.sqrt(12.0 * fraction.size)
        spread = (np.mean((2 * fraction - 1) ** 2) - 1 / 3) * np.sqrt(45 / 4 * fraction.size)
        if abs(bias) > abs(spread):
            where = "low" if bias > 0 else "high"
            return f"lies too {where} (true values exceed {fraction.mean():.0%} of it on average)"
        return f"is too {'narrow' if spread > 0 else 'wide'}"


def result_of(outcomes: Sequence[Outcome], names: Sequence[str], largest: int) -> SBCResult:
    """Collect outcomes.

    Raises
    ------
    RuntimeError
        When every replicate failed.
    """
    ordered = sorted(outcomes, key=lambda outcome: outcome.replicate)
    fitted = [outcome for outcome in ordered if not outcome.failure]
    failures = tuple(outcome for outcome in ordered if outcome.failure)
    if not fitted:
        raise RuntimeError(
            f"sbc: all of {len(failures)} replicates failed. The first (seed {failures[0].seed}):\n"
            f"{failures[0].failure}"
        )

    def over(name: str, kind: type) -> NDArray[Any]:
        return np.array([getattr(outcome, name) for outcome in fitted], dtype=kind)

    both = ("replicate", "quantity")
    ranks = xr.Dataset(
        {
            "rank": (both, over("ranks", np.int64)),
            "truth": (both, over("truth", np.float64)),
            "effective": (both, over("effective", np.float64)),
            "seed": ("replicate", over("seed", np.int64)),
            "draws": ("replicate", over("draws", np.int64)),
            "divergences": ("replicate", over("divergences", np.int64)),
            "refused": ("replicate", over("refused", np.int64)),
        },
        coords={"replicate": over("replicate", np.int64), "quantity": list(names)},
        attrs={"largest": largest},
    )
    return SBCResult(ranks, failures)
