"""Value and gradient of every problem, the package and its peers turn by turn in one process."""

from __future__ import annotations

import os
from typing import Any

import pytest

from benchmarks.contenders import ENTRIES, Contender, ContenderUnavailableError
from benchmarks.contenders.sunode import MEASURED as SUNODE
from benchmarks.problems import NAMES, problem
from benchmarks.race import Turns, race
from benchmarks.reference import errors, reference_of_first
from benchmarks.targets import TARGETS

RTOL, ATOL = 1e-6, 1e-8
OURS = "bn auto"
"""What the package is judged by, where it takes part: the default."""
SECONDS = float(os.environ.get("BENCHMARK_SECONDS", "10"))
"""Of turns for each contender."""
LARGEST_ERROR = 2e-3
"""Of the gradient, relative: who is further off has not done the work."""


def _contenders(name: str) -> tuple[dict[str, Contender], dict[str, str]]:
    """Those who can run, and the others' reasons."""
    able: dict[str, Contender] = {}
    unable: dict[str, str] = {}
    for entry in ENTRIES:
        if entry.takes_part(name):
            try:
                able[entry.name] = entry.make(problem(name), RTOL, ATOL)
            except ContenderUnavailableError as error:
                unable[entry.name] = str(error)
            except Exception as error:  # a peer that breaks is a result, not the end of the run
                if entry.family == "bn":
                    raise
                unable[entry.name] = f"{type(error).__name__}: {error}".splitlines()[0]
    return able, unable


def _row(name: str, contender: Contender, turns: Turns) -> dict[str, Any]:
    row: dict[str, Any] = {
        "subjects": contender.subjects,
        "compile_seconds": contender.compile_seconds,
        "note": contender.note,
        "turns": len(turns.processor),
        "failed_turns": len(turns.failures),
    }
    if turns.result is None:
        row["failure"] = turns.failures[0]
        return row
    row |= turns.per_subject()
    exact = reference_of_first(name, contender.subjects)
    row["value_error"], row["gradient_error"] = errors(turns.result, exact)
    if not row["gradient_error"] <= LARGEST_ERROR:  # also where it is NaN
        row["failure"] = f"gradient off by {row['gradient_error']:.1e}"
    return row


def _fastest(rows: dict[str, dict[str, Any]], family: str, *, vmapped: bool = False) -> str | None:
    times = {
        entry.name: rows[entry.name]["best"]
        for entry in ENTRIES
        if entry.family == family
        and (entry.vmapped or not vmapped)
        and "failure" not in rows.get(entry.name, {"failure": ""})
    }
    return min(times, key=times.__getitem__, default=None)


def _lines(name: str, rows: dict[str, dict[str, Any]]) -> list[str]:
    lines = [f"{name}: µs per subject{'best':>18}{'median':>10}{'gradient error':>17}"]
    for contender, row in rows.items():
        if "best" in row:
            lines.append(
                f"  {contender:32}{row['best']:9.1f}{row['median']:10.1f}"
                f"{row['gradient_error']:17.1e}  {row['note']}"
            )
        if "failure" in row:
            lines.append(f"  {contender:32}  {row['failure'][:160]}")
        elif row["failed_turns"]:
            lines.append(f"  {'':32}  failed in {row['failed_turns']} turns besides")
    return lines


@pytest.mark.parametrize("name", NAMES)
def test_race(name: str, benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    able, unable = _contenders(name)
    turns = benchmark.pedantic(lambda: race(able, SECONDS), rounds=1, iterations=1)
    rows = {other: _row(name, able[other], turns[other]) for other in able}
    rows |= {other: {"failure": reason} for other, reason in unable.items()}
    benchmark.extra_info["contenders"] = rows
    ours = OURS if OURS in able else _fastest(rows, "bn")
    lines, missed, missing = _lines(name, rows), [], []
    assert ours is not None, "no method of the package gives the right gradient"
    assert "failure" not in rows[ours], f"{ours}: {rows[ours]['failure']}"
    best = rows[ours]["best"]
    target, ratios = TARGETS[name], {}
    for family, least in target.times_faster.items():
        peer = _fastest(rows, family, vmapped=family == "diffrax")
        time = SUNODE if peer is None and family == "sunode" else peer and rows[peer]["best"]
        if time is None:
            missing.append(f"no {family} in this run")
            continue
        ratios[peer or family] = time / best
        if time / best < least:
            missed.append(
                f"{ours} {time / best:.1f} times faster than {peer or family}, wanted {least:g}"
            )
    every = _fastest(rows, "diffrax")
    if every is not None:
        ratios[every] = rows[every]["best"] / best
    if target.microseconds is not None and best > target.microseconds:
        missed.append(f"{ours} takes {best:.1f} µs, wanted {target.microseconds:g}")
    benchmark.extra_info |= {"fastest": ours, "ratios": ratios, "missed": missed}
    lines += [f"  {ours} is {ratio:.1f} times as fast as {peer}" for peer, ratio in ratios.items()]
    with capsys.disabled():
        print("\n" + "\n".join([*lines, *(f"  MISSED: {line}" for line in missed)]))
    wrong = [other for other in able if other.startswith("bn ") and "failure" in rows[other]]
    # Methods for non-stiff problems are expected to give up on a stiff one.
    assert not [
        other for other in wrong if not (problem(name).stiff and other in ("bn adams", "bn tsit5"))
    ]
    if missed and "bn tsit5" in unable:
        pytest.xfail(f"without tsit5: {'; '.join(missed)}")
    assert not missed
    if missing:
        pytest.xfail("; ".join(missing))
