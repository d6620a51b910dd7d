"""How the random effects are integrated out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["focei", "laplace"]


@dataclass(frozen=True)
class LaplaceSettings:
    """How the random effects are integrated out, and what is maximised.

    Attributes
    ----------
    form : {"focei", "laplace"}, optional
        The curvature at each subject's mode: the expected one (Fisher information; NONMEM's FOCE
        with interaction), for normal residual errors; or the observed one (NONMEM's LAPLACE), for
        any. By default the former where it can be had.
    priors : bool
        Whether the priors of the population parameters count. Without, what is maximised is the
        approximate likelihood, as NONMEM and nlmixr2 do.
    max_iterations : int
        Of L-BFGS over the population parameters.
    tolerance : float
        For the largest component of the gradient of the objective on the unconstrained scale; what
        ``converged`` is judged by.
    """

    form: Form | None = None
    priors: bool = True
    max_iterations: int = 200
    tolerance: float = 1e-2

    def __post_init__(self) -> None:
        if self.form not in (None, "focei", "laplace"):
            raise ValueError(f"laplace: form= wants 'focei' or 'laplace'; found {self.form!r}.")
        if self.max_iterations < 0 or self.tolerance <= 0.0:
            raise ValueError("laplace: max_iterations= wants 0 or more, tolerance= more than 0.")
