"""Whether a target is in the unit that the model was declared with."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from bnode_nlme.discovery.dosing.target import Peak, Response, Target, TimeAbove, Trough
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.results.predicted import output_of


def warn_of_units(nlme: NLME, targets: Sequence[Target]) -> None:
    """Warn of targets whose unit differs from that of their output.

    Parameters
    ----------
    nlme
        Whose ``units`` are compared; an output without one says nothing.
    targets
        Areas and ratios are of other units than their output, and are not compared.

    Warns
    -----
    UserWarning
        Of each target in another unit, for nothing is converted.
    """
    for target in targets:
        of_output = isinstance(target, (Trough, Peak, TimeAbove)) or (
            isinstance(target, Response) and target.relative_to is None
        )
        output = (
            output_of(nlme, None, type(target).__name__) if target.output is None else target.output
        )
        declared = nlme.units.get(output, target.unit)
        if of_output and target.unit and target.unit != declared:
            warnings.warn(
                f"optimise_dose: the target '{target}' is in {target.unit}, and the declaration of "
                f"the fit has {output!r} in {declared}. Nothing is converted: give the target in "
                f"{declared}.",
                stacklevel=3,
            )
