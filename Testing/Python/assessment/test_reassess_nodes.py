"""An edit of nodes: the answer of a whole assessment where the reader's nodes hold, at little cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from edited_patient import (
    EDITS,
    METHODS,
    Method,
    assert_alike,
    assessed,
    boxed,
    comparable,
    findings,
    from_the_start,
    numbering,
    patient,
)
from scipy.ndimage import binary_dilation

from LNStationLib.assessment.reassess import reassess
from LNStationLib.assessment.restore import restore_case
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.edited_masks import label_image
from LNStationLib.nodes import edits as node_edits
from LNStationLib.nodes.edits import Action, NodeEdit, NodeEditDone
from LNStationLib.state.assessed_case import AssessedCase
from LNStationLib.state.assessment import NodeFinding
from LNStationLib.support.errors import GeometryError, InputError

SEARCHING = [method for method in METHODS if method not in ("none", "ct_blobs")]


def node_map(case: AssessedCase) -> np.ndarray:
    return array_view(case.nodes)


def nodes_of(case: AssessedCase) -> dict[int, NodeFinding]:
    return {one.node_id: one for one in case.assessment.nodes}


def mask_of(case: AssessedCase, number: int) -> np.ndarray:
    return np.equal(node_map(case), number)


def largest(case: AssessedCase, station: str = "4R") -> int:
    inside = [one for one in case.assessment.nodes if one.station == station]
    return max(inside, key=lambda one: one.volume_mm3).node_id


def another(case: AssessedCase) -> int:
    """A node that is not the largest of 4R."""
    return next(number for number in sorted(nodes_of(case)) if number != largest(case))


def edited(case: AssessedCase, *edits: NodeEdit) -> tuple[AssessedCase, tuple[NodeEditDone, ...]]:
    made = reassess(case, {}, nodes=edits)
    return made.assessed, made.node_edits


def grown_mask(case: AssessedCase, number: int, steps: int = 1) -> sitk.Image | None:
    return boxed(binary_dilation(mask_of(case, number), iterations=steps), patient().ct)


def assert_law(now: AssessedCase) -> None:
    """As a whole assessment with the reader's nodes; numbers and times apart."""
    whole = from_the_start(now)
    assert_alike(comparable(now.assessment, numbering(now, whole)), comparable(whole.assessment))
    drawn = now.case.node_edits.drawn
    assert {number: nodes_of(whole)[number] for number in drawn} == {n: nodes_of(now)[n] for n in drawn}


def edit_of(action: Action, case: AssessedCase) -> NodeEdit:
    number = largest(case)
    centroid = nodes_of(case)[number].centroid_mm
    other = next(one.node_id for one in case.assessment.nodes if one.node_id != number)
    return {
        "draw": lambda: NodeEdit("draw", (number,), grown_mask(case, number)),
        "grow": lambda: NodeEdit("grow", point_mm=centroid),
        "dismiss": lambda: NodeEdit("dismiss", (number,)),
        "split": lambda: NodeEdit("split", (number,)),
        "merge": lambda: NodeEdit("merge", (number, other)),
    }[action]()


@pytest.mark.parametrize("method", SEARCHING)
@pytest.mark.parametrize("action", ["draw", "dismiss", "split", "merge"])
def test_an_edit_of_nodes_gives_the_answer_of_a_whole_assessment(method: Method, action: Action) -> None:
    before = assessed(method)
    now, done = edited(before, edit_of(action, before))
    assert done[0].action == action
    assert_law(now)


@pytest.mark.parametrize("method", SEARCHING)
def test_an_edit_of_stations_after_it_leaves_the_readers_nodes_alone(method: Method) -> None:
    before = assessed(method)
    number, other = largest(before), another(before)
    drawn, _ = edited(before, NodeEdit("draw", (number,), grown_mask(before, number)), NodeEdit("dismiss", (other,)))
    voxels = mask_of(drawn, number)
    for edit in ("4R grows over its neighbors", "7 is halved"):
        now = reassess(drawn, EDITS[edit](drawn)).assessed
        assert np.array_equal(mask_of(now, number), voxels), edit
        assert other not in nodes_of(now), "a search does not bring back what was dismissed"
        assert [one.node_id for one in now.assessment.dismissed_nodes] == [other]
        assert_law(now)


