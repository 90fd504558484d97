"""Synthetic patients as a scanner shows them: finished CTs with parsed stations on a network's grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from lnstation_training.segmentation.folder import existing_samples  # noqa: E402
from lnstation_training.segmentation.patients import (  # noqa: E402
    CT,
    LOOK_ALIKE,
    NODE_KINDS,
    NODES,
    ORGANS,
    STATIONS,
    VISIBLE_NODE,
    VolumeFile,
    open_patient,
)
from lnstation_training.synthetic import scanned_patients  # noqa: E402
from lnstation_training.synthetic.organ_patients import (  # noqa: E402
    OrganCohort,
    claim_cohort,
    make_organ_cohort,
    make_patient,
    patient_plan,
)
from lnstation_training.synthetic.scanned_patients import SLICES_MM, as_scanned  # noqa: E402
from LNStationLib import anatomy  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402

SPACING_MM = (4.0, 3.0, 3.0)


@pytest.fixture(scope="module")
def request_of_three(tmp_path_factory: pytest.TempPathFactory) -> OrganCohort:
    return OrganCohort(tmp_path_factory.mktemp("scanned") / "cohort", 3, spacing_mm=SPACING_MM, scanned=True)


@pytest.fixture(scope="module")
def made(request_of_three: OrganCohort) -> VolumeFile:
    """A patient with pixels and a working grid as coarse as stations stand."""
    claim_cohort(request_of_three)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanned_patients, "PIXELS_MM", (2.5,))
        patch.setattr(scanned_patients, "SLICES_MM", (5.0,))
        coarse = scanned_patients.STATION_SETTINGS.model_copy(update={"working_spacing_mm": 3.0})
        patch.setattr(scanned_patients, "STATION_SETTINGS", coarse)
        return open_patient(make_patient(request_of_three, 3))


def test_all_arrays_lie_on_the_grid_of_the_network(made: VolumeFile, request_of_three: OrganCohort) -> None:
    assert np.allclose(made.spacing_mm, SPACING_MM)
    assert set(made.names) == {CT, ORGANS, STATIONS, NODES, NODE_KINDS}
    assert made.synthetic
    assert [sample.patient for sample in existing_samples(request_of_three.folder)] == [made.patient]


def test_nodes_lie_in_tissue_and_mostly_in_parsed_stations(made: VolumeFile) -> None:
    ct, kinds, stations = (made.read(name).numpy() for name in (CT, NODE_KINDS, STATIONS))
    nodes = kinds == VISIBLE_NODE
    assert nodes.any()
    assert (kinds == LOOK_ALIKE).any()
    assert -150 < np.median(ct[nodes]) < 150
    assert (stations[nodes] > 0).mean() > 0.5
    assert len(np.unique(stations)) > 12


def test_organs_are_those_that_were_seen(made: VolumeFile) -> None:
    ct, organs = made.read(CT).numpy(), made.read(ORGANS).numpy()
    assert np.median(ct[organs == anatomy.organ("trachea").label_value]) < -500
    assert (organs == anatomy.organ("esophagus").label_value).any()


def test_slices_and_phases_take_turns(request_of_three: OrganCohort) -> None:
    drawn = [(patient_plan(request_of_three, number), number) for number in range(1, 15)]
    plans = [as_scanned(plan, number, phase) for (plan, phase), number in drawn]
    assert {plan.spacing_mm[2] for plan in plans} == set(SLICES_MM)
    assert {plan.contrast for plan in plans} == {"none", "venous", "arterial"}
    assert not any(plan.has_pet for plan in plans)


def test_another_seed_in_the_same_folder_is_refused(made: VolumeFile, request_of_three: OrganCohort) -> None:
    with pytest.raises(InputError, match="was prepared with other settings"):
        make_organ_cohort(OrganCohort(request_of_three.folder, 4, seed=2, spacing_mm=SPACING_MM, scanned=True))


def test_the_command_names_its_settings(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from lnstation_training.cli import app

    result = CliRunner().invoke(app, ["cohort", "--for", "nodes", "--out", str(tmp_path / "x"), "--patients", "2"])
    assert result.exit_code == 2
    assert "Give 3 patients or more" in " ".join(result.output.split())
