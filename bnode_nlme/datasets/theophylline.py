"""Theophylline: one oral dose, twelve subjects."""

from __future__ import annotations

from bnode_nlme.datasets.packaged import packaged
from bnode_nlme.study.study import Study


def theophylline() -> Study:
    """Load theophylline concentrations after one oral dose.

    12 subjects, 12 doses, 132 observations of one output (no DVID). TIME in h; AMT in mg (the
    source's mg/kg times the weight; nominally 320 mg), into CMT 1, the depot; DV in mg/L, with CMT
    2, the central compartment; covariate WT in kg. The dose stands above the observation at time 0.

    Returns
    -------
    Study
        Named ``"theophylline"``.

    Notes
    -----
    Source: R 4.2.2, ``datasets::Theoph``; see SOURCES.md beside the file for licences. With nlme,
    the classical one-compartment model in mg has lka 0.447, lcl 1.019, lv 3.449, variances 0.387,
    0.070, 0.018 and sigma 0.697.

    References
    ----------
    Upton, in Boeckmann, Sheiner, Beal, NONMEM Users Guide, Part V (1994). Davidian, Giltinan,
    Nonlinear Models for Repeated Measurement Data (1995), section 5.5. Pinheiro, Bates,
    Mixed-Effects Models in S and S-PLUS (2000), doi:10.1007/b98882.
    """
    return packaged("theophylline", ["WT"])
