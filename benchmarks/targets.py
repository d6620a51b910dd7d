"""What the package has promised, problem by problem."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """Of the package with its default method.

    Attributes
    ----------
    microseconds
        Most per subject, for value and gradient.
    times_faster
        Least ratio to the fastest contender of a family of peers. diffrax counts as its
        documentation shows it, under vmap.
    """

    microseconds: float | None
    times_faster: dict[str, float]


TARGETS = {
    "pk-net": Target(12.0, {"diffrax": 6.0, "sunode": 50.0}),
    "pkpd-net": Target(None, {"diffrax": 4.0}),
    "multi-dose": Target(None, {"diffrax": 4.0}),
    "stiff": Target(1200.0, {"diffrax": 20.0}),
    "latent": Target(None, {"diffrax": 4.0}),
}
