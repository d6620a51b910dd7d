"""Warfarin: the concentrations alone."""

from __future__ import annotations

from dataclasses import replace

from bnode_nlme.datasets.warfarin_pkpd import warfarin_pkpd
from bnode_nlme.study.study import Study


def warfarin_pk() -> Study:
    """Load warfarin concentrations after one oral dose.

    The table of `warfarin_pkpd` without its output ``pca``: 32 subjects, 32 doses, 251 observations
    of ``cp`` in mg/L, four of which are 0. TIME in h; AMT in mg, into CMT 1; covariates WT in kg,
    AGE in years, SEX (1 male).

    Returns
    -------
    Study
        Named ``"warfarin_pk"``; row numbers are those of the whole table.

    Notes
    -----
    Source: nlmixr2data 2.0.9, ``warfarin``; see SOURCES.md beside the file for licences. nlmixr2
    (FOCEI, one compartment, first-order absorption, proportional error): KA 0.6483/h, CL 0.1356
    L/h, V 8.168 L; variances 0.4345, 0.0727, 0.0383; residual variance 0.0505; objective 474.61.

    References
    ----------
    O'Reilly, Aggeler, Leong, J Clin Invest 1963;42:1542. O'Reilly, Aggeler,
    Circulation 1968;38:169, doi:10.1161/01.CIR.38.1.169.
    """
    return replace(warfarin_pkpd().select(outputs=["cp"]), name="warfarin_pk")
