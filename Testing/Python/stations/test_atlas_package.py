"""Atlas packages: written, read back, and refused where something is wrong with them."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from stations.atlas_chest import FACTS, schematic_atlas, schematic_patient, truth, written

from LNStationLib import anatomy
from LNStationLib.anatomy.station_names import station_named
from LNStationLib.imaging.grid import Grid
from LNStationLib.models.package.container import PackageError
from LNStationLib.state.organ_set import Organ, OrganSet, OrganSource
from LNStationLib.stations.atlas_registration import package as packages
from LNStationLib.stations.atlas_registration.folders import chosen_atlases, list_atlases
from LNStationLib.stations.atlas_registration.guides import GUIDES
from LNStationLib.stations.atlas_registration.package import CARD_FILE, read_atlas, read_card
from LNStationLib.stations.atlas_registration.station_files import read_stations
from LNStationLib.stations.atlas_registration.writing import make_atlas, write_atlas
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.reason import Reason


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An atlas as a folder, to be damaged."""
    package = written(tmp_path, schematic_atlas()) / "schematic.zip"
    with zipfile.ZipFile(package) as archive:
        archive.extractall(tmp_path / "atlas")
    return tmp_path / "atlas"


def changed_card(folder: Path, **values: object) -> None:
    card = json.loads((folder / CARD_FILE).read_text())
    (folder / CARD_FILE).write_text(json.dumps(card | values))


def changed_image(folder: Path, name: str, image: sitk.Image) -> None:
    """Another image with a card that has its hash: a faulty builder, not damage."""
    sitk.WriteImage(image, str(folder / packages.IMAGE_FILES[name]), useCompression=True)
    hashes = json.loads((folder / CARD_FILE).read_text())["sha256"]
    content = (folder / packages.IMAGE_FILES[name]).read_bytes()
    changed_card(folder, sha256=hashes | {name: packages.hashlib.sha256(content).hexdigest()})


def test_an_atlas_read_back_is_the_one_that_was_written(folder: Path) -> None:
    atlas, back = schematic_atlas(), read_atlas(folder)
    for one, other in ((atlas.hu, back.hu), (atlas.organs, back.organs), (atlas.stations, back.stations)):
        np.testing.assert_array_equal(one, other)
    assert back.grid.shape == atlas.grid.shape
    assert back.grid.origin_mm == pytest.approx(atlas.grid.origin_mm, abs=1e-3)
    assert (back.card.license, back.card.made_from) == ("CC0-1.0", "synthetic")
    assert {"lung_left", "lung_right", "trachea", "spine"} <= set(back.organ_masks())
    assert {"4R", "7", "8"} <= {row.name for row in anatomy.stations() if (back.stations == row.label_value).any()}


def test_a_changed_image_is_refused_by_its_hash(folder: Path) -> None:
    file = folder / "stations.nii.gz"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(PackageError, match=r"hash of stations.nii.gz"):
        read_atlas(folder)


@pytest.mark.parametrize("name", ["ct.nii.gz", CARD_FILE])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(PackageError, match=f"{name} is missing"):
        read_card(folder)


@pytest.mark.parametrize(
    ("values", "said"),
    [({"format": "other"}, "does not say"), ({"license": ""}, "license"), ({"atlas_id": "../x"}, "atlas_id")],
)
def test_a_faulty_card_is_refused(folder: Path, values: dict[str, object], said: str) -> None:
    changed_card(folder, **values)
    with pytest.raises(PackageError, match=said):
        read_card(folder)


def test_an_atlas_without_a_station_or_with_a_foreign_label_is_refused(folder: Path) -> None:
    atlas = schematic_atlas()
    changed_image(folder, "stations", atlas.grid.image(np.zeros_like(atlas.stations)))
    with pytest.raises(PackageError, match="holds no station"):
        read_atlas(folder)
    changed_image(folder, "stations", atlas.grid.image(np.full_like(atlas.stations, 99)))
    with pytest.raises(PackageError, match="unknown label 99"):
        read_atlas(folder)


def test_images_on_different_grids_are_refused(folder: Path) -> None:
    image = schematic_atlas().grid.image(schematic_atlas().organs)
    image.SetOrigin((0.0, 0.0, 0.0))
    changed_image(folder, "organs", image)
    with pytest.raises(PackageError, match=r"organs.nii.gz lies on another grid"):
        read_atlas(folder)


def test_a_file_that_unpacks_to_more_than_any_ct_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_MAX_IMAGE_BYTES", 1000)
    with pytest.raises(PackageError, match="larger than"):
        read_atlas(folder)


