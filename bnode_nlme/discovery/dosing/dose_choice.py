"""`DoseChoice`: the regimen that best meets a target, and how the others do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from bnode_nlme.discovery.dosing.target import Target
from bnode_nlme.study.regimen import Regimen

_SHOWN = 12


@dataclass(frozen=True, eq=False, repr=False)
class DoseChoice:
    """What `optimise_dose` found. `print` shows it, `bn.plot_dose_choice` draws it.

    Attributes
    ----------
    data : xarray.Dataset
        Over ``candidate``, in order of their doses: ``probability`` that all targets are met and
        its Monte Carlo standard error ``error``; ``dose`` (what was varied, else the total amount)
        and ``total``; ``tied``, whether it is the best but for Monte Carlo error. Also over
        ``model``: ``probability_of_model``. Also over ``target``: ``probability_of_target``,
        ``mean_exposure``, and over ``quantile`` ``exposure`` (5, 25, 50, 75, 95 %). Over ``model``:
        ``weight``, which counts; ``weight_before``, as given, before the levels of a new patient;
        ``log_evidence``, the logarithm of the density of those levels under the model (0 where
        there are none, or a subject of the fits was asked for). Attributes: ``failed``, the solves that failed (which meet no target),
        ``residual_error``, ``after``, ``varied``.
    regimens : tuple of Regimen or None
        Of each candidate; None for no doses.
    targets : tuple of Target
    chosen : int
        Index of the chosen candidate.
    """

    data: xr.Dataset
    regimens: tuple[Regimen | None, ...]
    targets: tuple[Target, ...]
    chosen: int

    @property
    def regimen(self) -> Regimen | None:
        """The chosen regimen."""
        return self.regimens[self.chosen]

    @property
    def dose(self) -> float:
        """Its dose: the number that was varied, else its total amount."""
        return float(self.data["dose"][self.chosen])

    @property
    def label(self) -> str:
        """Its name."""
        return str(self.data["candidate"].to_numpy()[self.chosen])

    @property
    def probability(self) -> float:
        """Probability that it meets all targets."""
        return float(self.data["probability"][self.chosen])

    @property
    def error(self) -> float:
        """Monte Carlo standard error of the probability."""
        return float(self.data["error"][self.chosen])

    def __repr__(self) -> str:
        measured = "a measurement" if self.data.attrs["residual_error"] else "true value"
        lines = [
            f"DoseChoice: {self.label}, probability of target {self.probability:.3f} "
            f"(Monte Carlo error {self.error:.3f})"
        ]
        lines += [f"  target       {target} ({measured})" for target in self.targets]
        models = self.data.sizes["model"]
        if models > 1:
            lines.append(f"  models       {self._weights('weight')}")
            if bool(self.data["log_evidence"].any()):
                lines.append(f"  before its levels: {self._weights('weight_before')}")
        tied = int(self.data["tied"].sum())
        if tied > 1:
            lines.append(
                f"  ties         {tied} candidates are as good; the smallest dose is chosen"
            )
        lines += self._notes()
        if self.data.attrs["failed"]:
            lines.append(f"  failed       {self.data.attrs['failed']} solves, which meet no target")
        rows = [self._heads(), *map(self._cells, self._shown())]
        widths = [max(12, *map(len, column)) for column in zip(*rows, strict=True)]
        marks = [" ", *("*" if place == self.chosen else " " for place in self._shown())]
        lines += [
            f"{mark} "
            + " ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for mark, row in zip(marks, rows, strict=True)
        ]
        return "\n".join(lines)

    def _notes(self) -> list[str]:
        """Why a choice is none: a target that no candidate meets, or that none changes."""
        notes = []
        for place, target in enumerate(self.targets):
            middle = self.data["exposure"].isel(target=place).sel(quantile=0.5).to_numpy()
            exposure = self.data["mean_exposure"].isel(target=place).to_numpy()
            if np.unique(self.data["total"]).size > 1 and np.ptp(exposure) == 0.0:
                notes.append(
                    f"  NOTE         no candidate changes the {target.label}: is it before their "
                    "doses, or of an output that they do not reach?"
                )
            elif not self.data["probability_of_target"].isel(target=place).any():
                notes.append(
                    f"  NOTE         no candidate meets '{target}': medians are from "
                    f"{np.nanmin(middle):.3g} to {np.nanmax(middle):.3g}. Is it in the unit of the "
                    "output, and is the range of doses wide enough?"
                )
        if not notes and self.probability == 0.0:
            notes.append("  NOTE         no candidate meets all targets at once")
        return notes

    def _weights(self, kind: str) -> str:
        names, shares = self.data["model"].to_numpy(), self.data[kind].to_numpy()
        return ", ".join(f"{name} {share:.2f}" for name, share in zip(names, shares, strict=True))

    def _heads(self) -> list[str]:
        of_targets = [f"{type(target).__name__}, 90 %" for target in self.targets]
        return ["candidate", "probability", "error", *of_targets]

    def _cells(self, place: int) -> list[str]:
        at = self.data.isel(candidate=place)
        exposures = []
        for number in range(len(self.targets)):
            low, middle, high = (
                float(at["exposure"].isel(target=number).sel(quantile=q)) for q in (0.05, 0.5, 0.95)
            )
            exposures.append(f"{middle:.3g} ({low:.3g}-{high:.3g})")
        return [
            str(at["candidate"].item())[:24],
            f"{float(at['probability']):.3f}",
            f"{float(at['error']):.3f}",
            *exposures,
        ]

    def _shown(self) -> list[int]:
        """Some candidates, evenly spaced, and the chosen one."""
        count = self.data.sizes["candidate"]
        some = np.linspace(0, count - 1, min(_SHOWN, count)).round().astype(int).tolist()
        return sorted({*some, self.chosen})
