from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest

import bnode_nlme as bn
from tests.distributions.problems import (
    V,
    bolus_study,
    one_compartment,
    two_output_study,
    two_outputs,
)

PARAMETERS = {"CL": 4.0, "V": V}


def likelihood(system=one_compartment, study=None, name="cp", **changed):
    study = bolus_study() if study is None else study
    given: dict[str, Any] = {"parameters": PARAMETERS, "error": bn.Additive(1.0)} | changed
    with pm.Model(coords=study.coords) as model:
        bn.NeuralODE(name, system, study, **given)
    return model


def dist(system=two_outputs, study=None, **changed):
    given: dict[str, Any] = {"parameters": PARAMETERS, "error": bn.Additive(1.0)} | changed
    return bn.NeuralODE.dist(system, two_output_study() if study is None else study, **given)


def test_pk_system_on_pkpd_data_is_refused_and_the_cure_works():
    study = bn.datasets.warfarin_pkpd().select(subjects=[1, 2])
    with pytest.raises(bn.TableError, match=r"study\.select\(outputs=") as refused:
        likelihood(study=study)
    of_pca = study.records.output == "pca"
    assert [p.row for p in refused.value.problems] == study.records.row[of_pca].tolist()
    assert {p.found for p in refused.value.problems} == {"'pca'"}
    model = likelihood(study=study.select(outputs=["cp"]))
    assert len(model.coords["cp_observation"]) == np.sum(study.records.output == "cp")


def test_log_normal_error_lists_the_values_that_it_cannot_produce():
    study = bn.datasets.warfarin_pkpd().select(outputs=["cp"])
    with pytest.raises(bn.TableError, match="above 0") as refused:
        likelihood(study=study, error=bn.LogNormalError(0.1))
    records = study.records
    wanted = records.row[(records.value <= 0.0) & (records.output == "cp")]
    assert len(wanted)
    assert [p.row for p in refused.value.problems] == wanted.tolist()


def test_study_without_measurements():
    study = two_output_study().select(outputs=["amount"])
    with pytest.raises(ValueError, match=r"holds no measurement of 'cp'.*bn\.simulate"):
        likelihood(two_outputs, study)


@pytest.mark.parametrize("error", [0.5, "additive", bn.Additive, None])
def test_wrong_error(error):
    with pytest.raises(ValueError, match=r"error= wants a residual error model.*error=Additive"):
        likelihood(error=error)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "conc"}, r"outputs \('cp', 'amount'\) as its own name or output=; found 'conc'"),
        ({"output": "pca"}, r"outputs \('cp', 'amount'\).*found 'pca'"),
    ],
)
def test_unknown_output(given, message):
    with pytest.raises(ValueError, match=message):
        likelihood(two_outputs, two_output_study(), **given)


def test_a_name_of_ones_own_where_there_is_one_output():
    assert "concentration" in likelihood(name="concentration").named_vars


def test_dist_wants_to_know_which_output():
    with pytest.raises(ValueError, match=r"\('cp', 'amount'\) as output=; found none"):
        dist()


def test_dist_knows_its_options():
    with pytest.raises(TypeError, match="unexpected keyword argument 'tolerance'"):
        dist(output="cp", tolerance=1e-3)
    with pytest.raises(ValueError, match="rtol"):
        dist(output="cp", rtol=-1.0)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"CL": 4.0}, "missing 'V'"),
        ({"CL": 4.0, "V": V, "ka": 1.0}, "unknown 'ka'"),
        ({"CL": np.ones(3), "V": V}, r"2 subjects.*\(3,\)"),
    ],
)
def test_parameters_that_do_not_fit(parameters, message):
    with pytest.raises(ValueError, match=message):
        likelihood(parameters=parameters)


def test_error_parameter_of_the_wrong_length():
    with pytest.raises(ValueError, match=r"sigma= of Additive wants .* the 6 measurements.*\(5,\)"):
        likelihood(error=bn.Additive(np.ones(5)))
    with pytest.raises(ValueError, match=r"proportional= of Combined .*\(6, 1\)"):
        likelihood(error=bn.Combined(1.0, np.ones((6, 1))))
    assert likelihood(error=bn.Additive(np.ones(6))).basic_RVs


def test_parameters_of_another_number_of_subjects_are_seen_before_they_are_read():
    unknown = pt.vector("CL")
    density = pm.logp(
        dist(one_compartment, bolus_study(), parameters={"CL": unknown, "V": V}), np.ones(6)
    )
    with pytest.raises((ValueError, AssertionError), match=r"2|shape|subjects"):
        density.eval({unknown: np.ones(5)})


def test_outside_a_model():
    with pytest.raises(TypeError, match="No model on context stack"):
        bn.NeuralODE(
            "cp", one_compartment, bolus_study(), parameters=PARAMETERS, error=bn.Additive(1.0)
        )


def test_errors_by_output_that_contradict():
    study = two_output_study()
    with pytest.raises(ValueError, match=r"output= and a mapping as error= contradict"):
        likelihood(two_outputs, study, error={"cp": bn.Additive(1.0)}, output="cp")
    with pytest.raises(ValueError, match=r"outputs \('cp', 'amount'\).*found 'pca'"):
        likelihood(two_outputs, study, error={"pca": bn.Additive(1.0)})
    with pytest.raises(ValueError, match="error= is an empty mapping"):
        likelihood(two_outputs, study, error={})


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (bn.Additive(), r"sigma= of Additive has no value.*sigma=pm\.HalfNormal.*bn\.NLME"),
        (bn.Additive("small"), r"sigma= of Additive wants a number or a PyTensor variable.*small"),
        (bn.StudentT(bn.Additive(1.0)), r"nu= of StudentT has no value"),
    ],
)
def test_error_parameters_that_are_no_values(error, message):
    with pytest.raises(ValueError, match=message):
        likelihood(error=error)


def test_values_that_an_outcome_cannot_produce():
    with pytest.raises(bn.TableError, match="a count: 0, 1, 2") as refused:
        likelihood(error=bn.Poisson())
    assert len(refused.value.problems) == 6
