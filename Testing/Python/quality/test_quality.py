"""What follows from the quality check: what is left out, what stays, and what a reader is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import edited_patient as patient
import numpy as np
import pytest
import SimpleITK as sitk
from organs.organ_cases import real_case, real_organs_found
from phantoms import fine, with_esophageal_cancer
from states import said
from stations.schematic_chest import parsed_chest

from LNStationLib import anatomy
from LNStationLib.assessment import assess as assessing
from LNStationLib.assessment.assess import parse_case
from LNStationLib.assessment.findings import parsed_outlines
from LNStationLib.assessment.reassess import reassess
from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import Grid, field_of_view
from LNStationLib.imaging.scan import hu_on_grid
from LNStationLib.organs.registry import METHODS as ORGANS
from LNStationLib.organs.supplied_and_image import SuppliedAndImage
from LNStationLib.quality import check_organs, check_outline, check_stations
from LNStationLib.state.organ_set import Landmark, Organ, OrganSet, OrganSource
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.settings import Settings, StepSettings
from LNStationLib.state.station_map import StationMap
from LNStationLib.stations.iaslc_rules import IaslcRules
from LNStationLib.stations.registry import METHODS as STATIONS
from LNStationLib.support.reason import Reason
from LNStationLib.support.words import words

COARSE = Settings(working_spacing_mm=3.5)
FROM_THE_IMAGE = Settings(working_spacing_mm=2.5)
"""A coarser grid blurs what the image alone shows of the arch."""
GRID = Grid((120, 90, 90), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
EVERYWHERE = np.ones(GRID.shape, dtype=bool)


def block(z: tuple[int, int], y: tuple[int, int] = (40, 50), x: tuple[int, int] = (40, 50)) -> np.ndarray:
    mask = np.zeros(GRID.shape, dtype=bool)
    mask[slice(*z), slice(*y), slice(*x)] = True
    return mask


def organs_of(source: OrganSource, **masks: np.ndarray) -> OrganSet:
    organs = OrganSet(GRID)
    for name, mask in masks.items():
        organs.add(Organ(name, mask, source, Reason("made")))
    return organs


def mark(organs: OrganSet, name: str, z: float, source: OrganSource) -> None:
    organs.landmarks[name] = Landmark(name, GRID.point_mm((z, 45.0, 45.0)), source)


# Organs


def giant_aorta(source: OrganSource) -> OrganSet:
    """An "aorta" of 8 liters with its parts."""
    giant = block((10, 110), (30, 66), (30, 66))
    organs = organs_of(source, aorta=giant, aortic_arch=block((70, 75)), descending_aorta=block((20, 60), x=(60, 64)))
    mark(organs, "aortic_arch_top", 75.0, source)
    return organs


@pytest.mark.parametrize("source", [OrganSource.IMAGE, OrganSource.SURROGATE, OrganSource.NETWORK])
def test_an_organ_that_cannot_be_leaves_with_its_parts_and_landmarks(source: OrganSource) -> None:
    organs = giant_aorta(source)
    checked, doubts = check_organs(organs, EVERYWHERE)
    assert not {"aorta", "aortic_arch", "descending_aorta"} & set(checked)
    assert "aortic_arch_top" not in checked.landmarks
    assert [doubt.names for doubt in doubts] == [("aorta",)]
    (warning,) = said(checked.warnings)
    assert "Left out as implausible" in warning
    assert "aorta; its volume is 8294 ml (possible: 15 to 2500)" in warning
    assert "aorta" in organs, "what was given stays as it was"


@pytest.mark.parametrize("source", [OrganSource.SUPPLIED, OrganSource.DERIVED])
def test_a_mask_of_the_user_is_never_dropped(source: OrganSource) -> None:
    checked, _ = check_organs(giant_aorta(source), EVERYWHERE)
    assert {"aorta", "aortic_arch", "descending_aorta"} <= set(checked)
    assert "aortic_arch_top" in checked.landmarks
    kept = "Implausible, but supplied and used as it is: aorta"
    assert any(text.startswith(kept) for text in said(checked.warnings))


def test_a_landmark_found_in_the_image_leaves_though_its_organ_was_supplied() -> None:
    organs = organs_of(OrganSource.SUPPLIED, manubrium=block((90, 103)))
    mark(organs, "manubrium_top", 30.0, OrganSource.IMAGE)
    mark(organs, "carina", 60.0, OrganSource.IMAGE)
    checked, _ = check_organs(organs, EVERYWHERE)
    assert "manubrium_top" not in checked.landmarks
    assert "manubrium" in checked


def test_what_is_unusual_stays_and_is_said_to_be_doubtful() -> None:
    checked, _ = check_organs(organs_of(OrganSource.IMAGE, heart=block((40, 80), (30, 60), (30, 60))), EVERYWHERE)
    assert words(checked["heart"].how) == "made (doubtful)"
    assert said(checked.warnings) == ["Doubtful: heart; its volume is 2304 ml (usual: 250 to 1800): check it."]


@pytest.mark.parametrize("z", [(0, 3), (117, 120)])
def test_an_organ_cut_by_the_view_is_not_too_small(z: tuple[int, int]) -> None:
    checked, doubts = check_organs(organs_of(OrganSource.IMAGE, heart=block(z)), EVERYWHERE)
    assert doubts == ()
    assert check_organs(organs_of(OrganSource.IMAGE, heart=block((50, 53))), EVERYWHERE)[1] != ()
    assert "heart" in checked


def test_an_organ_cut_by_the_edge_of_an_oblique_view_is_not_too_small() -> None:
    oblique = EVERYWHERE.copy()
    oblique[:60] = False
    assert check_organs(organs_of(OrganSource.IMAGE, heart=block((60, 63))), oblique)[1] == ()


def test_a_landmark_in_the_last_slice_of_the_view_is_not_held_against_others() -> None:
    organs = OrganSet(GRID)
    mark(organs, "manubrium_top", 119.0, OrganSource.IMAGE)
    mark(organs, "carina", 60.0, OrganSource.IMAGE)
    assert check_organs(organs, EVERYWHERE)[1] == ()


def test_lungs_on_exchanged_sides_are_noticed() -> None:
    left, right = block((30, 90), (20, 60), (5, 25)), block((30, 90), (20, 60), (60, 80))
    found, _ = check_organs(organs_of(OrganSource.IMAGE, lung_left=left, lung_right=right), EVERYWHERE)
    assert not {"lung_left", "lung_right"} & set(found)
    given, _ = check_organs(organs_of(OrganSource.SUPPLIED, lung_left=left, lung_right=right), EVERYWHERE)
    assert {"lung_left", "lung_right"} <= set(given)
    assert "left lung and right lung" in said(given.warnings)[0]


# Stations


def test_a_station_that_cannot_be_is_left_out_and_the_others_stay() -> None:
    hu, organs, parsed = parsed_chest()
    wrong = replace(parsed, labels=parsed.labels.copy())
    body = organs.grid.shape
    wrong.labels[: body[0] // 2][parsed.labels[: body[0] // 2] == 0] = anatomy.station("3P").label_value
    checked, _ = check_stations(wrong, organs, hu)
    assert not checked.mask("3P").any()
    assert words(checked.left_out["3P"]).startswith("left out as implausible: its volume is")
    assert checked.notes("3P") == []
    assert np.array_equal(checked.mask("7"), parsed.mask("7"))
    outline = parsed_outlines(checked)["3P"]
    assert outline.warnings == (checked.left_out["3P"],)


def test_a_doubtful_station_says_so_in_its_outline() -> None:
    hu, organs, parsed = parsed_chest()
    hu = hu.copy()
    voxels = np.argwhere(parsed.mask("7"))
    hu[tuple(voxels[: len(voxels) // 4].T)] = -900
    checked, _ = check_stations(parsed, organs, hu)
    assert checked.mask("7").any()
    assert said(parsed_outlines(checked)["7"].warnings)[0] == "doubtful: 25% of it is air or lung (usual: up to 15%)"


def absurd(station_map: StationMap) -> StationMap:
    """The map with 8 as a slab through the whole body."""
    labels = station_map.labels.copy()
    labels[: labels.shape[0] // 3] = anatomy.station("8").label_value
    return replace(station_map, labels=labels)


def test_an_assessment_does_not_show_a_station_that_cannot_be() -> None:
    class Wrong(IaslcRules):
        name = "wrong"

        def run(self, *given: object) -> StationMap:
            return absurd(super().run(*given))

    with STATIONS.including(Wrong()):
        settings = COARSE.model_copy(update={"stations": StepSettings(method="wrong")})
        answer = assessing.assess(patient.patient(), settings).assessment
    found = next(row for row in answer.stations if row.station == "8")
    assert (found.volume_ml, found.call, found.borders) == (None, None, [])
    assert found.warnings[0].startswith("left out as implausible: ")
    assert "8" in answer.staging.not_assessed_stations


class GiantAorta(SuppliedAndImage):
    """Finds organs, and takes the body for the aorta."""

    name = "giant_aorta"

    def run(self, *given: object) -> OrganSet:
        found = super().run(*given)
        organs = OrganSet(found.grid, landmarks=dict(found.landmarks))
        for name, organ in found.items():
            if "aort" not in name:
                organs.add(organ)
        organs.add(Organ("aorta", organs["body"].mask, OrganSource.IMAGE, Reason("made")))
        return organs


def test_an_organ_that_cannot_be_is_not_shown_and_costs_the_stations_that_rest_on_it() -> None:
    with ORGANS.including(GiantAorta()):
        settings = COARSE.model_copy(update={"organs": StepSettings(method="giant_aorta")})
        parsed = parse_case(replace(patient.patient(), organ_masks={}, organ_origins={}), settings)
    assert "aorta" not in {row.name for row in parsed.organ_findings}
    (organs,) = (row for row in parsed.provenance if row.step == "organs")
    assert any("Left out as implausible" in text and "aorta" in text for text in organs.warnings)


# A reader's own stations


def test_a_station_that_a_reader_drew_is_at_most_doubtful() -> None:
    before = patient.assessed("none")
    slab = np.zeros(patient.labels_of(before).shape, dtype=bool)
    slab[20:40, 20:120, 20:120] = True
    now = reassess(before, {"7": patient.boxed(slab, before.state.case.ct)}).assessed
    found = next(row for row in now.assessment.stations if row.station == "7")
    assert found.edited
    assert found.volume_ml is not None
    assert found.volume_ml > 1000
    assert any(text.startswith("doubtful: its volume is") for text in found.warnings)


def test_undoing_an_edit_brings_the_findings_of_the_check_back() -> None:
    before = patient.assessed("none")
    whole = patient.boxed(patient.mask_of(before, "7"), before.state.case.ct)
    changed = reassess(before, patient.shrunken(before, "7", 1)).assessed
    back = reassess(changed, {"7": whole}).assessed
    assert back.assessment.stations == before.assessment.stations


def test_a_usual_size_is_not_worth_a_word() -> None:
    assert check_outline("7", 20.0, 40.0) == []
    (doubt,) = check_outline("7", 200.0, 40.0)
    assert words(doubt) == "doubtful: its volume is 200 ml (possible: up to 160)"


# Patients: the rules must not reject what is right


def phantom(preset: Literal["lung", "esophagus"], mirrored: bool = False) -> Case:
    made = with_esophageal_cancer() if preset == "esophagus" else fine(mirrored=True) if mirrored else fine()
    return replace(made.case, pet=None)


def without_masks(case: Case) -> Case:
    return replace(case, organ_masks={}, organ_origins={})


def impossible(parsed: PatientState) -> list[str]:
    """What the check left out."""
    stations = [text for outline in parsed.outlines.values() for text in said(outline.warnings)]
    return [text for row in parsed.provenance for text in (*row.warnings, *stations) if "mplausible" in text]


@pytest.mark.parametrize("preset", ["lung", "esophagus"])
@pytest.mark.parametrize("masks", [True, False])
def test_nothing_of_a_synthetic_patient_is_left_out(preset: Literal["lung", "esophagus"], masks: bool) -> None:
    case = phantom(preset) if masks else without_masks(phantom(preset))
    assert impossible(parse_case(case, COARSE if masks else FROM_THE_IMAGE)) == []


@pytest.mark.parametrize("masks", [True, False])
def test_nothing_of_a_mirrored_patient_is_left_out(masks: bool) -> None:
    case = phantom("lung", mirrored=True)
    case = case if masks else without_masks(case)
    assert impossible(parse_case(case, COARSE if masks else FROM_THE_IMAGE)) == []


@pytest.mark.parametrize("side", range(6))
def test_a_cropped_view_leaves_out_nothing_as_implausible(side: int) -> None:
    case = without_masks(phantom("lung"))
    axis, at_end = divmod(side, 2)
    cut = [0, 0, 0]
    cut[axis] = round(70 / case.ct.GetSpacing()[axis])
    low, high = ([0, 0, 0], cut) if at_end else (cut, [0, 0, 0])
    assert impossible(parse_case(replace(case, ct=sitk.Crop(case.ct, low, high)), FROM_THE_IMAGE)) == []


@pytest.mark.parametrize("supplied", [True, False])
def test_nothing_of_the_real_ct_is_left_out(supplied: bool) -> None:
    ct, found = real_case(supplied=supplied).ct, real_organs_found(supplied=supplied)
    organs, _ = check_organs(found, field_of_view(ct, found.grid))
    hu = hu_on_grid(ct, found.grid)
    stations, _ = check_stations(IaslcRules().parse(hu, organs), organs, hu)
    told = [text for outline in parsed_outlines(stations).values() for text in said(outline.warnings)]
    assert [text for text in (*said(organs.warnings), *said(stations.warnings), *told) if "mplausible" in text] == []
