"""What holds for every method of every step, and for one that comes from outside."""

from __future__ import annotations

import json

import pytest
from contracts.toy_methods import METHODS as TOYS
from contracts.toy_methods import NAME, registered, without_masks
from edited_patient import COARSE_MM, patient
from typer.testing import CliRunner

from LNStationLib.assessment.assess import assess
from LNStationLib.assessment.methods import REGISTRIES, described
from LNStationLib.assessment.reassess import reassess
from LNStationLib.assessment.restore import restore_case, settings_of
from LNStationLib.case.case import Case
from LNStationLib.cli.app import app
from LNStationLib.state.registry import AUTOMATIC
from LNStationLib.state.settings import Settings, StepSettings
from LNStationLib.support.errors import InputError
from LNStationLib.worker.methods import Methods

EVERY = [(step, method) for step, registry in REGISTRIES.items() for method in registry]
IDS = [f"{step}-{method.name}" for step, method in EVERY]


@pytest.fixture(scope="module")
def coarse() -> Case:
    return without_masks(patient())


@pytest.mark.parametrize(("step", "method"), EVERY, ids=IDS)
def test_every_method_declares_what_others_ask_of_it(step, method) -> None:
    assert method.name.isidentifier()
    assert method.name != AUTOMATIC
    assert method.title
    assert not method.title.endswith(".")
    assert all(isinstance(reference, str) for reference in method.references)
    assert all(need.name and need.title for need in method.needs)


@pytest.mark.parametrize(("step", "method"), EVERY, ids=IDS)
def test_every_option_has_a_default_a_title_and_words(step, method) -> None:
    method.options()
    for option in next(one for one in describing(step) if one["name"] == method.name)["options"]:
        assert option["title"]
        assert option["description"].endswith(".")
        assert option["type"] in {"number", "integer", "boolean", "string", "choice"}
        assert option["flag"] is None or option["flag"].startswith("--")


def describing(step: str) -> list:
    return next(row for row in described() if row["step"] == step)["methods"]


@pytest.mark.parametrize(("step", "method"), EVERY, ids=IDS)
def test_a_case_that_lacks_a_need_is_refused_by_name_and_never_chosen(step, method, coarse: Case) -> None:
    if not method.needs:
        return
    bare = Case("bare", coarse.ct)
    registry = REGISTRIES[step]
    found = registry.find(Settings(), bare)
    assert found is None or found.name != method.name
    settings = Settings().model_copy(update={step: StepSettings(method=method.name)})
    with pytest.raises(InputError, match=method.needs[0].title):
        registry.find(settings, bare)


@pytest.mark.parametrize(("step", "method"), EVERY, ids=IDS)
def test_an_unknown_option_is_refused_with_its_place(step, method) -> None:
    settings = Settings().model_copy(update={step: StepSettings(options={method.name: {"nonsense": 1}})})
    with pytest.raises(InputError, match=rf"{step}\.{method.name}\.nonsense"):
        REGISTRIES[step].check(settings)


def test_two_methods_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="already"):
        REGISTRIES["nodes"].register(next(iter(REGISTRIES["nodes"])))


def test_a_method_from_outside_does_its_step_and_says_so_everywhere(coarse: Case) -> None:
    with registered() as settings:
        before = assess(coarse, settings)
        answer = before.assessment
        assert {row.step: row.implementation for row in answer.provenance if row.step != "input"} == {
            "organs": NAME, "stations": NAME, "nodes": NAME, "metastasis": NAME, "staging": "toy_rules",
        }  # fmt: skip
        seven = next(row for row in answer.stations if row.station == "7")
        assert (seven.call, seven.n_nodes, answer.n_category) == ("positive", None, "N1")
        assert seven.reason == "toy says so (score 1)"
        assert [node.source for node in answer.nodes] == [NAME]
        emptied = reassess(before, {"7": None}).assessed.assessment
        assert next(row for row in emptied.stations if row.station == "7").call is None
        restored = restore_case(coarse, answer, before.state.stations, before.nodes)
        assert restored.state.found_nodes.search == TOYS["nodes"].search
        assert settings_of(answer).nodes == StepSettings(method=NAME, options={NAME: {"edge_voxels": 3}})


def test_a_method_from_outside_is_offered_by_the_command_line_and_the_worker(tmp_path) -> None:
    with registered():
        words = CliRunner().invoke(app, ["assess", "--help"], prog_name="lnstation").stdout
        offered = Methods(tmp_path).by_name()["methods"]({}, lambda step, fraction: None)
    assert words.count(f"|{NAME}]") == len(TOYS)
    assert "--toy-edge" in words
    assert json.loads(json.dumps(offered)) == offered
    assert all(NAME in {method["name"] for method in row["methods"]} for row in offered["steps"])


def test_settings_before_0_2_are_read_as_they_were_meant() -> None:
    flat = {"nodes": "auto", "node_suv_threshold": 3.0, "metastasis": "sa_moe", "model": "m", "rules": "tnm9",
            "organs": "supplied_and_image", "stations": "iaslc_rules", "working_spacing_mm": COARSE_MM}  # fmt: skip
    settings = Settings.model_validate(flat)
    assert settings.nodes == StepSettings(options={"pet_threshold": {"suv_threshold": 3.0}})
    assert settings.metastasis == StepSettings(method="station_network", options={"station_network": {"model": "m"}})
    assert settings.staging.options == {"lung": {"rules": "tnm9"}}
    assert Settings.model_validate_json(settings.model_dump_json()) == settings
