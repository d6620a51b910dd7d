"""The errors that a faulty declaration raises."""

import difflib
from collections.abc import Iterable

__all__ = ["DeclarationError", "UnknownNameError", "UnusedNamesError", "listed", "nearest"]


class DeclarationError(ValueError):
    """A system or a network was declared in a way that cannot mean anything.

    The message says what was wanted, what was found and where, lists the valid choices, and
    names the cure.
    """


class UnknownNameError(DeclarationError, AttributeError):
    """A right-hand side, output or initial value asked for a name that was not declared."""


class UnusedNamesError(DeclarationError):
    """Something was declared that no function depends on.

    Attributes
    ----------
    group : str
        ``"parameters"``, ``"networks"`` or ``"covariates"``.
    names : tuple of str
    """

    def __init__(self, message: str, group: str, names: Iterable[str]) -> None:
        super().__init__(message)
        self.group, self.names = group, tuple(names)

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (*self.args, self.group, self.names)


def nearest(asked: str, valid: Iterable[str]) -> str | None:
    """Return the valid name that `asked` is most likely a slip for, or None."""
    by_folded = {name.lower(): name for name in valid}
    near = difflib.get_close_matches(asked.lower(), by_folded, n=1, cutoff=0.5)
    return by_folded[near[0]] if near else None


def listed(names: Iterable[str]) -> str:
    """Names as a readable list: ``'CL', 'V'``; ``(none)`` where there are none."""
    return ", ".join(repr(name) for name in names) or "(none)"
