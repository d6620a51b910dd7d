"""A candidate for what a network stands for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.discovery.forms import Form
from bnode_nlme.discovery.paired_difference import PairedDifference, Standing
from bnode_nlme.inference.fit_result import Fit

Kind = Literal["form", "sparse", "symbolic", "network", "without"]

_ROUGH_R_HAT, _ROUGH_ESS = 1.05, 100.0
"""Less agreement than this leaves the ends of a 90 % interval uncertain by a fifth of a standard
deviation, and more."""


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


@dataclass(frozen=True, eq=False, repr=False)
class Candidate:
    """A form in the place of the network; or the network itself, or nothing. `print` is one line.

    Attributes
    ----------
    name
        As the field calls it; ``"network"`` and ``"without the term"``.
    kind : {"form", "sparse", "symbolic", "network", "without"}
    form : Form or None
        ``form.expression`` is a sympy expression.
    constants : mapping of str to Constant
        Of the refit where there is one, else of the fits to the function's draws.
    explained
        Share of the function's draws that the form explains: fitted to a draw, it stays within
        half the width of the 90 % band of that draw. 1 for a form that can be what any draw is.
    misfit
        Distance from the function's median, in its posterior standard deviations.
    complexity
        Constants and operations; of the network, its weights.
    fit : Fit or None
        Of the whole model with the form in the network's place.
    left_out : xarray.Dataset or None
        Over ``subject``, random effects integrated out: ``elpd``, ``pareto_k``, ``refitted``,
        ``doubtful``; and ``approximate``: whether draws are of an approximation.
    against_network, against_best : PairedDifference or None
        ELPD minus the network's and minus the best candidate's, paired by subject.
    refuted
        Whether the best candidate is better by the rule of `paired_difference`, whatever the
        numbers of doubtful subjects may be: see `bnode_nlme.discovery.ranking.ranked`.
    hangs_on_doubtful
        Whether it is better by those numbers alone: not refuted, and not kept.
    standing : {"better", "worse", "equivalent", "undecided"}
        To the network, where the draws of both are settled; else "undecided".
    weight
        Stacking weight, of candidates whose draws are settled.
    dropped : tuple of str
        Parameters and covariates that only the network's arguments used, and the model with the
        candidate does not have.
    r_hat, ess
        How far the chains of `fit` agree: the largest R-hat and the smallest bulk effective sample
        size, of the population parameters and the log-posterior; of the network, of the function
        where data lie. NaN of one chain or an approximation.
    unsettled
        Why the draws of `fit` are not to be relied upon, in words; empty where they are. Such a
        candidate is shown with its numbers, and neither refuted nor called as good as another.
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
    left_out: xr.Dataset | None = None
    against_network: PairedDifference | None = None
    against_best: PairedDifference | None = None
    refuted: bool = False
    hangs_on_doubtful: bool = False
    standing: Standing = "undecided"
    weight: float = np.nan
    dropped: tuple[str, ...] = ()
    r_hat: float = np.nan
    ess: float = np.nan
    unsettled: str = ""
    note: str = ""

    @property
    def is_compared(self) -> bool:
        """Whether every left-out subject has a finite log predictive density."""
        return self.left_out is not None and bool(np.isfinite(self.left_out["elpd"]).all())

    @property
    def is_judged(self) -> bool:
        """Whether something may be claimed of it: it is compared, and its draws are settled."""
        return self.is_compared and not self.unsettled

    @property
    def is_kept(self) -> bool:
        """Whether it is judged, and nothing speaks against it."""
        return self.is_judged and not self.refuted and not self.hangs_on_doubtful

    @property
    def elpd(self) -> float:
        """Sum over the left-out subjects; NaN where there is none."""
        return np.nan if self.left_out is None else float(self.left_out["elpd"].sum(skipna=False))

    @property
    def difference(self) -> float:
        """Of the ELPD, from the network's; NaN where it was not compared."""
        return np.nan if self.against_network is None else self.against_network.difference

    @property
    def difference_se(self) -> float:
        """Standard error of `difference`."""
        return np.nan if self.against_network is None else self.against_network.standard_error

    @property
    def behind(self) -> float:
        """Of the ELPD, from the best candidate's; NaN where it was not compared."""
        return np.nan if self.against_best is None else self.against_best.difference

    @property
    def behind_se(self) -> float:
        """Standard error of `behind`."""
        return np.nan if self.against_best is None else self.against_best.standard_error

    @property
    def doubtful(self) -> int:
        """Subjects whose Pareto k is too large for the estimate to be trusted."""
        return 0 if self.left_out is None else int(self.left_out["doubtful"].sum())

    @property
    def is_approximate(self) -> bool:
        """Whether the draws are of an approximation to the posterior."""
        return self.left_out is not None and bool(self.left_out["approximate"])

    @property
    def is_rough(self) -> bool:
        """Whether chains agree less than one would like of intervals: R-hat, effective draws."""
        return self.r_hat > _ROUGH_R_HAT or self.ess < _ROUGH_ESS

    @property
    def size(self) -> int:
        """Number of constants, as of `Form.size`; of the network, of weights."""
        if self.kind == "network":
            return self.complexity
        return len(self.constants) if self.form is None else self.form.size

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

    @property
    def mark(self) -> str:
        """What speaks against it, in a few words."""
        if self.refuted:
            return "refuted"
        if self.hangs_on_doubtful:
            return "refuted only with doubtful subjects"
        return self.unsettled or self.note

    def __repr__(self) -> str:
        apart = (
            ""
            if np.isnan(self.difference)
            else f"; ELPD {self.difference:+.1f} ± {self.difference_se:.1f} from the network's"
        )
        return f"Candidate: {self.text()}{apart}" + (f"; {self.mark}" if self.mark else "")
