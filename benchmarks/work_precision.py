"""Error against time for tolerances from 1e-3 to 1e-10: every contender, some problems.

    python -m benchmarks.work_precision [--problems pk-net,stiff] [--json FILE]

Errors are of the log-likelihood and of its gradient, relative, against CVODES at 1e-12 (no
error below 1e-8 can be told from the reference's own). The absolute tolerance is a hundredth of the
relative one.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.one_core import stay_on_one_core

stay_on_one_core()

from benchmarks.contenders import ENTRIES  # noqa: E402  once this process is on one core
from benchmarks.problems import problem  # noqa: E402
from benchmarks.race import race  # noqa: E402
from benchmarks.reference import errors, reference_of_first  # noqa: E402

TOLERANCES = tuple(10.0**-k for k in range(3, 11))
SECONDS = 1.5
LEFT_OUT = ("sunode", "pm.ode.DifferentialEquation")  # absent, and without tolerances


def _point(name: str, entry: Any, rtol: float) -> dict[str, Any]:
    point: dict[str, Any] = {"problem": name, "contender": entry.name, "rtol": rtol}
    try:
        contender = entry.make(problem(name), rtol, 1e-2 * rtol)
        turns = race({entry.name: contender}, SECONDS)[entry.name]
        if turns.result is None:
            return point | {"failure": turns.failures[0]}
        exact = reference_of_first(name, contender.subjects)
        to_value, to_gradient = errors(turns.result, exact)
        time = turns.per_subject()["best"]
        return point | {"microseconds": time, "value": to_value, "gradient": to_gradient}
    except Exception as error:  # whatever stops a contender is its result
        return point | {"failure": f"{type(error).__name__}: {error}".splitlines()[0][:200]}


def main() -> None:
    """Measure, print as it goes, and write the points."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.work_precision")
    parser.add_argument("--problems", default="pk-net,stiff")
    parser.add_argument("--only", default="", help="contenders whose name begins so, with commas")
    parser.add_argument("--json", type=Path, default=Path("results/work_precision.json"))
    given = parser.parse_args()
    begins = tuple(given.only.split(","))
    points = []
    given.json.parent.mkdir(parents=True, exist_ok=True)
    for name in given.problems.split(","):
        for entry in ENTRIES:
            if entry.name in LEFT_OUT or not entry.takes_part(name):
                continue
            if not entry.name.startswith(begins):
                continue
            for rtol in TOLERANCES:
                point = _point(name, entry, rtol)
                points.append(point)
                print(point, flush=True)
                if "not in this version" in point.get("failure", ""):
                    break
            # After each contender, so that a run that is cut short leaves what it has.
            given.json.write_text(json.dumps(points, indent=1) + "\n")


if __name__ == "__main__":
    main()
