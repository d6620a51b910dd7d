"""Warfarin: concentrations and prothrombin complex activity."""

from __future__ import annotations

from bnode_nlme.datasets.packaged import packaged
from bnode_nlme.study.study import Study


def warfarin_pkpd() -> Study:
    """Load warfarin concentrations and prothrombin complex activity after one oral dose.

    32 subjects (27 men), 32 doses, 251 observations of the output ``"cp"`` in mg/L and 232 of
    ``"pca"`` in % of normal. TIME in h; AMT in mg (60 to 153 mg, about 1.5 mg/kg), into CMT 1;
    observations of cp have CMT 2, of pca CMT 3. Covariates WT in kg, AGE in years, SEX 1 for men
    and 0 for women. Four values of cp are 0 (early samples); the source gives no limit of
    quantification. Several rows of cp and pca share a time.

    Returns
    -------
    Study
        Named ``"warfarin_pkpd"``.

    Notes
    -----
    Source: nlmixr2data 2.0.9, ``warfarin``; see SOURCES.md beside the file for licences. With
    nlmixr2 (FOCEI, proportional error) the concentrations alone give KA 0.6483/h, CL 0.1356 L/h,
    V 8.168 L.

    References
    ----------
    O'Reilly, Aggeler, Leong, J Clin Invest 1963;42:1542. O'Reilly, Aggeler,
    Circulation 1968;38:169, doi:10.1161/01.CIR.38.1.169.
    """
    return packaged("warfarin_pkpd", ["WT", "AGE", "SEX"])