def test_a_zip_with_what_no_atlas_holds_is_refused(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
        archive.writestr("run.py", "print('hello')")
    with pytest.raises(PackageError, match="does not belong"):
        read_card(tmp_path / "more.zip")


def test_a_package_is_never_overwritten(tmp_path: Path) -> None:
    written(tmp_path, schematic_atlas())
    with pytest.raises(OutputError, match="is there already"):
        write_atlas(schematic_atlas(), tmp_path / "schematic.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["schematic.zip"]


def test_an_atlas_needs_stations_and_organs_and_takes_no_surrogate() -> None:
    state = schematic_patient()
    with pytest.raises(InputError, match="no station"):
        make_atlas(FACTS, state.case.ct, state.organ_set, np.zeros_like(truth()), 3.0)
    guessed = OrganSet(state.organ_set.grid)
    for name, organ in state.organ_set.items():
        guessed.add(Organ(name, organ.mask, OrganSource.SURROGATE, Reason("guess")))
    with pytest.raises(InputError, match="only 0 of the organs"):
        make_atlas(FACTS, state.case.ct, guessed, truth(), 3.0)


# Which atlases are used


def test_a_folder_s_atlases_are_used_and_a_faulty_one_is_named(folder: Path) -> None:
    assert chosen_atlases(str(folder.parent)) == [folder, folder.parent / "schematic.zip"]
    (folder / "ct.nii.gz").unlink()
    with pytest.raises(PackageError, match=r"ct.nii.gz is missing"):
        chosen_atlases(str(folder.parent))
    assert [one.card is None for one in list_atlases(folder.parent)] == [True, False]


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_place_without_an_atlas_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(PackageError, match="There is no atlas at"):
        chosen_atlases(str(tmp_path / name))


def test_a_user_s_own_atlases_come_before_the_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LNSTATION_DATA", str(tmp_path))
    assert len(chosen_atlases(None)) == 5
    written(tmp_path / "Atlases", schematic_atlas())
    assert [path.name for path in chosen_atlases(None)] == ["schematic.zip"]


def test_the_shipped_atlases_are_synthetic_whole_and_varied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LNSTATION_DATA", str(tmp_path))
    atlases = [read_atlas(path) for path in chosen_atlases(None)]
    assert {atlas.card.made_from for atlas in atlases} == {"synthetic"}
    assert sorted(atlas.card.sex for atlas in atlases) == ["F", "F", "M", "M", "M"]
    for atlas in atlases:
        assert set(atlas.organ_masks()) == set(GUIDES)
        assert set(np.unique(atlas.stations)) == {0, *(row.label_value for row in anatomy.stations())}


# Stations as others draw them


@pytest.mark.parametrize(
    ("text", "name"),
    [("4R", "4R"), ("station_4r", "4R"), ("LN 3a", "3A"), ("Level-11L", "11L"), ("7", "7"), ("case12_7", "7"),
     ("10 R", "10R"), ("3AL", "3A"), ("3pr", "3P"), ("7L", "7"), ("LN_8_R", "8"), ("11Rs", "11R"), ("4_left", "4L"),
     ("7 subcarinal", "7"), ("aorta", None), ("12R", None), ("4", None), ("5a", None), ("4Rx", None)],
)  # fmt: skip
def test_a_station_is_known_by_its_name_in_a_file_s(text: str, name: str | None) -> None:
    row = station_named(text)
    assert (row and row.name) == name


GRID = Grid((4, 5, 6), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))


def mask(z: int) -> np.ndarray:
    values = np.zeros(GRID.shape, np.uint8)
    values[z] = 1
    return values


def test_masks_in_a_folder_and_a_label_map_with_names_give_the_same_stations(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    for name, z in (("4R", 1), ("station_7", 2)):
        sitk.WriteImage(GRID.image(mask(z)), str(tmp_path / "masks" / f"{name}.nii.gz"))
    sitk.WriteImage(GRID.image(mask(1) * 20 + mask(2) * 30), str(tmp_path / "drawn.nii.gz"))
    (tmp_path / "drawn.json").write_text(json.dumps({"20": "4R", "30": "7"}))
    expected = mask(1) * anatomy.station("4R").label_value + mask(2) * anatomy.station("7").label_value
    for path in (tmp_path / "masks", tmp_path / "drawn.nii.gz"):
        np.testing.assert_array_equal(read_stations(path, GRID, str), expected)


def test_a_label_map_without_names_has_those_of_the_table_or_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "stations.nii.gz"
    sitk.WriteImage(GRID.image(mask(1) * anatomy.station("9").label_value), str(file))
    assert read_stations(file, GRID, str).max() == anatomy.station("9").label_value
    sitk.WriteImage(GRID.image(mask(1) * 77), str(file))
    with pytest.raises(InputError, match="value 77 is no station"):
        read_stations(file, GRID, str)


def test_a_mask_whose_name_holds_no_station_is_named(tmp_path: Path) -> None:
    sitk.WriteImage(GRID.image(mask(1)), str(tmp_path / "heart.nii.gz"))
    with pytest.raises(InputError, match="its name holds no station"):
        read_stations(tmp_path, GRID, str)


def test_an_id_that_is_no_file_name_is_refused() -> None:
    state = schematic_patient()
    with pytest.raises(ValueError, match="atlas_id"):
        make_atlas(replace(FACTS, atlas_id="No Name"), state.case.ct, state.organ_set, truth(), 3.0)
