"""A covariate search in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from bnode_nlme.discovery.covariate_finding import CovariateFinding
from bnode_nlme.nlme.nlme import NLME

_WORDS = {
    "linear": "straight line",
    "power": "power",
    "curve": "curve",
    "categories": "categories",
}
_LITTLE = 0.3


def discovery_text(
    data: xr.Dataset,
    findings: Sequence[CovariateFinding],
    already: Mapping[str, tuple[str, ...]],
    nlme: NLME,
) -> str:
    """See `CovariateDiscovery.__repr__`."""
    effects, candidates = data["effect"].to_numpy(), data["covariate"].to_numpy()
    lines = [f"Covariates of {', '.join(effects)}, from {len(candidates)} candidates"]
    for effect in effects:
        own = [finding for finding in findings if finding.effect == effect]
        told = float(data["information"].sel(effect=effect))
        low, middle, high = data["explained"].sel(effect=effect).to_numpy()
        lines.append(
            f"  {effect}: covariates explain {middle:.0%} ({low:.0%} to {high:.0%}) of its variance "
            f"between subjects; the measurements determine {told:.0%} of it"
        )
        if told < _LITTLE:
            lines.append("    that is little: what is not found here may matter all the same")
        if already.get(effect):
            lines.append(f"    in the model already: {', '.join(already[effect])}")
        shown = [finding for finding in own if finding.verdict != "no evidence"]
        lines += [f"    {_line(finding, data, nlme)}" for finding in shown]
        rest = [finding for finding in own if finding.verdict == "no evidence"]
        if rest:
            most = max(finding.inclusion for finding in rest)
            names = ", ".join(name for finding in rest for name in finding.covariates)
            lines.append(f"    no evidence (probability {most:.2f} at most): {names}")
    return "\n".join(lines)


def _line(finding: CovariateFinding, data: xr.Dataset, nlme: NLME) -> str:
    names = finding.covariates
    probability = f"probability {finding.inclusion:.2f}"
    if len(names) > 1:
        each = ", ".join(
            f"{name} {own:.2f}" for name, own in zip(names, finding.members, strict=True)
        )
        return (
            f"{finding.verdict.partition(',')[0]}: one of {' and '.join(names)}, which cannot be told "
            f"apart ({probability} that "
            f"at least one matters; by itself {each})"
        )
    change = _change(finding, data, nlme)
    alike = "".join(
        f"; resembles {name} (correlation {r:.2f}), which may carry part of it"
        for name, r in finding.alike.items()
    )
    return f"{finding.verdict}: {names[0]}, {probability}, {_WORDS[finding.shape]}, {change}{alike}"


def _change(finding: CovariateFinding, data: xr.Dataset, nlme: NLME) -> str:
    own = data.sel(effect=finding.effect, covariate=finding.covariates[0])
    span = own["span"].to_numpy()
    scale = nlme.individual[finding.effect].scale
    between = "from its 10th to its 90th percentile"
    if int(own["levels"]) == 2:
        codes = own["x"].to_numpy()
        between = f"at {codes.max():g}, against {codes.min():g}"
    if finding.shape == "categories":
        return _by_category(own, finding.effect, scale.logarithmic)
    if finding.shape == "curve":
        # A curve may end where it began: its range says more than the difference of its ends.
        middle = own["curve"].isel(quantile=1).to_numpy()
        if scale.logarithmic:
            low, high = np.exp(middle.min()), np.exp(middle.max())
            return f"{finding.effect} from {low:.2f} to {high:.2f} times that at its median"
        return f"{finding.effect} {middle.min():+.3g} to {middle.max():+.3g} against its median"
    if scale.logarithmic:
        low, middle, high = np.exp(span)
        return f"{finding.effect} times {middle:.2f} ({low:.2f} to {high:.2f}) {between}"
    low, middle, high = span
    return f"{finding.effect} {middle:+.3g} ({low:+.3g} to {high:+.3g}) {between}"


def _by_category(own: xr.Dataset, effect: str, logarithmic: bool) -> str:
    levels, first = np.unique(own["x"].to_numpy(), return_index=True)
    middle = own["curve"].isel(quantile=1, point=first).to_numpy()
    change = middle[1:] - middle[0]
    told = ", ".join(
        f"{np.exp(value):.2f} at {level:g}" if logarithmic else f"{value:+.3g} at {level:g}"
        for level, value in zip(levels[1:], change, strict=True)
    )
    return f"{effect}{' times' if logarithmic else ''} {told}, against {levels[0]:g}"
