"""Column names that look like one of NONMEM's without being it."""

from __future__ import annotations

import re
from typing import Final

# Names that other programs and careful spreadsheets use for the same thing.
SYNONYMS: Final[dict[str, frozenset[str]]] = {
    "ID": frozenset({"SUBJECT", "SUBJ", "SUBJID", "USUBJID", "PATIENT", "PID", "SID"}),
    "TIME": frozenset({"T", "HOUR", "HOURS", "TAFD"}),
    "EVID": frozenset({"EVENT", "EVT", "EVENTID"}),
    "AMT": frozenset({"AMNT", "AMOUNT", "DOSE", "DOSEAMT"}),
    "RATE": frozenset({"DUR", "DURATION", "TINF", "INFRATE", "INFUSION"}),
    "ADDL": frozenset({"ADDITIONAL"}),
    "II": frozenset({"TAU", "INTERVAL", "DOSEINTERVAL"}),
    "SS": frozenset({"STEADY", "STEADYSTATE"}),
    "CMT": frozenset({"COMPARTMENT", "COMP", "CMPT", "CPT", "ADM"}),
    "DV": frozenset({"CONC", "CONCENTRATION", "Y", "OBS"}),
    "DVID": frozenset({"YTYPE", "DVTYPE"}),
    "MDV": frozenset({"MISSING", "MISSINGDV"}),
    "CENS": frozenset({"CENSOR", "CENSORED", "CENSORING", "BLQ", "BLOQ", "BQL"}),
    "OCC": frozenset({"OCCASION"}),
}


def looks_like(heading: str, name: str) -> bool:
    """Whether a heading is probably meant to be the column `name`, of another spelling.

    True where the heading or its first word is the name or a synonym, or where one letter of the
    name was swapped with its neighbour, added, or (in names of four letters and more) left out. One
    letter in place of another does not count: AST is not AMT, and RACE is not RATE.
    """
    words = [word for word in re.split(r"[^A-Z0-9]+", heading.upper()) if word]
    if not words:
        return False
    meant = {name.upper()} | SYNONYMS.get(name, frozenset())
    whole = "".join(words)
    if whole in SYNONYMS and whole != name:
        return False  # DV_ID is meant to be DVID, not DV
    if whole in meant or words[0] in meant:
        return True
    return any(_one_slip(word, name) for word in {whole, words[0]})


def _one_slip(word: str, name: str) -> bool:
    if len(name) < 3 or word[0] != name[0]:
        return False
    if len(word) == len(name) + 1:
        return any(word[:k] + word[k + 1 :] == name for k in range(len(word)))
    if len(word) == len(name) - 1:
        return len(name) >= 4 and any(name[:k] + name[k + 1 :] == word for k in range(len(name)))
    swapped = {name[:k] + name[k + 1] + name[k] + name[k + 2 :] for k in range(len(name) - 1)}
    return len(word) == len(name) and word in swapped
