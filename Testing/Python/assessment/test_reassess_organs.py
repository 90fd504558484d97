"""An edit of organs: the same answer as a whole assessment with the reader's masks supplied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from edited_patient import Edits, assert_alike, boxed, comparable, findings, labels_of, mask_of, numbering
from made_once import made_once
from phantoms import small
from scipy.ndimage import binary_dilation

from LNStationLib.assessment.assess import assess, parse_case
from LNStationLib.assessment.organ_layers import layers, masks_of, masks_on_ct, shown_masks
from LNStationLib.assessment.reassess import Reassessment, reassess
from LNStationLib.assessment.restore import restore_case
from LNStationLib.case.case import Case
from LNStationLib.imaging.edited_masks import EditedMask, in_region
from LNStationLib.imaging.grid import Grid
from LNStationLib.nodes import blob_detection, ct_blobs
from LNStationLib.organs.find import find_organs
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.registry import METHODS as ORGANS
from LNStationLib.organs.supplied import mask_on_grid
from LNStationLib.state.assessed_case import AssessedCase
from LNStationLib.state.assessment import Assessment
from LNStationLib.state.method import MethodOptions, NoOptions
from LNStationLib.state.organ_set import OrganSet, OrganSource
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.settings import Settings
from LNStationLib.state.used_model import UsedModel
from LNStationLib.support.errors import GeometryError, InputError
from LNStationLib.support.progress import Progress
from LNStationLib.support.reason import Reason

VERY_COARSE_MM = 4.0
"""The steps of an edit take seconds on a fine grid; which organs follow from which does not depend on it."""
LEFT_TO_THE_NETWORK = ("aorta", "superior_vena_cava")

TOY = UsedModel("toy", "1", "0" * 64, "synthetic")


class ToyNetwork:
    """Finds some organs as a network would: from what only it knows. Counts how often it really ran."""

    name = "toy_network"
    title = "Toy network"
    options: type[MethodOptions] = NoOptions
    needs = ()
    references = ()
    package_task = None
    runs = 0

    def run(self, state: PatientState, options: MethodOptions, progress: Progress) -> OrganSet:
        known = state.segmented_organs
        seen = Findings(list(known)) if known else self._see(state)
        found = find_organs(state.case, state.working_ct, progress, [seen])
        found.model = state.segmented_by if known else TOY
        return found

    def _see(self, state: PatientState) -> Findings:
        type(self).runs += 1
        found = Findings()
        for name in LEFT_TO_THE_NETWORK:
            mask = mask_on_grid(patient().organ_masks[name], state.working_ct.grid)
            found.organ(name, mask, OrganSource.NETWORK, Reason("toy"))
        return found


@pytest.fixture(autouse=True)
def _blobs_on_a_coarse_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search for blobs takes half of an assessment on its own grid, which the working spacing does not change."""
    for module in (blob_detection, ct_blobs):
        monkeypatch.setattr(module, "SPACING_MM", 2 * blob_detection.SPACING_MM)


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    ToyNetwork.runs = 0
    with ORGANS.including(ToyNetwork()):
        yield


def patient() -> Case:
    return small(0).case


def given(without: tuple[str, ...] = ()) -> Case:
    masks = {name: mask for name, mask in patient().organ_masks.items() if name not in without}
    return replace(patient(), organ_masks=masks)


@made_once
def assessed(nodes: str = "ct_blobs") -> AssessedCase:
    return assess(given(), Settings(nodes=nodes, working_spacing_mm=VERY_COARSE_MM))


@made_once
def by_network() -> AssessedCase:
    settings = Settings(nodes="supplied", organs="toy_network", working_spacing_mm=VERY_COARSE_MM)
    return assess(given(LEFT_TO_THE_NETWORK), settings)


def shown(case: AssessedCase) -> dict[str, EditedMask]:
    assert case.state.organ_part is not None
    assert case.state.organ_part.kept is not None
    return shown_masks(case.case, case.state.organ_part.kept)


def organ(case: AssessedCase, name: str) -> np.ndarray:
    return in_region(shown(case)[name], tuple(slice(0, n) for n in case.case.ct.GetSize()[::-1]))


def grown(case: AssessedCase, name: str, steps: int = 3) -> Edits:
    return {name: boxed(binary_dilation(organ(case, name), iterations=steps), case.case.ct)}


def as_shown(case: AssessedCase, name: str) -> Edits:
    return {name: boxed(organ(case, name), case.case.ct)}


@cache
def with_wide_aorta() -> Reassessment:
    return reassess(assessed(), {}, organs=grown(assessed(), "aorta"))


def assert_organ_law(now: AssessedCase) -> None:
    other = assess(now.case, now.state.settings)
    assert np.array_equal(labels_of(now), labels_of(other))
    assert_alike(comparable(now.assessment, numbering(now, other)), comparable(other.assessment))


def test_an_edit_of_an_organ_gives_the_answer_of_a_whole_assessment() -> None:
    made = with_wide_aorta()
    assert made.assessed.assessment.nodes
    assert_organ_law(made.assessed)
    assert made.stations_changed
    assert {"aorta", "aortic_arch"} <= set(made.organs)
    assert "5" in made.changed


