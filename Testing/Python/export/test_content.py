"""The words of the report: nothing lost, nothing guessed."""

from __future__ import annotations

import pytest
from export.cases import Options, make_result
from hypothesis import given
from hypothesis import strategies as st

from LNStationLib.export.report.category import category_content
from LNStationLib.export.report.cells import Table
from LNStationLib.export.report.content import (
    SYNTHETIC_CASE,
    SYNTHETIC_MODEL,
    banners,
    build_content,
)
from LNStationLib.export.report.warning_list import collect_warnings
from LNStationLib.export.wording import NOTHING, clean, number, plural, sentence
from LNStationLib.state.assessment import NStaging, PatientIdentity, StationAgreement


def _staging(**changes: object) -> NStaging:
    return NStaging.model_validate({"category": "N2", "rules": "tnm8", "explanation": "because of 4R"} | changes)


def _cells(table: Table, first: str) -> list[str]:
    return next([cell.text for cell in row] for row in table.rows if row[0].text == first)


def test_the_category_is_said_as_it_is() -> None:
    content = build_content(make_result().assessment)
    assert content.category.headline == "N2"
    assert content.category.state == "derived"
    assert {fact.label: fact.value for fact in content.category.facts}["Decided by"] == "4R, 7"
    assert "TNM 8" in content.category.rules


@pytest.mark.parametrize(("n_nodes", "shown"), [(3, "the number of positive nodes"), (0, "no positive station")])
def test_a_category_that_no_station_decides_says_what_does(n_nodes: int, shown: str) -> None:
    staging = _staging(deciding_stations=[], positive_stations=["7"], n_positive_nodes=n_nodes)
    assert {fact.label: fact.value for fact in category_content(staging).facts}["Decided by"] == shown


def test_a_lower_bound_reads_at_least() -> None:
    result = make_result(Options(staging=_staging(is_lower_bound=True)))
    assert build_content(result.assessment).category.headline == "at least N2"


def test_no_category_reads_not_derived_with_the_reason() -> None:
    result = make_result(Options(staging=_staging(category=None, explanation="the tumor side is unknown")))
    category = build_content(result.assessment).category
    assert category.headline == "not derived"
    assert category.explanation == "The tumor side is unknown."
    assert "Decided by" not in {fact.label for fact in category.facts}


def test_what_was_not_assessed_never_reads_as_zero_or_negative() -> None:
    table = build_content(make_result().assessment).stations
    assert _cells(table, "1R")[2:6] == [NOTHING, NOTHING, NOTHING, "not found"]
    assert _cells(table, "3A")[5] == "? not assessed"
    assert _cells(table, "2R")[3] == "0"
    assert _cells(table, "7")[5] == "+ positive (R)"


def test_suv_and_probability_columns_stand_only_where_the_case_has_them() -> None:
    without = [column.title for column in build_content(make_result().assessment).stations.columns]
    with_pet = [column.title for column in build_content(make_result(Options(pet=True)).assessment).stations.columns]
    assert "SUVmax" not in without
    assert "Probability" not in without
    assert "SUVmax" in with_pet


def test_every_row_has_a_cell_per_column() -> None:
    for options in (Options(), Options(pet=True), Options(findings=False)):
        content = build_content(make_result(options).assessment)
        for table in (content.stations, content.nodes, content.organs, content.borders, content.methods):
            assert all(len(row) == len(table.columns) for row in table.rows)


def test_nodes_not_looked_for_differ_from_no_nodes() -> None:
    assessment = make_result(Options(findings=False)).assessment
    assert build_content(assessment).nodes.empty == "Nodes were not looked for."
    looked = [row.model_copy(update={"n_nodes": 0}) for row in assessment.stations]
    assert build_content(assessment.model_copy(update={"stations": looked})).nodes.empty == "No node was found."


def test_each_warning_is_said_once_with_all_it_concerns() -> None:
    warnings = collect_warnings(make_result().assessment)
    assert warnings[0].scope == "Case"
    shared = [warning for warning in warnings if warning.text == "One border rests on a surrogate."]
    assert [warning.scope for warning in shared] == ["Station 4R, 10R"]
    assert len({warning.text for warning in warnings}) == len(warnings)


def test_many_station_warnings_make_room_for_the_answer_but_are_named_on_the_first_page() -> None:
    assessment = make_result().assessment
    stations = [row.model_copy(update={"warnings": [f"odd {row.label_value}"]}) for row in assessment.stations]
    content = build_content(assessment.model_copy(update={"stations": stations}))
    assert [warning.scope for warning in content.warnings] == ["Case", "Details"]
    assert all(row.station in content.warnings[-1].text for row in stations)
    assert {warning.text for warning in content.details} == {f"Odd {row.label_value}." for row in stations}


