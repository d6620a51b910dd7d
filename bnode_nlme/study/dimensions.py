"""Names of the dimensions, the same from the tables to the plots."""

from __future__ import annotations

from typing import Final

SUBJECT: Final = "subject"
OBSERVATION: Final = "observation"
DOSE: Final = "dose"
RESET: Final = "reset"
OCCASION: Final = "occasion"
RECORD: Final = "record"
