"""Write the tables and the figure of benchmarks/README.md from the files of one run.

    python -m benchmarks.report [--results results/benchmarks]

Reads race.json (pytest-benchmark), scaling.json, work_precision.json and theophylline.json, as
far as they are there; a part whose file is missing keeps the text of an earlier run.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from benchmarks.work_precision_figure import draw

README = Path(__file__).with_name("README.md")
FIGURE = Path(__file__).with_name("work_precision.png")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _machine(run: dict[str, Any]) -> str:
    cpu = run["machine_info"]["cpu"]
    python = run["machine_info"]["python_version"]
    return f"{run['datetime'][:10]}, {cpu.get('brand_raw', cpu.get('arch', '?'))}, Python {python}"


def race_text(run: dict[str, Any]) -> str:
    """One table a problem, the failures among the rows."""
    parts = [f"One run: {_machine(run)}."]
    for test in run["benchmarks"]:
        info = test["extra_info"]
        if "contenders" not in info:
            continue
        rows = []
        for name, row in info["contenders"].items():
            note = "; ".join(filter(None, [row.get("note", ""), row.get("failure", "")]))
            if row.get("failed_turns") and "best" in row:
                note += f"; failed in {row['failed_turns']} turns besides"
            if "best" in row:
                times = f"{row['best']:.1f}", f"{row['median']:.1f}"
                rows.append(
                    (
                        name,
                        *times,
                        f"{row['gradient_error']:.0e}",
                        f"{row['compile_seconds']:.0f}",
                        note,
                    )
                )
            else:
                rows.append((name, "", "", "", "", note[:200]))
        ratios = "; ".join(f"{peer} {ratio:.1f}" for peer, ratio in info["ratios"].items())
        missed = "; ".join(info["missed"])
        parts.append(f"### {test['param']}")
        head = ("", "best", "median", "gradient error", "first call, s", "")
        parts.append(_table(head, rows))
        if ratios:
            parts.append(f"Time in multiples of {info['fastest']}: {ratios}.")
        if missed:
            parts.append(f"**Missed:** {missed}.")
    return "\n\n".join(parts)


def scaling_text(run: dict[str, Any]) -> str:
    """Time and memory by number of subjects."""
    rows = [
        (
            f"{row['subjects']:,}",
            f"{row['microseconds']:.1f}",
            f"{row['median']:.1f}",
            f"{row['bytes']:.0f}",
        )
        if "failure" not in row
        else (f"{row['subjects']:,}", "", "", row["failure"][:120])
        for row in run["rows"]
    ]
    head = ("subjects", "µs per subject, best", "median", "bytes per further subject")
    return f'`method="{run["method"]}"`:\n\n{_table(head, rows)}'


def theophylline_text(run: dict[str, Any]) -> str:
    """Effective draws per second."""
    rows = []
    for name, row in run["rows"].items():
        if "failure" in row:
            rows.append((name, *[""] * 6, row["failure"][:120]))
            continue
        rows.append(
            (
                name,
                f"{row['seconds']:.1f}",
                f"{row['compile_seconds']:.1f}",
                f"{row['ess']:.0f}",
                f"{row['ess_per_second']:.2f}",
                str(row["divergences"]),
                f"{row['ratio']:.1f}" if "ratio" in row else "",
                f"{row['distance']:.1f}" if "distance" in row else "",
            )
        )
    settings = run["settings"]
    head = ("", "s", "compile, s", "ESS", "ESS/s", "divergences", "ratio", "means apart, MCSE")
    how = f"{settings['tune']} steps of warm-up and {settings['draws']} draws a chain"
    return f"{how}, acceptance {settings['target_accept']}:\n\n{_table(head, rows)}"


def work_precision_text(points: list[dict[str, Any]]) -> str:
    """Time to a gradient error of at most 1e-2, 1e-4 and 1e-6, and what failed."""
    parts = ["![Time against error of the gradient](work_precision.png)"]
    for problem in dict.fromkeys(point["problem"] for point in points):
        own = [point for point in points if point["problem"] == problem]
        rows = []
        for name in dict.fromkeys(point["contender"] for point in own):
            good = [p for p in own if p["contender"] == name and "failure" not in p]
            cells = []
            for wanted in (1e-2, 1e-4, 1e-6):
                times = [p["microseconds"] for p in good if p["gradient"] <= wanted]
                cells.append(f"{min(times):.1f}" if times else "–")
            failed = [p for p in own if p["contender"] == name and "failure" in p]
            tolerances = ", ".join(f"{p['rtol']:.0e}" for p in failed)
            reason = f"at {tolerances}: {failed[0]['failure'][:100]}" if failed else ""
            rows.append((name, *cells, reason))
        head = (problem, "1e-2", "1e-4", "1e-6", "failures")
        parts.append(_table(head, rows))
    return "\n\n".join(parts)


def main() -> None:
    """Rewrite what lies between the markers of the README."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report")
    parser.add_argument("--results", type=Path, default=Path("results/benchmarks"))
    folder = parser.parse_args().results
    text = README.read_text()
    for name, write in (
        ("race", race_text),
        ("scaling", scaling_text),
        ("work_precision", work_precision_text),
        ("theophylline", theophylline_text),
    ):
        path = folder / f"{name}.json"
        if not path.is_file():
            print(f"no {path}: that part of the README stays")
            continue
        run = json.loads(path.read_text())
        if name == "work_precision":
            draw(run, FIGURE)
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        block = f"{begin}\n\n{write(run)}\n\n{end}"
        text, count = re.subn(f"{begin}.*?{end}", lambda _: block, text, flags=re.DOTALL)  # noqa: B023
        if count != 1:
            raise SystemExit(
                f"{README.name} has no place for {name}: wanted {begin} and {end} once."
            )
    README.write_text(text)


if __name__ == "__main__":
    main()
