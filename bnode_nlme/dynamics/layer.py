"""Where one dense layer lies in a network's flat weight vector."""

from dataclasses import dataclass

__all__ = ["Layer"]


@dataclass(frozen=True)
class Layer:
    """One dense layer, ``W @ h + b``.

    Attributes
    ----------
    fan_in, fan_out : int
        Lengths of ``h`` and of the result.
    weight : slice
        Where ``W``, of shape (fan_out, fan_in), lies in the flat vector, row after row.
    bias : slice
        Where ``b``, of shape (fan_out,), lies.
    """

    fan_in: int
    fan_out: int
    weight: slice
    bias: slice
