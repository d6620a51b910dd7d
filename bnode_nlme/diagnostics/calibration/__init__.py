"""Simulation-based calibration: whether posteriors are what they claim to be, on simulated data."""

from bnode_nlme.diagnostics.calibration.sbc import sbc as sbc
from bnode_nlme.diagnostics.calibration.sbc_result import SBCResult as SBCResult
