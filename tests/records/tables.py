"""All tables of linear structures, by name."""

from __future__ import annotations

from tests.records.dosing_tables import DOSING_TABLES
from tests.records.plain_tables import PLAIN_TABLES
from tests.records.rows import Table
from tests.records.steady_state_tables import STEADY_STATE_TABLES

TABLES = {each.name: each for each in (*PLAIN_TABLES, *DOSING_TABLES, *STEADY_STATE_TABLES)}

CASES = [(table.name, structure) for table in TABLES.values() for structure in table.structures]


def table_named(name: str) -> Table:
    return TABLES[name]
