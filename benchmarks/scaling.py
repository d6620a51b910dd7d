"""pk-net from 10 to 100 000 subjects: time and memory per subject, of the package alone.

    python -m benchmarks.scaling [--method auto] [--sizes 10,100,1000] [--json FILE]

Each size is measured in a process of its own, on one core. Memory is the most that the first call
of value and gradient needed beyond what the process held before it (its data, the model, the
compiled function), less what it needed at the smallest size, where nearly all of it is code.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

SIZES = (10, 100, 1000, 10_000, 100_000)
LEAST_TURNS, SECONDS = 3, 5.0


def _resident(field: str) -> int:
    """Bytes that this process holds (VmRSS), or held at most (VmHWM); 0 where not known."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return 0
    (line,) = (line for line in status.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


def _measure(subjects: int, method: str) -> dict[str, float]:
    from benchmarks.one_core import stay_on_one_core

    stay_on_one_core()
    import gc

    import numpy as np
    import pytensor
    import pytensor.tensor as pt

    import bnode_nlme as bn
    from benchmarks.pk_net import ATOL, PARAMETERS, RTOL, pk_net_study, pk_net_system, pk_net_values

    start = time.perf_counter()
    study, values = pk_net_study(subjects), pk_net_values(subjects)
    read_seconds = time.perf_counter() - start
    parameters, weights = pt.matrix("parameters"), pt.vector("weights", shape=(25,))
    solution = bn.solve(
        pk_net_system(),
        study,
        {name: parameters[:, i] for i, name in enumerate(PARAMETERS)},
        {"elimination": weights},
        method=method,
        rtol=RTOL,
        atol=ATOL,
    )
    value = -0.5 * ((solution.outputs["cp"] - values["cotangents"]) ** 2).sum()
    inputs = [parameters, weights]
    function = pytensor.function(inputs, [value, *pt.grad(value, inputs)], trust_input=True)
    given = values["parameters"], values["weights"]
    gc.collect()
    held = _resident("VmRSS")
    cleared = Path("/proc/self/clear_refs")
    if cleared.exists():
        cleared.write_text("5")  # the peak counts from here
    function(*given)
    peak = _resident("VmHWM")
    turns: list[float] = []
    while len(turns) < LEAST_TURNS or (sum(turns) < SECONDS and len(turns) < 200):
        start = time.process_time()
        found = function(*given)
        turns.append(time.process_time() - start)
    if not np.isfinite(found[0]):
        raise RuntimeError("a solve failed")
    return {
        "subjects": subjects,
        "microseconds": min(turns) / subjects * 1e6,
        "median": float(np.median(turns)) / subjects * 1e6,
        "needed_bytes": peak - held,
        "study_seconds": read_seconds,
    }


def main() -> None:
    """Measure every size and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling")
    parser.add_argument("--method", default="auto")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--json", type=Path, help="write the table there")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one is not None:
        print(json.dumps(_measure(given.one, given.method)))
        return
    print(f"{'subjects':>9}{'µs best':>10}{'median':>9}{'bytes':>9}   per subject, {given.method}")
    rows = []
    for size in map(int, given.sizes.split(",")):
        command = [sys.executable, "-m", "benchmarks.scaling", "--one", str(size)]
        command += ["--method", given.method]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            rows.append({"subjects": size, "failure": done.stderr.strip().splitlines()[-1]})
            print(f"{size:9d}  {rows[-1]['failure']}", flush=True)
            continue
        row = json.loads(done.stdout.splitlines()[-1])
        rows.append(row)
        first = next(row for row in rows if "failure" not in row)
        added, more = row["needed_bytes"] - first["needed_bytes"], size - first["subjects"]
        row["bytes"] = added / more if more else 0.0
        print(
            f"{size:9d}{row['microseconds']:10.1f}{row['median']:9.1f}{row['bytes']:9.0f}",
            flush=True,
        )
    if given.json is not None:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps({"method": given.method, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
