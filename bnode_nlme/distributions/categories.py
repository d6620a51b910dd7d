"""Outcomes in categories: yes or no, and ordered scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, override

import numpy as np
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.distributions.error_model import ResidualErrorModel
from bnode_nlme.distributions.family import ALWAYS, Family

SCALES = ("probability", "logit")


@dataclass(frozen=True)
class BernoulliFamily(Family):
    """See `Bernoulli`."""

    logit: bool
    name = "BernoulliNeuralODE"
    core_ndims = ()

    @override
    def valid(self, *parameters: Any) -> tuple[Any, str]:
        return ALWAYS, ""

    @override
    def possible(self, prediction: Any) -> Any:
        if self.logit:
            return ALWAYS
        return pt.and_(prediction >= 0.0, prediction <= 1.0)

    @override
    def stand_in(self, value: Any) -> Any:
        return pt.full_like(value, 0.5, dtype="float64")

    @override
    def draws(
        self, rng: Any, size: Any, prediction: Any, *parameters: Any
    ) -> tuple[Any, TensorVariable]:
        probability = pt.sigmoid(prediction) if self.logit else prediction
        next_rng, u = pt.random.uniform(0.0, 1.0, size=size, rng=rng, return_next_rng=True)
        return next_rng, (u < probability).astype("float64")

    @override
    def log_density(self, value: Any, prediction: Any, *parameters: Any) -> Any:
        yes, no = pt.eq(value, 1.0), pt.eq(value, 0.0)
        if self.logit:
            density = -pt.softplus(pt.switch(yes, -prediction, prediction))
        else:
            probability = pt.switch(yes, prediction, 1.0 - prediction)
            density = pt.log(pt.switch(probability > 0.0, probability, 1.0))
            density = pt.switch(probability > 0.0, density, -np.inf)
        return pt.switch(pt.or_(yes, no), density, -np.inf)


@dataclass(frozen=True)
class OrdinalFamily(Family):
    """See `Ordinal`."""

    first: int
    name = "OrdinalNeuralODE"
    core_ndims = (1,)

    @override
    def valid(self, *parameters: Any) -> tuple[Any, str]:
        (cutpoints,) = parameters
        increasing = pt.all(cutpoints[..., 1:] > cutpoints[..., :-1], axis=-1)
        return increasing, "cutpoints increasing"

    @override
    def possible(self, prediction: Any) -> Any:
        return ALWAYS

    @override
    def stand_in(self, value: Any) -> Any:
        return pt.zeros_like(value)

    @override
    def draws(
        self, rng: Any, size: Any, prediction: Any, *parameters: Any
    ) -> tuple[Any, TensorVariable]:
        (cutpoints,) = parameters
        next_rng, u = pt.random.uniform(0.0, 1.0, size=size, rng=rng, return_next_rng=True)
        at_least = pt.sigmoid(prediction[..., None] - cutpoints)
        above = (u[..., None] < at_least).sum(axis=-1)
        return next_rng, above.astype("float64") + self.first

    @override
    def log_density(self, value: Any, prediction: Any, *parameters: Any) -> Any:
        (cutpoints,) = parameters
        count = cutpoints.shape[-1]
        category = value - self.first
        known = pt.and_(
            pt.and_(category >= 0.0, category <= count), pt.eq(category, pt.floor(category))
        )
        index = pt.switch(known, category, 0.0)[..., None]
        # P(Y = k) = P(Y >= k) - P(Y >= k + 1), each end of which may be certain.
        distance = prediction[..., None] - cutpoints
        places = pt.arange(count)
        lower = pt.where(pt.eq(places, index - 1.0), distance, 0.0).sum(axis=-1)
        upper = pt.where(pt.eq(places, index), distance, 0.0).sum(axis=-1)
        lowest, highest = pt.eq(index[..., 0], 0.0), pt.eq(index[..., 0], count)
        end = pt.switch(lowest, -pt.softplus(upper), -pt.softplus(-lower))
        # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)), which loses nothing.
        inner = pt.invert(pt.or_(lowest, highest))
        gap = pt.switch(inner, upper - lower, -1.0)
        between = -pt.softplus(-lower) - pt.softplus(upper) + pt.log1mexp(gap)
        return pt.switch(known, pt.switch(inner, between, end), -np.inf)


@dataclass(frozen=True, eq=False)
class Bernoulli(ResidualErrorModel):
    """Yes or no, coded 1 and 0.

    Parameters
    ----------
    scale : {"probability", "logit"}
        What the output is: the probability of 1 (where it lies outside 0 to 1 the log-probability
        is -inf), or its logit.

    Raises
    ------
    ValueError
        When `scale` is neither.
    """

    scale: Literal["probability", "logit"] = "probability"

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise ValueError(
                f"Bernoulli: scale= wants 'probability' or 'logit'; found {self.scale!r}."
            )

    @property
    @override
    def family(self) -> Family:
        return BernoulliFamily(logit=self.scale == "logit")

    @property
    @override
    def parameters(self) -> dict[str, Any]:
        return {}

    @override
    def impossible(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        return ~np.isin(values, (0.0, 1.0))

    @property
    @override
    def support(self) -> str:
        return "0 or 1"


@dataclass(frozen=True, eq=False)
class Ordinal(ResidualErrorModel):
    """Ordered categories by a cumulative logit: ``P(y >= first + k) = logistic(f - c[k-1])``.

    The proportional-odds model (McCullagh 1980, doi:10.1111/j.2517-6161.1980.tb01109.x).

    Parameters
    ----------
    cutpoints : array_like or TensorVariable (categories - 1,)
        Increasing; on the logit scale, like the output.
    categories
        Number of categories; needed only where `cutpoints` is left to `NLME`.
    first
        Code of the lowest category: 0 or 1 as a rule.

    Raises
    ------
    ValueError
        When there are not two categories or more, or the cutpoints are of another number.
    """

    cutpoints: Any = None
    categories: int | None = None
    first: int = 0

    def __post_init__(self) -> None:
        if self.categories is None and self.cutpoints is None:
            raise ValueError(
                "Ordinal wants cutpoints= or, where NLME is to give them priors, categories=, the "
                "number of categories; found neither."
            )
        if self.categories is not None and self.categories < 2:
            raise ValueError(f"Ordinal: categories= wants 2 or more; found {self.categories!r}.")
        found = self._number_of_cutpoints
        if None not in (found, self.categories) and found != (self.categories or 0) - 1:
            raise ValueError(
                f"Ordinal: {self.categories} categories have {(self.categories or 0) - 1} cutpoints "
                f"between them; found {found}."
            )

    @property
    def _number_of_cutpoints(self) -> int | None:
        if self.cutpoints is None:
            return None
        try:
            return pt.as_tensor_variable(self.cutpoints).type.shape[-1]
        except (TypeError, ValueError, NotImplementedError, IndexError):
            return None

    @property
    @override
    def family(self) -> Family:
        return OrdinalFamily(first=self.first)

    @property
    @override
    def parameters(self) -> dict[str, Any]:
        return {"cutpoints": self.cutpoints}

    @property
    def _highest(self) -> int | None:
        cutpoints = self._number_of_cutpoints if self.categories is None else self.categories - 1
        return None if cutpoints is None else self.first + cutpoints

    @override
    def impossible(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        highest = np.inf if self._highest is None else self._highest
        return (values < self.first) | (values > highest) | (values != np.floor(values))

    @property
    @override
    def support(self) -> str:
        highest = "..." if self._highest is None else str(self._highest)
        return f"a category: {self.first} to {highest}"
