"""Limits of quantification of drawn measurements."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from bnode_nlme.nlme.nlme import NLME

Limits = float | Mapping[str, float] | None


def limit_of(limits: Limits, output: str, nlme: NLME) -> float | None:
    """The limit of one output.

    Raises
    ------
    ValueError
        When a mapping names what is no measured output.
    """
    if not isinstance(limits, Mapping):
        return limits
    unknown = [name for name in limits if name not in nlme.outputs]
    if unknown:
        raise ValueError(
            f"Limits of quantification name {', '.join(map(repr, unknown))}; the measured outputs "
            f"are {', '.join(map(repr, nlme.outputs))}."
        )
    return limits.get(output)


def quantified(
    predicted: xr.Dataset, output: str, lloq: float | None, uloq: float | None
) -> xr.Dataset:
    """Report drawn measurements as an assay would: what it cannot quantify is the limit."""
    if lloq is None and uloq is None:
        return predicted
    measured = predicted[f"{output}_measured"]
    below = measured < (-float("inf") if lloq is None else lloq)
    above = measured > (float("inf") if uloq is None else uloq)
    reported = measured.where(~below, lloq).where(~above, uloq)
    return predicted.assign(
        {
            f"{output}_measured": reported,
            f"{output}_censoring": below.astype("int64") - above.astype("int64"),
        }
    )
