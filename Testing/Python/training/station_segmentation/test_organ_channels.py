"""Organs of trained networks stored beside the truth, and read back as channels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from training.station_segmentation.drawn_volumes import SHAPE, write_volumes  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from lnstation_training.cli import app  # noqa: E402
from lnstation_training.segmentation.patients import open_patient, patient_path  # noqa: E402
from lnstation_training.tasks.station_segmentation import organ_channels as module  # noqa: E402
from lnstation_training.tasks.station_segmentation.organ_channels import (  # noqa: E402
    _with_parts,
    array_name,
    mean_organ_dice,
    members,
    out_of_fold,
    predict_channels,
)
from lnstation_training.tasks.station_segmentation.organ_sets import ORGANS  # noqa: E402
from LNStationLib.imaging.grid import Grid, scaled_grid  # noqa: E402
from LNStationLib.models.package import OrganSegmentation  # noqa: E402
from LNStationLib.models.runtime.segmentation import ClassProbabilities  # noqa: E402
from LNStationLib.sampling.volume import VolumeSpec  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402

CLASSES = ("background", *(name for name in ORGANS if name != "pulmonary_artery"), "pulmonary_trunk",
           "pulmonary_artery_left", "pulmonary_artery_right")  # fmt: skip


@dataclass(frozen=True)
class Finds:
    """As a segmenter: the esophagus wherever there is soft tissue, the pulmonary artery in three parts."""

    name: str = "one"

    @property
    def section(self) -> OrganSegmentation:
        parts = list(CLASSES[-3:])
        return OrganSegmentation(
            volumes={"all": VolumeSpec()}, classes={"all": list(CLASSES)}, organ_unions={"pulmonary_artery": parts}
        )


def answer(segmenter: Finds, ct: Any, extent: Grid) -> dict[str, ClassProbabilities]:
    """On a grid twice as fine, as a package with voxels of its own would answer."""
    fine, classes = scaled_grid(extent, (3.0, 3.0, 3.0)), tuple(segmenter.section.classes["all"])
    values = np.zeros((len(classes), *fine.shape), np.float16)
    values[classes.index("esophagus")] = 0.5
    for part in CLASSES[-3:]:
        values[classes.index(part)] = 0.1
    return {"all": ClassProbabilities(fine, classes, values)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "organ_probabilities", answer)
    return write_volumes(tmp_path / "volumes", stored=False)


def test_every_patient_gets_22_probabilities_on_its_own_grid_once(folder: Path) -> None:
    asked: list[str] = []

    def finds(patient: str) -> Any:
        asked.append(patient)
        return Finds()

    assert predict_channels(folder, "predicted", finds) == 6
    assert predict_channels(folder, "predicted", finds) == 0
    assert sorted(asked) == [f"P{number}" for number in range(6)]
    file = open_patient(patient_path(folder, "P0"))
    assert {array_name(name, "predicted") for name in ORGANS} <= set(file.names)
    middle = tuple(slice(2, -2) for _ in SHAPE)
    values = {name: file.read(array_name(name, "predicted")).numpy()[middle] for name in ORGANS}
    assert values["esophagus"] == pytest.approx(128, abs=1)
    assert values["pulmonary_artery"] == pytest.approx(0.3 * 255, abs=1)
    assert values["trachea"].max() == 0
    assert set(file.names) >= {"ct", "organs", "stations", "nodes"}


def test_two_sources_lie_beside_each_other(folder: Path) -> None:
    for source in ("predicted", "unstratified"):
        predict_channels(folder, source, lambda patient: Finds())
    names = open_patient(patient_path(folder, "P1")).names
    assert {"organ:trachea", "organ:unstratified:trachea"} <= set(names)


def test_how_well_organs_were_found_is_kept_by_patient(folder: Path) -> None:
    assert mean_organ_dice(folder, "predicted", ["P0"]) == {}
    predict_channels(folder, "predicted", lambda patient: Finds())
    dice = mean_organ_dice(folder, "predicted", ["P0", "P1"])
    # A box of 4 x 4 x 4 voxels, found everywhere.
    assert dice["esophagus"] == pytest.approx(2 * 64 / (64 + np.prod(SHAPE)), rel=0.15)
    assert dice["trachea"] == 0.0
    assert mean_organ_dice(folder, "true", ["P0"]) == {}


def test_a_patient_is_segmented_by_the_network_that_has_not_seen_it(folder: Path) -> None:
    of = out_of_fold(folder, {0: Finds("zero"), 1: Finds("one"), 2: Finds("two")})
    assert [of(f"P{number}").name for number in range(6)] == ["zero", "one", "two"] * 2
    with pytest.raises(InputError, match="give one for every fold"):
        out_of_fold(folder, {0: Finds()})("P1")


def test_a_network_without_an_organ_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = OrganSegmentation(volumes={"all": VolumeSpec()}, classes={"all": list(CLASSES)})
    monkeypatch.setattr(Finds, "section", few)
    with pytest.raises(InputError, match="does not find pulmonary_artery"):
        predict_channels(folder, "predicted", lambda patient: Finds())


def test_wholes_have_their_parts() -> None:
    assert set(members("pulmonary_artery")) >= {"pulmonary_trunk", "pulmonary_artery_left", "pulmonary_artery_right"}
    assert set(members("heart")) >= {"heart", "atrium_left", "atrial_appendage_left"}
    assert members("esophagus") == ("esophagus",)


def test_parts_that_a_label_map_holds_apart_belong_to_the_papers_organ() -> None:
    assert "manubrium" in members("sternum")
    assert "azygos_arch" in members("azygos_vein")
    assert set(members("pulmonary_vein")) >= {"inferior_pulmonary_vein_left", "inferior_pulmonary_vein_right"}


def test_a_part_that_a_network_gives_beside_the_whole_is_added_to_it() -> None:
    classes = (*CLASSES, "manubrium")
    assert _with_parts("sternum", (classes.index("sternum"),), classes) == [
        classes.index("sternum"),
        classes.index("manubrium"),
    ]
    assert _with_parts("trachea", (classes.index("trachea"),), classes) == [classes.index("trachea")]


def test_the_command_takes_one_package_or_one_for_each_fold(folder: Path) -> None:
    both = CliRunner().invoke(app, ["organ-channels", str(folder), "--model", "organs-ct", "--model", "0=organs-ct"])
    assert both.exit_code == 2
    assert "not both" in " ".join(both.output.split())
    done = CliRunner().invoke(app, ["organ-channels", str(folder), "--engine", "torch"])
    assert done.exit_code == 0, done.output
    assert "organs of 6 patients stored" in " ".join(done.output.split())
