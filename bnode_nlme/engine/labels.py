"""Labels of a table, resolved against a system: compartments to states, DVID to outputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.dynamics.system import System
from bnode_nlme.study.errors import Problem, TableError
from bnode_nlme.study.study import Study


def _position(label: str, names: Sequence[str]) -> int | None:
    """Position of a label among names: by name, or by number counted from 1."""
    if label in names:
        return list(names).index(label)
    if label.isdecimal() and 1 <= int(label) <= len(names):
        return int(label) - 1
    return None


def _counted(names: Sequence[str]) -> str:
    return ", ".join(f"{number} {name!r}" for number, name in enumerate(names, start=1))


def resolve_compartments(system: System, study: Study) -> NDArray[np.int64]:
    """State that each dose goes to, by its position; -1 on records that are no dose.

    Raises
    ------
    TableError
        Listing every dose whose CMT is no state of the system.
    """
    records = study.records
    positions = np.full(len(records), -1, dtype=np.int64)
    problems = []
    for record in np.flatnonzero(np.isin(records.evid, (1, 4))):
        label = str(records.compartment[record])
        position = _position(label, system.states) if label else 0
        if position is None:
            problems.append(
                Problem(
                    subject=study.subjects[records.subject[record]].item(),
                    row=int(records.row[record]),
                    column="CMT",
                    found=repr(label),
                    wanted=f"a state of the system: {_counted(system.states)}",
                    cure="Name the state, or count the system's states from 1.",
                )
            )
        else:
            positions[record] = position
    if problems:
        raise TableError(problems, source=study.name, joining=True)
    return positions


def resolve_outputs(system: System, study: Study) -> NDArray[np.int64]:
    """Output that each observation row measures, by its position; -1 where nothing is measured.

    Returns
    -------
    ndarray (rows,), int64
        Over ``study.observations``; rows without a value (EVID 2, MDV 1) are -1.

    Raises
    ------
    TableError
        Listing every measured row whose DVID is no output of the system, or that has none
        although the system has several outputs or CMT tells that several things were measured.
    """
    records = study.records
    names = system.output_names
    positions = np.full(len(study.observations), -1, dtype=np.int64)
    problems = []
    for row, record in enumerate(study.observations):
        if np.isnan(records.value[record]):
            continue
        label = str(records.output[record])
        position = _position(label, names) if label else (0 if len(names) == 1 else None)
        if position is None:
            problems.append(
                Problem(
                    subject=study.subjects[records.subject[record]].item(),
                    row=int(records.row[record]),
                    column="DVID",
                    found=repr(label) if label else "nothing",
                    wanted=f"an output of the system: {_counted(names)}",
                    cure=(
                        "Name the output or count from 1; leave rows of other measurements out "
                        "with study.select(outputs=[...])."
                    ),
                )
            )
        else:
            positions[row] = position
    problems += _of_several_compartments(system, study)
    if problems:
        raise TableError(problems, source=study.name, joining=True)
    return positions


def _of_several_compartments(system: System, study: Study) -> list[Problem]:
    """Measured rows that would all be the one output, although CMT tells them apart.

    Many NONMEM tables have no DVID and let CMT say what was measured, such as 2 for a concentration
    and 3 for an effect.
    """
    if len(system.output_names) > 1:
        return []  # a DVID is wanted of every row already
    records = study.records
    measured = study.observations[~np.isnan(records.value[study.observations])]
    unlabelled = measured[records.output[measured] == ""]
    compartments = _compartments_of(system, records.compartment[unlabelled])
    explained = _compartments_of(system, records.compartment[np.setdiff1d(measured, unlabelled)])
    if len(compartments) < 2 and (compartments <= explained or not explained):
        return []
    return [
        Problem(
            subject=study.subjects[records.subject[record]].item(),
            row=int(records.row[record]),
            column="CMT",
            found=repr(label) if (label := str(records.compartment[record])) else "nothing",
            wanted=f"a DVID, or one CMT: {system.output_names[0]!r} is the system's only output",
            cure=(
                "The measured rows differ in CMT, so they may be different measurements. Add a "
                "column DVID that names what each row measures, then leave the rows of other "
                "measurements out with study.select(outputs=[...])."
            ),
        )
        for record in unlabelled
    ]


def _compartments_of(system: System, labels: NDArray[np.str_]) -> set[int | str]:
    """Distinct compartments that are not blank; a name and a number of one state are the same."""
    found: set[int | str] = set()
    for label in np.unique(labels).tolist():
        position = _position(label, system.states)
        if label:
            found.add(label if position is None else position)
    return found
