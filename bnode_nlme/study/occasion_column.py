"""OCC: which occasion of its subject each row belongs to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.cells import read_cell
from bnode_nlme.study.columns import Columns
from bnode_nlme.study.findings import Findings
from bnode_nlme.study.identity import as_integers, identity
from bnode_nlme.study.occasions import Occasions
from bnode_nlme.study.subjects import Grouping


def read_occasions(
    columns: Columns, grouping: Grouping, findings: Findings
) -> tuple[NDArray[np.int64], Occasions | None]:
    """Index into the occasions of each row, shape (R,), and the occasions.

    None where the table has no column OCC or a blank one; then the index is -1 throughout.
    """
    raw = columns.cells("OCC")
    none = np.full(len(raw), -1, dtype=np.int64)
    blank = np.array([read_cell(cell) is None for cell in raw], dtype=np.bool_)
    if blank.all():
        return none, None
    names = [identity(cell) for cell in raw]
    unknown = np.array([name is None for name in names], dtype=np.bool_)
    findings.add(
        blank,
        "OCC",
        "the row's occasion",
        "Every row belongs to an occasion, doses and other events too. Fill the blank cells in, or "
        "drop the column OCC to read the table without occasions.",
    )
    findings.add(unknown & ~blank, "OCC", "a finite number or printable text")

    place: dict[tuple[int, str], int] = {}
    pairs = list(zip(grouping.index.tolist(), names, strict=True))
    for subject, name in sorted(  # stable: by subject, then in the order of the table
        ((subject, name) for subject, name in pairs if name is not None), key=lambda pair: pair[0]
    ):
        place.setdefault((subject, name), len(place))
    index = [-1 if name is None else place[subject, name] for subject, name in pairs]
    labels = as_integers([name for _, name in place])
    occasions = Occasions(np.array([subject for subject, _ in place]), np.array(labels))
    return np.array(index, dtype=np.int64), occasions
