"""The range of a network's values, kept whatever its weights."""

from typing import Any

from bnode_nlme.dynamics.arithmetic import Arithmetic

__all__ = ["into_range"]


def into_range(
    y: Any, lower: float | None, upper: float | None, *, anchored: bool, at: Arithmetic
) -> Any:
    """Map real values, in increasing order, into a range.

    Parameters
    ----------
    y
        Expression or array.
    lower, upper
        Ends of the range; None for none.
    anchored
        Whether 0 has to stay 0, and values near it what they are; it then lies within the range.
    at
        Functions on what `y` is.

    Returns
    -------
    Expression or array
        Between the ends, which it reaches only by rounding. Two ends: a sigmoid between them; one:
        a softplus away from it. Anchored: ``end * tanh(y / end)`` on each side of 0 that has an
        end, which is twice continuously differentiable.
    """
    if anchored:
        bent = y
        if upper is not None:
            bent = at.where(y > 0.0, upper * at.tanh(y / upper), bent)
        if lower is not None:
            bent = at.where(y < 0.0, lower * at.tanh(y / lower), bent)
        return bent
    if lower is not None and upper is not None:
        share = at.sigmoid(y)
        return upper * share if lower == 0.0 else lower * at.sigmoid(-y) + upper * share
    if lower is not None:
        return at.softplus(y) if lower == 0.0 else lower + at.softplus(y)
    return y if upper is None else upper - at.softplus(-y)
