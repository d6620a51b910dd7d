"""A candidate for what a network stands for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.discovery.forms import Form
from bnode_nlme.inference.fit_result import Fit

Kind = Literal["form", "sparse", "network", "without"]


@dataclass(frozen=True, eq=False)
class Constant:
    """A constant of a form, with its uncertainty.

    Attributes
    ----------
    median, low, high
        And the ends of the 90 % interval.
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, draws: NDArray[np.float64]) -> Constant:
        """From draws."""
        low, median, high = np.quantile(draws, [0.05, 0.5, 0.95])
        return cls(float(median), float(low), float(high))

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.low:.3g} to {self.high:.3g})"


@dataclass(frozen=True, eq=False)
class Candidate:
    """A form in the place of the network; or the network itself, or nothing.

    Attributes
    ----------
    name
        As the field calls it; ``"network"`` and ``"without the term"``.
    kind : {"form", "sparse", "network", "without"}
    form : Form or None
        ``form.expression`` is a sympy expression.
    constants : mapping of str to Constant
        Of the refit where there is one, else of the fits to the function's draws.
    explained
        Share of the function's draws whose fitted form stays within its 90 % band.
    misfit
        Distance from the function's median, in its posterior standard deviations.
    complexity
        Constants and operations; of the network, its weights.
    fit : Fit or None
        Of the whole model with the form in the network's place.
    elpd : arviz.ELPDDataLOO or None
        By subject, random effects integrated out.
    difference, difference_se
        Of the ELPD, from the network's, paired by subject.
    behind, behind_se
        Of the ELPD, from the best candidate's.
    refuted
        Behind the best by more than 4 and by more than two standard errors.
    weight
        Stacking weight.
    doubtful
        Subjects whose Pareto k is too large for the estimate to be trusted.
    note
        Why there is no fit, or what was warned of.
    """

    name: str
    kind: Kind
    form: Form | None = None
    constants: dict[str, Constant] = field(default_factory=dict)
    explained: float = np.nan
    misfit: float = np.nan
    complexity: int = 0
    fit: Fit | None = None
    elpd: Any = None
    difference: float = np.nan
    difference_se: float = np.nan
    behind: float = np.nan
    behind_se: float = np.nan
    refuted: bool = False
    weight: float = np.nan
    doubtful: int = 0
    note: str = ""

    @property
    def size(self) -> int:
        """Number of constants; of the network, of weights."""
        return self.complexity if self.kind == "network" else len(self.constants)

    @property
    def expression(self) -> Any:
        """The sympy expression; None for the network, 0 without the term."""
        if self.form is not None:
            return self.form.expression
        return 0 if self.kind == "without" else None

    def text(self) -> str:
        """Name and constants in words: "Michaelis-Menten with Vmax 2.0 (1.8 to 2.2)"."""
        if not self.constants:
            return self.name
        return f"{self.name} with " + ", ".join(
            f"{name} {value}" for name, value in self.constants.items()
        )
