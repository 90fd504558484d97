"""Public data prepared: from a downloaded folder to a cohort that everything else takes as it is."""

from __future__ import annotations

import csv
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
from training.public_data.downloads import NODE_HIGH, NODE_LOW, OTHER_HIGH, OTHER_LOW, center_mm, save

from lnstation_training.cohorts.info import cohort_info
from lnstation_training.cohorts.tables import CohortPatient, read_cohort
from lnstation_training.public_data import preparing, sheet
from lnstation_training.public_data.checking import check
from lnstation_training.public_data.preparing import Outcome, PrepareRequest, prepare
from lnstation_training.public_data.records import Acceptance
from lnstation_training.public_data.registry import RECIPES
from LNStationLib.batch.listing import cases_of_folder
from LNStationLib.case.from_files import load_case_folder
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.grid import working_grid
from LNStationLib.support.errors import InputError, OutputError

TERMS = Acceptance(license="any", url="https://example.org", accepted_on="2026-11-27")


@pytest.fixture(autouse=True)
def any_chest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images that need not look like chests."""
    monkeypatch.setattr("LNStationLib.case.check.check_thorax", lambda ct, name, warn: None)


def prepared(name: str, folder: Path, **options: Any) -> Outcome:
    return prepare(PrepareRequest(name, folder, folder.with_name("cohort"), TERMS, **options))


def cohort(folder: Path) -> list[CohortPatient]:
    """The cohort beside a folder, as the project's own reader reads it."""
    out = folder.with_name("cohort")
    return read_cohort(out / "patients.csv", None, out / "node_pathology.csv", ())


