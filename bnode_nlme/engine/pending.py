"""What is still to come while a subject's records are read: a heap, the earliest first.

Entries have a time, the order in which they were planned, which decides between equal times, and
two integers that say what they are.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from bnode_nlme.engine.compilation import compiled

Array = NDArray[Any]


@compiled
def _before(dues: Array, items: Array, one: int, other: int) -> bool:
    if dues[one] != dues[other]:
        return bool(dues[one] < dues[other])
    return bool(items[one, 0] < items[other, 0])


@compiled
def _swap(dues: Array, items: Array, one: int, other: int) -> None:
    dues[one], dues[other] = dues[other], dues[one]
    for column in range(3):
        items[one, column], items[other, column] = items[other, column], items[one, column]


@compiled
def put(dues: Array, items: Array, size: int) -> None:
    """Put the entry after the `size` first ones into their order."""
    child = size
    while child > 0:
        parent = (child - 1) // 2
        if not _before(dues, items, child, parent):
            break
        _swap(dues, items, child, parent)
        child = parent


@compiled
def take(dues: Array, items: Array, size: int) -> None:
    """Move the earliest of `size` entries to their end, out of the others' order."""
    last = size - 1
    _swap(dues, items, 0, last)
    parent = 0
    while True:
        child = 2 * parent + 1
        if child >= last:
            break
        if child + 1 < last and _before(dues, items, child + 1, child):
            child += 1
        if not _before(dues, items, child, parent):
            break
        _swap(dues, items, child, parent)
        parent = child
