"""Random effects against covariates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from bnode_nlme.diagnostics.effects import covariate_correlations
from bnode_nlme.diagnostics.of_fit.effect_levels import OF_SUBJECTS, effect_levels
from bnode_nlme.diagnostics.of_fit.random_effects import varied_covariates
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.plots.bands import CLASSICAL, DATA, LEARNED
from bnode_nlme.plots.smooth_line import smooth_line
from bnode_nlme.study.dimensions import SUBJECT

_DRAWS = ("chain", "draw")


def plot_covariates(
    eta: Fit | xr.DataArray,
    covariates: Mapping[str, ArrayLike] | None = None,
    *,
    units: Mapping[str, str] | None = None,
    mass: float = 0.9,
) -> Figure:
    """Draw every random effect against every covariate.

    Parameters
    ----------
    eta : Fit or xarray.DataArray (chain, draw, subject, effect)
        A fit, or random effects at draws of the posterior.
    covariates : mapping of str to array_like (subject,)
        Numbers, or labels; of a fit by default those of its study that vary.
    units
        Of the covariates, by name.
    mass
        Probability of the bars and of the intervals of the correlations.

    Returns
    -------
    matplotlib.figure.Figure
        Rows: effects; columns: covariates. Points and bars: posterior mean and interval of each
        subject; orange: local regression, or means by label; above, the correlation with the
        interval of the population's, as `covariate_correlations` gives it (of a covariate with
        more than two labels: none).

    Raises
    ------
    ValueError
        When there are no covariates, or no random effects of subjects.
    """
    if isinstance(eta, Fit):
        if OF_SUBJECTS not in effect_levels(eta, "plot_covariates"):
            raise ValueError(
                "plot_covariates wants random effects of subjects; this model has those of "
                "occasions alone. bn.plot_random_effects draws these."
            )
        if covariates is None and eta.study is not None:
            covariates = varied_covariates(eta.study)
        return plot_covariates(OF_SUBJECTS.values(eta), covariates, units=units, mass=mass)
    if not covariates:
        raise ValueError("plot_covariates wants covariates that vary between subjects; found none.")
    (effect,) = [name for name in eta.dims if name not in (*_DRAWS, SUBJECT)]
    names = list(covariates)
    figure = Figure(
        figsize=(2.9 * len(names) + 0.5, 2.5 * eta.sizes[effect] + 0.3), layout="constrained"
    )
    panels = figure.subplots(
        eta.sizes[effect], len(names), squeeze=False, sharex="col", sharey="row"
    )
    found = covariate_correlations(eta, covariates, mass=mass)
    means = eta.mean(_DRAWS)
    low, high = eta.quantile([0.5 - mass / 2, 0.5 + mass / 2], _DRAWS)
    for row in range(eta.sizes[effect]):
        at = {effect: row}
        for column, name in enumerate(names):
            axes, values = panels[row, column], np.asarray(covariates[name])
            numeric = np.issubdtype(values.dtype, np.number)
            levels, codes = np.unique(values, return_inverse=True)
            grouped = not numeric or levels.size <= 5
            # Subjects of one level stand side by side, so that their bars can be told apart.
            across = codes + _aside(codes) if grouped else values.astype(float)
            middle = means.isel(at).to_numpy()
            axes.vlines(across, low.isel(at), high.isel(at), color=LEARNED, lw=0.8, alpha=0.45)
            axes.plot(across, middle, "o", color=LEARNED, ms=3.5, mec="white", mew=0.4)
            axes.axhline(0.0, color=DATA, lw=0.9, ls=":")
            if grouped:
                for level in range(levels.size):
                    mean = middle[codes == level].mean()
                    axes.hlines(mean, level - 0.3, level + 0.3, color=CLASSICAL, lw=2.2)
                axes.set_xticks(
                    range(levels.size),
                    [f"{level:g}" if numeric else str(level) for level in levels],
                )
            else:
                axes.plot(*smooth_line(across, middle), color=CLASSICAL, lw=1.8)
            own = [key for key in found.covariate.values if key.split("=")[0] == name]
            if len(own) == 1:
                r = float(found.correlation.sel(covariate=own[0]).isel(at))
                ends = found["population"].sel(covariate=own[0]).isel(at).to_numpy()
                title = f"r = {r:.2f} ({ends[0]:.2f} to {ends[2]:.2f})"
                axes.set_title(title.replace("-", "−"), fontsize=8.5)
            if row == eta.sizes[effect] - 1:
                unit = (units or {}).get(name)
                axes.set_xlabel(f"{name} ({unit})" if unit else name)
        panels[row, 0].set_ylabel(f"random effect on {eta[effect].to_numpy()[row]}")
    return figure


def _aside(codes: np.ndarray) -> np.ndarray:
    place = np.empty(codes.size)
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code)
        place[rows] = np.linspace(-0.28, 0.28, rows.size) if rows.size > 1 else 0.0
    return place