def test_a_dismissed_node_counts_nowhere_and_is_kept_with_its_measures() -> None:
    before = assessed("supplied")
    number = largest(before)
    assert findings(before)["4R"].call == "positive"
    now, (done,) = edited(before, NodeEdit("dismiss", (number,)))
    assert number not in nodes_of(now)
    assert not mask_of(now, number).any()
    (kept,) = now.assessment.dismissed_nodes
    assert (kept.node_id, kept.call) == (number, None)
    assert kept.short_axis_mm == nodes_of(before)[number].short_axis_mm
    assert "Dismissed by a reader" in kept.reason
    station = findings(now)["4R"]
    assert station.n_nodes == findings(before)["4R"].n_nodes - 1
    assert (station.largest_short_axis_mm or 0.0) < findings(before)["4R"].largest_short_axis_mm
    assert (done.station, done.before, done.after) == ("4R", (number,), ())
    assert done.volume_before_ml == pytest.approx(nodes_of(before)[number].volume_mm3 / 1000)
    assert done.volume_after_ml is None


def test_what_is_restored_is_as_it_was() -> None:
    before = assessed("pet_threshold")
    number = largest(before)
    gone, _ = edited(before, NodeEdit("dismiss", (number,)))
    back, (done,) = edited(gone, NodeEdit("restore", (number,)))
    assert_alike(comparable(back.assessment), comparable(before.assessment))
    assert np.array_equal(node_map(back), node_map(before))
    assert back.case.node_edits == before.case.node_edits
    assert done.after == (number,)


def test_numbers_are_kept_and_new_nodes_take_one_that_none_had() -> None:
    before = assessed("supplied")
    highest = max(nodes_of(before))
    number = largest(before)
    now, (gone, split) = edited(before, NodeEdit("dismiss", (highest,)), NodeEdit("split", (number,)))
    assert gone.before == (highest,)
    assert split.after == (number, highest + 1), "not that of the dismissed one"
    parts = [nodes_of(now)[one].volume_mm3 for one in split.after]
    assert parts[0] >= parts[1] > 0
    assert sum(parts) == pytest.approx(nodes_of(before)[number].volume_mm3)
    merged, (done,) = edited(now, NodeEdit("merge", (highest + 1, number)))
    assert done.after == (number,)
    assert np.array_equal(mask_of(merged, number), mask_of(before, number))
    assert (nodes_of(merged)[number].source, nodes_of(before)[number].source) == ("reader", "supplied")
    untouched = set(nodes_of(before)) - {number, highest}
    assert all(nodes_of(merged)[one] == nodes_of(before)[one] for one in untouched)


def test_only_what_an_edit_touches_is_measured_and_called_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = assessed("supplied")
    measured: list[Any] = []
    real = node_edits.measure_node

    def counting(*arguments: Any) -> Any:
        measured.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(node_edits, "measure_node", counting)
    made = reassess(before, {}, nodes=[NodeEdit("split", (largest(before),))])
    assert len(measured) == 2
    assert made.changed == ("4R",)
    assert not made.stations_changed


def test_a_node_grows_from_a_point_and_what_is_there_already_is_said() -> None:
    before = assessed("supplied")
    for number, truth in nodes_of(before).items():
        if truth.short_axis_mm < 8.0:
            continue
        gone, _ = edited(before, NodeEdit("dismiss", (number,)))
        now, (done,) = edited(gone, NodeEdit("grow", point_mm=truth.centroid_mm))
        (new,) = done.after
        a, b = mask_of(now, new), mask_of(before, number)
        assert 2 * np.count_nonzero(a & b) / (a.sum() + b.sum()) > 0.6, number
        assert (nodes_of(now)[new].source, nodes_of(now)[new].fit_for_staging) == ("reader", True)
        with pytest.raises(InputError, match=f"node {new} is there already"):
            edited(now, NodeEdit("grow", point_mm=truth.centroid_mm))
        assert_law(now)


