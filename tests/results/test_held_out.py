"""A patient held out of the fit, against the fit of all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pytensor.configdefaults import config
from scipy import stats

import bnode_nlme as bn
from bnode_nlme.inference import fit
from tests.nlme.declarations import oral

# Runs as short as may be: what they say of convergence is shown in test_convergence.
pytestmark = pytest.mark.filterwarnings("ignore::bnode_nlme.inference.ConvergenceWarning")


@pytest.mark.slow
def test_individualised_as_the_joint_posterior_has_it():
    """Theophylline: the third subject, known to neither population nor individualisation.

    The first would not do: it is an outlier to the others, and its importance weights say so.
    """
    nlme = bn.NLME(
        oral,
        {
            "ka": bn.Individual(bn.LogNormal(1.5, 1.0)),
            "CL": bn.Individual(bn.LogNormal(2.8, 1.0)),
            "V": bn.Individual(bn.LogNormal(32.0, 1.0)),
        },
        omega=bn.Omega(("CL", "V")),
        error=bn.Combined(),
    )
    study = bn.datasets.theophylline()
    held_out = study.select(subjects=study.subjects[2:3])
    rest = [subject for subject in study.subjects if subject != study.subjects[2]]
    options: dict[str, Any] = {"chains": 2, "draws": 1000, "progress": False, "seed": 1}
    with config.change_flags(mode="NUMBA"):
        joint = fit(nlme, study, "nuts", **options)
        others = fit(nlme, study.select(subjects=rest), "nuts", **options)
        ways = {
            method: bn.individualise(others, held_out, method=method, samples=2000)
            for method in ("importance", "nuts")
        }
    for found in ways.values():
        for name in ("ka", "CL", "V"):
            wanted = np.log(joint.posterior[name].isel(subject=2).to_numpy().ravel())
            own = np.log(found.data[name].isel(subject=0).to_numpy())
            assert abs(own.mean() - wanted.mean()) < 0.2 * wanted.std()
            assert own.std() == pytest.approx(wanted.std(), rel=0.2)
    # The control: a new subject, of whom nothing was measured, is far from it.
    new = bn.predict(others, held_out, kind="new")["CL"].to_numpy().ravel()
    wanted = joint.posterior["CL"].isel(subject=2).to_numpy().ravel()
    assert stats.ks_2samp(new, wanted).statistic > 0.3