def test_a_warning_about_every_node_is_a_general_one() -> None:
    assessment = make_result().assessment
    nodes = [row.model_copy(update={"warnings": ["may be a vessel"]}) for row in assessment.nodes]
    warnings = collect_warnings(assessment.model_copy(update={"nodes": nodes}))
    assert ("Every node", "May be a vessel.") in {(warning.scope, warning.text) for warning in warnings}


def test_a_warning_of_every_node_is_never_hidden_behind_the_tables() -> None:
    assessment = make_result().assessment
    stations = [row.model_copy(update={"warnings": [f"odd {row.label_value}"]}) for row in assessment.stations]
    nodes = [row.model_copy(update={"warnings": [f"odd {stations[0].label_value}"]}) for row in assessment.nodes]
    content = build_content(assessment.model_copy(update={"stations": stations, "nodes": nodes}))
    shared = f"Station {stations[0].station}; Every node"
    assert shared in [warning.scope for warning in content.warnings]
    assert shared not in [warning.scope for warning in content.details]


@pytest.mark.parametrize("name", ["4R; Node #3", "4R, 7", "Station "])
def test_names_with_the_reports_own_punctuation_are_not_taken_apart(name: str) -> None:
    assessment = make_result().assessment
    odd = assessment.stations[0].model_copy(update={"station": name, "warnings": [f"odd {n}" for n in range(6)]})
    content = build_content(assessment.model_copy(update={"stations": [odd, *assessment.stations[1:]], "nodes": []}))
    assert {warning.scope for warning in content.details} >= {f"Station {name.strip()}"}
    assert "node" not in content.warnings[-1].text


def test_few_station_warnings_stand_on_the_first_page() -> None:
    content = build_content(make_result().assessment)
    assert content.details == ()
    assert any(warning.scope.startswith("Station") for warning in content.warnings)


def test_no_warning_of_any_part_is_lost() -> None:
    assessment = make_result().assessment
    node = assessment.nodes[0].model_copy(update={"warnings": ["touches the edge"]})
    step = assessment.provenance[0].model_copy(update={"warnings": ["slices are missing"]})
    staging = assessment.staging.model_copy(update={"warnings": ["tumor side assumed"]})
    changed = assessment.model_copy(update={"nodes": [node], "provenance": [step], "staging": staging})
    found = {(warning.scope, warning.text) for warning in collect_warnings(changed)}
    assert {
        ("Node #1", "Touches the edge."),
        ("Input", "Slices are missing."),
        ("N category", "Tumor side assumed."),
    } <= found


def test_surrogate_borders_stand_apart_and_are_named() -> None:
    table = build_content(make_result().assessment).borders
    assert "4R" in table.note
    assert _cells(table, "4R")[2] == "lower: upper rim of the main bronchus"
    assert _cells(table, "2R")[2] == "none"


def test_references_are_numbered_where_they_are_used() -> None:
    content = build_content(make_result().assessment)
    assert _cells(content.methods, "Stations")[1].endswith("[1]")
    assert _cells(content.methods, "Metastasis")[1].endswith("[2]")
    assert len(content.references) == 2


def test_banners_follow_the_case_and_the_models() -> None:
    assert banners(make_result().assessment) == ()
    assert banners(make_result(Options(synthetic=True)).assessment) == (SYNTHETIC_CASE,)
    assert banners(make_result(Options(trained_on_synthetic=True)).assessment) == (SYNTHETIC_MODEL,)


@pytest.mark.parametrize(
    ("source", "of_case", "of_node"),
    [
        ("ct_blobs", "blob detector on the CT alone", "CT blob detector"),
        ("none", "none", "None"),
        ("two_stage", "two stage", "two stage"),
    ],
)
def test_any_method_that_finds_nodes_can_be_named(source: str, of_case: str, of_node: str) -> None:
    assessment = make_result().assessment
    case = assessment.case.model_copy(update={"nodes_from": source})
    nodes = [row.model_copy(update={"source": source}) for row in assessment.nodes]
    content = build_content(assessment.model_copy(update={"case": case, "nodes": nodes}))
    assert {fact.label: fact.value for fact in content.facts}["Nodes from"] == of_case
    assert {row[5].text for row in content.nodes.rows} == {of_node}


def test_what_limits_a_call_is_said_with_the_warnings_of_its_station() -> None:
    assessment = make_result().assessment
    limited = assessment.stations[0].model_copy(update={"call_warnings": ["the network does not see node 14"]})
    changed = assessment.model_copy(update={"stations": [limited, *assessment.stations[1:]]})
    found = {(warning.scope, warning.text) for warning in collect_warnings(changed)}
    assert (f"Station {limited.station}", "The network does not see node 14.") in found


