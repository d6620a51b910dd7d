"""What printing a fit shows."""

from __future__ import annotations

import numpy as np
import xarray as xr

from bnode_nlme.inference.fit_summary import fit_text


def tree(draws: int) -> xr.DataTree:
    rng = np.random.default_rng(1)
    r = rng.uniform(-0.5, 0.5, (1, draws))
    matrix = np.ones((1, draws, 3, 3))
    matrix[..., 0, 1] = matrix[..., 1, 0] = r
    matrix[..., 2, :2] = matrix[..., :2, 2] = 0.0
    names = ["CL", "V", "ka"]
    posterior = xr.Dataset(
        {
            "CL_pop": (("chain", "draw"), rng.lognormal(size=(1, draws))),
            "correlation": (("chain", "draw", "effect", "other"), matrix),
        },
        {"effect": names, "other": names},
    )
    found = xr.DataTree.from_dict({"posterior": posterior})
    found.attrs["method"] = "laplace"
    return found


def rows(text: str) -> list[str]:
    """Labels of the table, which comes last."""
    return [line.split("  ")[0] for line in text.split("\n\n")[-1].splitlines()[1:]]


def test_a_correlation_is_shown_once_and_constants_not_at_all() -> None:
    assert rows(fit_text(tree(200))) == ["CL_pop", "correlation[CL, V]"]


def test_one_draw_has_no_spread_and_is_shown() -> None:
    assert rows(fit_text(tree(1))) == ["CL_pop", "correlation[CL, V]"]


def test_a_joint_mode_says_what_it_does_not_estimate() -> None:
    mode = tree(1)
    assert "does not estimate omega" not in fit_text(mode)
    mode.attrs["method"] = "map"
    assert "does not estimate omega and residual errors" in fit_text(mode)
