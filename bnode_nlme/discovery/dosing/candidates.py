"""The regimens among which a dose is chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bnode_nlme.study.regimen import Regimen

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Candidates:
    """C regimens.

    Attributes
    ----------
    labels : tuple of str
    regimens : tuple of Regimen or None
    dose : ndarray (C,)
        What was varied, else the total amount.
    """

    labels: tuple[str, ...]
    regimens: tuple[Regimen | None, ...]
    dose: Array

    @property
    def total(self) -> Array:
        """Amounts of each, summed."""
        return np.array([_total(regimen) for regimen in self.regimens])

    @property
    def at_steady_state(self) -> Array:
        """Mean rate of each in what goes on for ever: an amount for each interval, or a rate."""
        return np.array([_standing(regimen) for regimen in self.regimens])

    @property
    def first_dose(self) -> float:
        """Time of the first dose of all."""
        return min(dose.time for regimen in self.regimens if regimen for dose in regimen.doses)

    def joined(self, other: Candidates) -> tuple[Candidates, NDArray[np.intp]]:
        """With others, in order of dose, and that order."""
        dose = np.concatenate([self.dose, other.dose])
        order = np.argsort(dose, kind="stable")
        labels, regimens = self.labels + other.labels, self.regimens + other.regimens
        found = Candidates(
            tuple(labels[i] for i in order), tuple(regimens[i] for i in order), dose[order]
        )
        return found, order


def listed_candidates(
    candidates: Any,
    regimen: Callable[[float], Regimen] | None,
    doses: ArrayLike | None,
    between: tuple[float, float] | None,
    points: int,
) -> Candidates:
    """The candidates that were asked for, in order of dose.

    Raises
    ------
    TypeError, ValueError
        When they are given in no way or in several, or are no regimens.
    """
    if (candidates is None) == (regimen is None):
        raise ValueError(
            "optimise_dose wants candidates=, regimens to choose from, or regimen=, a function from "
            "a dose to a regimen, with doses= or between=."
        )
    if regimen is not None:
        if (doses is None) == (between is None):
            raise ValueError(
                "optimise_dose: regimen= wants doses=, those that can be given, or between=(low, "
                "high), a range."
            )
        return varied_candidates(regimen, _doses(doses, between, points))
    if doses is not None or between is not None:
        raise ValueError("optimise_dose: doses= and between= go with regimen=, not candidates=.")
    named = dict(candidates) if isinstance(candidates, Mapping) else _labelled(_several(candidates))
    for name, one in named.items():
        if one is not None and not isinstance(one, Regimen):
            raise TypeError(
                f"optimise_dose: candidates= wants bn.Regimen (None for no dose); {name!r} is "
                f"{one!r}."
            )
    if not any(named.values()):
        raise ValueError("optimise_dose: candidates= wants at least one regimen; found none.")
    totals = np.array([_total(one) for one in named.values()])
    order = np.lexsort((totals, np.array([_standing(one) for one in named.values()])))
    labels, regimens = list(named), list(named.values())
    return Candidates(
        tuple(str(labels[i]) for i in order), tuple(regimens[i] for i in order), totals[order]
    )


def varied_candidates(regimen: Callable[[float], Regimen], doses: Array) -> Candidates:
    """A regimen at each dose; a dose of 0 is none."""
    if not callable(regimen):
        raise TypeError(
            "optimise_dose: regimen= wants a function of a dose, such as lambda dose: "
            f"bn.Regimen(dose, every=12); found {regimen!r}. Regimens as they are go into "
            "candidates=."
        )
    made: list[Regimen | None] = []
    for dose in doses.tolist():
        found = regimen(dose) if dose > 0 else None
        if found is not None and not isinstance(found, Regimen):
            raise TypeError(
                f"optimise_dose: regimen= wants a function that returns a bn.Regimen; of {dose:g} "
                f"it returned {found!r}."
            )
        made.append(found)
    return Candidates(tuple(f"{dose:.6g}" for dose in doses), tuple(made), doses)


def _doses(doses: ArrayLike | None, between: tuple[float, float] | None, points: int) -> Array:
    if between is not None:
        low, high = between
        if not 0 <= low < high < np.inf or points < 3:
            raise ValueError(
                "optimise_dose: between= wants (low, high) with 0 <= low < high, and points= 3 or "
                f"more; found {between!r} and {points!r}."
            )
        return np.linspace(low, high, points)
    found = np.unique(np.asarray(doses, dtype=np.float64).ravel())
    if not found.size or not np.all(np.isfinite(found) & (found >= 0)) or not found.any():
        raise ValueError(
            f"optimise_dose: doses= wants finite numbers of 0 or more; found {doses!r}."
        )
    return found


def _several(candidates: Any) -> Sequence[Any]:
    if isinstance(candidates, Regimen) or not isinstance(candidates, Sequence):
        raise TypeError(
            "optimise_dose: candidates= wants a mapping from names to regimens, or a list of "
            f"regimens; found {candidates!r}."
        )
    return candidates


def _labelled(regimens: Sequence[Any]) -> dict[str, Any]:
    """By their text, and by their place too where two have the same."""
    labels = [_label(one, place) for place, one in enumerate(regimens)]
    return {
        label if labels.count(label) == 1 else f"{label} (candidate {place + 1})": one
        for place, (label, one) in enumerate(zip(labels, regimens, strict=True))
    }


def _label(regimen: Any, place: int) -> str:
    if not isinstance(regimen, Regimen):
        return f"candidate {place + 1}"
    return "; ".join(line.strip() for line in repr(regimen).splitlines()[1:])


def _total(regimen: Regimen | None) -> float:
    return 0.0 if regimen is None else float(sum(dose.amount for dose in regimen.doses))


def _standing(regimen: Regimen | None) -> float:
    doses = () if regimen is None else regimen.doses
    return float(
        sum(
            dose.amount / dose.interval if dose.amount > 0.0 else dose.rate
            for dose in doses
            if dose.steady_state
        )
    )