def test_the_rules_of_an_n_category_are_named_by_their_title() -> None:
    staging = _staging(rules="ajcc8_esophagus")
    rules = build_content(make_result(Options(staging=staging)).assessment).category.rules
    assert rules == "Esophageal cancer, AJCC/UICC 8th edition"


@pytest.mark.parametrize("when", ["2026-05-04T09:30:00Z", "2026-05-04T11:30:00.25+02:00", "2026-05-04T09:30:00"])
def test_the_time_of_an_assessment_is_in_utc_however_it_was_written(when: str) -> None:
    assessment = make_result().assessment.model_copy(update={"created": when})
    assert build_content(assessment).created == "2026-05-04 09:30:00 UTC"


def test_numbers_read_as_printed() -> None:
    assert number(None, 1) == NOTHING
    assert number(0.0, 1) == "0.0"
    assert number(-0.01, 1) == "0.0"
    assert number(-12.34, 1) == "\N{MINUS SIGN}12.3"
    assert plural(1, "node") == "1 node"
    assert plural(0, "node") == "0 nodes"


def test_file_names_keep_their_spelling_in_sentences() -> None:
    assert sentence("ct.nii.gz is odd") == "ct.nii.gz is odd."
    assert sentence("odd") == "Odd."


@given(st.text())
def test_cleaned_text_is_one_printable_line(text: str) -> None:
    words = clean(text)
    assert words == clean(words)
    assert len(words.splitlines()) <= 1
    words.encode("utf-8")


@pytest.mark.parametrize("evil", ["a\u202eb", "a\x00b", "a\nb", "a\x1b[31mb", "a\ud800b"])
def test_characters_that_disguise_text_become_spaces(evil: str) -> None:
    assert clean(evil).startswith("a ")


def test_calls_that_rest_on_unconfirmed_candidates_say_so() -> None:
    assessment = make_result().assessment
    unfit = {"fit_for_staging": False}
    doubtful = assessment.model_copy(
        update={
            "stations": [row.model_copy(update=unfit) for row in assessment.stations],
            "nodes": [row.model_copy(update=unfit) for row in assessment.nodes],
        }
    )
    content = build_content(doubtful)
    assert _cells(content.stations, "4R")[5] == "? positive, unconfirmed"
    kinds = {cell.kind for table in (content.stations, content.nodes) for row in table.rows for cell in row}
    assert not {"positive", "negative"} & kinds
    assert content.map_note.startswith("0 stations positive, 0 negative")
    assert "unconfirmed candidates only" in content.map_note


def test_the_patient_heads_the_report_only_where_the_assessment_names_one() -> None:
    plain = make_result().assessment
    assert build_content(plain).case_id == plain.case.case_id
    patient = PatientIdentity(
        name="Test, Patient", patient_id="PID-42", birth_date="1961-03-15", accession_number="A7"
    )
    named = plain.model_copy(update={"case": plain.case.model_copy(update={"patient": patient})})
    content = build_content(named)
    assert content.case_id == "Test, Patient (PID-42)"
    facts = {fact.label: fact.value for fact in content.facts}
    assert facts.items() >= {
        "Name": "Test, Patient", "Patient ID": "PID-42", "Born": "1961-03-15", "Accession number": "A7",
    }.items()  # fmt: skip
    only_number = named.case.model_copy(update={"patient": PatientIdentity(accession_number="A7")})
    assert build_content(plain.model_copy(update={"case": only_number})).case_id == plain.case.case_id


@pytest.mark.parametrize(
    ("tracer", "words"), [(None, "tracer not stated, taken as FDG"), ("fdg", "FDG"), ("psma", "a PSMA ligand")]
)
def test_the_tracer_of_the_pet_is_said(tracer: str | None, words: str) -> None:
    assessment = make_result(Options(pet=True)).assessment
    case = assessment.case.model_copy(update={"pet_tracer": tracer})
    facts = build_content(assessment.model_copy(update={"case": case})).facts
    assert {fact.label: fact.value for fact in facts}["PET"] == words


def test_the_agreement_of_methods_is_a_table_where_several_ran() -> None:
    assessment = make_result().assessment
    assert build_content(assessment).agreement is None
    rows = [
        StationAgreement(station="7", method="Atlases", found_by="both", dice=0.81, border="upper", border_mm=4.2),
        StationAgreement(station="7", method="Network", found_by="chosen"),
        StationAgreement(station="2R", method="Network", found_by="other"),
    ]
    table = build_content(assessment.model_copy(update={"agreement": rows})).agreement
    assert table is not None
    assert [column.title for column in table.columns] == ["Station", "Atlases", "Network"]
    assert _cells(table, "7")[1:] == ["Dice 0.81; upper border 4 mm apart", "not found by this method"]
    assert _cells(table, "2R")[1:] == ["found by neither", "found by this method alone"]
