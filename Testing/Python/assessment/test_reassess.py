"""An edit of stations: the same answer as a whole assessment with the edited map, at a fraction of the work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from edited_patient import (
    EDITS,
    METHODS,
    Method,
    assert_alike,
    assert_law,
    assessed,
    boxed,
    comparable,
    findings,
    grown,
    labels_of,
    mask_of,
    numbering,
    patient,
    shifted,
    shrunken,
)
from scipy.ndimage import binary_erosion

from LNStationLib.assessment.assess import judge_case
from LNStationLib.assessment.reassess import Reassessment, reassess
from LNStationLib.case.case import Case
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, station_boxes
from LNStationLib.nodes import ct_blobs, update
from LNStationLib.nodes.ct_blobs import BlobSearch, search_box
from LNStationLib.support.errors import CancelledError, GeometryError, InputError
from LNStationLib.support.progress import Progress

SEARCHES: dict[Any, tuple[Case, BlobSearch]] = {}
REAL_SEARCH = ct_blobs.search_blobs


def searched_once(case: Case, box: Box, progress: Progress) -> BlobSearch:
    """The blobs of a case in a box; the same images in the same box are searched once."""
    masks = sorted((name, id(mask)) for name, mask in case.organ_masks.items())
    key = (id(case.ct), tuple(masks), id(case.tumor), case.organ_surrogates, str(box))
    if key not in SEARCHES:
        SEARCHES[key] = (case, REAL_SEARCH(case, box, progress))
    return SEARCHES[key][1]


@pytest.fixture(autouse=True)
def _searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search takes seconds, and no station goes into it but by its box."""
    monkeypatch.setattr(ct_blobs, "search_blobs", searched_once)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("edit", list(EDITS))
def test_an_edit_gives_the_answer_of_a_whole_assessment(method: Method, edit: str) -> None:
    before = assessed(method)
    made = reassess(before, EDITS[edit](before))
    assert_law(before, made.assessed)
    assert made.changed


@pytest.mark.parametrize("edit", ["4R grows over its neighbors", "7 is halved"])
def test_the_law_holds_for_nodes_cut_at_a_fraction_of_their_maximum(edit: str) -> None:
    before = assessed("pet_threshold", 0.41)
    assert_law(before, reassess(before, EDITS[edit](before)).assessed)


@pytest.mark.parametrize("method", METHODS)
def test_the_law_holds_through_a_row_of_random_edits(method: Method) -> None:
    rng = np.random.default_rng(METHODS.index(method))
    case = assessed(method)
    for _ in range(3):
        station = str(rng.choice(list(case.state.boxes)))
        change = [grown, shrunken, shifted][int(rng.integers(3))]
        case = reassess(case, change(case, station, int(rng.integers(1, 4)))).assessed
    assert_law(assessed(method), case)


def test_answers_are_held_alike_but_for_rounding() -> None:
    answer = {"probability": 0.4321, "call": "negative", "reason": "Probability 0.43 in node 3.", "sides": ("L",)}
    assert_alike(answer, {**answer, "probability": 0.4322, "reason": "Probability 0.44 in node 3."})
    others = ({"probability": 0.4341}, {"probability": None}, {"call": "positive"}, {"sides": ("R",)})
    texts = ({"reason": "Probability 0.45 in node 3."}, {"reason": "Probability 0.43 in node 4."})
    for other in (*others, *texts):
        with pytest.raises(AssertionError, match=r"assessment\."):
            assert_alike(answer, {**answer, **other})


@pytest.mark.parametrize("method", METHODS)
def test_what_is_not_reported_as_changed_is_identical(method: Method) -> None:
    before = assessed(method)
    made = reassess(before, EDITS["4R grows over its neighbors"](before))
    earlier, now = findings(before), findings(made.assessed)
    assert {name for name in now if now[name] != earlier[name]} == set(made.changed)
    assert {"4R", "10R"} <= set(made.changed) < set(now)
    untouched = {node.node_id: node for node in before.assessment.nodes if node.station in ("5", "6", "8")}
    after = {node.node_id: node for node in made.assessed.assessment.nodes}
    assert all(after[number] == node for number, node in untouched.items())


def test_nodes_and_stations_far_from_the_edit_are_not_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = assessed("supplied")
    measured = []
    real = update.measure_node

    def counting(*arguments: Any) -> Any:
        measured.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(update, "measure_node", counting)
    reassess(before, EDITS["10R is emptied"](before))
    inside = sum(node.station == "10R" for node in before.assessment.nodes)
    assert inside <= len(measured) < len(before.assessment.nodes) // 2


