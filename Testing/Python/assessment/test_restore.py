"""A saved assessment taken up again: as if it had never been away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from edited_patient import (
    COARSE_MM,
    EDITS,
    METHODS,
    Method,
    assert_alike,
    assessed,
    comparable,
    findings,
    mask_of,
    numbering,
    patient,
)

from LNStationLib.assessment.assess import judge_case
from LNStationLib.assessment.methods import REGISTRIES
from LNStationLib.assessment.reassess import reassess
from LNStationLib.assessment.restore import restore_case, settings_of
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import like
from LNStationLib.state.assessed_case import AssessedCase
from LNStationLib.state.assessment import Assessment
from LNStationLib.state.settings import Settings
from LNStationLib.support.errors import GeometryError, InputError


def saved(case: AssessedCase) -> dict[str, Any]:
    """What a scene keeps: JSON and two label maps."""
    return {
        "assessment": Assessment.model_validate_json(case.assessment.model_dump_json()),
        "stations": sitk.Image(case.state.stations),
        "nodes": sitk.Image(case.nodes),
    }


@pytest.mark.parametrize("method", METHODS)
def test_an_edit_of_a_restored_case_gives_what_it_gave_before(method: Method) -> None:
    restored = restore_case(patient(), **saved(assessed(method)))
    edit = EDITS["7 is halved"](assessed(method))
    there, here = reassess(restored, edit), reassess(assessed(method), edit)
    assert_alike(comparable(there.assessed.assessment), comparable(here.assessed.assessment))
    assert (there.changed, there.nodes_changed) == (here.changed, here.nodes_changed)
    assert np.array_equal(array_view(there.assessed.nodes), array_view(here.assessed.nodes))


def test_edits_before_the_saving_stay_marked_and_later_ones_can_be_undone() -> None:
    first = reassess(assessed("supplied"), EDITS["7 is halved"](assessed("supplied"))).assessed
    restored = restore_case(patient(), **saved(first))
    emptied = reassess(restored, {"4R": None}).assessed
    assert findings(emptied)["7"].edited
    back = reassess(emptied, {"4R": like(mask_of(first, "4R").astype(np.uint8), patient().ct)}).assessed
    assert_alike(comparable(back.assessment, numbering(back, first)), comparable(first.assessment))
    assert findings(back)["7"].edited
    assert not findings(back)["4R"].edited


@pytest.mark.parametrize(
    "settings",
    [
        Settings(nodes="pet_threshold", node_suv_threshold=3.0, node_suv_fraction_of_max=0.41, rules="tnm9"),
        Settings(nodes="supplied", short_axis_threshold_mm=12, suv_max_threshold=5, rules="petct_paper"),
        Settings(nodes="none"),
    ],
)
def test_the_settings_that_mattered_are_read_from_the_provenance(settings: Settings) -> None:
    settings = settings.model_copy(update={"working_spacing_mm": COARSE_MM})
    case = judge_case(replace(assessed("supplied").state, settings=settings))
    restored = settings_of(case.assessment)
    assert restored.working_spacing_mm == settings.working_spacing_mm
    for step, registry in REGISTRIES.items():
        method = registry.chosen(settings, patient())
        assert registry.chosen(restored, patient()) is method
        assert restored.of(step).method == settings.of(step).method
        assert registry.options(method, restored) == registry.options(method, settings), step


def test_flat_settings_of_an_assessment_of_schema_1_0_are_still_read() -> None:
    flat = {
        "organs": {"working_spacing_mm": COARSE_MM},
        "nodes": {"nodes": "supplied", "node_suv_threshold": 3.0},
        "metastasis": {"short_axis_threshold_mm": 12.0, "suv_max_threshold": 5.0},
    }
    assessment = assessed("supplied").assessment
    rows = [row.model_copy(update={"settings": flat.get(row.step, {})}) for row in assessment.provenance]
    settings = settings_of(assessment.model_copy(update={"provenance": rows}))
    assert (settings.working_spacing_mm, settings.nodes.method) == (COARSE_MM, "supplied")
    assert settings.metastasis.method == "clinical_criteria"
    assert settings.metastasis.options["clinical_criteria"]["short_axis_threshold_mm"] == 12.0


def _without_midline(parts: dict[str, Any]) -> None:
    parts["assessment"] = parts["assessment"].model_copy(update={"midline": None})


def _without_a_node(parts: dict[str, Any]) -> None:
    parts["assessment"] = parts["assessment"].model_copy(update={"nodes": parts["assessment"].nodes[1:]})


def _without_a_station(parts: dict[str, Any]) -> None:
    parts["stations"] = sitk.ChangeLabel(parts["stations"], {11: 0})


def _with_a_strange_value(parts: dict[str, Any]) -> None:
    parts["stations"] = sitk.ChangeLabel(parts["stations"], {11: 200})


def _with_a_strange_method(parts: dict[str, Any]) -> None:
    rows = [
        row.model_copy(update={"settings": {**row.settings, "method": "oracle"}}) if row.step == "metastasis" else row
        for row in parts["assessment"].provenance
    ]
    parts["assessment"] = parts["assessment"].model_copy(update={"provenance": rows})


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_without_midline, "does not say where the patient's midline is"),
        (_without_a_node, "disagree on node 1"),
        (_without_a_station, "disagree on station 7"),
        (_with_a_strange_value, "holds the value 200"),
        (_with_a_strange_method, "settings that are unknown here .there is no method 'oracle' for metastasis"),
    ],
)
def test_what_does_not_belong_together_is_refused(spoil: Any, words: str) -> None:
    parts = saved(assessed("supplied"))
    spoil(parts)
    with pytest.raises(InputError, match=f"{words}.*assess the case again"):
        restore_case(patient(), **parts)


def test_a_map_on_another_grid_is_refused() -> None:
    parts = saved(assessed("supplied"))
    parts["nodes"] = parts["nodes"][1:, :, :]
    with pytest.raises(GeometryError, match="node map is not on the grid of the CT"):
        restore_case(patient(), **parts)


def test_a_restored_case_says_what_it_lacks_and_how_to_get_it() -> None:
    restored = restore_case(patient(), **saved(assessed("supplied")))
    with pytest.raises(ValueError, match=r"organs of this case are not known yet: .* with_organs"):
        _ = restored.organs
    with pytest.raises(ValueError, match=r"evidence maps of this case are not known yet: .* with_evidence"):
        _ = restored.known_evidence
