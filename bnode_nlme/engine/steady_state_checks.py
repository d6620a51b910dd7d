"""What compiled code looks at before it works on steady states."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import compiled

Array = NDArray[Any]


@compiled
def check_doses(
    template: Array,
    parameters: Array,
    targets: Array,
    times: Array,
    amounts: Array,
    durations: Array,
    intervals: Array,
    lags: Array,
    rates: Array,
) -> None:
    """Refuse arrays of doses that do not fit each other, or the model.

    Parameters, weights and covariates are looked at by the solves.
    """
    count = parameters.shape[0]
    if targets.shape[0] != count:
        raise ValueError("Steady states want one target for each row of parameters.")
    for values in (times, amounts, durations, intervals, lags, rates):
        if values.shape[0] != count:
            raise ValueError("The arrays of steady states want one length.")
    for target in targets:
        if target < 0 or target >= template[at.N_STATES]:
            raise ValueError("A target of a steady state is no state.")


@compiled
def is_valid_dose(
    time: float, amount: float, duration: float, interval: float, lag: float, rate: float
) -> bool:
    """Whether a dose can be laid out: every number finite, no length of time negative."""
    total = time + amount + duration + interval + lag + rate
    return total - total == 0.0 and min(duration, interval, lag) >= 0.0