def test_the_case_before_the_edit_stays_as_it_was() -> None:
    before = assessed("pet_threshold")
    stations, nodes, answer = sitk.Hash(before.state.stations), sitk.Hash(before.nodes), before.assessment
    reassess(before, EDITS["4R grows over its neighbors"](before))
    assert (sitk.Hash(before.state.stations), sitk.Hash(before.nodes)) == (stations, nodes)
    assert before.assessment == answer


@pytest.mark.parametrize("method", METHODS)
def test_an_emptied_station_is_not_assessed_and_not_negative(method: Method) -> None:
    made = reassess(assessed(method), {"4R": None})
    finding = findings(made.assessed)["4R"]
    assert (finding.volume_ml, finding.centroid_mm, finding.call, finding.n_nodes) == (None, None, None, None)
    assert finding.edited
    assert "Emptied by a reader" in finding.warnings[0]
    assert "4R" in made.assessed.assessment.staging.not_assessed_stations


def test_emptying_every_station_leaves_a_case_without_category() -> None:
    for method in METHODS:
        before = assessed(method)
        made = reassess(before, dict.fromkeys(before.state.boxes))
        assert made.assessed.assessment.n_category is None
        assert {finding.call for finding in made.assessed.assessment.stations} == {None}
        back = reassess(
            made.assessed, {name: boxed(mask_of(before, name), patient().ct) for name in before.state.boxes}
        )
        assert comparable(back.assessed.assessment)["stations"] == comparable(before.assessment)["stations"]


def test_voxels_of_a_neighbor_change_their_station_and_the_neighbor_says_so() -> None:
    before = assessed("supplied")
    made = reassess(before, EDITS["4R grows over its neighbors"](before))
    earlier, now = findings(before), findings(made.assessed)
    losers = [name for name in now if name != "4R" and (now[name].volume_ml or 0) < (earlier[name].volume_ml or 0)]
    assert losers
    for name in ["4R", *losers]:
        assert now[name].edited
        assert now[name].borders == []
        assert "A reader changed the contour" in now[name].warnings[0]
    kept = set(now) - {"4R", *losers}
    assert {"1R", "1L", "8", "9"} <= kept
    for name in kept:
        assert not now[name].edited
        assert now[name].borders == earlier[name].borders
    marked = next(row for row in made.assessed.assessment.provenance if row.step == "stations")
    assert set(marked.settings["edited_by_reader"]) == {"4R", *losers}


@pytest.mark.parametrize("method", METHODS)
def test_undoing_an_edit_brings_the_first_answer_back(method: Method) -> None:
    before = assessed(method)
    there = reassess(before, EDITS["7 shrinks"](before)).assessed
    back = reassess(there, {"7": boxed(mask_of(before, "7"), patient().ct)}).assessed
    assert_alike(comparable(back.assessment, numbering(back, before)), comparable(before.assessment))


def test_sending_what_is_there_already_changes_nothing() -> None:
    before = assessed("supplied")
    same = {name: boxed(mask_of(before, name), patient().ct) for name in ("4R", "7")}
    assert reassess(before, same) == Reassessment(before, (), False)
    assert reassess(before, {}) == Reassessment(before, (), False)


def test_a_station_sent_together_with_the_neighbor_it_was_painted_over_wins_the_voxels() -> None:
    before = assessed("supplied")
    painted = EDITS["4R grows over its neighbors"](before)
    both = {**painted, "10R": boxed(mask_of(before, "10R"), patient().ct)}
    alone, together = reassess(before, painted), reassess(before, both)
    assert np.array_equal(labels_of(alone.assessed), labels_of(together.assessed))


def test_two_stations_that_newly_claim_a_voxel_are_refused() -> None:
    before = assessed("supplied")
    free = np.zeros(labels_of(before).shape, bool)
    z, y, x = np.argwhere(labels_of(before) == 0)[0]
    free[z, y, x] = True
    image = boxed(free, patient().ct)
    with pytest.raises(InputError, match=r"stations 4R and 7 overlap in 1 voxels.*erase the overlap"):
        reassess(before, {"4R": image, "7": image})


def test_a_station_drawn_in_the_air_outside_the_body_is_measured_and_warned_about() -> None:
    before = assessed("supplied")
    mask = np.zeros(labels_of(before).shape, bool)
    mask[5:9, 2:6, 2:6] = True
    assert array_view(patient().ct)[mask].max() < -800
    made = reassess(before, {"5": boxed(mask, patient().ct)})
    finding = findings(made.assessed)["5"]
    assert finding.volume_ml == pytest.approx(mask.sum() * 0.016)
    assert "100% of the edited outline is air or lung" in finding.warnings[1]
    assert_law(before, made.assessed)


