"""How the doses into a state arrive: later, in part, over how long, at what rate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from bnode_nlme.dynamics.errors import DeclarationError, listed
from bnode_nlme.dynamics.names import check_name

__all__ = ["DOSING_QUANTITIES", "Dosing", "check_dosing"]


@dataclass(frozen=True)
class Dosing:
    """What becomes of the doses into one state, as functions of parameters and covariates.

    Each function is called once, on symbols, with ``p`` (individual parameters) and ``c``
    (covariates) by name, and returns a scalar. A dose sees the covariates of its own record, and
    the parameters of its own occasion. Gradients are exact.

    Parameters
    ----------
    lag : callable (p, c), optional
        How much later than its record a dose arrives, in units of time; 0 or more. Each additional
        dose is delayed by as much.
    bioavailability : callable (p, c), optional
        Fraction F of the amount that arrives; 0 or more. An infusion at a RATE of the table lasts
        for F times AMT / RATE.
    duration : callable (p, c), optional
        How long an infusion lasts where RATE is -2, in units of time; above 0.
    rate : callable (p, c), optional
        Rate of an infusion where RATE is -1, in amount per time; above 0.

    Raises
    ------
    DeclarationError
        When none of the four is given, or one is no function.

    Notes
    -----
    A value that is out of range or not finite makes the solve of its subject fail, with
    `bnode_nlme.SolveStatus.DOSING`; nothing is raised.

    Examples
    --------
    >>> Dosing(lag=lambda p, c: p.tlag, bioavailability=lambda p, c: p.F)
    Dosing(lag, bioavailability)
    """

    lag: Callable[..., Any] | None = None
    bioavailability: Callable[..., Any] | None = None
    duration: Callable[..., Any] | None = None
    rate: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        for quantity, function in self.given.items():
            if not callable(function):
                raise DeclarationError(
                    f"Dosing: {quantity}= wants a function of (p, c), found {function!r} of type "
                    f"{type(function).__name__}. Write {quantity}=lambda p, c: ..."
                )
        if not self.given:
            raise DeclarationError(
                f"Dosing() says nothing. Give one of {listed(DOSING_QUANTITIES)}, or leave the "
                "state out of dosing=."
            )

    @property
    def given(self) -> dict[str, Callable[..., Any]]:
        """The functions that were given, by quantity."""
        functions = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: function for name, function in functions.items() if function is not None}

    def __repr__(self) -> str:
        return f"Dosing({', '.join(self.given)})"


DOSING_QUANTITIES = tuple(field.name for field in fields(Dosing))
"""What can be declared of the doses into a state."""


def check_dosing(dosing: Any, states: tuple[str, ...]) -> dict[str, Dosing]:
    """Return what was given to ``dosing=`` as a dict, or refuse it.

    Raises
    ------
    DeclarationError
        When it is no mapping of the system's states to `Dosing`.
    """
    if dosing is None:
        return {}
    if not isinstance(dosing, Mapping):
        raise DeclarationError(
            f"dosing= wants a dict of Dosing by state, found {dosing!r} of type "
            f"{type(dosing).__name__}. Write dosing={{{states[0]!r}: Dosing(lag=...)}}."
        )
    found = {check_name(name, "state"): value for name, value in dosing.items()}
    unknown = [name for name in found if name not in states]
    if unknown:
        raise DeclarationError(
            f"dosing= has {listed(unknown)}, which the system does not have. "
            f"Declared states: {listed(states)}."
        )
    for name, value in found.items():
        if not isinstance(value, Dosing):
            raise DeclarationError(
                f"dosing= of state {name!r} wants a Dosing, found {value!r} of type "
                f"{type(value).__name__}. Write Dosing(lag=lambda p, c: ...)."
            )
    return found
