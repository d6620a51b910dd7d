"""What may be claimed of a discovery, in words."""

from __future__ import annotations

from collections.abc import Sequence

from bnode_nlme.discovery.candidate import Candidate
from bnode_nlme.discovery.ranking import is_worse


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
    fitted = [own for own in candidates if own.elpd is not None]
    if not fitted:
        names = ", ".join(own.name for own in candidates if own.form is not None)
        return (
            f"Nothing may be claimed yet of {network!r}: no candidate was refitted to the data. "
            f"Forms that resemble the network: {names or 'none'}. Resemblance is no discovery."
        )
    kept = [own for own in fitted if not own.refuted]
    forms = [own for own in kept if own.kind in ("form", "sparse")]
    lines = []
    if any(own.kind == "without" for own in kept):
        lines.append(
            f"The data do not show that the term {network!r} is needed: the model without it predicts "
            "left-out subjects as well as the best candidate."
        )
    for own in forms:
        text = own.text()
        lines.append(f"{text[0].upper()}{text[1:]} {_against_network(own)}.")
    if not forms:
        tried = any(own.form is not None for own in fitted)
        lines.append(
            f"Every candidate form is refuted: the mechanism behind {network!r} is not among them."
            if tried
            else "No candidate form could be fitted to the data: see the notes of the table."
        )
    lines += [
        f"{_refuted(own, network)} (ELPD difference from the best {_number(own.behind)} ± "
        f"{own.behind_se:.1f})."
        for own in fitted
        if own.refuted
    ]
    if len(forms) > 1:
        lines.append(
            f"The data do not tell {' and '.join(own.name for own in forms)} apart; the simplest "
            "is named first. Compare them under another regimen: Discovery.predict."
        )
    doubtful = [own for own in fitted if own.doubtful]
    if doubtful:
        lines.append(
            "Leave-one-out is doubtful for some subjects (large Pareto k): "
            + ", ".join(f"{own.name} ({own.doubtful} of {subjects})" for own in doubtful)
            + "."
        )
    lines.append(
        f"Constants have 90 % intervals. ELPD differences are paired over {subjects} subjects, ± one "
        "standard error, which is too small rather than too large where subjects are few."
    )
    return "\n".join(lines)


def _refuted(own: Candidate, network: str) -> str:
    if own.kind == "network":
        return f"The network {network!r} itself predicts worse than the best form"
    if own.kind == "without":
        return "The model without the term is refuted"
    return f"{own.name[0].upper()}{own.name[1:]} is refuted"


def _against_network(own: Candidate) -> str:
    apart = f"ELPD difference {_number(own.difference)} ± {own.difference_se:.1f}"
    if is_worse(-own.difference, own.difference_se):
        return f"predicts left-out subjects better than the network ({apart})"
    if is_worse(own.difference, own.difference_se):
        return f"predicts worse than the network ({apart}), yet is not refuted by the best form"
    return f"is indistinguishable from the network ({apart})"


def _number(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")
