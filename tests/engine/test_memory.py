"""Solves give back the memory that they take."""

import gc
from pathlib import Path

import numpy as np
import pytest

from tests.engine.compartments import one_compartment
from tests.engine.gradients import value_and_gradient
from tests.engine.tables import dose, observe, study_of

PARAMETERS = np.array([[1.3, 2.9, 31.0], [np.nan, 2.9, 31.0]])


def resident() -> int:
    """Resident memory of this process in kilobytes."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def growth(solves: int) -> int:
    rows = [dose(0, 10), observe(1), dose(2, 5, rate=2), observe(8)]
    study = study_of(rows, rows)

    def some(count: int) -> None:
        for _ in range(count):
            for method in ("tsit5", "bdf", "adams"):
                value_and_gradient(one_compartment, study, PARAMETERS, np.empty(0), method=method)

    some(100)
    before = resident()
    some(solves)
    return resident() - before


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="reads resident memory as Linux tells it"
)


@needs_proc
def test_two_thousand_solves_leave_no_memory_behind() -> None:
    # An integrator is some 10 kB, a tape 40 kB: one that was lost each time would be 20 MB.
    assert growth(1000) < 4_000


@needs_proc
@pytest.mark.slow
def test_a_hundred_thousand_solves_leave_no_memory_behind() -> None:
    assert growth(50_000) < 10_000
