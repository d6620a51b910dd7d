"""What is said of a covariate, or of several that are alike, from its probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.discovery.covariate_shapes import ShapeName

Verdict = Literal["found", "found, one of these", "unclear", "unclear, one of these", "no evidence"]

_EVEN = 0.5

SHAPES: tuple[ShapeName, ...] = ("linear", "power", "curve", "categories")


@dataclass(frozen=True)
class CovariateFinding:
    """What is said of one covariate, or of several that are alike, on one parameter.

    Attributes
    ----------
    effect
        The parameter.
    covariates : tuple of str
        One, or those that share the evidence, the likeliest first.
    inclusion : float
        Probability that it, or at least one of them, has an effect.
    members : tuple of float
        Probability of each by itself.
    verdict : str
        ``"found"``; ``"found, one of these"``, which cannot be told apart; ``"unclear"`` and
        ``"unclear, one of these"``, with a probability from 0.5 to the threshold;
        ``"no evidence"``, below.
    shapes : tuple of str
        The likeliest shape of each of them.
    alike : mapping of str to float
        Other candidates whose correlation with a covariate that was found is large: part of the
        effect may be theirs.
    """

    effect: str
    covariates: tuple[str, ...]
    inclusion: float
    members: tuple[float, ...]
    verdict: Verdict
    shapes: tuple[ShapeName, ...]
    alike: Mapping[str, float]

    @property
    def shape(self) -> ShapeName:
        """The likeliest shape of the likeliest of them."""
        return self.shapes[0]


def findings_of(
    effect: str,
    group: tuple[str, ...],
    data: xr.Dataset,
    inside: Mapping[str, NDArray[np.bool_]],
    threshold: float,
    collinear: float,
) -> list[CovariateFinding]:
    """What is said of the members of a group of covariates that are alike, on one effect.

    Parameters
    ----------
    effect, group
        The parameter, and the covariates: one, or several that are alike.
    data : xarray.Dataset
        With ``inclusion``, ``shape_probability`` and ``correlation``.
    inside : mapping of str to ndarray of bool (draws,)
        Whether each covariate is in; those that were not weighed are missing.
    threshold, collinear
        As in `discover_covariates`.
    """
    members = [name for name in group if name in inside]
    if not members:
        return []
    own = {name: float(data["inclusion"].sel(effect=effect, covariate=name)) for name in members}
    members.sort(key=lambda name: -own[name])
    together = float(np.any([inside[name] for name in members], axis=0).mean())
    clear = [name for name in members if own[name] >= threshold]
    found = []
    if together >= _EVEN and not clear:
        # A member that is hardly ever in takes no part in the choice.
        sharing = [name for name in members if own[name] > 0.1] or members
        if len(sharing) > 1:
            shared: Verdict = (
                "found, one of these" if together >= threshold else "unclear, one of these"
            )
            found = [_finding(effect, sharing, own, together, shared, data, {})]
            members = [name for name in members if name not in sharing]
    for name in members:
        verdict: Verdict = (
            "found" if name in clear else "unclear" if own[name] >= _EVEN else "no evidence"
        )
        alike = {
            str(other): float(r)
            for other, r in zip(
                data["other"].to_numpy(),
                data["correlation"].sel(covariate=name).to_numpy(),
                strict=True,
            )
            if other != name and abs(r) >= collinear
        }
        found.append(
            _finding(
                effect, [name], own, own[name], verdict, data, alike if verdict == "found" else {}
            )
        )
    return found


def _finding(
    effect: str,
    names: Sequence[str],
    own: Mapping[str, float],
    inclusion: float,
    verdict: Verdict,
    data: xr.Dataset,
    alike: Mapping[str, float],
) -> CovariateFinding:
    # What was never in has no likeliest shape, but a first one among those that it may have.
    shape = data["shape_probability"].sel(effect=effect, covariate=list(names)).fillna(-1.0)
    shapes = tuple(SHAPES[place] for place in shape.argmax("shape").to_numpy())
    members = tuple(own[name] for name in names)
    return CovariateFinding(effect, tuple(names), inclusion, members, verdict, shapes, alike)
