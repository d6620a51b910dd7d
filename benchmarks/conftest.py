"""Before anything else is imported: one core, and JAX told so."""

from benchmarks.one_core import stay_on_one_core

stay_on_one_core()
