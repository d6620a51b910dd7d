"""How to solve: method, tolerances and limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.engine.threads import available_cores
from bnode_nlme.engine.units import CVODES_UNIT, LANES_UNIT

Method = Literal["auto", "tsit5", "bdf", "adams"]

METHODS: tuple[Method, ...] = ("auto", "tsit5", "bdf", "adams")


def _is_number(value: object, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, (bool, np.bool_))


@dataclass(frozen=True)
class SolverOptions:
    """Method, tolerances and limits of a solve.

    Parameters
    ----------
    method
        ``"tsit5"``: the explicit Runge-Kutta pair of Tsitouras (2011), eight subjects in lockstep,
        with the exact gradient of what it computes; for systems that are not stiff. ``"bdf"``:
        CVODES's backward differentiation formulas, order 1 to 5, for stiff systems and as the
        reference. ``"adams"``: its Adams-Moulton formulas, order 1 to 12. ``"auto"``: ``"tsit5"``,
        but subjects that turn out to be stiff, or fail, are handed over to ``"bdf"`` in that solve.
    rtol, atol
        Relative and absolute tolerance of the local error of every state; `atol` has the states'
        units.
    adjoint_rtol, adjoint_atol
        The same for the adjoint solve that gives the gradient. `adjoint_atol` has no units: it is
        relative to the subject's largest derivative of the likelihood by a state at an
        observation, and for the gradient to what a relative change of a state is worth. Default:
        `rtol`, and a hundredth of `adjoint_rtol`.
    max_steps
        Largest number of steps for one subject, forward and adjoint each.
    threads
        Most threads of one solve; by default as many as the process may use cores. Fewer work where
        others solve at the same time, as chains do.
    tape_megabytes
        What the forward solve may keep in memory for the gradient. Subjects for which there is no
        room are solved once more when their gradient is wanted.

    Raises
    ------
    ValueError
        When an option is out of range.
    """

    method: Method = "auto"
    rtol: float = 1e-6
    atol: float = 1e-8
    adjoint_rtol: float | None = None
    adjoint_atol: float | None = None
    max_steps: int = 10_000
    threads: int | None = None
    tape_megabytes: int = 1024

    def __post_init__(self) -> None:
        if not isinstance(self.method, str) or self.method not in METHODS:
            raise ValueError(
                f"method= wants one of {', '.join(map(repr, METHODS))}; found {self.method!r}."
            )
        for name in ("rtol", "atol", "adjoint_rtol", "adjoint_atol"):
            value = getattr(self, name)
            if value is None and name.startswith("adjoint"):
                continue
            if not _is_number(value, Real) or not (math.isfinite(value) and value > 0.0):
                raise ValueError(f"{name}= wants a positive number; found {value!r}.")
            object.__setattr__(self, name, float(value))
        if self.threads is not None and not (
            _is_number(self.threads, Integral) and self.threads > 0
        ):
            raise ValueError(
                f"threads= wants a positive integer, or None for all cores; found {self.threads!r}."
            )
        if not _is_number(self.tape_megabytes, Integral) or not 0 <= self.tape_megabytes < 2**40:
            raise ValueError(
                "tape_megabytes= wants an integer that is not negative; found "
                f"{self.tape_megabytes!r}."
            )
        if not _is_number(self.max_steps, Integral) or not 0 < self.max_steps < 2**62:
            raise ValueError(f"max_steps= wants a positive integer; found {self.max_steps!r}.")
        object.__setattr__(self, "max_steps", int(self.max_steps))

    @property
    def resolved_threads(self) -> int:
        """Most threads of one solve."""
        return available_cores() if self.threads is None else self.threads

    def methods_of(self, engines: NDArray[np.int64]) -> NDArray[np.str_]:
        """The method by which each subject was solved, from the engines that a solve reports."""
        cvodes = "adams" if self.method == "adams" else "bdf"
        names = {LANES_UNIT: "tsit5", CVODES_UNIT: cvodes}
        return np.array([names.get(int(engine), "") for engine in engines], dtype="<U5")

    @property
    def adjoint_tolerances(self) -> tuple[float, float]:
        """Relative and absolute tolerance of the adjoint solve."""
        relative = self.rtol if self.adjoint_rtol is None else self.adjoint_rtol
        absolute = 0.01 * relative if self.adjoint_atol is None else self.adjoint_atol
        return relative, absolute
