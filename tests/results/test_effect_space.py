"""Standardised vectors and the random effects that they stand for, occasions included."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

import bnode_nlme as bn
from bnode_nlme.results.effect_space import EffectSpace
from tests.nlme.declarations import bolus


def occasions_study() -> bn.Study:
    """Three subjects with 2, 1 and 3 occasions."""
    rows = [
        {"ID": subject, "TIME": 2.0 * occasion + later, "EVID": 1 - later, "AMT": 5.0 - 5.0 * later,
         "DV": 1.0 if later else np.nan, "MDV": 1 - later, "OCC": occasion}
        for subject, count in ((1, 2), (2, 1), (3, 3))
        for occasion in range(1, count + 1)
        for later in (0, 1)
    ]  # fmt: skip
    return bn.read_nonmem(pd.DataFrame(rows))


def occasions_nlme() -> bn.NLME:
    return bn.NLME(
        bolus,
        {
            "CL": bn.Individual(bn.LogNormal(2.0, 1.0), occasion=True),
            "V": bn.Individual(bn.LogNormal(20.0, 1.0), occasion=True),
        },
        omega=[bn.Omega(("CL", "V")), bn.Omega(("CL", "V"), level="occasion")],
        error=bn.Additive(),
    )


def population(draws: int) -> xr.Dataset:
    rng = np.random.default_rng(3)

    def correlations() -> np.ndarray:
        matrices = np.ones((draws, 2, 2))
        matrices[:, 0, 1] = matrices[:, 1, 0] = rng.uniform(-0.8, 0.8, draws)
        return matrices

    return xr.Dataset(
        {
            "omega": (("sample", "effect"), rng.uniform(0.1, 0.5, (draws, 2))),
            "omega_correlation": (("sample", "effect", "effect_bis"), correlations()),
            "omega_occasion": (("sample", "occasion_effect"), rng.uniform(0.1, 0.5, (draws, 2))),
            "omega_occasion_correlation": (
                ("sample", "occasion_effect", "occasion_effect_bis"),
                correlations(),
            ),
        }
    )


def test_each_number_goes_to_its_subject_and_occasion():
    study, values = occasions_study(), population(4)
    space = EffectSpace(occasions_nlme(), study, values)
    assert space.size == 2 + 3 * 2
    assert study.occasions is not None
    of_occasion = study.occasions.subject
    z = np.random.default_rng(0).standard_normal((2, 5, 3, space.size))
    draws = np.array([3, 1])
    effects = space.random_effects(z, draws)
    assert effects["eta"].dims == ("sample", "point", "subject", "effect")
    assert effects["kappa"].dims == ("sample", "point", "occasion", "occasion_effect")
    np.testing.assert_array_equal(effects["occasion"], study.coords["occasion"])
    for place, draw in enumerate(draws):
        at = values.isel(sample=draw)
        covariances = [
            np.outer(at[sd], at[sd]) * at[f"{sd}_correlation"].to_numpy()
            for sd in ("omega", "omega_occasion")
        ]
        factors = [np.linalg.cholesky(covariance) for covariance in covariances]
        for point in range(5):
            for subject in range(3):
                own = z[place, point, subject]
                np.testing.assert_allclose(
                    effects["eta"][place, point, subject], factors[0] @ own[:2], rtol=1e-12
                )
                occasions = np.flatnonzero(of_occasion == subject)
                for number, occasion in enumerate(occasions):
                    np.testing.assert_allclose(
                        effects["kappa"][place, point, occasion],
                        factors[1] @ own[2 + 2 * number : 4 + 2 * number],
                        rtol=1e-12,
                    )
