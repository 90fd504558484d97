"""Synthetic patients as volumes: every organ in one map, stations with it, resumable and extendable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from typer.testing import CliRunner  # noqa: E402

from lnstation_training.cli import app  # noqa: E402
from lnstation_training.segmentation.classes import class_set  # noqa: E402
from lnstation_training.segmentation.folder import existing_samples, fold_of, spacing_of  # noqa: E402
from lnstation_training.segmentation.patients import CT, ORGANS, STATIONS, open_patient  # noqa: E402
from lnstation_training.synthetic import organ_patients  # noqa: E402
from lnstation_training.synthetic.organ_patients import (  # noqa: E402
    OrganCohort,
    as_volume,
    make_organ_cohort,
    make_patient,
    patient_plan,
)
from LNStationLib import anatomy  # noqa: E402
from LNStationLib.phantom.case import PhantomCase  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402


@pytest.fixture(scope="module")
def request_of_three(tmp_path_factory: pytest.TempPathFactory) -> OrganCohort:
    return OrganCohort(tmp_path_factory.mktemp("organs") / "cohort", patients=3, spacing_mm=(5.0, 5.0, 5.0))


@pytest.fixture(scope="module")
def made(request_of_three: OrganCohort) -> Path:
    organ_patients.claim_cohort(request_of_three)
    return make_patient(request_of_three, 1)


def test_a_patient_has_every_class_of_the_network_and_stations(made: Path) -> None:
    found = open_patient(made)
    classes = class_set("organs")
    present = set(classes.of_values()[np.unique(found.read(ORGANS).numpy())].tolist())
    # At 5 mm the smallest ones may vanish.
    assert len(present) >= len(classes) - 3
    stations = {row.label_value for row in anatomy.stations()}
    assert len(stations & set(found.read(STATIONS).unique().tolist())) >= 12
    assert found.annotated is None
    assert found.synthetic
    assert found.spacing_mm == (5.0, 5.0, 5.0)


def test_ct_and_organs_lie_on_each_other(made: Path) -> None:
    found = open_patient(made)
    ct, organs = found.read(CT).numpy(), found.read(ORGANS).numpy()

    def median(organ: str) -> float:
        return float(np.median(ct[organs == anatomy.organ(organ).label_value]))

    assert median("lung_lower_lobe_left") < -600
    assert median("spine") > 100
    assert median("trachea") < -500
    assert -50 < median("liver") < 200


def test_a_folder_is_prepared_data_before_its_patients_are_drawn(made: Path, request_of_three: OrganCohort) -> None:
    folder = request_of_three.folder
    assert [sample.path for sample in existing_samples(folder)] == [made]
    assert spacing_of(folder) == (5.0, 5.0, 5.0)
    assert len(fold_of(folder, 0).train) == 1


def test_a_stopped_cohort_draws_what_is_missing(
    made: Path, request_of_three: OrganCohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(organ_patients, "make_patient", lambda request, number: drawn.append(number))
    assert make_organ_cohort(request_of_three) == 2
    assert drawn == [2, 3]


def test_patients_of_both_cancers_and_all_phases_take_turns(request_of_three: OrganCohort) -> None:
    plans = [patient_plan(request_of_three, number) for number in range(1, 9)]
    assert {plan.preset for plan, _ in plans} == {"esophagus", "lung"}
    phases = [phase for _, phase in plans]
    assert phases.count("none") == len(phases) / 2
    assert {"venous", "arterial"} <= set(phases)


def test_another_grid_in_the_same_folder_is_refused(made: Path, request_of_three: OrganCohort) -> None:
    with pytest.raises(InputError, match="was prepared with other settings"):
        make_organ_cohort(OrganCohort(request_of_three.folder, 3, spacing_mm=(4.0, 4.0, 4.0)))


def test_a_phantom_keeps_the_grid_that_it_was_rendered_on(wide_patient: PhantomCase) -> None:
    volume = as_volume(wide_patient, "wide")
    assert volume.arrays[CT].shape == volume.arrays[ORGANS].shape == wide_patient.grid.shape


def test_senseless_requests_are_one_sentence(tmp_path: Path) -> None:
    for arguments, sentence in (
        (["--patients", "2"], "Give 3 patients or more"),
        (["--spacing", "2,2"], "give three numbers with commas"),
        (["--spacing", "0,2,2"], "must lie between"),
    ):
        result = CliRunner().invoke(app, ["cohort", "--for", "organs", "--out", str(tmp_path / "x"), *arguments])
        assert result.exit_code == 2
        assert sentence in " ".join(result.output.split())