def test_the_reader_s_organ_counts_as_supplied_and_says_who_drew_it() -> None:
    now = with_wide_aorta().assessed
    aorta = next(row for row in now.assessment.organs if row.name == "aorta")
    assert (aorta.source, aorta.detail) == ("supplied", "edited by the reader")
    row = next(row for row in now.assessment.provenance if row.step == "organs")
    assert row.settings["edited_by_reader"] == ["aorta"]
    plain = replace(given(), organ_masks={**given().organ_masks, "aorta": now.case.organ_edits["aorta"]})
    other = parse_case(plain, now.state.settings)
    assert np.array_equal(labels_of(now), labels_of(other))


def test_undoing_the_edit_of_an_organ_brings_the_first_answer_back() -> None:
    first = assessed()
    back = reassess(with_wide_aorta().assessed, {}, organs=as_shown(first, "aorta")).assessed
    assert back.case.organ_edits == {}
    assert_alike(comparable(back.assessment, numbering(back, first)), comparable(first.assessment))


def test_an_organ_that_is_taken_away_is_not_found_again_and_its_stations_say_so() -> None:
    first = assessed("supplied")
    made = reassess(first, {}, organs={"trachea": None, "aorta": None})
    names = {row.name for row in made.assessed.assessment.organs}
    assert {"trachea", "aorta"}.isdisjoint(names)
    assert {"trachea", "aorta"} <= set(made.organs)
    assert_organ_law(made.assessed)
    assert reassess(made.assessed, {}, organs={"trachea": None}).organs == ()


def test_stations_that_a_reader_drew_stay_as_drawn() -> None:
    drawn = reassess(assessed("supplied"), {"5": None, "7": _half(assessed("supplied"), "7")}).assessed
    kept = {name: mask_of(drawn, name) for name in drawn.state.edited}
    made = reassess(drawn, {"10R": None}, organs=grown(drawn, "aorta"))
    now = made.assessed
    assert made.stations_changed
    assert {"5", "7", "10R"} <= set(now.state.edited)
    assert findings(now)["10R"].volume_ml is None
    for name, mask in kept.items():
        assert np.array_equal(mask_of(now, name), mask), name
    with_10r = {"10R": boxed(mask_of(drawn, "10R"), drawn.case.ct)}
    back = reassess(now, with_10r, organs=as_shown(drawn, "aorta")).assessed
    assert np.array_equal(labels_of(back), labels_of(drawn))


def _half(case: AssessedCase, station: str) -> sitk.Image | None:
    mask = mask_of(case, station).copy()
    mask[:, :, int(np.median(np.argwhere(mask)[:, 2])) :] = False
    return boxed(mask, case.case.ct)


def test_what_is_there_already_changes_nothing() -> None:
    first = assessed("supplied")
    assert reassess(first, {}, organs=as_shown(first, "aorta")) == Reassessment(first, (), False)
    assert reassess(first, {}, organs={"stomach": None}) == Reassessment(first, (), False)


def test_the_organ_network_is_not_run_again() -> None:
    first = by_network()
    ToyNetwork.runs = 0
    made = reassess(first, {}, organs=grown(first, "esophagus", 1))
    back = reassess(made.assessed, {}, organs=as_shown(first, "esophagus")).assessed
    assert ToyNetwork.runs == 0
    sources = {row.name: row.source for row in made.assessed.assessment.organs}
    assert sources["aorta"] == sources["superior_vena_cava"] == "network"
    assert [UsedModel.of(row) for row in made.assessed.assessment.provenance if row.step == "organs"] == [TOY]
    assert_alike(comparable(back.assessment), comparable(first.assessment))
    assert_organ_law(made.assessed)
    assert ToyNetwork.runs == 1


def test_a_reader_s_organ_goes_before_the_network_s() -> None:
    first = by_network()
    made = reassess(first, {}, organs={**grown(first, "aorta", 1), "superior_vena_cava": None})
    rows = {row.name: row for row in made.assessed.assessment.organs}
    assert rows["aorta"].source == "supplied"
    assert "superior_vena_cava" not in rows


def saved(case: AssessedCase) -> dict[str, Any]:
    """What a scene keeps."""
    return {
        "assessment": Assessment.model_validate_json(case.assessment.model_dump_json()),
        "stations": sitk.Image(case.state.stations),
        "nodes": sitk.Image(case.nodes),
        "organs": masks_of(layers(shown(case), case.case.ct)),
    }


