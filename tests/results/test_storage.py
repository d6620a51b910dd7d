"""A posterior on disk comes back as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from bnode_nlme.results import load, save


def _tree() -> xr.DataTree:
    rng = np.random.default_rng(1)
    posterior = xr.Dataset(
        {"CL": (("chain", "draw", "subject"), rng.normal(size=(2, 5, 3)))},
        coords={"chain": [0, 1], "draw": range(5), "subject": ["a", "b", "c"]},
        attrs={"inference_library": "nutpie"},
    )
    statistics = xr.Dataset(
        {
            "diverging": (("chain", "draw"), np.zeros((2, 5), dtype=bool)),
            # nutpie's own: a message or nothing
            "message": (("chain", "draw"), np.array([[None] * 5, ["bad"] * 5], dtype=object)),
        }
    )
    return xr.DataTree.from_dict({"posterior": posterior, "sample_stats": statistics})


def test_numbers_and_coordinates_come_back(tmp_path: Path) -> None:
    tree = _tree()
    back = load(save(tree, tmp_path / "posterior.nc"))
    xr.testing.assert_equal(back["posterior"].to_dataset(), tree["posterior"].to_dataset())
    assert back["posterior"].attrs["inference_library"] == "nutpie"


def test_missing_messages_become_empty_text(tmp_path: Path) -> None:
    back = load(save(_tree(), tmp_path / "posterior.nc"))
    assert back["sample_stats"]["message"].to_numpy().tolist() == [[""] * 5, ["bad"] * 5]


def test_saving_leaves_the_tree_as_it_was(tmp_path: Path) -> None:
    tree = _tree()
    save(tree, tmp_path / "posterior.nc")
    xr.testing.assert_identical(tree, _tree())


def test_an_existing_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "posterior.nc"
    save(_tree(), path)
    other = xr.DataTree.from_dict({"posterior": xr.Dataset({"x": ("draw", np.arange(3.0))})})
    save(other, path)
    assert list(load(path).children) == ["posterior"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no posterior at .*nothing\.nc"):
        load(tmp_path / "nothing.nc")
