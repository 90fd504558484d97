"""What the module knows of methods and columns before its worker runs is what the library defines."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
if str(ROOT / "LNStation") not in sys.path:
    sys.path.insert(0, str(ROOT / "LNStation"))

from LNStationSlicer.exchange.ColumnDefinitions import cellValue, columnDefinition, formatted, heading  # noqa: E402

from LNStationLib.export.columns import STATIONS, Column  # noqa: E402
from Testing.Tools import definitions  # noqa: E402


@pytest.mark.parametrize(("name", "text"), definitions.files().items())
def test_the_file_is_what_the_command_makes_of_the_library(name: str, text: str) -> None:
    assert (definitions.FOLDER / name).read_text("utf-8") == text, "run Testing.Tools.definitions"


@pytest.mark.parametrize("column", STATIONS, ids=lambda column: column.key)
def test_a_number_reads_as_in_the_report(column: Column) -> None:
    here = columnDefinition("stations", column.key)
    assert heading(here) == column.heading
    if column.digits is not None and len(column.path) == 1:
        (field,) = column.path
        row = type("Row", (), {str(field): 0.256})
        assert formatted(here, cellValue(here, {field: 0.256})) == column.text(row)


def test_what_was_not_assessed_and_what_an_older_version_did_not_know_is_nothing() -> None:
    x = columnDefinition("stations", "centroid_x_lps_mm")
    assert formatted(x, cellValue(x, {"centroid_mm": None}), nothing="-") == "-"
    assert formatted(x, cellValue(x, {}), nothing="-") == "-"
    assert formatted(x, cellValue(x, {"centroid_mm": [1.25, 0.0, 0.0]})) == "1.2"
