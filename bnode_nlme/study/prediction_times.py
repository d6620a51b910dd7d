"""The same subjects and doses, seen at times of one's own choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from bnode_nlme.study.inserting import insert, prediction_points

if TYPE_CHECKING:
    from bnode_nlme.study.study import Study


def study_at_times(study: Study, times: ArrayLike) -> Study:
    """Replace all observations by prediction points; see `Study.at_times`."""
    points = np.sort(np.asarray(times, dtype=np.float64).ravel())
    if not points.size or not np.all(np.isfinite(points)):
        raise ValueError(f"times= wants finite numbers, at least one; found {times!r}.")
    present = np.unique(study.records.subject)
    new = prediction_points(
        np.repeat(present, len(points)),
        np.tile(points, len(present)),
        np.full(len(present) * len(points), ""),
    )
    return insert(study, new, dropped=np.isin(study.records.evid, (0, 2)), above=False)
