"""Regimen: which doses are given, when and how."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.doses import MOST_DOSES

SteadyState = Literal["added"] | bool
_CODES: Final = {False: 0, True: 1, "added": 2}


@dataclass(frozen=True)
class Dose:
    """One dose of a regimen, in the terms of `Records`: a row with EVID 1 and no ADDL."""

    time: float
    amount: float
    compartment: str = ""
    rate: float = 0.0
    steady_state: int = 0
    interval: float = 0.0


@dataclass(frozen=True, init=False, repr=False)
class Regimen:
    """Doses, when and how they are given.

    ``Regimen(100, every=12, additional=6)`` is 100 at 0, 12, ... 72. Regimens add up:
    ``Regimen(50, loading=200, every=24, additional=4) + Regimen(10, "gut", start=6)``.

    Parameters
    ----------
    dose
        Amount of each dose, in the study's unit: positive, or 0 for a constant infusion at steady
        state (with `rate`), which stops at `start`.
    compartment
        Where it goes: the name of a state, its number counted from 1, or ``""`` for the first one.
    rate
        Rate of an infusion; ``"modelled"`` where the system's ``Dosing(rate=...)`` gives it; 0 for
        a bolus.
    duration
        Duration of an infusion, instead of its rate; ``"modelled"`` where the system's
        ``Dosing(duration=...)`` gives it.
    every
        Time from one dose to the next.
    additional
        How many doses follow the first one, `every` apart. (The ADDL of a table. Here each of them
        becomes a record of its own.)
    times
        The time of each dose, instead of `start`, `every` and `additional`.
    loading
        Amount of the first dose, instead of `dose`. An infusion given by rate is longer then, one
        given by duration faster.
    steady_state
        True: before the first dose the state is the one that the same dose, given `every` for
        ever, has led to, whatever was given before: earlier infusions and doses that a lag delays
        end (SS 1). ``"added"``: that steady state is added to the present one (SS 2), which is
        right for several regimens together where the system is linear: 100 in the morning and 60
        in the evening are ``Regimen(100, every=24, steady_state=True) + Regimen(60, start=12,
        every=24, steady_state="added")``.
    start
        Time of the first dose.

    Attributes
    ----------
    doses : tuple of Dose
        In order of time; those of equal time as they were added up, but a dose with SS 1, which
        replaces the state, first.

    Raises
    ------
    ValueError
        If a value is out of range or two contradict each other. Adding raises it where two doses
        of one time both replace the state by a steady state.

    Notes
    -----
    As ``ev`` of mrgsolve, ``et`` of rxode2 and ``DosageRegimen`` of Pumas. Whether an observation
    at the time of a dose sees the state before or after it is said where a regimen meets its
    observations: `Study.from_regimen`, `Study.with_regimen`.
    """

    doses: tuple[Dose, ...]

    def __init__(
        self,
        dose: float,
        compartment: str | int = "",
        *,
        rate: float | Literal["modelled"] = 0.0,
        duration: float | Literal["modelled"] | None = None,
        every: float | None = None,
        additional: int = 0,
        times: Sequence[float] | NDArray[Any] | None = None,
        loading: float | None = None,
        steady_state: SteadyState = False,
        start: float = 0.0,
    ) -> None:
        if not isinstance(steady_state, (bool, str)) or steady_state not in _CODES:
            raise ValueError(
                f"steady_state= wants True, False or 'added', and is {steady_state!r}."
            )
        code = _CODES[steady_state]
        _check_number(dose, "dose", positive=False)
        constant = bool(code) and dose == 0
        if constant:
            _check_constant(rate, duration, every, additional, times)
        else:
            cure = "; a constant infusion at steady state has 0, rate= and steady_state=True"
            _check_number(dose, "dose", positive=True, cure=cure if dose == 0 else "")
        when = _when(start, every, additional, times, at_steady_state=bool(code) and not constant)
        amounts = [float(dose)] * len(when)
        if loading is not None:
            _check_number(loading, "loading", positive=True)
            if code or len(when) < 2:
                found = "starts at steady state" if code else "has a single dose"
                raise ValueError(
                    "loading= is the first of several doses that start from scratch, and this "
                    f"regimen {found}. Give the loading dose a Regimen of its own and add the two."
                )
            amounts[0] = float(loading)
        interval = float(every) if code and every is not None else 0.0
        doses = [
            Dose(
                time=time,
                amount=amount,
                compartment=_compartment(compartment),
                rate=_rate(amount, rate, duration),
                steady_state=code if k == 0 else 0,
                interval=interval if k == 0 else 0.0,
            )
            for k, (time, amount) in enumerate(zip(when, amounts, strict=True))
        ]
        object.__setattr__(self, "doses", tuple(doses))

    def __add__(self, other: Regimen) -> Regimen:
        if not isinstance(other, Regimen):
            return NotImplemented
        together = sorted(
            (*self.doses, *other.doses), key=lambda dose: (dose.time, dose.steady_state != 1)
        )
        for first, second in itertools.pairwise(together):
            if first.time == second.time and first.steady_state == second.steady_state == 1:
                raise ValueError(
                    f"Two regimens replace the state by their steady state at time {first.time:g}: "
                    "the second would undo the first. Give one of them steady_state='added'."
                )
        result = object.__new__(Regimen)
        object.__setattr__(result, "doses", tuple(together))
        return result

    def __radd__(self, other: object) -> Regimen:
        # sum() begins with 0.
        return self if other == 0 else NotImplemented

    def __len__(self) -> int:
        return len(self.doses)

    def __repr__(self) -> str:
        return f"Regimen of {len(self)} dose{'s' * (len(self) != 1)}\n" + "\n".join(
            f"  {_told(run)}" for run in _runs(self.doses)
        )


def _check_number(value: Any, name: str, *, positive: bool, cure: str = "") -> None:
    number = isinstance(value, (int, float, np.integer, np.floating)) and value is not True
    if not number or not math.isfinite(value) or (positive and value <= 0):
        wanted = "a positive, finite number" if positive else "a finite number"
        raise ValueError(f"{name}= wants {wanted}, and is {value!r}{cure}.")


def _check_constant(rate: Any, duration: Any, every: Any, additional: int, times: Any) -> None:
    if rate == "modelled" or not rate or duration is not None:
        raise ValueError(
            "A dose of 0 at steady state is a constant infusion, and wants its rate= as a positive "
            f"number; found rate={rate!r} and duration={duration!r}."
        )
    if every is not None or additional or times is not None:
        raise ValueError(
            "A constant infusion at steady state (dose 0, rate given) stops at start=; it has "
            "neither every=, additional= nor times=."
        )


def _when(
    start: float, every: Any, additional: int, times: Any, *, at_steady_state: bool
) -> list[float]:
    if times is not None:
        if every is not None or additional or start or at_steady_state:
            raise ValueError(
                "times= says when each dose is given, and goes with none of start=, every=, "
                "additional= and steady_state=. Add two regimens to have both."
            )
        when = np.asarray(times, dtype=np.float64)
        if when.ndim != 1 or not len(when) or not np.all(np.isfinite(when)):
            raise ValueError(f"times= wants a sequence of finite numbers, and is {times!r}.")
        return [float(time) for time in np.sort(when)]
    _check_number(start, "start", positive=False)
    whole = isinstance(additional, (int, np.integer)) and not isinstance(additional, bool)
    if not whole or not 0 <= additional <= MOST_DOSES:
        raise ValueError(
            f"additional= wants a whole number from 0 to {MOST_DOSES}, the number of doses after "
            f"the first one, and is {additional!r}."
        )
    if every is not None:
        _check_number(every, "every", positive=True)
    if every is None and (additional or at_steady_state):
        given = f"additional={additional}" if additional else "steady_state="
        raise ValueError(f"{given} wants every=, the time from one dose to the next.")
    if every is not None and not additional and not at_steady_state:
        raise ValueError(
            f"every={every!r} says how far apart doses are, and there is one dose. Give additional=,"
            " the number of doses after the first one, or steady_state=True."
        )
    # Counted from the first dose: adding the interval again and again adds its rounding too.
    return [float(start + k * every) if k else float(start) for k in range(additional + 1)]


def _compartment(given: str | int) -> str:
    if isinstance(given, (int, np.integer)) and not isinstance(given, bool) and given > 0:
        return str(int(given))
    if isinstance(given, str) and (
        not given or given.isidentifier() or (given.isdecimal() and int(given) > 0)
    ):
        return given
    raise ValueError(
        "compartment= wants the name of a state (letters, digits and _), its number counted from 1, "
        f"or '' for the first one, and is {given!r}."
    )


def _rate(amount: float, rate: Any, duration: Any) -> float:
    if duration is not None and (rate == "modelled" or rate != 0):
        raise ValueError(
            f"rate={rate!r} and duration={duration!r}: an infusion has its rate or its duration "
            "given, not both."
        )
    if rate == "modelled":
        return -1.0
    if duration == "modelled":
        return -2.0
    if duration is not None:
        _check_number(duration, "duration", positive=True)
        return float(amount / duration)
    if isinstance(rate, str) or rate != 0:
        _check_number(rate, "rate", positive=True)
    return float(rate)


def _runs(doses: Sequence[Dose]) -> list[list[Dose]]:
    """Doses alike and evenly spaced, gathered, in order of their first time."""
    runs: list[list[Dose]] = []
    for dose in doses:
        for run in runs:
            alike = [(d.amount, d.compartment, d.rate) for d in (run[-1], dose)]
            gap = dose.time - run[-1].time
            even = len(run) == 1 or math.isclose(gap, run[1].time - run[0].time, rel_tol=1e-9)
            # The interval of a steady state goes on.
            steady = run[0].steady_state != 0 and len(run) == 1
            even &= not steady or math.isclose(gap, run[0].interval, rel_tol=1e-9)
            if alike[0] == alike[1] and even and gap > 0 and dose.steady_state == 0:
                run.append(dose)
                break
        else:
            runs.append([dose])
    return runs


def _told(run: Sequence[Dose]) -> str:
    first, last = run[0], run[-1]
    text = f"{first.amount:g} at {first.time:g}"
    if first.amount == 0:
        text = f"constant infusion until {first.time:g}"
    elif len(run) > 1:
        gap = run[1].time - first.time
        text = f"{len(run)} x {first.amount:g} every {gap:g} from {first.time:g} to {last.time:g}"
    if first.compartment:
        text += f", into {first.compartment}"
    if first.rate == -1:
        text += ", at a modelled rate"
    elif first.rate == -2:
        text += ", over a modelled duration"
    elif first.rate:
        text += f", at rate {first.rate:g}"
        text += f" (for {first.amount / first.rate:g})" if first.amount else ""
    added = ", added to the state" if first.steady_state == 2 else ""
    if first.steady_state and first.amount:
        text += f", at the steady state of one every {first.interval:g}{added}"
    elif first.steady_state:
        text += f", at steady state{added}"
    return text