def cells(folder: Path, table: str = "patients") -> list[dict[str, str]]:
    with (folder.with_name("cohort") / f"{table}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def image(path: Path | None) -> sitk.Image:
    assert path is not None
    return sitk.ReadImage(str(path))


def file_of(folder: Path, column: str, row: int = 0) -> sitk.Image:
    return image(folder.with_name("cohort") / cells(folder)[row][column])


# Each data set


def test_nih_masks_are_some_of_the_nodes_and_lie_where_they_were_drawn(tmp_path: Path) -> None:
    folder, ct = tmp_path / "idc", downloads.ct()
    files, mask = downloads.add_study(folder, "MED_LYMPH_001", ct), downloads.nodes(ct, 1, 1)
    downloads.add_segmentation(files, mask, "Lymph node segmentations")
    assert prepared("ct_lymph_nodes", folder).left_out == []
    (patient,) = cohort(folder)
    assert (patient.patient, patient.nodes) == ("MED_LYMPH_001", None)
    assert center_mm(file_of(folder, "nodes_partial")) == pytest.approx(center_mm(mask))
    assert np.array_equal(array_view(image(patient.ct)), array_view(ct))
    assert image(patient.ct).GetSpacing() == pytest.approx(ct.GetSpacing())
    assert load_case_folder(patient.ct.parent).nodes is None


def test_refined_nih_masks_are_all_of_the_nodes_with_their_stations(tmp_path: Path) -> None:
    folder, labels, ct = tmp_path / "idc", tmp_path / "refined", downloads.ct()
    files = downloads.add_study(folder, "MED_LYMPH_007", ct)
    downloads.add_segmentation(files, box_mask(ct, NODE_LOW, NODE_HIGH), "Lymph node segmentations")
    save(downloads.nodes(ct), labels / "Pat7" / "pat7_labels_LymphNodes.nii.gz")
    (labels / "stations_nih.csv").write_text("Patient;Label;Station 1;Station 2\nPat7;1;4R;2R\nPat7;2;7L;\n")
    prepared("ct_lymph_nodes", folder, labels=labels)
    (patient,) = cohort(folder)
    assert patient.node_stations == {1: "4R", 2: "7"}
    assert center_mm(image(patient.nodes), 2) == pytest.approx(center_mm(downloads.nodes(ct), 2))
    assert [row["station_2"] for row in cells(folder, "node_pathology")] == ["2R", ""]


@pytest.mark.parametrize(
    "name",
    [
        "MED_LYMPH_007.nii.gz", "MED_LYMPH_007_labels_LymphNodes.nii.gz", "MED_LYMPH_007/labels_LymphNodes.nii.gz",
        "Pat7/pat7_labels_LymphNodes.nii.gz",
    ],
)  # fmt: skip
def test_refined_masks_are_known_under_several_names(tmp_path: Path, name: str) -> None:
    folder, labels = tmp_path / "idc", tmp_path / "refined"
    downloads.add_segmentation(downloads.add_study(folder, "MED_LYMPH_007"), downloads.nodes(downloads.ct()), "nodes")
    save(downloads.nodes(downloads.ct()), labels / name)
    prepared("ct_lymph_nodes", folder, labels=labels)
    assert cohort(folder)[0].nodes is not None


def test_a_refined_mask_that_lacks_nodes_is_of_some_of_them(tmp_path: Path) -> None:
    folder, labels, ct = tmp_path / "idc", tmp_path / "refined", downloads.ct()
    files = downloads.add_study(folder, "MED_LYMPH_006", ct)
    downloads.add_segmentation(files, box_mask(ct, NODE_LOW, NODE_HIGH), "Lymph node segmentations")
    save(downloads.nodes(ct), labels / "MED_LYMPH_006.nii.gz")
    prepared("ct_lymph_nodes", folder, labels=labels)
    (patient,) = cohort(folder)
    assert patient.nodes is None
    assert center_mm(file_of(folder, "nodes_partial"), 2) == pytest.approx(center_mm(downloads.nodes(ct), 2))
    assert "does not hold every node" in cells(folder, "notes")[0]["note"]


def test_the_collection_s_own_masks_do_not_pass_for_refined_ones(tmp_path: Path) -> None:
    folder, labels = tmp_path / "idc", tmp_path / "MED_ABD_LYMPH_MASKS"
    downloads.add_segmentation(downloads.add_study(folder, "MED_LYMPH_001"), downloads.nodes(downloads.ct()), "nodes")
    save(downloads.nodes(downloads.ct()), labels / "MED_LYMPH_001" / "MED_LYMPH_001_mask.nii.gz")
    with pytest.raises(InputError, match=r"masks of the collection itself \(MED_LYMPH_001_mask\.nii\.gz\)"):
        prepared("ct_lymph_nodes", folder, labels=labels)


@pytest.mark.parametrize(
    ("described", "column"), [("Fully Annotated", "nodes"), ("Partially Annotated", "nodes_partial")]
)
def test_the_series_description_says_whether_all_nodes_are_drawn(tmp_path: Path, described: str, column: str) -> None:
    folder, ct = tmp_path / "idc", downloads.ct()
    files = downloads.add_study(folder, "case_0002", ct)
    downloads.add_segmentation(files, box_mask(ct, NODE_LOW, NODE_HIGH), described)
    prepared("mediastinal_lymph_node_seg", folder)
    (row,) = cells(folder)
    assert [name for name in ("nodes", "nodes_partial") if row[name]] == [column]


def test_lynos_gives_a_station_to_every_node(tmp_path: Path) -> None:
    folder = tmp_path / "LyNoS"
    downloads.add_lynos(folder, 1)
    downloads.add_lynos(folder, 12)
    (folder / "stations_sto.csv").write_text(
        "Patient,Label,Primary,Secondary,Tertiary\nPat1,3,3aR,4R,12R\nPat1,5,12L,,\nPat1,9,7,,\nPat12,5,8L,7L,\n"
    )
    outcome = prepared("lynos", folder)
    first, second = cohort(folder)
    assert (first.node_stations, second.node_stations) == ({3: "3A"}, {5: "8"})
    assert [row["station_given"] for row in cells(folder, "node_pathology")] == ["3aR", "12L", "8L"]
    # What is no station of ours stays a word of the source.
    assert (first.node_further_stations, second.node_further_stations) == ({3: ("4R",)}, {5: ("7",)})
    assert [row["station_3_given"] for row in cells(folder, "node_pathology")] == ["12R", "", ""]
    assert [(row["patient"], row["what"]) for row in cells(folder, "left_out")] == [("Pat1", "node 9")]
    truth = downloads.nodes(downloads.ct(oblique()), 3, 5)
    assert center_mm(image(first.nodes), 5) == pytest.approx(center_mm(truth, 5), abs=1e-3)
    case = load_case_folder(first.ct.parent)
    assert (set(case.organ_masks), case.facts.cancer, outcome.patients) == ({"azygos_vein"}, "lung", 2)


def test_lynos_is_known_in_the_folder_of_zenodo_and_by_what_its_table_holds(tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    downloads.add_lynos(folder, 1, "Benchmark")
    table = "Volume;LN;First;Second;ml\n1;3;4R;2R;1.5\n1;5;7L;;0.3\n1;6;10R;;0.2\n2;3;4L;;0.7\n"
    (folder / "Benchmark" / "stations_sto.csv").write_text(table)
    prepared("lynos", folder)
    (patient,) = cohort(folder)
    assert (patient.patient, patient.node_stations) == ("Pat1", {3: "4R", 5: "7"})


@pytest.mark.parametrize("endings", [("_0000.nii.gz", "_seg.nii.gz"), (".nii.gz", "_seg.nrrd")])
def test_lnq_is_known_in_other_spellings(tmp_path: Path, endings: tuple[str, str]) -> None:
    folder = tmp_path / "lnq"
    for name in ("lnq2023_train_0001", "lnq2023_test_0001"):
        downloads.add_lnq(folder, name, endings)
    prepared("lnq2023", folder)
    filled = [(row["patient"], bool(row["nodes"]), bool(row["nodes_partial"])) for row in cells(folder)]
    assert sorted(filled) == [("lnq2023-test-0001", True, False), ("lnq2023-train-0001", False, True)]


def test_lnq_masks_for_training_are_some_of_the_nodes(tmp_path: Path) -> None:
    folder = tmp_path / "lnq"
    for name in ("lnq2023-train-0001", "lnq2023-val-0001"):
        downloads.add_lnq(folder, name)
    prepared("lnq2023", folder)
    partly, fully = cohort(folder)
    assert (partly.nodes, fully.nodes is not None) == (None, True)
    with_nodes = read_cohort(folder.with_name("cohort") / "patients_with_nodes.csv", None, None, ("nodes",))
    assert [one.patient for one in with_nodes] == ["lnq2023-val-0001"]
    truth = box_mask(downloads.ct(oblique()), NODE_LOW, NODE_HIGH)
    for mask in (file_of(folder, "nodes_partial"), image(fully.nodes)):
        assert center_mm(mask) == pytest.approx(center_mm(truth), abs=1e-3)


def test_autopet_keeps_lesions_on_the_grid_of_the_pet_and_says_where_there_are_none(tmp_path: Path) -> None:
    folder = tmp_path / "autopet"
    downloads.add_autopet(folder, "PETCT_0a", "first")
    downloads.add_autopet(folder, "PETCT_0a", "second")
    downloads.add_autopet(folder, "PETCT_0b", "only", lesions=False)
    prepared("autopet", folder)
    sick, well = cohort(folder)
    assert (sick.pet_units, image(sick.pet).GetSpacing()) == ("suvbw", pytest.approx((18.0, 16.0, 14.0)))
    assert int(array_view(image(sick.lesions)).sum()) == 4
    assert not array_view(image(well.lesions)).any()
    assert [(row["patient"], row["what"]) for row in cells(folder, "left_out")] == [("PETCT_0a", "study")]


def test_autopet_takes_the_earliest_study_and_its_cancer(tmp_path: Path) -> None:
    folder, late, early = tmp_path / "autopet", "01-30-2006-NA-PET-CT mit KM-1", "12-01-2005-NA-PET-CT mit KM-2"
    for study in (late, early):
        downloads.add_autopet(folder / "FDG-PET-CT-Lesions", "PETCT_0a", study)
    place = f"./FDG-PET-CT-Lesions/PETCT_0a/{early}/4.000000-Unknown-1"
    (folder / "home").mkdir()
    (folder / "home" / "fdg_metadata.csv").write_text(
        f"Series UID,Subject ID,File Location,diagnosis\n1.2,PETCT_0a,{place},LUNG_CANCER\n"
    )
    prepared("autopet", folder)
    content = json.loads((folder.with_name("cohort") / "provenance.json").read_text())
    assert content["patients"][0]["identifiers"]["study"] == early
    (row,), (patient,) = cells(folder), cohort(folder)
    assert (row["cancer"], load_case_folder(patient.ct.parent).facts.cancer) == ("lung", "lung")


def test_autopet_is_known_in_the_form_of_its_later_editions_without_psma(tmp_path: Path) -> None:
    folder = tmp_path / "autopet"
    downloads.add_autopet_pair(folder, "fdg_0a_12-01-2005-NA-PET-CT Ganzkoerper  mit KM-2")
    downloads.add_autopet_pair(folder, "psma_0b_2005-12-01")
    prepared("autopet", folder)
    (patient,) = cohort(folder)
    assert (patient.patient, patient.pet_units) == ("PETCT_0a", "suvbw")
    assert int(array_view(image(patient.lesions)).sum()) == 4
    assert [(row["patient"], row["why"]) for row in cells(folder, "left_out")] == [
        ("PSMA_0b", "its PET is of PSMA, not of FDG.")
    ]


@pytest.mark.parametrize("by", ["reports", "xml"])
def test_boxes_lie_on_the_slices_that_they_were_drawn_on(tmp_path: Path, by: str) -> None:
    folder, labels, ct = tmp_path / "idc", tmp_path / "Annotation", downloads.ct()
    files = downloads.add_study(folder, "Lung_Dx-G0001", ct)
    downloads.add_study(folder, "Lung_Dx-G0001", modality="PT")
    if by == "reports":
        downloads.add_report(files, OTHER_LOW, OTHER_HIGH)
    else:
        from pydicom import dcmread

        for k in range(OTHER_LOW[2], OTHER_HIGH[2]):
            uid = dcmread(files[k]).SOPInstanceUID
            downloads.voc(labels / "G0001" / f"{uid}.xml", OTHER_LOW, OTHER_HIGH)
    prepared("lung_pet_ct_dx", folder, labels=labels if by == "xml" else None)
    (row,), (patient,) = cells(folder), cohort(folder)
    assert (row["histology"], row["tumor"], row["cancer"]) == ("squamous cell", "", "lung")
    truth = box_mask(ct, OTHER_LOW, OTHER_HIGH)
    mask = file_of(folder, "tumor_box")
    assert np.count_nonzero(array_view(mask)) == np.count_nonzero(array_view(truth))
    assert center_mm(mask) == pytest.approx(center_mm(truth))
    assert patient.pet_units == "suvbw"


def test_structures_become_tumor_and_organs(tmp_path: Path) -> None:
    folder, ct, table = tmp_path / "idc", downloads.ct(), tmp_path / "clinical.csv"
    files = downloads.add_study(folder, "LUNG1-001", ct)
    downloads.add_structure_set(files, {"GTV-1": (NODE_LOW, NODE_HIGH), "Esophagus": (OTHER_LOW, OTHER_HIGH)})
    table.write_text("PatientID,clinical.T.Stage,clinical.N.Stage,Histology\nLUNG1-001,2,2,Large cell\n")
    prepared("nsclc_radiomics", folder, labels=table)
    (patient,), (row,) = cohort(folder), cells(folder)
    assert (patient.clinical_n_category, row["histology"]) == ("N2", "large cell")
    assert center_mm(image(patient.tumor)) == pytest.approx(center_mm(box_mask(ct, NODE_LOW, NODE_HIGH)))
    case = load_case_folder(patient.ct.parent)
    assert center_mm(case.organ_masks["esophagus"]) == pytest.approx(center_mm(box_mask(ct, OTHER_LOW, OTHER_HIGH)))


def test_challenge_organs_are_known_by_the_names_of_their_structures(tmp_path: Path) -> None:
    folder = tmp_path / "idc"
    files = downloads.add_study(folder, "LCTSC-Train-S1-001")
    boxes = {"Lung_L": (NODE_LOW, NODE_HIGH), "SpinalCord": (OTHER_LOW, OTHER_HIGH)}
    downloads.add_structure_set(files, boxes)
    prepared("lctsc", folder)
    (patient,) = cohort(folder)
    assert patient.organs is not None
    assert {path.name for path in patient.organs.iterdir()} == {"lung_left.nii.gz", "spinal_cord.nii.gz"}


def test_the_pet_ct_of_an_operated_patient_is_taken_with_the_n_category_of_the_table(tmp_path: Path) -> None:
    folder, table = tmp_path / "idc", tmp_path / "labels.csv"
    files = downloads.add_study(folder, "R01-001", study="1.2.1")
    tumor = box_mask(downloads.ct(), NODE_LOW, NODE_HIGH)
    downloads.add_segmentation(files, tumor, "3D Slicer segmentation result", ["tumor"])
    downloads.add_study(folder, "R01-001", study="1.2.2")
    downloads.add_study(folder, "R01-001", modality="PT", study="1.2.2")
    files = downloads.add_study(folder, "R01-002", study="1.2.3")
    downloads.add_segmentation(files, tumor, "3D Slicer segmentation result", ["tumor"])
    table.write_text(
        "Case ID,Pathological N stage,Tumor Location (choice=RUL),Tumor Location (choice=LLL),Histology \n"
        "R01-001,N1,Unchecked,Checked,Adenocarcinoma\nR01-002,Not Collected,Checked,Checked,\n"
    )
    prepared("nsclc_radiogenomics", folder, labels=table)
    first, second = cohort(folder)
    assert (first.n_category, first.tumor_side, first.pet is None, first.tumor) == ("N1", "L", False, None)
    assert (second.n_category, second.tumor_side, second.pet) == (None, None, None)
    assert center_mm(image(second.tumor)) == pytest.approx(center_mm(tumor))


def test_lesions_that_were_drawn_on_the_pet_are_taken(tmp_path: Path) -> None:
    folder = tmp_path / "idc"
    downloads.add_study(folder, "PETCT_0011f3deaf")
    files = downloads.add_study(folder, "PETCT_0011f3deaf", modality="PT")
    lesion = box_mask(downloads.ct(), NODE_LOW, NODE_HIGH)
    downloads.add_segmentation(files, lesion, "lesions", ["Lesion"])
    prepared("fdg_pet_ct_lesions", folder)
    (patient,) = cohort(folder)
    assert center_mm(image(patient.lesions)) == pytest.approx(center_mm(lesion))
    assert patient.pet_units == "suvbw"


def test_a_trial_without_labels_gives_the_earliest_pet_ct(tmp_path: Path) -> None:
    folder, patient = tmp_path / "idc", "ACRIN-NSCLC-FDG-PET-001"
    for study, date in (("1.2.1", "20020101"), ("1.2.2", "20010101")):
        for modality in ("CT", "PT"):
            downloads.add_study(folder, patient, None, modality, study, StudyDate=date)
    prepared("acrin_nsclc_fdg_pet", folder)
    content = json.loads((folder.with_name("cohort") / "provenance.json").read_text())
    assert content["patients"][0]["identifiers"]["study"] == "1.2.2"


@pytest.mark.parametrize("by", ["masks", "structures"])
def test_stations_of_atlases_become_a_label_map(tmp_path: Path, by: str) -> None:
    folder, ct = tmp_path / "atlases", downloads.ct()
    if by == "masks":
        save(ct, folder / "first" / "ct.nii.gz")
        save(box_mask(ct, NODE_LOW, NODE_HIGH), folder / "first" / "stations" / "station_7L.nii.gz")
    else:
        files = downloads.add_study(folder, "first", ct)
        downloads.add_structure_set(files, {"7L": (NODE_LOW, NODE_HIGH), "heart": (OTHER_LOW, OTHER_HIGH)})
    prepared("lynch_atlases", folder)
    (patient,) = cohort(folder)
    stations = image(patient.stations)
    (value,) = set(np.unique(array_view(stations))) - {0}
    assert center_mm(stations, value) == pytest.approx(center_mm(box_mask(ct, NODE_LOW, NODE_HIGH)), abs=1e-3)


# All of them


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
