"""Sums and products whose rounding error is kept, as a second number.

Dekker 1971, doi:10.1007/BF01397083; Knuth 1969, The Art of Computer Programming 2, 4.2.2.
"""

from __future__ import annotations

from bnode_nlme.engine.vector_writer import VectorWriter


def ordered_sum(w: VectorWriter, a: str | float, b: str) -> tuple[str, str]:
    """``a + b`` and its rounding error, where ``|a| >= |b|`` or a is zero."""
    total = w.add(a, b)
    return total, w.sub(b, w.sub(total, a))


def difference(w: VectorWriter, a: str, b: str) -> tuple[str, str]:
    """``a - b`` and its rounding error."""
    total = w.sub(a, b)
    shift = w.sub(total, a)
    return total, w.sub(w.sub(a, w.sub(total, shift)), w.add(b, shift))


def product(w: VectorWriter, a: str, b: str | float) -> tuple[str, str]:
    """``a * b`` and its rounding error."""
    upper = w.mul(a, b)
    return upper, w.fma(a, b, w.neg(upper))
