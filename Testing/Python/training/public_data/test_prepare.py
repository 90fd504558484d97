"""Public data prepared: from a downloaded folder to a cohort that everything else takes as it is."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from imaging.samples import box_mask, oblique
from training.public_data import downloads
from training.public_data.cohorts import TERMS, cells, cohort, image, prepared
from training.public_data.downloads import NODE_HIGH, NODE_LOW, OTHER_HIGH, OTHER_LOW, center_mm

from lnstation_training.cohorts.info import cohort_info
from lnstation_training.public_data import preparing, sheet
from lnstation_training.public_data.checking import check
from lnstation_training.public_data.preparing import PrepareRequest, prepare
from lnstation_training.public_data.registry import RECIPES
from LNStationLib.batch.listing import cases_of_folder
from LNStationLib.imaging.grid import working_grid
from LNStationLib.support.errors import InputError, OutputError

pytestmark = pytest.mark.usefixtures("any_chest")


def small(folder: Path, patients: int = 2) -> Path:
    for number in range(1, patients + 1):
        downloads.add_lnq(folder, f"lnq2023-val-{number:04d}")
    return folder


def test_every_recipe_refuses_another_folder_in_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "notes.txt").write_text("nothing of use")
    for recipe in RECIPES:
        with pytest.raises(InputError) as refusal:
            prepare(PrepareRequest(recipe.facts.name, folder, tmp_path / recipe.facts.name, TERMS))
        assert str(folder) in str(refusal.value)
        assert "\n" not in str(refusal.value)
        assert not (tmp_path / recipe.facts.name / "patients.csv").exists()


def test_every_recipe_states_its_terms_and_what_is_labeled() -> None:
    names = [recipe.facts.name for recipe in RECIPES]
    assert len(set(names)) == len(names)
    for facts in (recipe.facts for recipe in RECIPES):
        assert facts.license.url.startswith("https://")
        said = (facts.license.name, facts.patients, facts.size, facts.holds, facts.converted, facts.checked)
        assert all((*said, facts.cite))


def test_a_broken_patient_is_named_and_the_others_are_done(tmp_path: Path) -> None:
    folder = small(tmp_path / "lnq", 3)
    broken = folder / "train" / "lnq2023-val-0002-ct.nrrd"
    broken.write_bytes(broken.read_bytes()[:400])
    outcome = prepared("lnq2023", folder)
    assert (outcome.patients, [one.patient for one in outcome.left_out]) == (2, ["lnq2023-val-0002"])
    (row,) = cells(folder, "left_out")
    assert "damaged or incomplete NRRD file" in row["why"]
    assert not (folder.with_name("cohort") / "cases" / "lnq2023-val-0002").exists()


def test_a_broken_dicom_patient_is_named_and_the_others_are_done(tmp_path: Path) -> None:
    folder, ct = tmp_path / "idc", downloads.ct()
    drawn = []
    for patient in ("case_0001", "case_0002", "case_0003", "OTHER-1"):
        files = downloads.add_study(folder, patient, ct)
        drawn.append(downloads.add_segmentation(files, downloads.nodes(ct, 1, 1), "Fully Annotated"))
    drawn[0].write_bytes(drawn[0].read_bytes()[:-1500])
    drawn[1].unlink()
    outcome = prepared("mediastinal_lymph_node_seg", folder)
    assert [one.patient for one in cohort(folder)] == ["case_0003"]
    why = {one.patient: one.why for one in outcome.left_out}
    assert why["case_0001"].startswith("nodes object.dcm: ")
    assert why["case_0002"] == "it has no labels (SEG): download them too."
    assert why[""] == "its Patient ID is none of Mediastinal Lymph Node SEG (case_0002)."


@pytest.mark.parametrize(
    ("raised", "why"),
    [
        (PermissionError(13, "Permission denied", "/elsewhere"), "a file cannot be read (Permission denied)"),
        (KeyError("odd"), "Defect in LNStation (KeyError): run train --debug data prepare"),
    ],
)
def test_what_one_patient_meets_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception, why: str
) -> None:
    folder, write = small(tmp_path / "lnq"), preparing.write_images

    def fails(case: Any, images: Any, unfinished: Path) -> dict[str, str]:
        if unfinished.name.endswith("0001"):
            raise raised
        return write(case, images, unfinished)

    monkeypatch.setattr(preparing, "write_images", fails)
    outcome = prepared("lnq2023", folder)
    assert (outcome.patients, outcome.left_out[0].why.startswith(why)) == (1, True)


def test_a_full_disk_stops_everything_with_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = small(tmp_path / "lnq")

    def full(case: Any, images: Any, unfinished: Path) -> dict[str, str]:
        raise OSError(errno.ENOSPC, "No space left on device", str(unfinished / "ct.nii.gz"))

    monkeypatch.setattr(preparing, "write_images", full)
    with pytest.raises(OutputError, match=r"No space is left in .*cohort: free some or choose another folder"):
        prepared("lnq2023", folder)


def test_a_sheet_shows_labels_along_the_patients_axes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, seen = small(tmp_path / "lnq", 1), dict[str, Any]()
    prepared("lnq2023", folder)
    monkeypatch.setattr(sheet, "_GRID_MM", 10.0)
    monkeypatch.setattr(sheet.Figure, "savefig", lambda figure, path, dpi: seen.update(axes=figure.axes))
    assert sheet.draw_sheet(folder.with_name("cohort"), tmp_path / "sheet.png") == 1
    axial = seen["axes"][0]
    ct = downloads.ct(oblique())
    grid = working_grid(ct, 10.0)
    _, y, x = grid.index(tuple(center_mm(box_mask(ct, NODE_LOW, NODE_HIGH))))
    outline = np.concatenate([path.vertices for path in axial.collections[0].get_paths()])
    assert outline.mean(axis=0) == pytest.approx((x, y), abs=1.0)


def test_nothing_but_broken_patients_is_an_error_with_a_table(tmp_path: Path) -> None:
    folder = small(tmp_path / "lnq", 1)
    (folder / "train" / "lnq2023-val-0001-ct.nrrd").write_bytes(b"NRRD0004\n")
    with pytest.raises(
        InputError, match=r"no patient could be used \(the first, lnq2023-val-0001: .*\): .*left_out\.csv names all"
    ):
        prepared("lnq2023", folder)
    assert len(cells(folder, "left_out")) == 1


def test_finished_patients_are_converted_again_only_where_their_files_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = small(tmp_path / "lnq")
    assert prepared("lnq2023", folder).converted == 2
    assert prepared("lnq2023", folder).converted == 0
    mask = folder / "train" / "lnq2023-val-0002-seg.nrrd"
    sitk.WriteImage(box_mask(sitk.ReadImage(str(mask)), OTHER_LOW, OTHER_HIGH), str(mask))
    assert prepared("lnq2023", folder).converted == 1
    truth = box_mask(downloads.ct(oblique()), OTHER_LOW, OTHER_HIGH)
    assert center_mm(image(cohort(folder)[1].nodes)) == pytest.approx(center_mm(truth), abs=1e-3)


def test_a_run_that_was_cut_off_leaves_whole_patients_and_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, write = small(tmp_path / "lnq"), preparing.write_images

    def cut_off(case: Any, images: Any, unfinished: Path) -> dict[str, str]:
        names = write(case, images, unfinished)
        if unfinished.name.endswith("0002"):
            raise KeyboardInterrupt
        return names

    with monkeypatch.context() as patch:
        patch.setattr(preparing, "write_images", cut_off)
        with pytest.raises(KeyboardInterrupt):
            prepared("lnq2023", folder)
    out = folder.with_name("cohort")
    assert [path.name for path in (out / "cases").iterdir()] == ["lnq2023-val-0001"]
    assert not (out / ".unfinished").exists()
    outcome = prepared("lnq2023", folder)
    assert (outcome.patients, outcome.converted) == (2, 1)


def test_the_prepared_folder_says_where_it_comes_from_and_is_checked(tmp_path: Path) -> None:
    folder = small(tmp_path / "lnq")
    prepared("lnq2023", folder)
    out = folder.with_name("cohort")
    content = json.loads((out / "provenance.json").read_text())
    assert content["accepted"] == TERMS.model_dump()
    assert {label["coverage"] for label in content["labels"]} == {"some", "all"}
    assert str(tmp_path) not in (out / "provenance.json").read_text()
    assert cohort_info(out / "patients.csv", None, None).synthetic is False
    assert check(out).faults == []
    (out / "cases" / "lnq2023-val-0001" / "nodes.nii.gz").unlink()
    (out / "patients.csv").write_text("patient,ct\n")
    assert check(out).faults == ["patients.csv has changed.", "cases/lnq2023-val-0001/nodes.nii.gz is missing."]


def test_batch_takes_the_case_folders_as_they_are(tmp_path: Path) -> None:
    folder = small(tmp_path / "lnq")
    prepared("lnq2023", folder)
    cases = cases_of_folder(folder.with_name("cohort") / "cases")
    assert [case.case_id for case in cases] == ["lnq2023-val-0001", "lnq2023-val-0002"]
    assert all(case.source is not None for case in cases)


def test_terms_must_be_accepted(tmp_path: Path) -> None:
    folder = small(tmp_path / "lnq", 1)
    with pytest.raises(InputError, match=r"under its license .*lnq2023\.grand-challenge\.org.*--accept-license"):
        prepare(PrepareRequest("lnq2023", folder, tmp_path / "out"))


REFUSED: dict[str, Callable[[Path], Any]] = {
    "not empty": lambda out: (out / "thesis.txt").write_text("mine"),
    "holds a cohort of lynos": lambda out: (out / "provenance.json").write_text(
        json.dumps(
            {
                "recipe": "lynos", "title": "", "accepted": TERMS.model_dump(), "dois": [], "lnstation": "",
                "labels": [], "tables_sha256": {}, "patients": [],
            }
        )
    ),
}  # fmt: skip


@pytest.mark.parametrize("reason", REFUSED)
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, reason: str) -> None:
    folder, out = small(tmp_path / "lnq", 1), tmp_path / "cohort"
    out.mkdir()
    REFUSED[reason](out)
    with pytest.raises(OutputError, match=reason):
        prepared("lnq2023", folder)
