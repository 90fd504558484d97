"""Assessments of schemas 1.0 and 1.1 are read as they were meant; ``assessment_1_0.json`` is of version 0.1.0."""

from __future__ import annotations

import json
from pathlib import Path

from LNStationLib.assessment.restore import settings_of
from LNStationLib.state.assessment import SCHEMA_VERSION, Assessment
from LNStationLib.state.reason_codes import as_written, warnings_of
from LNStationLib.state.settings import StepSettings

SAVED = Path(__file__).parent / "data" / "assessment_1_0.json"


def test_an_assessment_of_1_0_is_read_and_written_as_of_today() -> None:
    text = SAVED.read_text(encoding="utf-8")
    read = Assessment.model_validate_json(text)
    assert read.schema_version == SCHEMA_VERSION
    assert all(row.call_warnings == [] for row in read.stations)
    again = json.loads(read.model_dump_json())
    for part in (again, again["staging"], *again["provenance"], *again["stations"], *again["nodes"]):
        assert part.pop("warning_codes") == [], "warnings of then had none"
    for row in again["stations"]:
        del row["call_warnings"], row["call_warning_codes"]
        assert row.pop("prediction_set") is None, "stations of then had none"
    assert again.pop("dismissed_nodes") == [], "nobody edited nodes then"
    assert again["case"].pop("pet_tracer") is None, "the tracer was not kept then"
    assert again.pop("agreement") == [], "no agreement was kept then"
    borders = [border for row in again["stations"] for border in row["borders"]]
    coded = [
        (borders, "rests_on"),
        (again["organs"], "detail"),
        (again["stations"], "reason"),
        (again["nodes"], "reason"),
        ([again["staging"]], "explanation"),
    ]
    for row, field in ((row, field) for rows, field in coded for row in rows):
        assert row.pop(f"{field}_code") is None, "texts of then had no codes"
    for row in again["organs"]:
        assert row.pop("confidence") is None, "organs of then had none"
    for row in again["provenance"]:
        assert row.pop("operating_points") == [], "no search was measured then"
    for row in again["nodes"]:
        assert row.pop("score") is None, "nodes of then had none"
        assert row.pop("candidate") is None, "nodes of then had none"
    for field in ("network", "network_refusal"):
        assert again["staging"].pop(field) is None, "no network staged then"
    assert again | {"schema_version": "1.0"} == json.loads(text)


def test_its_flat_settings_are_told_from_its_provenance() -> None:
    settings = settings_of(Assessment.model_validate_json(SAVED.read_text(encoding="utf-8")))
    assert settings.nodes.method is None
    assert settings.metastasis.method == "station_network"
    options = settings.metastasis.options["station_network"]
    assert (options["model"], options["operating_point"]) == ("esophagus-ct", "balanced")
    assert settings.stations == StepSettings(method="iaslc_rules")


def test_an_assessment_of_1_1_is_read_and_its_warnings_stay_as_they_were_written() -> None:
    older = json.loads(SAVED.read_text(encoding="utf-8")) | {"schema_version": "1.1"}
    (row, *_) = older["provenance"]
    row["warnings"] = ["The aortic arch lies above the CT."]
    read = Assessment.model_validate(older)
    assert warnings_of(read.provenance[0]) == [as_written("The aortic arch lies above the CT.")]
