"""What printing a fit shows."""

from __future__ import annotations

import numpy as np
import xarray as xr

from bnode_nlme.inference.fit_summary import fit_text
from bnode_nlme.inference.importance import importance


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


def test_a_repaired_curvature_is_said() -> None:
    fitted = tree(200)
    fitted.attrs |= {"repaired_curvature": 0}
    assert "not positive definite" not in fit_text(fitted)
    fitted.attrs |= {"repaired_curvature": 1}
    assert "curvature at the optimum is not positive definite" in fit_text(fitted)


def test_weights_that_are_all_one_draws_have_an_infinite_pareto_k() -> None:
    found = importance(-1e4 * np.arange(400.0), np.zeros(400))
    assert found.pareto_k == np.inf
    assert not found.reliable
    assert found.effective == 1.0
