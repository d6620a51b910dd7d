"""The options of a fit and of a solve can be looked up where a user looks: at the root."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest

import bnode_nlme as bn
from tests.inference.linear_mixed import linear_mixed

SETTINGS: dict[str, Any] = {
    "nuts": bn.NUTSSettings,
    "pathfinder": bn.PathfinderSettings,
    "advi": bn.ADVISettings,
    "map": bn.ModeSettings,
    "laplace": bn.LaplaceSettings,
}


@pytest.mark.parametrize("method", SETTINGS)
def test_options_of_a_method_are_the_fields_of_its_settings(method: Any) -> None:
    own = [field.name for field in fields(SETTINGS[method]) if field.name != "draws"]
    with pytest.raises(ValueError, match=f"its options are {', '.join(map(repr, own))}") as told:
        bn.fit(linear_mixed(), method=method, colour="red")
    assert f"has no option 'colour'; its options are {', '.join(map(repr, own))}" in str(told.value)
    for name in own:
        assert name in str(SETTINGS[method].__doc__)


@pytest.mark.parametrize("documented", [bn.fit, bn.NLME, bn.laplace_objective, bn.sbc])
def test_what_a_docstring_names_is_there(documented: Any) -> None:
    named = re.findall(r"`(\w+(?:Settings|Options|Value|Warning))`", str(documented.__doc__))
    assert [name for name in named if not hasattr(bn, name)] == []


def test_options_of_the_solve_are_checked_where_they_are_declared() -> None:
    assert {"method", "rtol", "atol"} <= {field.name for field in fields(bn.SolverOptions)}