def test_a_readers_node_is_called_where_the_searchs_candidates_are_not() -> None:
    before = assessed("none")
    truth = nodes_of(assessed("supplied"))[largest(assessed("supplied"))]
    now, _ = edited(before, NodeEdit("grow", point_mm=truth.centroid_mm))
    (node,) = now.assessment.nodes
    assert node.call == "positive"
    station = findings(now)["4R"]
    assert (station.call, station.fit_for_staging, station.n_nodes) == ("positive", True, 1)
    assert_law(now)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (NodeEdit("dismiss", (999,)), "there is no node 999"),
        (NodeEdit("restore", (1,)), "node 1 was not dismissed"),
        (NodeEdit("merge", (1, 1)), "cannot be merged with itself"),
        (NodeEdit("merge", (1,)), "'merge' does not take 1 nodes"),
        (NodeEdit("grow"), "a node grows from a point"),
        (NodeEdit("grow", point_mm=(9e4, 0.0, 0.0)), "outside the CT"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(edit: NodeEdit, words: str) -> None:
    before = assessed("supplied")
    answer, voxels = before.assessment, sitk.Hash(before.nodes)
    with pytest.raises(InputError, match=words):
        edited(before, edit)
    assert (before.assessment, sitk.Hash(before.nodes)) == (answer, voxels)


def test_a_point_in_air_or_in_a_vessel_grows_no_node() -> None:
    before = assessed("supplied")
    hu = array_view(patient().ct)
    z, y, x = np.argwhere(hu < -800)[0]
    air = patient().ct.TransformIndexToPhysicalPoint([int(x), int(y), int(z)])
    with pytest.raises(InputError, match="no soft tissue at this point"):
        edited(before, NodeEdit("grow", point_mm=air))
    aorta = patient().organ_masks["aorta"]
    middle = np.argwhere(array_view(aorta) > 0)
    at = middle[len(middle) // 2][::-1]
    with pytest.raises(InputError, match="organ or a vessel"):
        edited(before, NodeEdit("grow", point_mm=aorta.TransformIndexToPhysicalPoint([int(n) for n in at])))


def test_a_mask_on_another_grid_is_refused() -> None:
    before = assessed("supplied")
    image = grown_mask(before, largest(before))
    assert image is not None
    image.SetSpacing((1.0, 1.0, 1.0))
    with pytest.raises(GeometryError, match=r"node \d+ is on a different voxel grid"):
        edited(before, NodeEdit("draw", (largest(before),), image))


def test_an_emptied_node_is_dismissed_and_a_drawn_one_takes_voxels_from_its_neighbor() -> None:
    before = assessed("supplied")
    number = largest(before)
    now, (done,) = edited(before, NodeEdit("draw", (number,)))
    assert done.after == ()
    assert [one.node_id for one in now.assessment.dismissed_nodes] == [number]
    half = mask_of(before, number).copy()
    half[:, :, int(np.median(np.argwhere(half)[:, 2])) :] = False
    half_grown = binary_dilation(half)
    now, (done,) = edited(before, NodeEdit("draw", image=boxed(half_grown, patient().ct)))
    (new,) = done.after
    assert np.array_equal(mask_of(now, new), half_grown)
    assert not (mask_of(now, number) & half_grown).any()
    assert_law(now)


def test_a_restored_case_keeps_the_readers_nodes() -> None:
    before = assessed("pet_threshold")
    number, other = largest(before), another(before)
    now, _ = edited(before, NodeEdit("dismiss", (other,)), NodeEdit("draw", (number,), grown_mask(before, number)))
    dismissed = label_image(now.case.node_edits.dismissed, now.case.ct)
    restored = restore_case(patient(), now.assessment, now.stations, now.nodes, dismissed=dismissed)
    assert restored.case.node_edits.numbers == {other, number}
    edits = EDITS["4R grows over its neighbors"]
    assert_alike(
        comparable(reassess(restored, edits(restored)).assessed.assessment),
        comparable(reassess(now, edits(now)).assessed.assessment),
    )
    with pytest.raises(InputError, match="dismissed were not saved"):
        restore_case(patient(), now.assessment, now.stations, now.nodes)
    back, _ = edited(restored, NodeEdit("restore", (other,)))
    assert nodes_of(back)[other] == nodes_of(before)[other]
