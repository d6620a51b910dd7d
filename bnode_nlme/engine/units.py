"""The engines that solve a unit of a population."""

from __future__ import annotations

LANES_UNIT, CVODES_UNIT = 1, 2
"""Up to eight subjects in lanes, or one by CVODES."""
