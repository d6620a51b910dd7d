"""The work-precision figure: one panel a problem, one line a contender."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

COLOURS = {
    "bn tsit5": "#c0392b",
    "bn bdf": "#e67e22",
    "bn adams": "#b7950b",
    "diffrax Tsit5, vmap": "#1f4e79",
    "diffrax Tsit5, one system": "#2e86c1",
    "diffrax Kvaerno5, vmap": "#5dade2",
    "diffrax Kvaerno3, vmap": "#85c1e9",
    "diffrax Kvaerno5 Chord, vmap": "#1f4e79",
    "Stan ode_rk45": "#1e8449",
    "Stan ode_bdf": "#52be80",
    "Stan ode_adjoint": "#a9dfbf",
}
LEFT_OUT = ("bn auto",)  # it lies on the method that it chose


def draw(points: list[dict[str, Any]], path: Path) -> None:
    """Write the figure: time per subject against the gradient's relative error."""
    problems = list(dict.fromkeys(point["problem"] for point in points))
    figure = Figure(figsize=(5.2 * len(problems), 4.6), layout="constrained")
    panels = figure.subplots(1, len(problems), squeeze=False)[0]
    shown: dict[str, Any] = {}
    for panel, problem in zip(panels, problems, strict=True):
        for name in dict.fromkeys(point["contender"] for point in points):
            line = [
                (point["gradient"], point["microseconds"])
                for point in points
                if point["problem"] == problem
                and point["contender"] == name
                and "failure" not in point
                and 0.0 < point["gradient"] < 1.0
            ]
            if line and name not in LEFT_OUT:
                own = name.startswith("bn ")
                (shown[name],) = panel.plot(
                    *zip(*line, strict=True),
                    color=COLOURS.get(name, "#7f8c8d"),
                    marker="o" if own else "s",
                    markersize=5 if own else 4,
                    linewidth=2.2 if own else 1.2,
                    label=name,
                )
        panel.set(xscale="log", yscale="log", title=problem)
        panel.set_xlabel("relative error of the gradient")
        panel.invert_xaxis()
        panel.grid(visible=True, which="major", color="#dddddd", linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("µs per subject, value and gradient")
    figure.legend(
        shown.values(), shown.keys(), loc="outside lower center", ncols=4, frameon=False, fontsize=8
    )
    figure.savefig(path, dpi=130)
