"""N category and stations of a table that cannot both be true: the row is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from lnstation_training.cohorts.errors import CohortError
from lnstation_training.cohorts.tables import CohortPatient, read_cohort

HEADER = "patient,ct,tumor_side,clinical_n_category,clinical_stations,n_category"


def read(folder: Path, row: str, pathology: str = "") -> CohortPatient:
    (folder / "ct.nii").touch()
    (folder / "patients.csv").write_text(f"{HEADER}\nP1,ct.nii,{row}\n", encoding="utf-8")
    table = None
    if pathology:
        table = folder / "pathology.csv"
        table.write_text(f"patient,station,nodes_taken,nodes_positive\n{pathology}\n", encoding="utf-8")
    return read_cohort(folder / "patients.csv", table, needs=())[0]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            "R,N1,4R,",
            "patient P1, column clinical_n_category: N1 contradicts positive stations 4R: with a tumor of the",
        ),
        ("L,N2,4R,", "left lung they give N3"),
        ("R,N2,none,", "N2 contradicts no positive station"),
        ("R,N0,7 10R,", "N0 contradicts positive stations 7 and 10R"),
        ("both,N0,none,", "column tumor_side: 'both' is not L or R"),
        ("R,N2,4X,", "unknown station '4X'"),
    ],
)
def test_a_contradiction_is_refused_with_its_row(tmp_path: Path, row: str, words: str) -> None:
    with pytest.raises(CohortError) as caught:
        read(tmp_path, row)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "row",
    # 8 may lie on the other side; 1R is N3 by TNM and N2 by the paper; without a side nothing can be said.
    ["R,N2,8,", "R,N3,8,", "R,N3,1R,", "R,N2,1R,", ",N1,4R,", "R,,4R,", "R,N3,,", "R,N0,none,"],
)
def test_what_can_be_true_is_read(tmp_path: Path, row: str) -> None:
    assert read(tmp_path, row).patient == "P1"


def test_no_positive_station_is_known_and_an_empty_cell_is_not(tmp_path: Path) -> None:
    none, empty, two = (read(tmp_path, row) for row in ("R,N0,none,", "R,N0,,", "R,N2,4R; 7,"))
    assert (none.clinical_label("7"), empty.clinical_label("7")) == (0, None)
    assert (two.clinical_label("7"), two.clinical_label("4R"), two.clinical_label("8")) == (1, 1, 0)


def test_pathology_may_know_more_than_its_stations_and_not_less(tmp_path: Path) -> None:
    assert read(tmp_path, "R,,,N2", "P1,10R,3,1").n_category == "N2"
    with pytest.raises(CohortError, match="column n_category: N1 contradicts positive stations 7"):
        read(tmp_path, "R,,,N1", "P1,7,3,1")
