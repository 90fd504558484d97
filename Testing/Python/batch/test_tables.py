"""Columns and pictures of a cohort."""

from __future__ import annotations

from collections import Counter
from typing import Any
from xml.etree import ElementTree

import pytest
from export.cases import Options, make_result

from LNStationLib.batch.columns import (
    CASES,
    CHOICES,
    COSTS,
    FAILURES,
    IDENTIFIERS,
    CaseRow,
    ChoiceRow,
    CostRow,
    FailureRow,
)
from LNStationLib.batch.pictures import _nice, category_bars, course, station_bars, volume_boxes
from LNStationLib.batch.records import UnitRecord
from LNStationLib.batch.summary import CohortSummary, StationCount
from LNStationLib.batch.tables import arrow_type
from LNStationLib.export.columns import NODES, STATIONS, Column
from LNStationLib.state.assessment import NodeFinding, ReasonCode, StationFinding

TABLES = [
    (CASES, CaseRow), (FAILURES, FailureRow), ((*CHOICES, *IDENTIFIERS), ChoiceRow), (COSTS, CostRow),
    (STATIONS, StationFinding), (NODES, NodeFinding),
]  # fmt: skip


@pytest.mark.parametrize(("table", "model"), TABLES)
def test_every_column_has_a_key_a_meaning_and_a_type(table: tuple[Column, ...], model: Any) -> None:
    assert len({column.key for column in table}) == len(table)
    for column in table:
        assert column.meaning.endswith(".")
        assert str(arrow_type(column, model)) in ("string", "int64", "double", "bool")


def test_numbers_are_numbers_in_parquet_and_lists_are_text() -> None:
    kinds = {column.key: str(arrow_type(column, NodeFinding)) for column in NODES}
    assert kinds["extent_x_mm"] == kinds["box_max_z_lps_mm"] == kinds["significance"] == "double"
    assert (kinds["node_id"], kinds["visible"], kinds["tags"], kinds["call"]) == ("int64", "bool", "string", "string")


@pytest.mark.parametrize(("value", "end"), [(0, 4), (5, 8), (41, 80), (950, 1200), (1000, 1200), (3300, 4000)])
def test_axes_end_soon_after_the_longest_bar(value: float, end: float) -> None:
    assert _nice(value) == end


def test_pictures_are_drawings_and_text_cannot_become_markup() -> None:
    count = StationCount(Counter(positive=1, negative=3), [1.0, 2.0, 3.0])
    drawings = [
        station_bars({"7": count}), volume_boxes({"7": count, "8": StationCount()}), category_bars({"<N2>": 4}),
        course([1.0, 2.0], "Time", "s"), course([1.0], "Time", "s"), course([], "Time", "s"),
    ]  # fmt: skip
    assert all(ElementTree.fromstring(drawing).tag.endswith("svg") for drawing in drawings)
    assert "25% positive" in drawings[0]
    assert "&lt;N2&gt;" in drawings[2]


def test_a_cohort_is_counted_by_codes_and_never_reads_its_sentences_back() -> None:
    summary = CohortSummary()
    for volume, pet in ((3, True), (4, False)):
        warnings = [f"Doubtful: {volume} ml.", f"Doubtful too: {volume} ml.", "As it came."]
        codes = [ReasonCode(code="doubtful"), ReasonCode(code="doubtful"), ReasonCode(code="as_written")]
        case = make_result(Options(pet=pet)).assessment.model_copy(
            update={"warnings": warnings, "warning_codes": codes}
        )
        record = UnitRecord(case_id="x", key="", outcome="assessed", seconds=2.0, memory_mib=5.0)
        summary.add(record, CaseRow.of(case))
    assert summary.warnings == Counter({"doubtful": 2, "As it came.": 2})
    assert summary.examples["doubtful"].sentence == "Doubtful: 3 ml."
    assert sum(summary.stations["7"].states.values()) == 2
    assert (summary.n_assessed, summary.seconds) == (2, [2.0, 2.0])
