"""Indomethacin: one intravenous bolus, six subjects."""

from __future__ import annotations

from bnode_nlme.datasets.packaged import packaged
from bnode_nlme.study.study import Study


def indomethacin() -> Study:
    """Load indomethacin concentrations after one intravenous bolus.

    6 subjects, 6 doses, 66 observations of one output (no DVID). TIME in h; AMT in mg, into CMT 1;
    DV in mg/L; no covariates.

    The source has no doses. AMT is 25 mg, as other users of these data take it; one description
    says 50 mg. Volumes and clearances are conditional on 25 mg.

    Returns
    -------
    Study
        Named ``"indomethacin"``.

    Notes
    -----
    Source: R 4.2.2, ``datasets::Indometh``; see SOURCES.md beside the file for licences. With nlme
    (diagonal), the biexponential model has A1 2.828, lrc1 0.774, A2 0.461, lrc2 -1.344 and sigma
    0.0815.

    References
    ----------
    Kwan, Breault, Umbenhauer, McMahon, Duggan, J Pharmacokinet Biopharm 1976;4:255.
    """
    return packaged("indomethacin")
