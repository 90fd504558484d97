"""Cohort tables: read, and every fault named with its line and column."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lnstation_training.cohorts.errors import CohortError
from lnstation_training.cohorts.info import cohort_info
from lnstation_training.cohorts.tables import read_cohort

PATIENTS = "patient,ct,stations,nodes,tumor_side,n_category\nP1,ct1.nii,s1.nii,n1.nii,R,N2\nP2,ct2.nii,s2.nii,,,\n"
PATHOLOGY = "patient,station,nodes_taken,nodes_positive\nP1,4R,3,1\nP1,7,2,0\nP2,8,1,0\n"


def tables(folder: Path, patients: str = PATIENTS, pathology: str = PATHOLOGY) -> tuple[Path, Path]:
    for name in ("ct1", "s1", "n1", "ct2", "s2"):
        (folder / f"{name}.nii").touch()
    (folder / "patients.csv").write_text(patients, encoding="utf-8")
    (folder / "pathology.csv").write_text(pathology, encoding="utf-8")
    return folder / "patients.csv", folder / "pathology.csv"


def test_a_station_is_positive_with_one_positive_node_and_unlabeled_where_not_dissected(tmp_path: Path) -> None:
    first, second = read_cohort(*tables(tmp_path))
    assert (first.label("4R"), first.label("7"), first.label("2R")) == (1, 0, None)
    assert (second.label("8"), second.label("7")) == (0, None)


def test_optional_columns_and_cells_may_be_missing(tmp_path: Path) -> None:
    first, second = read_cohort(*tables(tmp_path))
    assert (first.tumor_side, first.n_category, first.nodes) == ("R", "N2", tmp_path / "n1.nii")
    assert (second.tumor_side, second.n_category, second.nodes) == (None, None, None)
    only = "patient,ct,stations\nP1,ct1.nii,s1.nii\nP2,ct2.nii,s2.nii\n"
    assert read_cohort(*tables(tmp_path, only))[0].nodes is None


def test_a_byte_order_mark_blank_lines_and_spaces_do_no_harm(tmp_path: Path) -> None:
    messy = "\ufeff" + PATIENTS.replace("P1,", " P1 ,") + "\n,,,,,\n"
    assert [row.patient for row in read_cohort(*tables(tmp_path, messy))] == ["P1", "P2"]


PATIENT_FAULTS = {
    "missing columns": ("patient,ct\nP1,ct1.nii\n", "patients.csv: has no column stations"),
    "duplicate": (PATIENTS + "P1,ct1.nii,s1.nii,,,\n", "line 4, column patient: P1 is already in the table"),
    "no file": (PATIENTS.replace("ct2", "ct9"), "line 3, column ct: ct9.nii does not exist"),
    "no station map": (PATIENTS.replace("s2.nii", ""), "line 3, column stations: is empty"),
    "side": (
        PATIENTS.replace(",R,", ",right,"),
        "line 2, column tumor_side: 'right' is not L or R; leave",
    ),
    "category": (PATIENTS.replace("N2", "2"), "line 2, column n_category: '2' is not N0, N1, N2 or N3"),
    "path as a name": (PATIENTS.replace("P2", "../P2"), "cannot name a file"),
    "nobody": ("patient,ct,stations\n", "has no patients"),
    "empty": ("", "has no column patient, ct, stations"),
}


@pytest.mark.parametrize("fault", PATIENT_FAULTS)
def test_a_fault_in_the_patients_is_named_with_line_and_column(fault: str, tmp_path: Path) -> None:
    table, words = PATIENT_FAULTS[fault]
    with pytest.raises(CohortError) as caught:
        read_cohort(*tables(tmp_path, table))
    assert words in str(caught.value)


PATHOLOGY_FAULTS = {
    "missing columns": ("patient,station\nP1,7\n", "pathology.csv: has no column nodes_taken, nodes_positive"),
    "unknown patient": (PATHOLOGY + "P9,7,1,0\n", "line 5, column patient: 'P9' is not in the table of patients"),
    "unknown station": (PATHOLOGY + "P1,4X,1,0\n", "line 5, column station: unknown station '4X'"),
    "twice": (PATHOLOGY + "P1,4R,1,0\n", "line 5, column station: 4R of patient P1 is already in the table"),
    "not a number": (
        PATHOLOGY.replace("3,1", "three,1"),
        "line 2, column nodes_taken: 'three' is not a whole",
    ),
    "more positive than taken": (
        PATHOLOGY.replace("3,1", "1,3"),
        "column nodes_positive: 3 of 1 nodes positive is",
    ),
    "none taken": (PATHOLOGY.replace("2,0", "0,0"), "leave out a station that was not dissected"),
    "negative": (PATHOLOGY.replace("3,1", "3,-1"), "is impossible"),
}


@pytest.mark.parametrize("fault", PATHOLOGY_FAULTS)
def test_a_fault_in_the_pathology_is_named_with_line_and_column(fault: str, tmp_path: Path) -> None:
    table, words = PATHOLOGY_FAULTS[fault]
    with pytest.raises(CohortError) as caught:
        read_cohort(*tables(tmp_path, pathology=table))
    assert words in str(caught.value)


def test_all_faults_are_listed_at_once_but_not_without_end(tmp_path: Path) -> None:
    rows = "".join(f"P{number},gone.nii,s1.nii,,,\n" for number in range(10, 40))
    with pytest.raises(CohortError) as caught:
        read_cohort(*tables(tmp_path, PATIENTS + rows))
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "... and 10 more"


def test_a_missing_or_binary_table_is_named(tmp_path: Path) -> None:
    patients, pathology = tables(tmp_path)
    with pytest.raises(CohortError, match=r"none\.csv cannot be read"):
        read_cohort(tmp_path / "none.csv", pathology)
    patients.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CohortError, match="not a CSV table in UTF-8"):
        read_cohort(patients, pathology)


# All that a table can carry


WHOLE = (
    "patient,ct,pet,pet_units,stations,organs,tumor,nodes,tumor_side,n_category\n"
    "P1,ct1.nii,pet1.nii,suvbw,s1.nii,organs1,t1.nii,n1.nii,R,N2\n"
    "P2,ct2.nii,,,,,,,,\n"
)
NODES = "patient,node,metastatic,station\nP1,1,1,4R\nP1,2,0,\n"


def whole_tables(folder: Path, patients: str = WHOLE, nodes: str = NODES) -> tuple[Path, Path, Path]:
    for name in ("pet1.nii", "t1.nii"):
        (folder / name).touch()
    (folder / "organs1").mkdir(exist_ok=True)
    (folder / "node_pathology.csv").write_text(nodes, encoding="utf-8")
    return *tables(folder, patients), folder / "node_pathology.csv"


def test_a_node_may_have_a_station_and_no_status(tmp_path: Path) -> None:
    first, _ = read_cohort(*whole_tables(tmp_path, nodes=NODES + "P1,3,,7\n"), needs=())
    assert first.node_status == {1: True, 2: False}
    assert first.node_stations == {1: "4R", 3: "7"}


def test_a_table_carries_masks_of_every_kind_and_labels_of_patients_stations_and_nodes(tmp_path: Path) -> None:
    first, second = read_cohort(*whole_tables(tmp_path), needs=())
    assert (first.pet, first.pet_units) == (tmp_path / "pet1.nii", "suvbw")
    assert (first.organs, first.tumor) == (tmp_path / "organs1", tmp_path / "t1.nii")
    assert (first.n_category, first.label("4R"), first.node_status) == ("N2", 1, {1: True, 2: False})
    assert (second.pet, second.stations, second.tumor, second.node_status) == (None, None, None, {})


def test_what_a_task_needs_is_a_fault_where_it_is_empty(tmp_path: Path) -> None:
    files = whole_tables(tmp_path)
    with pytest.raises(CohortError, match=r"^patients.csv, line 3, column pet: is empty$"):
        read_cohort(*files, needs=("pet",))
    with pytest.raises(CohortError, match="no table of node pathology, and this task needs it"):
        read_cohort(files[0], files[1], needs=("node_pathology",))
    with pytest.raises(CohortError, match=r"patients\.csv: has no column tumor"):
        read_cohort(*tables(tmp_path), needs=("tumor",))


NODE_FAULTS = {
    "unknown patient": (NODES + "P9,1,0,\n", "line 4, column patient: 'P9' is not in the table of patients"),
    "twice": (NODES + "P1,2,1,\n", "line 4, column node: 2 of patient P1 is already in the table"),
    "neither 0 nor 1": (NODES.replace("2,0", "2,5"), "line 3, column metastatic: '5': "),
    "background": (NODES.replace("P1,1,1", "P1,0,1"), "line 2, column node: '0': "),
    "unknown station": (NODES.replace("4R", "4X"), "line 2, column station: unknown station '4X'"),
}


@pytest.mark.parametrize("fault", NODE_FAULTS)
def test_a_fault_in_the_nodes_is_named_with_line_and_column(fault: str, tmp_path: Path) -> None:
    table, words = NODE_FAULTS[fault]
    with pytest.raises(CohortError) as caught:
        read_cohort(*whole_tables(tmp_path, nodes=table), needs=())
    assert words in str(caught.value)


def test_unknown_pet_units_are_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="line 2, column pet_units: 'SUV' is not suvbw or bqml"):
        read_cohort(*whole_tables(tmp_path, WHOLE.replace("suvbw", "SUV")), needs=())


def test_tables_of_before_are_read(tmp_path: Path) -> None:
    """Written by ``train cohort`` before tables could carry PET, organs, tumor and node labels."""
    folder = tmp_path / "cohort"
    shutil.copytree(Path(__file__).parent / "tables_before_2026_11", folder)
    for number, kinds in ((1, ("ct", "stations", "nodes")), (2, ("ct", "stations"))):
        images = folder / "images" / f"esophagus-1-0000{number}"
        images.mkdir(parents=True)
        for kind in kinds:
            (images / f"{kind}.nii.gz").touch()
    first, second = read_cohort(folder / "patients.csv", folder / "pathology.csv", needs=("stations", "pathology"))
    assert (first.n_category, first.label("7"), first.label("2R"), first.label("8")) == ("N1", 1, 0, None)
    assert (second.nodes, second.label("8")) == (None, 0)
    info = cohort_info(folder / "patients.csv", folder / "pathology.csv", None)
    assert (info.synthetic, info.title) == (True, "Synthetic patients (esophagus)")


def test_a_cell_that_holds_a_page_is_not_quoted_whole(tmp_path: Path) -> None:
    patients = PATIENTS.replace("P1,", "x" * 5000 + " y,", 1)
    assert patients != PATIENTS
    with pytest.raises(CohortError) as caught:
        read_cohort(*tables(tmp_path, patients))
    assert max(map(len, str(caught.value).splitlines())) < 500
