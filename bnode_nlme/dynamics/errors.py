"""The errors that a faulty declaration raises."""

import difflib
from collections.abc import Iterable

__all__ = ["DeclarationError", "UnknownNameError", "listed"]


class DeclarationError(ValueError):
    """A system or a network was declared in a way that cannot mean anything.

    The message says what was wanted, what was found and where, lists the valid choices, and
    names the cure.
    """


class UnknownNameError(DeclarationError, AttributeError):
    """A right-hand side, output or initial value asked for a name that was not declared.

    Parameters
    ----------
    asked : str
        The name that was asked for.
    group : str
        The argument it was asked of, as the user sees it: ``"y"``, ``"p"``, ``"nn"`` or ``"c"``.
    kind : str
        What that argument holds, in the plural: ``"states"``, ``"parameters"``, ...
    valid : iterable of str
        The names that were declared.
    """

    def __init__(self, asked: str, group: str, kind: str, valid: Iterable[str]) -> None:
        names = tuple(valid)
        near = difflib.get_close_matches(asked, names, n=1, cutoff=0.5) or [
            name for name in names if name.lower() == asked.lower()
        ]
        suggestion = f" Did you mean {group}.{near[0]}?" if near else ""
        super().__init__(
            f"{group}.{asked}: the system has no {kind[:-1]} named {asked!r}.{suggestion} "
            f"Declared {kind}: {listed(names)}. "
            f"Correct the name, or add {asked!r} to {kind}=."
        )
        self.asked = asked
        self.valid = names


def listed(names: Iterable[str]) -> str:
    """Names as a readable list: ``'CL', 'V'``; ``(none)`` where there are none."""
    return ", ".join(repr(name) for name in names) or "(none)"
