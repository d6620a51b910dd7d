"""A verdict in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from bnode_nlme.discovery.paired_difference import Outcome, PairedDifference

if TYPE_CHECKING:
    from bnode_nlme.discovery.verdict import Verdict

_REASONS = {
    "helps": "left-out subjects are foretold better with the network",
    "unnecessary": "the network foretells left-out subjects no better, by nothing worthwhile",
    "undecided": "these data cannot say",
}


def verdict_text(verdict: Verdict) -> str:
    """See `Verdict.__repr__`."""
    lines = [f"The network: {verdict.answer} ({_REASONS[verdict.answer]})"]
    lines.append(f"  hybrid - mechanistic: {_numbers(verdict.difference)}")
    if verdict.against_network_only is not None:
        against = verdict.against_network_only
        words = {
            "better": "the mechanism helps",
            "no better": "the network alone foretells as well",
            "undecided": "whether the mechanism helps is undecided",
        }[against.outcome]
        lines.append(f"  hybrid - network only: {_numbers(against)}: {words}")
    lines += _doubts(verdict.data, settled=verdict.answer != "undecided")
    lines += _deciding(verdict.difference)
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


def comparison_text(
    outcome: Outcome, difference: PairedDifference, data: xr.Dataset, names: tuple[str, str]
) -> str:
    """See `SubjectComparison.__repr__`."""
    words = {
        "better": f"{names[0]} foretells left-out subjects better than {names[1]}",
        "no better": f"{names[0]} foretells left-out subjects no better than {names[1]}",
        "undecided": f"whether {names[0]} or {names[1]} foretells better is undecided",
    }[outcome]
    lines = [words, f"  {names[0]} - {names[1]}: {_numbers(difference)}"]
    lines += _doubts(data, settled=outcome != "undecided")
    lines += _deciding(difference)
    return "\n".join(lines)


def _numbers(difference: PairedDifference) -> str:
    lower, upper = difference.bounds
    return (
        f"ELPD {difference.difference:+.1f} (standard error {difference.standard_error:.1f}, "
        f"one-sided {difference.confidence:.0%} bounds {lower:+.1f} and {upper:+.1f}) over "
        f"{difference.subjects} subjects"
    )


def _doubts(data: xr.Dataset, settled: bool) -> list[str]:
    lines = []
    verdict = (
        "the answer is the same without"
        if settled
        else "nothing is decided unless it is so without. Give a larger refits="
    )
    for name in data["model"].to_numpy():
        own = data.sel(model=name)
        refitted = int(own["refitted"].sum())
        if refitted:
            subjects = "subject" if refitted == 1 else "subjects"
            lines.append(f"  {name}: {refitted} {subjects} left out by fitting again (Pareto k)")
        doubtful = own["subject"].to_numpy()[own["doubtful"].to_numpy()]
        if doubtful.size:
            shown = ", ".join(map(str, doubtful[:10]))
            subjects = "subject" if doubtful.size == 1 else "subjects"
            more = ", ..." if doubtful.size > 10 else ""
            lines.append(
                f"  {name}: {doubtful.size} {subjects} ({shown}{more}) with a Pareto k too large to "
                f"be trusted, and no refit that can be: {verdict}"
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


def _designs(verdict: Verdict) -> list[str]:
    """Which planned study would tell the models apart."""
    if verdict.designs is None:
        return []
    lines = ["  planned studies, by the patients that would tell the two models apart:"]
    for name, row in verdict.designs.iterrows():
        wanted = row["subjects"]
        patients = f"{wanted:.0f} patients" if np.isfinite(wanted) else "no number of patients"
        lines.append(
            f"    {name}: {patients} ({row['if_network']:.2g} nats each if the network is right, "
            f"{row['if_mechanism']:.2g} if it is not)"
        )
    return lines


def _deciding(difference: PairedDifference) -> list[str]:
    """What would decide, where nothing is decided or the first model is ahead all the same."""
    ahead = difference.difference > 0.0
    if difference.outcome == "better" or (difference.outcome == "no better" and not ahead):
        return []
    wanted = difference.deciding_subjects
    if wanted is None:
        return ["  at this difference no study of a reasonable size would decide"]
    return [
        f"  at this difference, about {wanted} subjects ({wanted - difference.subjects} more) "
        + ("would show it to be real" if ahead else "would show that there is nothing to gain")
    ]
