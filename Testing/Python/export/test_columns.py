"""One definition of a column: every output says the same of it, and its plain form is enough to fill a table."""

from __future__ import annotations

import json
from typing import Any

import pytest
from export.cases import Options, make_result

from LNStationLib.assessment.review import ContourEdit, ReaderCall
from LNStationLib.cli.summary import station_table
from LNStationLib.export.columns import EDITS, NODES, READER_CALLS, STATIONS, Column, columns, plain_columns
from LNStationLib.export.report.content import build_content
from LNStationLib.export.wording import NOTHING
from LNStationLib.state.assessment import NodeFinding, StationFinding

ASSESSMENT = make_result(Options(pet=True, attention=True)).assessment
TABLES = [(STATIONS, StationFinding), (NODES, NodeFinding), (READER_CALLS, ReaderCall), (EDITS, ContourEdit)]


@pytest.mark.parametrize(("table", "model"), TABLES)
def test_every_column_has_a_key_of_its_own_and_a_field_to_read(table: tuple[Column, ...], model: Any) -> None:
    assert len({column.key for column in table}) == len(table)
    for column in table:
        assert column.path[0] in model.model_fields
        assert column.title
        assert column.meaning.endswith(".")


def _from_json(path: list[str | int], row: Any) -> Any:
    for step in path:
        row = None if row is None else row[step]
    return row


@pytest.mark.parametrize(("table", "rows"), [("stations", ASSESSMENT.stations), ("nodes", ASSESSMENT.nodes)])
def test_the_plain_form_reads_the_same_values_from_the_json_of_an_assessment(table: str, rows: list[Any]) -> None:
    plain = json.loads(json.dumps(plain_columns(), allow_nan=False))[table]
    defined = {"stations": STATIONS, "nodes": NODES}[table]
    assert [column["key"] for column in plain] == [column.key for column in defined]
    for row in rows:
        dumped = json.loads(row.model_dump_json())
        assert [_from_json(column["path"], dumped) for column in plain] == [column.value(row) for column in defined]


def test_what_was_not_assessed_is_never_shown_as_zero() -> None:
    volume, nodes = columns(STATIONS, "volume_ml", "n_nodes")
    rows = {row.station: row for row in ASSESSMENT.stations}
    assert (volume.text(rows["1R"]), nodes.text(rows["1R"]), nodes.text(rows["2R"])) == (NOTHING, NOTHING, "0")
    assert volume.text(rows["1R"], nothing="-") == "-"
    assert columns(READER_CALLS, "reader_call")[0].value(None) is None


def test_numbers_are_shown_in_the_unit_of_the_heading() -> None:
    volume, inside = columns(NODES, "volume_mm3", "station_fraction")
    node = ASSESSMENT.nodes[0].model_copy(update={"volume_mm3": 1234.0, "station_fraction": 0.456})
    assert (volume.heading, volume.text(node), volume.value(node)) == ("Volume, ml", "1.23", 1234.0)
    assert (inside.heading, inside.text(node)) == ("Part in station", "46%")


def test_a_column_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError, match="colour"):
        columns(STATIONS, "colour")


def test_report_and_terminal_show_the_same_numbers_with_the_same_units() -> None:
    report = build_content(ASSESSMENT).stations
    terminal = station_table(ASSESSMENT.stations)
    titles = [column.title for column in report.columns]
    for column in columns(
        STATIONS, "volume_ml", "n_nodes", "largest_short_axis_mm", "suv_max_bw_g_per_ml", "probability"
    ):
        shown = next(one for one in terminal.columns if one.header == column.short_heading)
        numbers = {row[0].text: row[titles.index(column.heading)].text for row in report.rows}
        assert [str(cell).replace("-", NOTHING) for cell in shown.cells] == [
            numbers[row.station] for row in ASSESSMENT.stations
        ]


def test_the_terminal_shows_a_models_answer_only_where_there_is_one() -> None:
    headers = [column.header for column in station_table(make_result().assessment.stations).columns]
    assert headers == ["Station", "Volume, ml", "Nodes", "Short axis, mm", "SUVmax", "Call"]
    judged = [column.header for column in station_table(ASSESSMENT.stations).columns]
    assert judged[5:] == ["Probability", "Attention in nodes", "Call"]
