"""The different functions that chains learned."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from bnode_nlme.discovery.modes import LearnedModes


def plot_learned_modes(
    modes: LearnedModes, *, xlabel: str | None = None, ylabel: str | None = None
) -> Figure:
    """Draw each member's function, a colour for each mode, and the distances between them.

    Parameters
    ----------
    modes : LearnedModes
        Of `bn.learned_modes`.
    xlabel, ylabel
        Labels, with units; the input's and the network's name by default.

    Returns
    -------
    matplotlib.figure.Figure
        Left: median and 90 % interval of each member along the input (along the number of the
        point where there are several inputs), the first of several outputs. Right: distances
        between members, in standard deviations, in order of mode.
    """
    data = modes.data
    values = data["value"].isel(output=0) if "output" in data["value"].dims else data["value"]
    single = data.sizes["input"] == 1
    across = data["inputs"].to_numpy()[:, 0] if single else np.arange(data.sizes["point"])
    order = np.argsort(across, kind="stable")
    colours = colormaps["viridis"](np.linspace(0.0, 0.85, modes.n_modes))
    figure = Figure(figsize=(9.4, 4.0), layout="constrained")
    curves, apart = figure.subplots(1, 2, width_ratios=[1.6, 1.0])
    of_member = data["mode_of"].to_numpy()
    named: set[int] = set()
    for member, mode in enumerate(of_member):
        own = values.isel(member=member, point=order).transpose("quantile", "point").to_numpy()
        colour = colours[mode - 1]
        weight = float(data["weight"][mode - 1])
        label = f"mode {mode}" + ("" if np.isnan(weight) else f", weight {weight:.2f}")
        curves.fill_between(across[order], own[0], own[-1], color=colour, alpha=0.12, lw=0)
        curves.plot(
            across[order], own[2], color=colour, lw=1.5, label=None if mode in named else label
        )
        named.add(int(mode))
    names = data["input"].to_numpy()
    curves.set_xlabel((str(names[0]) if single else "point") if xlabel is None else xlabel)
    curves.set_ylabel(str(data.attrs["network"]) if ylabel is None else ylabel)
    curves.legend(frameon=False, fontsize=8)
    by_mode = np.argsort(of_member, kind="stable")
    shown = data["distance"].to_numpy()[np.ix_(by_mode, by_mode)]
    limit = 2.0 * float(data.attrs["separation"])
    drawn = apart.imshow(shown, cmap="cividis", vmin=0.0, vmax=limit)
    labels = [str(name) for name in data["member"].to_numpy()[by_mode]]
    apart.set_xticks(range(len(labels)), labels, fontsize=8)
    apart.set_yticks(range(len(labels)), labels, fontsize=8)
    what = "chain" if data.attrs["source"] == "chains" else "run"
    apart.set(xlabel=what, ylabel=what)
    apart.set_title("distance between functions (standard deviations)", fontsize=9)
    figure.colorbar(drawn, ax=apart, extend="max", shrink=0.85)
    return figure
