"""The command ``atlases``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from stations.atlas_chest import schematic_atlas, schematic_patient, truth, written
from typer.testing import CliRunner

from LNStationLib.cli.app import app
from LNStationLib.phantom import atlas_patients
from LNStationLib.stations.atlas_registration.package import read_atlas

pytest.importorskip("picsl_greedy", reason="the package 'picsl-greedy' is not installed")


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["atlases", *map(str, arguments)], prog_name="lnstation", env={"COLUMNS": "200"})
    return result.exit_code, result.output


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """The schematic chest as a case folder with masks of its organs."""
    state, folder = schematic_patient(), tmp_path / "case"
    (folder / "organs").mkdir(parents=True)
    sitk.WriteImage(state.case.ct, str(folder / "ct.nii.gz"))
    for name in ("lung_left", "lung_right", "trachea", "spine", "aorta", "heart"):
        if name in state.organ_set:
            image = state.organ_set.grid.image(state.organ_set[name].mask)
            sitk.WriteImage(image, str(folder / "organs" / f"{name}.nii.gz"))
    return folder


def test_atlases_are_listed_with_what_cannot_be_used(tmp_path: Path) -> None:
    written(tmp_path, schematic_atlas())
    (tmp_path / "bad.zip").write_bytes(b"no zip")
    code, said = run("list", tmp_path)
    assert code == 0
    assert "schematic" in said
    assert "Cannot be used" in said


def test_an_atlas_is_built_from_a_case_and_its_stations(case: Path, tmp_path: Path) -> None:
    sitk.WriteImage(schematic_patient().organ_set.grid.image(truth()), str(tmp_path / "stations.nii.gz"))
    code, said = run(
        "build", case, "--stations", tmp_path / "stations.nii.gz", "--out", tmp_path / "mine.zip", "--title", "Mine",
        "--license", "CC0-1.0", "--made-from", "synthetic", "--working-spacing-mm", "3.5", "--spacing-mm", "3.5",
    )  # fmt: skip
    assert code == 0, said
    atlas = read_atlas(tmp_path / "mine.zip")
    assert (atlas.card.atlas_id, atlas.card.made_from) == ("mine", "synthetic")
    assert len(np.unique(atlas.stations)) > 10


def test_maps_of_every_station_are_written_on_the_ct_s_grid(case: Path, tmp_path: Path) -> None:
    written(tmp_path / "atlases", schematic_atlas())
    code, said = run(
        "maps", case, "--out", tmp_path / "maps", "--atlases", tmp_path / "atlases", "--working-spacing-mm", "3.5"
    )
    assert code == 0, said
    image = sitk.ReadImage(str(tmp_path / "maps" / "probability_4R.nii.gz"))
    assert image.GetSize() == schematic_patient().case.ct.GetSize()
    assert sitk.GetArrayFromImage(image).max() == pytest.approx(1.0)
    assert (tmp_path / "maps" / "weight_4R.nii.gz").is_file()


def test_a_synthetic_atlas_is_of_a_patient_without_nodes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(atlas_patients, "PIXEL_MM", 4.0)
    monkeypatch.setattr(atlas_patients, "ATLAS_PATIENTS", atlas_patients.ATLAS_PATIENTS[:1])
    code, said = run("synthetic", "--out", tmp_path, "--spacing-mm", "4")
    assert code == 0, said
    atlas = read_atlas(tmp_path / "synthetic-1.zip")
    assert (atlas.card.sex, atlas.card.license) == ("F", "Apache-2.0")