def test_a_restored_case_has_the_reader_s_organs_and_the_network_s_without_running_it() -> None:
    first = reassess(by_network(), {}, organs={**grown(by_network(), "esophagus", 1), "thyroid_gland": None}).assessed
    ToyNetwork.runs = 0
    restored = restore_case(given(LEFT_TO_THE_NETWORK), **saved(first))
    assert restored.case.organ_edits.keys() == first.case.organ_edits.keys()
    assert restored.case.organ_edits["thyroid_gland"] is None
    same = reassess(restored, {}, organs=as_shown(first, "esophagus"))
    assert same.organs == ()
    edit = grown(first, "azygos_arch", 1)
    there, here = (reassess(case, {}, organs=edit).assessed for case in (restored, first))
    assert ToyNetwork.runs == 0
    assert [UsedModel.of(row) for row in there.assessment.provenance if row.step == "organs"] == [TOY]
    assert findings(there).keys() == findings(here).keys()
    for name, finding in findings(here).items():
        # The network's organs come back from the CT's grid, a voxel of the working grid off at most.
        assert (findings(there)[name].volume_ml or 0) == pytest.approx(finding.volume_ml or 0, rel=0.1, abs=1.0), name


def test_a_case_restored_without_its_organs_finds_them_again_for_an_edit() -> None:
    first = assessed("supplied")
    content = saved(first)
    del content["organs"]
    restored = restore_case(given(), **content)
    edit = grown(first, "aorta")
    there, here = (reassess(case, {}, organs=edit).assessed for case in (restored, first))
    assert_alike(comparable(there.assessment), comparable(here.assessment))


def test_edited_organs_whose_masks_were_not_saved_cannot_be_restored() -> None:
    content = saved(with_wide_aorta().assessed)
    del content["organs"]
    with pytest.raises(InputError, match="organs that a reader edited were not saved: assess"):
        restore_case(given(), **content)


def test_organs_that_overlap_go_into_several_label_maps_and_come_back() -> None:
    case = assessed("supplied")
    masks = shown(case)
    maps = layers(masks, case.case.ct)
    assert 1 < len(maps) < 8
    back = masks_on_ct(masks_of(maps), case.case.ct)
    assert back.keys() == masks.keys()
    assert "body" not in back
    for name, mask in masks.items():
        assert back[name].box == mask.box
        assert np.array_equal(back[name].inside, mask.inside)


def test_what_was_supplied_is_shown_as_it_was_supplied() -> None:
    case = assessed("supplied")
    (given_mask,) = masks_on_ct({"aorta": given().organ_masks["aorta"]}, case.case.ct).values()
    assert np.array_equal(shown(case)["aorta"].inside, given_mask.inside)


def test_bad_edits_of_organs_are_refused_in_a_sentence() -> None:
    first = assessed("supplied")
    with pytest.raises(InputError, match="no organ 'flux capacitor' to edit"):
        reassess(first, {}, organs={"flux capacitor": None})
    (image,) = as_shown(first, "aorta").values()
    assert image is not None
    other = sitk.Image(image)
    other.SetSpacing((1.0, 1.0, 1.0))
    with pytest.raises(GeometryError, match="the edited aorta is on a different voxel grid"):
        reassess(first, {}, organs={"aorta": other})


def test_a_drawn_organ_too_small_for_the_grid_is_named_and_nothing_is_found_in_its_place() -> None:
    first = assessed("supplied")
    grid = working_grid_of(first)
    speck = next(image for image in voxels_of(first, "aorta") if not mask_on_grid(image, grid).any())
    now = reassess(first, {}, organs={"trachea": speck}).assessed
    assert "What was drawn of trachea is too small to be used; draw it larger." in now.assessment.warnings
    assert "trachea" not in {row.name for row in now.assessment.organs}
    assert shown(now)["trachea"].inside.sum() == 1


def voxels_of(case: AssessedCase, name: str) -> Iterator[sitk.Image]:
    """Each voxel of an organ as a mask; some lie between the centers of the working grid's, which are larger."""
    whole = organ(case, name)
    for at in np.argwhere(whole):
        alone = np.zeros(whole.shape, bool)
        alone[tuple(at)] = True
        image = boxed(alone, case.case.ct)
        assert image is not None
        yield image


def working_grid_of(case: AssessedCase) -> Grid:
    assert case.state.organ_part is not None
    assert case.state.organ_part.kept is not None
    return case.state.organ_part.kept.grid


def test_a_ct_stored_mirrored_gives_the_same_stations_after_the_same_edit() -> None:
    first, here = assessed("supplied"), with_wide_aorta().assessed
    edit = here.case.organ_edits["aorta"]
    assert edit is not None
    there = reassess(
        assess(replace(given(), ct=stored_mirrored(given().ct)), first.state.settings),
        {},
        organs={"aorta": stored_mirrored(edit)},
    ).assessed
    for name, finding in findings(here).items():
        assert (findings(there)[name].volume_ml or 0) == pytest.approx(finding.volume_ml or 0, rel=0.05, abs=0.3), (
            name
        )


def stored_mirrored(image: sitk.Image) -> sitk.Image:
    """The same voxels in the same places, stored from the patient's other side."""
    other = sitk.GetImageFromArray(np.ascontiguousarray(sitk.GetArrayFromImage(image)[:, :, ::-1]))
    other.SetSpacing(image.GetSpacing())
    other.SetDirection([-value if index % 3 == 0 else value for index, value in enumerate(image.GetDirection())])
    other.SetOrigin(image.TransformIndexToPhysicalPoint((image.GetSize()[0] - 1, 0, 0)))
    return other
