"""Any continuous distribution of PyMC as a prior."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, override

import pymc as pm
from pymc.distributions.continuous import PositiveContinuous, UnitContinuous
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.nlme.prior import Prior


@dataclass(frozen=True, init=False)
class PyMCPrior(Prior):
    """Any continuous distribution of PyMC as a prior: ``PyMCPrior("Gamma", alpha=2, beta=0.1)``.

    Parameters
    ----------
    distribution : str
        Its name in PyMC.
    **parameters
        Its parameters, numbers, as PyMC calls them.

    Raises
    ------
    ValueError
        When PyMC has no continuous distribution of that name.
    """

    distribution: str
    parameters: tuple[tuple[str, float], ...] = field(default=())

    def __init__(self, distribution: str, **parameters: float) -> None:
        kind = getattr(pm, distribution, None)
        if not (isinstance(kind, type) and issubclass(kind, pm.Continuous)):
            raise ValueError(
                "PyMCPrior wants the name of a continuous distribution of PyMC, such as 'Gamma'; "
                f"found {distribution!r}."
            )
        object.__setattr__(self, "distribution", distribution)
        object.__setattr__(self, "parameters", tuple(parameters.items()))

    @override
    def variable(self, name: str, *, dims: str | None = None) -> TensorVariable:
        return getattr(pm, self.distribution)(name, **dict(self.parameters), dims=dims)

    @property
    @override
    def support(self) -> tuple[float, float]:
        kind: Any = getattr(pm, self.distribution)
        if issubclass(kind, UnitContinuous):
            return 0.0, 1.0
        return (0.0 if issubclass(kind, PositiveContinuous) else -math.inf), math.inf

    @property
    @override
    def text(self) -> str:
        inner = ", ".join(f"{name}={value:g}" for name, value in self.parameters)
        return f"{self.distribution}({inner})"

    @property
    @override
    def latex(self) -> str:
        inner = r",\ ".join(rf"\mathrm{{{name}}}={value:g}" for name, value in self.parameters)
        return rf"\operatorname{{{self.distribution}}}({inner})"
