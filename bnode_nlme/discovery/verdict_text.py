"""A verdict in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

if TYPE_CHECKING:
    from bnode_nlme.discovery.compare_subjects import SubjectComparison
    from bnode_nlme.discovery.verdict import Verdict

_REASONS = {
    "helps": "left-out subjects are foretold better with the network",
    "unnecessary": "the network foretells left-out subjects no better, by nothing worthwhile",
    "undecided": "these data cannot say",
}
_MECHANISM = {
    "better": "the mechanism helps",
    "no better": "the network alone foretells as well",
    "undecided": "whether the mechanism helps is undecided",
}


def verdict_text(verdict: Verdict) -> str:
    """See `Verdict.__repr__`."""
    lines = [f"The network: {verdict.answer} ({_REASONS[verdict.answer]})"]
    lines += _comparison(verdict.network)
    if verdict.mechanism is not None:
        lines += _comparison(verdict.mechanism, _MECHANISM[verdict.mechanism.outcome])
    lines += _doubts(verdict.data)
    lines += _deciding(verdict.network)
    lines += _designs(verdict)
    share = verdict.data["share"]
    parts = [
        f"{name} {float(share.sel(state=name).mean()):.0%}"
        for name in share["state"].to_numpy()
        if not bool(np.isnan(share.sel(state=name)).all())
    ]
    lines.append(f"  share of the network in the rates of change: {', '.join(parts)}")
    ratio = verdict.run_time_ratio
    if np.isfinite(ratio):
        lines.append(f"  the hybrid fit took {ratio:.1f} times as long")
    return "\n".join(lines)


def comparison_text(comparison: SubjectComparison) -> str:
    """See `SubjectComparison.__repr__`."""
    first, second = comparison.names
    words = {
        "better": f"{first} foretells left-out subjects better than {second}",
        "no better": f"{first} foretells left-out subjects no better than {second}",
        "undecided": f"whether {first} or {second} foretells better is undecided",
    }[comparison.outcome]
    lines = [words, *_comparison(comparison)]
    lines += _doubts(comparison.data)
    lines += _deciding(comparison)
    return "\n".join(lines)


def _comparison(found: SubjectComparison, words: str = "") -> list[str]:
    """The numbers, and what they rest on where subjects or chains are doubtful."""
    difference = found.difference
    lower, upper = difference.bounds
    lines = [
        f"  {found.names[0]} - {found.names[1]}: ELPD {difference.difference:+.1f} (standard error "
        f"{difference.standard_error:.1f}, one-sided {difference.confidence:.0%} bounds {lower:+.1f} "
        f"and {upper:+.1f}) over {difference.subjects} subjects{words and ': '}{words}"
    ]
    unsettled = [
        str(name) for name in found.data["model"].to_numpy()[found.data["unsettled"] != ""]
    ]
    if unsettled:
        lines.append(
            f"    not decided by draws that are not to be relied upon: {', '.join(unsettled)}"
        )
    elif found.outcome != "undecided" and bool(found.data["doubtful"].any()):
        lines.append("    the same without the doubtful subjects")
    elif found.outcome != difference.outcome:
        lines.append(
            f"    '{difference.outcome}' with the doubtful subjects, not without: nothing is decided. "
            "Give a larger refits="
        )
    elif difference.outcome == "undecided" and lower > 0.0:
        lines.append(
            f"    a difference, and not a worthwhile one ({difference.worthwhile:g} nats or more)"
        )
    elif difference.outcome == "undecided" and upper < difference.worthwhile:
        lines.append(
            f"    no worthwhile difference is seen, but with twice the standard error, which may be "
            f"too small, the upper bound is {difference.largest:+.1f}"
        )
    return lines


def _doubts(data: xr.Dataset) -> list[str]:
    lines = []
    for name in data["model"].to_numpy():
        own = data.sel(model=name)
        if own["unsettled"].item():
            lines.append(f"  {name}: {own['unsettled'].item()}. Fit longer chains")
        refitted = int(own["refitted"].sum())
        if refitted:
            lines.append(f"  {name}: {_subjects(refitted)} left out by fitting again (Pareto k)")
        doubtful = own["subject"].to_numpy()[own["doubtful"].to_numpy()]
        if doubtful.size:
            shown = ", ".join(map(str, doubtful[:10]))
            more = ", ..." if doubtful.size > 10 else ""
            lines.append(
                f"  {name}: the numbers of {_subjects(doubtful.size)} ({shown}{more}) are doubtful, "
                "for a Pareto k too large without a refit that can be trusted, or the reason below"
            )
        reasons = own["reason"].to_numpy()
        lines += [
            f"    {subject}: {reason}"
            for subject, reason in zip(own["subject"].to_numpy(), reasons, strict=True)
            if reason
        ]
        if bool(own["approximate"]):
            lines.append(
                f"  {name}: its draws are of an approximation; compare fits of method='nuts' "
                "before you rely on this"
            )
    return lines


def _subjects(count: int) -> str:
    return f"{count} subject{'' if count == 1 else 's'}"


def _designs(verdict: Verdict) -> list[str]:
    """Which planned study would tell the models apart."""
    if verdict.designs is None:
        return []
    lines = [
        f"  planned studies, by the patients expected to add up to "
        f"{verdict.difference.worthwhile:g} nats, whichever model is right:"
    ]
    for name, row in verdict.designs.iterrows():
        wanted = row["subjects"]
        patients = f"{wanted:.0f} patients" if np.isfinite(wanted) else "no number of patients"
        lines.append(
            f"    {name}: {patients} ({row['if_network']:.2g} nats each if the network is right, "
            f"{row['if_mechanism']:.2g} if it is not)"
        )
    return lines


def _deciding(found: SubjectComparison) -> list[str]:
    """What would decide, where these subjects are too few."""
    difference = found.difference
    if difference.outcome != "undecided":
        return []
    wanted = difference.deciding_subjects
    if wanted is None:
        return ["  at this difference no study of a reasonable size would decide"]
    what = "be real" if difference.difference > 0.0 else "be nothing to gain"
    return [
        f"  at this difference, about {wanted} subjects ({wanted - difference.subjects} more) would "
        f"show it to {what}"
    ]
