"""Tables of others: stations and categories in their spelling, columns under other names."""

from __future__ import annotations

from pathlib import Path

import pytest

from lnstation_training.public_data.given_tables import n_category, node_stations, of_patient, station_of
from LNStationLib.support.csv_rows import TableError

STATIONS = {
    "4R": "4R", "4r": "4R", "station 4L": "4L", "3aR": "3A", "3aL": "3A", "3P": "3P", "7R": "7", "8L": "8", "9": "9",
    "9R": "9", "11Rs": "11R", "4R (lower paratracheal)": "4R", "2R or 4R": "",
    "10L": "10L", "5": "5", "12R": "", "14L": "", "4": "", "1": "", "supraclavicular": "", "": "",
}  # fmt: skip


@pytest.mark.parametrize("given", STATIONS)
def test_stations_are_known_in_other_spellings_and_never_guessed(given: str) -> None:
    assert station_of(given) == STATIONS[given]


def test_categories_are_known_in_other_spellings_and_never_guessed() -> None:
    assert [n_category(text) for text in ("N2", "2", "pN1", "cN3", "N2a")] == ["N2", "N2", "N1", "N3", "N2"]
    assert [n_category(text) for text in ("", "NX", "4", "Not Collected", "T2")] == [""] * 5


@pytest.mark.parametrize(
    "text",
    [
        "Patient,Label,Primary,Secondary\nPat7,3,4R,2R\n",
        "pat;node id;station;station 2\nPat07;3;4R;2R\n",
        "case\tLN instance\tStation1\tStation2\n7\t3\t4R\t2R\n",
    ],
)
def test_columns_are_told_apart_by_words_in_their_names(tmp_path: Path, text: str) -> None:
    path = tmp_path / "stations.csv"
    path.write_text("\ufeff" + text, encoding="utf-8")
    (cells,) = of_patient(7, node_stations(path))
    assert (cells.node, cells.station, cells.given) == (3, "4R", ("4R", "2R"))


@pytest.mark.parametrize(
    "text",
    [
        "scan,ID,first,second,mm3\n7,3,4R,2R,120.5\n7,4,7L,,80.5\n8,3,5,,80.5\n",
        "scan,ID,stations\nMED_LYMPH_007,3.0,4R/2R\nMED_LYMPH_007,4.0,7L\nMED_LYMPH_008,3.0,5\n",
    ],
)
def test_columns_are_told_apart_by_what_they_hold(tmp_path: Path, text: str) -> None:
    path = tmp_path / "stations.csv"
    path.write_text(text)
    first, second = of_patient(7, node_stations(path))
    assert (first.node, first.station, first.given) == (3, "4R", ("4R", "2R"))
    assert (second.node, second.station, second.given) == (4, "7", ("7L",))


def test_a_patient_is_written_once_above_its_nodes(tmp_path: Path) -> None:
    path = tmp_path / "stations.csv"
    path.write_text("Patient,Node,Station\nPat1,1,4R\n,2,7\n,,\nPat2,1,5\n")
    assert [(one.node, one.station) for one in of_patient(1, node_stations(path))] == [(1, "4R"), (2, "7")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a,b,c\n1,2,3\n", r"cannot be told among a, b, c; name them patient, node, station"),
        ("patient,node,station\nPat1,first,4R\n", r"line 2: 'first' is not the number of a node"),
        ("patient,node,station\n", "has no rows"),
        ("patient,node,station\nPat1,1,here\n", "no cell of station is a station, such as 4R"),
        ("a,b,c,d\n1,1,7,4R\n1,2,8,4L\n2,1,7,5\n", "cannot be told among a, b, c, d"),
    ],
)
def test_a_table_that_cannot_be_understood_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "stations.csv").write_text(text)
    with pytest.raises(TableError, match=problem):
        node_stations(tmp_path / "stations.csv")
