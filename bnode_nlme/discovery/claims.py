"""What may be claimed of a discovery, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnode_nlme.discovery.candidate import Candidate


def claims_text(network: str, candidates: Sequence[Candidate], subjects: int) -> str:
    """Sentences, one a line.

    Parameters
    ----------
    network
        Its name.
    candidates
        Ranked.
    subjects
        How many the comparison is over.
    """
    fitted = [own for own in candidates if own.is_compared]
    proposed = [own for own in candidates if own.form is not None]
    if not fitted:
        names = ", ".join(own.name for own in proposed)
        return (
            f"Nothing may be claimed yet of {network!r}: no candidate was refitted to the data. "
            f"Forms that resemble the network: {names or 'none'}. Resemblance is no discovery."
        )
    judged = [own for own in fitted if own.is_judged]
    kept = [own for own in judged if own.is_kept]
    forms = [own for own in kept if own in proposed]
    rest = [own for own in proposed if own not in judged or own.hangs_on_doubtful]
    network_judged = any(own.kind == "network" for own in judged)
    lines = []
    if any(own.kind == "without" for own in kept):
        lines.append(
            f"The data do not show that the term {network!r} is needed: the model without it is not "
            "refuted."
        )
    lines += [f"{_capital(own.text())} {_against_network(own, network_judged)}." for own in forms]
    if not forms:
        lines.append(_no_form(network, [own for own in proposed if own.refuted], rest))
    lines += [
        f"{_refuted(own, network)} (ELPD difference from the best {_number(own.behind)} ± "
        f"{own.behind_se:.1f})."
        for own in judged
        if own.refuted
    ]
    if len(forms) > 1:
        lines.append(
            f"The data do not tell {' and '.join(own.name for own in forms)} apart; the simplest "
            "is named first. Compare them under another regimen: Discovery.predict."
        )
    lines += [
        f"Nothing is claimed of {_called(own, network)}: {own.unsettled}."
        for own in fitted
        if own.unsettled
    ]
    lines += _doubts(fitted, network, subjects)
    lines.append(
        f"Constants have 90 % intervals. ELPD differences are paired over {subjects} subjects, ± one "
        "standard error, which is too small rather than too large where subjects are few."
    )
    return "\n".join(lines)


def _no_form(network: str, refuted: list[Candidate], rest: list[Candidate]) -> str:
    if not refuted:
        return "No candidate form could be judged on the data: see the notes of the table."
    if not rest:
        return (
            f"Every candidate form is refuted: the mechanism behind {network!r} is not among them."
        )
    return (
        "Every form that could be judged is refuted. Not judged, so not refuted: "
        f"{', '.join(own.name for own in rest)}."
    )


def _doubts(fitted: list[Candidate], network: str, subjects: int) -> list[str]:
    lines = []
    doubtful = [own for own in fitted if own.doubtful]
    if doubtful:
        lines.append(
            "Leave-one-out is doubtful for some subjects (large Pareto k): "
            + ", ".join(f"{own.name} ({own.doubtful} of {subjects})" for own in doubtful)
            + ". Write refits= to leave them out by fitting again."
        )
    hanging = [_called(own, network) for own in fitted if own.hangs_on_doubtful]
    if hanging:
        lines.append(
            "The best candidate is better than these with the doubtful subjects, not without, so "
            f"that nothing is claimed of them: {', '.join(hanging)}."
        )
    approximate = [own for own in fitted if own.is_approximate]
    if approximate:
        lines.append(
            "Draws are of an approximation, and ELPD differences may be wrong without a sign: "
            + ", ".join(own.name for own in approximate)
            + ". Compare fits of method='nuts' before you rely on this."
        )
    rough = [own for own in fitted if own.is_judged and own.is_rough]
    if rough:
        lines.append(
            "Chains agree only roughly, and constants' intervals are rough: "
            + ", ".join(
                f"{_called(own, network)} (R-hat {own.r_hat:.2f}, {own.ess:.0f} effective draws)"
                for own in rough
            )
            + ". Write draws= and tune= for longer chains."
        )
    for own in fitted:
        if own.dropped:
            names = ", ".join(own.dropped)
            lines.append(
                f"{_capital(_called(own, network))} has no {names}: only the arguments of "
                f"{network!r} used {'it' if len(own.dropped) == 1 else 'them'}."
            )
    return lines


def _called(own: Candidate, network: str) -> str:
    if own.kind == "network":
        return f"the network {network!r}"
    return "the model without the term" if own.kind == "without" else own.name


def _refuted(own: Candidate, network: str) -> str:
    if own.kind == "network":
        return f"The network {network!r} itself predicts worse than the best form"
    return f"{_capital(_called(own, network))} is refuted"


def _against_network(own: Candidate, network_judged: bool) -> str:
    found = own.against_network
    if found is None or not np.isfinite(found.standard_error):
        return "was not compared with the network"
    low, high = found.bounds
    apart = (
        f"ELPD difference {_number(found.difference)} ± {found.standard_error:.1f}, one-sided "
        f"{found.confidence:.0%} bounds {_number(low)} and {_number(high)}"
    )
    if not network_judged:
        return f"is not refuted; against the network, whose draws are unsettled, nothing is claimed ({apart})"
    if own.standing == "undecided" and low > 0.0 and found.difference < found.worthwhile:
        return f"predicts a little better than the network, by less than is worthwhile ({apart})"
    if own.standing == "undecided" and high < 0.0 and -found.difference < found.worthwhile:
        return f"predicts a little worse than the network, by less than is worthwhile ({apart})"
    return {
        "better": f"predicts left-out subjects better than the network ({apart})",
        "worse": f"predicts worse than the network ({apart}), yet is not refuted",
        "equivalent": f"is indistinguishable from the network ({apart})",
        "undecided": f"and the network are not distinguished by these data ({apart})",
    }[own.standing]


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _number(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")
