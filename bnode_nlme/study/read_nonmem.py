"""NONMEM-style tables in, a Study out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bnode_nlme.study.censoring import read_censoring
from bnode_nlme.study.columns import find_columns
from bnode_nlme.study.covariates import check_covariate_names, read_covariates
from bnode_nlme.study.doses import check_dose_count, read_doses
from bnode_nlme.study.events import read_events
from bnode_nlme.study.findings import Findings
from bnode_nlme.study.interpolation import Interpolation
from bnode_nlme.study.labels import read_labels
from bnode_nlme.study.number_column import read_numbers
from bnode_nlme.study.occasion_column import read_occasions
from bnode_nlme.study.raw_table import raw_table
from bnode_nlme.study.records import Records
from bnode_nlme.study.refused_columns import refuse_columns
from bnode_nlme.study.study import Study
from bnode_nlme.study.subjects import check_order, check_subjects, group_rows


def read_nonmem(
    table: str | Path | pd.DataFrame,
    *,
    covariates: Sequence[str] = (),
    interpolation: Interpolation = "locf",
) -> Study:
    """Read a NONMEM-style table of doses and observations.

    A table is read as written or refused as a whole: nothing is sorted or dropped, and nothing but
    blank cells of covariates filled in.

    Parameters
    ----------
    table
        Path of a comma-separated UTF-8 file with a header, or a DataFrame (its index is not used).
        Rows are counted from 1 below the header; row r stands on line r + 1 of a file, so empty
        lines, which are skipped, are counted too.
    covariates
        Columns to read as covariates: numbers, or booleans as 0 and 1. They may change from row to
        row. Each subject has at least one value.
    interpolation
        How a covariate that changes runs between the rows, and how its blank cells are filled:

        ``"locf"``
            A row's value holds from the row on until the next. A blank cell takes the value before
            it; blanks above a subject's first value take that one.
        ``"nocb"``
            NONMEM's way: a row's value holds from the row before it up to the row. A blank cell
            takes the value after it; blanks below a subject's last value take that one.
        ``"linear"``
            A straight line from value to value, the first and last of them beyond. Rows of equal
            time have one value.

    Returns
    -------
    Study
        With R records, one for each row, in the table's order.

    Raises
    ------
    TableError
        Lists every row that cannot be read, with what was found, what was wanted and the cure.
    FileNotFoundError, IsADirectoryError
        If the path leads to no file.
    TypeError, ValueError
        If another argument is not as described above.

    Notes
    -----
    Blank, ``.``, ``NA``, ``NaN``, ``nan`` and ``<NA>`` are missing. Column names are read in upper
    or lower case alike. ID, TIME and DV are required (not DV if there is EVID); other columns are
    ignored, unless they carry something and look like a misspelt one of these whose place is empty:

    ID
        Number or text. Whole numbers (``7``, ``7.0``) are one subject 7; if any ID is not a whole
        number, ``007`` included, all are kept as text. A subject's rows stand together. A subject
        may have doses only, or observations only.
    TIME
        A number, perhaps negative, that does not decrease within a subject, not even after a reset
        (where NONMEM allows it). Rows of equal time act in the order of the table: an observation
        above a dose sees the state before it.
    EVID
        0 observation, 1 dose, 2 prediction point, 3 reset, 4 reset and dose. Without the column, a
        row is 1 if AMT is not 0, else 2 if MDV is 1, else 0.
    AMT, RATE
        Amount, positive in doses. RATE blank or 0 is a bolus, positive an infusion, -1 an infusion
        at a rate and -2 one of a duration that the system's dosing gives.
    ADDL, II
        Number of further doses and the time between them. At most 100 000 doses may fall before a
        subject's last record. II does nothing where neither ADDL nor SS is given.
    SS
        1: the state becomes the steady state to which the same dose, given every II for ever, has
        led; of what was given before, infusions end and doses still to come are cancelled. 2: that
        steady state is added to the present state, and nothing ends. Then the dose of the row is
        given. Infusions may be longer than II, and go on. AMT 0 with a positive RATE and II blank
        is the steady state of a constant infusion, which stops at the row. A morning and an evening
        dose, in a linear system::

            TIME  EVID  AMT  ADDL  II  SS
               0     1  100     9  24   1
              12     1   60     9  24   2

    CMT, DVID
        A whole number from 1 or a name; blank is the default. 0 is blank in rows that make no use
        of the column: CMT where nothing is given, DVID where nothing is observed or predicted. DVID
        alone says what a row measures: a likelihood refuses measured rows that only CMT tells apart.
    DV, MDV
        Observed value. MDV=1 in a row with EVID 0 makes it a prediction point. Rows with another
        EVID have DV blank or 0, unless MDV=1 says that it is to be ignored.
    CENS, LIMIT
        As in Monolix and nlmixr2. CENS 1: DV is the lower limit of quantification, and the truth
        lies below it; LIMIT, which may be blank, is the lower end of where. A DV of 0 is no limit,
        unless LIMIT or another DV of the same output is negative. CENS -1: DV is an upper limit,
        the truth lies above it, and LIMIT is the upper end. 0 or blank: measured; LIMIT says
        nothing then. Whether censored rows are left out of the likelihood (M1) or enter it (M3, M4)
        is the error model's choice. Ignored where MDV is 1.
    OCC
        The occasion, a number or text, in every row. It names an occasion within its subject, so
        rows of one label need not stand together, as in NONMEM, and labels of different subjects
        have nothing in common. A column of blanks counts as none.

    Refused where a cell asks for it, because it cannot be read as written: negative CMT, LLOQ, DATE
    and clock times.

    References
    ----------
    Boeckmann, Sheiner, Beal, NONMEM Users Guide, Part V (1994); Part VI, PREDPP, for the records.
    Beal, J Pharmacokinet Pharmacodyn 2001;28:481, doi:10.1023/A:1012299115260, for M1 to M4.
    """
    names = check_covariate_names(covariates, interpolation)
    raw = raw_table(table)
    columns = find_columns(raw, names)
    grouping = group_rows(columns)
    findings = Findings(columns, grouping.of_rows())

    check_subjects(columns, grouping, findings)
    times = read_numbers(columns, "TIME", findings)
    amounts = read_numbers(columns, "AMT", findings)
    censored = read_numbers(columns, "CENS", findings, booleans=True)
    events = read_events(columns, amounts, censored, findings)
    backwards = check_order(columns, grouping, times, events.reset, findings)
    doses = read_doses(columns, amounts, events, findings)
    if not backwards.any():
        check_dose_count(grouping, times, doses, findings)
    compartment = read_labels(columns, "CMT", events.dose, findings, things="states")
    output = read_labels(columns, "DVID", events.seen, findings, things="outputs")
    censoring = read_censoring(columns, censored, events, output, findings)
    occasion, occasions = read_occasions(columns, grouping, findings)
    read = read_covariates(columns, names, grouping, times, interpolation, findings)
    refuse_columns(columns, findings)
    if not events.seen.any() and not (events.evid < 0).any():
        findings.add_table(
            "EVID",
            "no observation and no prediction point",
            "at least one row with EVID 0 or 2",
            "To simulate from doses alone, add a row with EVID 2 for each time of interest.",
        )
    findings.raise_if_any()

    return Study(
        name=raw.name,
        subjects=np.array(grouping.ids),
        records=Records(
            subject=grouping.index,
            row=np.array(raw.rows, dtype=np.int64),
            time=times.values,
            evid=events.evid,
            amount=doses.amount,
            rate=doses.rate,
            compartment=compartment,
            additional=doses.additional,
            interval=doses.interval,
            output=output,
            value=events.value,
            steady_state=doses.steady_state,
            occasion=occasion,
            censoring=censoring.kind,
            limit=censoring.limit,
        ),
        covariates=read.first,
        varying=read.varying,
        interpolation=interpolation,
        occasions=occasions,
    )
