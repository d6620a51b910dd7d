"""Study: what was measured and given, frozen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from bnode_nlme.study.consistency import check_covariates, check_occasions, check_subject_index
from bnode_nlme.study.dataset import study_dataset
from bnode_nlme.study.dimensions import OBSERVATION, OCCASION, SUBJECT
from bnode_nlme.study.interpolation import Interpolation
from bnode_nlme.study.occasions import Occasions
from bnode_nlme.study.prediction_times import records_at_times
from bnode_nlme.study.read_only import read_only
from bnode_nlme.study.records import Records
from bnode_nlme.study.summary import study_summary


@dataclass(frozen=True, eq=False)
class Study:
    """Subjects, their records and their covariates; nothing in it can be changed.

    Usually made by `read_nonmem` or a loader of `bnode_nlme.datasets`.

    Attributes
    ----------
    name : str
        Stem of the file's name, or ``"table"``.
    subjects : ndarray, shape (S,)
        IDs in the order of the table: int64 when all are whole numbers, else text.
    records : Records
        The rows of the table, R of them.
    covariates : mapping of str to ndarray of float64, shape (S,)
        One value a subject: of a covariate that varies, the one at the subject's first record.
        Read-only.
    varying : mapping of str to ndarray of float64, shape (R,)
        Those covariates that vary within some subject: the value at every record, blank cells
        filled as `interpolation` says. Read-only.
    interpolation : {"locf", "nocb", "linear"}
        How a varying covariate runs between records: a record's value holds from it to the next
        one, holds from the record before it up to it, or moves in a straight line from record to
        record. A change of occasion acts at its record, or with nocb at the record before it.
    occasions : Occasions or None
        All pairs of subject and occasion, K of them; None where the table has no OCC.

    Raises
    ------
    ValueError
        If IDs repeat, records point outside `subjects` or `occasions`, a covariate has not one
        value a subject, or a varying one not one value a record.
    """

    name: str
    subjects: NDArray[Any]
    records: Records
    covariates: Mapping[str, NDArray[np.float64]]
    varying: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    interpolation: Interpolation = "locf"
    occasions: Occasions | None = None

    def __post_init__(self) -> None:
        ids = np.asarray(self.subjects)
        kind = np.int64 if np.issubdtype(ids.dtype, np.integer) else np.str_
        object.__setattr__(self, "subjects", read_only(ids, kind, "subjects"))
        for mapping in ("covariates", "varying"):
            frozen = {
                name: read_only(values, np.float64, f"covariate {name}")
                for name, values in getattr(self, mapping).items()
            }
            object.__setattr__(self, mapping, MappingProxyType(frozen))
        check_subject_index(self.records, self.subjects)
        check_covariates(
            self.records, len(self.subjects), self.covariates, self.varying, self.interpolation
        )
        check_occasions(self.records, len(self.subjects), self.occasions)

    def __reduce__(self) -> tuple[Any, ...]:
        return Study, (
            self.name,
            self.subjects,
            self.records,
            dict(self.covariates),
            dict(self.varying),
            self.interpolation,
            self.occasions,
        )

    @property
    def n_subjects(self) -> int:
        """Number of subjects, S."""
        return len(self.subjects)

    @property
    def observations(self) -> NDArray[np.int64]:
        """Indices into `records` of the rows at which a solution is reported, shape (O,).

        These are the rows with EVID 0 or 2, in the order of the table. Rows with EVID 2 and rows
        with MDV=1 have the value NaN: they are predicted and never enter a likelihood.
        """
        return self._where(0, 2)

    @property
    def doses(self) -> NDArray[np.int64]:
        """Indices into `records` of the rows with EVID 1 or 4, shape (D,)."""
        return self._where(1, 4)

    @property
    def n_observations(self) -> int:
        """Length of `observations`, O: measured values and prediction points together."""
        return len(self.observations)

    @property
    def n_doses(self) -> int:
        """Number of dose rows, D; the doses implied by ADDL are not counted."""
        return len(self.doses)

    @property
    def coords(self) -> dict[str, NDArray[Any]]:
        """Coordinates for ``pm.Model(coords=...)``.

        IDs on ``subject``, row numbers on ``observation``, and where the study has occasions
        ``"ID:label"`` on ``occasion``.
        """
        named = {SUBJECT: self.subjects, OBSERVATION: self.records.row[self.observations]}
        if self.occasions is not None:
            named[OCCASION] = self.occasions.names(self.subjects)
        return named

    def select(
        self,
        *,
        subjects: Sequence[int | str] | NDArray[Any] | None = None,
        outputs: Sequence[str | int] | NDArray[Any] | None = None,
    ) -> Study:
        """Take a part of the study.

        Parameters
        ----------
        subjects
            IDs to keep; the order of the table is kept. None keeps all.
        outputs
            DVIDs to keep: of the observations (EVID 0 and 2) only those of these outputs stay.
            Doses and resets stay, and so do subjects of whom no observation is left, so that the
            dimension of subjects is the same for each output. None keeps all.

        Returns
        -------
        Study
            Row numbers still count the rows of the source table.

        Raises
        ------
        ValueError
            If an ID or output is not in the study (the message lists the valid ones), or
            `subjects` is empty.
        TypeError
            If one name is given where a sequence is wanted.
        """
        part = self
        if outputs is not None:
            shown = np.zeros(len(self.records), dtype=np.bool_)
            shown[self.observations] = True
            valid = list(dict.fromkeys(self.records.output[self.observations].tolist()))
            names = [str(name) for name in _sequence(outputs, "outputs")]
            _check_known(names, valid, "outputs (DVID)", self.name)
            wanted = np.isin(self.records.output, np.array(names, dtype=np.str_))
            part = replace(part, records=part.records.keep(~shown | wanted))
        if subjects is not None:
            ids = _sequence(subjects, "subjects")
            if not ids:
                raise ValueError("subjects names nobody; give at least one ID, or None for all.")
            _check_known(ids, self.subjects.tolist(), "subjects", self.name)
            kept = np.isin(self.subjects, np.array(ids, dtype=self.subjects.dtype))
            records = part.records.keep(kept[part.records.subject])
            new_index = np.cumsum(kept) - 1
            part = Study(
                name=self.name,
                subjects=self.subjects[kept],
                records=replace(records, subject=new_index[records.subject]),
                covariates={name: values[kept] for name, values in self.covariates.items()},
            )
        return part

    def at_times(self, times: ArrayLike) -> Study:
        """Keep subjects, doses and covariates; predict at `times` instead of where was measured.

        Parameters
        ----------
        times : array_like (T,)
            Times of the prediction points of every subject, in the study's unit.

        Returns
        -------
        Study
            With EVID 2 records at `times`; at the time of a dose they see the state after it.

        Raises
        ------
        ValueError
            When a time is not finite, or there is none.
        """
        return replace(self, records=records_at_times(self.records, times))

    def to_xarray(self) -> xr.Dataset:
        """Turn the study into a labelled data set.

        Returns
        -------
        xarray.Dataset
            Dimensions ``subject`` (coordinate: IDs), ``observation`` and ``dose`` (coordinates: row
            numbers of the source table), and ``reset`` where the table has EVID 3. On
            ``observation``: ``time``, ``value``, ``output``, ``evid``, ``observation_subject``; on
            ``dose``: ``dose_time``, ``dose_amount``, ``dose_rate``, ``dose_compartment``,
            ``dose_additional``, ``dose_interval``, ``dose_evid``, ``dose_subject``; on ``reset``:
            ``reset_time``, ``reset_subject``. The ``..._subject`` variables are indices into
            ``subject``. Covariates stand on ``subject`` under their own names, and as
            ``covariate_NAME`` where that name is taken.
        """
        return study_dataset(self.name, self.subjects, self.records, self.covariates)

    def __repr__(self) -> str:
        return study_summary(self.name, self.subjects, self.records, self.covariates)

    def _where(self, *events: int) -> NDArray[np.int64]:
        rows = np.flatnonzero(np.isin(self.records.evid, events)).astype(np.int64)
        rows.setflags(write=False)
        return rows


def _sequence(names: Sequence[Any] | NDArray[Any], what: str) -> list[Any]:
    if isinstance(names, (str, bytes)) or not hasattr(names, "__iter__"):
        raise TypeError(f"{what} must be a list, and is {names!r}. Write [{names!r}].")
    return [name.item() if isinstance(name, np.generic) else name for name in names]


def _check_known(names: list[Any], valid: list[Any], what: str, study: str) -> None:
    unknown = [name for name in names if isinstance(name, bool) or name not in valid]
    if unknown:
        raise ValueError(
            f"Study {study!r} has no {what} {unknown}. Its {what} are {valid}"
            + (f" ({type(valid[0]).__name__}s)." if valid else ".")
        )
