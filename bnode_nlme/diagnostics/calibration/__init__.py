"""Simulation-based calibration: are posteriors of simulated data what they claim to be?"""

from bnode_nlme.diagnostics.calibration.sbc import sbc as sbc
from bnode_nlme.diagnostics.calibration.sbc_result import SBCResult as SBCResult
