"""The engines that solve a unit of a population."""

from __future__ import annotations

LANES_UNIT, CVODES_UNIT, FULL_LANES_UNIT = 1, 2, 3
"""Up to eight subjects in lanes, or one by CVODES; lanes of which the tape holds all stages."""

INTEGRATORS = 64
"""CVODES integrators of one kind, forward or adjoint, that a model keeps between calls."""
