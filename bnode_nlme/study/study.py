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
from bnode_nlme.study.measured_values import with_measured_values
from bnode_nlme.study.occasions import Occasions
from bnode_nlme.study.prediction_times import study_at_times
from bnode_nlme.study.read_only import read_only
from bnode_nlme.study.records import Records
from bnode_nlme.study.regimen_rows import Regimens
from bnode_nlme.study.selection import select_outputs, select_subjects
from bnode_nlme.study.summary import study_summary
from bnode_nlme.study.virtual import (
    virtual_covariates,
    virtual_points,
    virtual_subjects,
    with_doses,
)
from bnode_nlme.study.virtual_changes import covariate_steps, occasion_starts, with_changes


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
    virtual : bool
        Whether the subjects are nobody in particular: patients of `from_regimen` whose IDs only
        count them. A fit of real subjects does not take them for its own, whatever their IDs.

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
    virtual: bool = False

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
            self.virtual,
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
            Doses and resets stay, and so do subjects and occasions of which no observation is left,
            so that these dimensions are the same for each output. Where a subject's covariates or
            occasion change, its other observations stay as changes (EVID 5), which are not
            reported. None keeps all.

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
        part = self if outputs is None else select_outputs(self, outputs)
        return part if subjects is None else select_subjects(part, subjects)

    def at_times(self, times: ArrayLike) -> Study:
        """Keep subjects, doses and covariates; predict at `times` instead of where was measured.

        Where a subject's covariates or occasion change, they run on as before: its observations
        stay as changes (EVID 5), which are not reported, and the new points have the values of
        their times. A subject's state is the initial one at its first record, here as before; a
        point earlier than that record begins the subject anew, with the initial state at the point.

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
        return study_at_times(self, times)

    @classmethod
    def from_regimen(
        cls,
        regimen: Regimens,
        *,
        times: ArrayLike | Mapping[str, ArrayLike],
        n_subjects: int | None = None,
        subjects: Sequence[int | str] | None = None,
        covariates: Mapping[str, ArrayLike | Mapping[float, ArrayLike]] | None = None,
        outputs: Sequence[str | int] | None = None,
        before_dose: bool = True,
        name: str = "virtual",
        occasions: Mapping[int | str, float] | None = None,
    ) -> Study:
        """Make a study of virtual patients.

        Parameters
        ----------
        regimen
            One for all, or a mapping from each ID to its own, where None is a patient without
            doses (placebo).
        times
            Sampling times, the same for every patient: one sequence, or one for each output.
        n_subjects
            Number of patients, whose IDs are 1, 2, ... One if neither this nor `subjects` nor a
            mapping is given. These are nobody whom a fit of real subjects knows, whatever their IDs.
        subjects
            IDs, all integers or all text. A fit that has subjects of these IDs takes them for the
            same people.
        covariates
            For each name a number, or one for each patient, shape (S,); of one that changes, a
            mapping from times to such values, each of which holds from its time on.
        outputs
            Names or numbers of the outputs sampled at each of `times`, if that is one sequence.
            Without it the points belong to no output; every output is predicted at each point
            anyhow.
        before_dose
            Whether a point at the time of a dose stands above it and sees the state before it (a
            trough), or below it and sees the state after it.
        name
            Of the study.
        occasions
            The label of each occasion with the time at which it begins, the same for every patient:
            ``{1: 0.0, 2: 168.0}``. It holds from its first record at that time to the next one's;
            what is earlier than all belongs to the first.

        Returns
        -------
        Study
            Its observations are prediction points (EVID 2); each dose is a record of its own. Where
            a covariate or the occasion changes and there is no record, there is a change (EVID 5).

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described above.
        """
        ids = virtual_subjects(regimen, n_subjects, subjects)
        points = virtual_points(len(ids), times, outputs)
        values = virtual_covariates(covariates or {}, len(ids))
        nobody = subjects is None and not isinstance(regimen, Mapping)
        study = cls(name, ids, points, values, virtual=nobody)
        study = with_doses(study, regimen, before_dose=before_dose)
        steps = {
            label: covariate_steps(label, given, len(ids))
            for label, given in (covariates or {}).items()
            if isinstance(given, Mapping)
        }
        starts = {} if occasions is None else occasion_starts(occasions)
        study = with_changes(study, starts, steps)
        rows = np.arange(1, len(study.records) + 1)
        return replace(study, records=replace(study.records, row=rows))

    def with_regimen(self, regimen: Regimens, *, before_dose: bool = True) -> Study:
        """Keep subjects, covariates, occasions and observation times, and give other doses.

        Parameters
        ----------
        regimen
            One for all, or a mapping from each ID to its own, where None is no doses.
        before_dose
            Whether an observation at the time of a dose sees the state before it (a trough) or
            after it.

        Returns
        -------
        Study
            A counterfactual: doses and resets of the table are gone, those of `regimen` have row
            numbers beyond the table's, and observations have become prediction points (EVID 2), for
            what was measured was measured under the doses of the table.

        Raises
        ------
        ValueError, TypeError
            If the mapping does not name the subjects of the study, or holds no regimens.
        """
        return with_doses(self, regimen, before_dose=before_dose)

    def with_values(
        self,
        values: ArrayLike,
        *,
        censoring: ArrayLike | None = None,
        limit: ArrayLike | None = None,
    ) -> Study:
        """Put other measured values, such as simulated ones, in the place of the study's.

        Parameters
        ----------
        values : array_like (O,)
            For each of `observations`; NaN where nothing is measured, which makes the row a
            prediction point (EVID 2). Prediction points with a value become measurements (EVID 0).
        censoring : array_like (O,), optional
            CENS of each, or one for all; 0 if left out.
        limit : array_like (O,), optional
            LIMIT of each, or one for all; NaN if left out.

        Returns
        -------
        Study
            Everything else is as in this one.

        Raises
        ------
        ValueError
            When there are not O of them, a value is infinite, or a row is censored and not
            measured, or at 0 where `read_nonmem` would refuse it.
        """
        return with_measured_values(self, values, censoring, limit)

    def to_xarray(self) -> xr.Dataset:
        """Turn the study into a labelled data set.

        Returns
        -------
        xarray.Dataset
            Dimensions ``subject`` (coordinate: IDs), ``observation`` and ``dose`` (coordinates: row
            numbers of the source table), and ``reset`` where the table has EVID 3. On
            ``observation``: ``time``, ``value``, ``output``, ``evid``, ``observation_subject``; on
            ``dose``: ``dose_time``, ``dose_amount``, ``dose_rate``, ``dose_compartment``,
            ``dose_additional``, ``dose_interval``, ``dose_steady_state``, ``dose_evid``,
            ``dose_subject``; on ``reset``: ``reset_time``, ``reset_subject``. The ``..._subject``
            variables are indices into ``subject``. Covariates stand on ``subject`` under their own
            names, and as ``covariate_NAME`` where that name is taken.

            Where something is censored, ``censoring`` and ``limit`` stand on ``observation``. Where
            the study has occasions, there is the dimension ``occasion`` with ``occasion_subject``
            and ``occasion_label``, and ``observation_occasion``, ``dose_occasion`` are indices into
            it. Where covariates vary, the dimension ``record`` (coordinate: row numbers) holds
            ``record_time``, ``record_subject`` and their values as ``varying_NAME``; the attribute
            ``interpolation`` says how they run between records.
        """
        return study_dataset(self)

    def __repr__(self) -> str:
        return study_summary(self)

    def _where(self, *events: int) -> NDArray[np.int64]:
        rows = np.flatnonzero(np.isin(self.records.evid, events)).astype(np.int64)
        rows.setflags(write=False)
        return rows
