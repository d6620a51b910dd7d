"""How a covariate runs between the records that give it."""

from __future__ import annotations

from typing import Literal

Interpolation = Literal["locf", "nocb", "linear"]
