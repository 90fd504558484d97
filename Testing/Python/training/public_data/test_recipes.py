"""Each data set prepared: what its labels become in the cohort."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from imaging.samples import box_mask, oblique
from training.public_data import downloads
from training.public_data.cohorts import cells, cohort, file_of, image, prepared
from training.public_data.downloads import NODE_HIGH, NODE_LOW, OTHER_HIGH, OTHER_LOW, center_mm, save

from lnstation_training.cohorts.tables import read_cohort
from LNStationLib.case.from_files import load_case_folder
from LNStationLib.imaging.arrays import array_view
from LNStationLib.support.errors import InputError

pytestmark = pytest.mark.usefixtures("any_chest")


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
