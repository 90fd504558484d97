"""CSV: standard, with units, honest about what is missing, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io

import pytest
from export.cases import Options, make_result
from hypothesis import given, settings
from hypothesis import strategies as st

from LNStationLib.export.columns import NODES, STATIONS
from LNStationLib.export.csv_files import nodes_csv, safe_text, stations_csv

STATION_COLUMNS = tuple(column.key for column in STATIONS)
NODE_COLUMNS = tuple(column.key for column in NODES)
ASSESSMENT = make_result().assessment


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_every_line_ends_as_rfc_4180_says() -> None:
    for text in (stations_csv(ASSESSMENT), nodes_csv(ASSESSMENT)):
        assert text.endswith("\r\n")
        assert text.count("\n") == text.count("\r\n")


def test_there_is_one_line_per_finding_and_a_header_with_units() -> None:
    stations, nodes = _rows(stations_csv(ASSESSMENT)), _rows(nodes_csv(ASSESSMENT))
    assert [row["station"] for row in stations] == [row.station for row in ASSESSMENT.stations]
    assert [int(row["node_id"]) for row in nodes] == [row.node_id for row in ASSESSMENT.nodes]
    assert tuple(stations[0]) == STATION_COLUMNS
    assert tuple(nodes[0]) == NODE_COLUMNS
    assert {"volume_ml", "largest_short_axis_mm"} <= set(STATION_COLUMNS)


def test_none_is_an_empty_field_and_zero_is_zero() -> None:
    rows = {row["station"]: row for row in _rows(stations_csv(ASSESSMENT))}
    assert rows["1R"]["volume_ml"] == rows["1R"]["n_nodes"] == rows["1R"]["call"] == ""
    assert rows["2R"]["n_nodes"] == "0"
    assert rows["4R"]["call"] == "positive"


def test_numbers_stay_numbers_even_when_negative() -> None:
    row = _rows(nodes_csv(ASSESSMENT))[0]
    assert float(row["centroid_x_lps_mm"]) == -15.0
    assert float(row["short_axis_mm"]) == 13.0


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1"])
def test_formulas_become_text(text: str) -> None:
    assert safe_text(text) == f"'{text}"


@settings(max_examples=60)
@given(st.text(max_size=40).filter(lambda text: "\x00" not in text))
def test_any_text_survives_as_one_harmless_cell(text: str) -> None:
    station = ASSESSMENT.stations[0].model_copy(update={"reason": text, "title": text})
    changed = ASSESSMENT.model_copy(update={"stations": [station, *ASSESSMENT.stations[1:]]})
    rows = _rows(stations_csv(changed))
    assert len(rows) == len(ASSESSMENT.stations)
    assert rows[0]["reason"] in (text, f"'{text}")
    assert not rows[0]["reason"].startswith(("=", "+", "-", "@"))


def test_a_case_without_nodes_has_only_the_header() -> None:
    text = nodes_csv(make_result(Options(findings=False)).assessment)
    assert text == ",".join(NODE_COLUMNS) + "\r\n"
