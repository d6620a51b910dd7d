"""The ways to set diffrax that were tried, timed on one problem.

python -m benchmarks.tune_diffrax [PROBLEM]
"""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.one_core import stay_on_one_core

stay_on_one_core()

from benchmarks.contenders import ContenderUnavailableError  # noqa: E402  once on one core
from benchmarks.contenders.diffrax_one_system import diffrax_one_system  # noqa: E402
from benchmarks.contenders.diffrax_vmap import diffrax_vmap  # noqa: E402
from benchmarks.problems import problem  # noqa: E402
from benchmarks.race import race  # noqa: E402

RTOL, ATOL, SECONDS = 1e-6, 1e-8, 4.0

NON_STIFF: dict[str, dict[str, Any]] = {
    "default adjoint": {},
    "max_steps 64": {"max_steps": 64},
    "max_steps 1024": {"max_steps": 1024},
    "16 checkpoints": {"max_steps": 256, "checkpoints": 16},
    "64 checkpoints": {"max_steps": 256, "checkpoints": 64},
    "first step given": {"first_step": 0.05},
    "DirectAdjoint, max_steps 64": {"adjoint": "DirectAdjoint", "max_steps": 64},
    "BacksolveAdjoint": {"adjoint": "BacksolveAdjoint"},
}
STIFF: dict[str, dict[str, Any]] = {
    f"{solver}{', Chord' if chord else ''}": {"solver": solver, "chord": chord, "first_step": 1e-5}
    for solver in ("Kvaerno3", "Kvaerno4", "Kvaerno5")
    for chord in (False, True)
} | {
    f"Kvaerno5, Chord, {count} checkpoints": {
        "solver": "Kvaerno5",
        "chord": True,
        "first_step": 1e-5,
        "max_steps": 256,
        "checkpoints": count,
    }
    for count in (64, 256)
}


def main() -> None:
    """Print a line for each way."""
    given = problem(sys.argv[1] if len(sys.argv) > 1 else "pk-net")
    print(f"{given.name}, µs per subject{'best':>20}{'median':>10}")
    ways = {
        name: lambda settings=settings: diffrax_vmap(given, RTOL, ATOL, **settings)
        for name, settings in (STIFF if given.stiff else NON_STIFF).items()
    }
    if not given.stiff:
        ways["one system"] = lambda: diffrax_one_system(given, RTOL, ATOL)
    for name, make in ways.items():
        try:
            contender = make()
        except ContenderUnavailableError as error:
            print(f"{name:34}  {error}", flush=True)
            continue
        turns = race({name: contender}, SECONDS)[name]
        if turns.result is None:
            print(f"{name:34}  {turns.failures[0].splitlines()[0][:100]}", flush=True)
            continue
        times = turns.per_subject()
        print(f"{name:34}{times['best']:10.1f}{times['median']:10.1f}", flush=True)


if __name__ == "__main__":
    main()