def _other(image: sitk.Image, **geometry: Any) -> sitk.Image:
    changed = sitk.Image(image)
    for name, value in geometry.items():
        getattr(changed, name)(value)
    return changed


def test_a_mask_on_another_grid_is_refused() -> None:
    before = assessed("supplied")
    image = boxed(mask_of(before, "4R"), patient().ct)
    assert image is not None
    x, y, z = image.GetOrigin()
    strangers = [
        _other(image, SetSpacing=(2.0, 2.0, 2.0)),
        _other(image, SetOrigin=(x + 0.7, y, z)),
        _other(image, SetDirection=(-1, 0, 0, 0, -1, 0, 0, 0, 1)),
    ]
    for stranger in strangers:
        with pytest.raises(GeometryError, match="station 4R is on a different voxel grid from the CT: set the CT"):
            reassess(before, {"4R": stranger})


def test_a_mask_that_reaches_outside_the_ct_is_refused_but_an_empty_margin_there_is_fine() -> None:
    before = assessed("supplied")
    image = boxed(mask_of(before, "4R"), patient().ct)
    assert image is not None
    padded = sitk.ConstantPad(image, [0, 0, 400], [0, 0, 400], 0)
    assert reassess(before, {"4R": padded}).changed == ()
    outside = _other(image, SetOrigin=(image.GetOrigin()[0], image.GetOrigin()[1], image.GetOrigin()[2] + 4000))
    with pytest.raises(GeometryError, match="4R reaches outside the CT"):
        reassess(before, {"4R": outside})


def test_an_unknown_station_is_refused_with_the_known_names() -> None:
    with pytest.raises(InputError, match="no station '4Q' to edit: use one of 1R, 1L"):
        reassess(assessed("supplied"), {"4Q": None})


def test_a_station_that_the_parser_could_not_find_can_be_drawn() -> None:
    before = assessed("supplied")
    without = reassess(before, {"6": None}).assessed
    drawn = reassess(without, {"6": boxed(binary_erosion(mask_of(before, "6")), patient().ct)})
    finding = findings(drawn.assessed)["6"]
    assert finding.volume_ml
    assert finding.edited
    assert_law(before, drawn.assessed)


@pytest.mark.parametrize("axes", [(True, False, False), (False, True, True)], ids=["x", "yz"])
def test_a_ct_stored_mirrored_gives_the_same_answer_to_the_same_edit(axes: tuple[bool, bool, bool]) -> None:
    case = assessed("supplied")

    def flip(image: sitk.Image) -> sitk.Image:
        return sitk.Flip(image, axes)

    stations = flip(case.state.stations)
    flipped_case = replace(
        patient(), ct=flip(patient().ct), nodes=None if patient().nodes is None else flip(patient().nodes)
    )
    baseline = replace(case.state.baseline, stations=stations, boxes=station_boxes(stations))
    assert case.state.station_part is not None
    part = replace(case.state.station_part, labels=stations, boxes=station_boxes(stations), baseline=baseline)
    mirrored = judge_case(replace(case.state, case=flipped_case, station_part=part, nodes=None))
    edit = EDITS["7 is halved"](case)["7"]
    assert edit is not None
    there = findings(reassess(mirrored, {"7": flip(edit)}).assessed)
    for name, finding in findings(reassess(case, {"7": edit}).assessed).items():
        assert there[name].call == finding.call, name
        assert there[name].n_nodes == finding.n_nodes, name
        assert there[name].positive_sides == finding.positive_sides, name
        assert there[name].volume_ml == pytest.approx(finding.volume_ml), name


def test_cancelling_leaves_the_case_as_it_was() -> None:
    def cancel(step: str, fraction: float) -> None:
        if fraction >= 0.5:
            raise CancelledError

    before = assessed("ct_blobs")
    with pytest.raises(CancelledError):
        reassess(before, EDITS["7 shrinks"](before), cancel)
    assert reassess(before, {}).assessed is before


def test_edits_inside_the_chest_do_not_start_the_blob_search_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    before = assessed("ct_blobs")

    def fail(*arguments: Any) -> Any:
        raise AssertionError("searched again")

    monkeypatch.setattr(ct_blobs, "search_blobs", fail)
    for edit in ("4R grows over its neighbors", "7 shrinks"):
        now = reassess(before, EDITS[edit](before)).assessed
        assert search_box(now.state.stations) == search_box(before.state.stations)
