"""Edits of stations: what is stale, what is logged, what undo takes back; with Slicer's own Segment Editor logic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from LNStationSlicer.case.CaseExport import exportStations  # noqa: E402
from LNStationSlicer.case.CaseSegmentations import StationsReplacedEvent  # noqa: E402
from LNStationSlicer.case.StationEditing import StationEdit, StationEditing  # noqa: E402
from module.mrml_cases import Clock, Editor, geometry_of, lps_matrix, make_case, station_array  # noqa: E402

from LNStationLib.worker.volume_files import read_volume  # noqa: E402

VOXEL_ML = 1.5 * 1.25 * 3.0 / 1000
ACROSS = (slice(13, 15), slice(10, 12), slice(17, 23))
"""Three voxels deep in 4R, three in 4L."""


class Scene:
    """A case that is watched."""

    def __init__(self) -> None:
        self.case = make_case()
        self.review = self.case.review()
        self.review.reader = "Reader A"
        self.edits: list[list[StationEdit]] = []
        self.clock = Clock()
        self.editing = StationEditing(self.case, self.edits.append, schedule=self.clock)
        self.editing.start()
        self.editor = Editor(self.case.stationsNode(), self.case.ctNode())


@pytest.fixture
def scene() -> Iterator[Scene]:
    slicer_host.clear_scene()
    made = Scene()
    yield made
    made.editing.stop()
    slicer_host.clear_scene()


def test_a_stroke_marks_the_station_and_the_neighbor_that_lost_voxels(scene: Scene) -> None:
    scene.editor.paint("4R", ACROSS)
    assert scene.editing.pending
    assert scene.review.stale() == []
    scene.clock.pass_by()
    assert scene.review.stale() == ["4R", "4L"]
    assert not scene.editing.pending
    moved = 2 * 2 * 3 * VOXEL_ML
    before = 6 * 12 * 12 * VOXEL_ML
    (edits,) = scene.edits
    assert edits == [
        StationEdit("4R", pytest.approx(before), pytest.approx(before + moved)),
        StationEdit("4L", pytest.approx(before), pytest.approx(before - moved)),
    ]


def test_the_log_says_who_changed_which_station_and_its_volumes(scene: Scene) -> None:
    scene.editor.erase("7", (slice(0, 24), slice(0, 40), slice(0, 48)))
    scene.clock.pass_by()
    (edit,) = scene.review.edits()
    assert (edit["who"], edit["station"], edit["volume_after_ml"]) == ("Reader A", "7", 0.0)
    assert edit["volume_before_ml"] == pytest.approx(6 * 12 * 12 * VOXEL_ML, abs=1e-4)
    assert edit["when"].endswith("+00:00")


def test_strokes_before_the_next_assessment_are_one_entry_of_the_log(scene: Scene) -> None:
    for y in (20, 21):
        scene.editor.paint("4R", (slice(13, 14), slice(y, y + 1), slice(10, 12)))
        scene.clock.pass_by()
    (edit,) = scene.review.edits()
    assert edit["volume_after_ml"] - edit["volume_before_ml"] == pytest.approx(4 * VOXEL_ML, abs=2e-4)
    scene.editing.assessed(scene.editing.snapshot(["4R"]))
    scene.editor.paint("4R", (slice(13, 14), slice(22, 23), slice(10, 12)))
    scene.clock.pass_by()
    assert len(scene.review.edits()) == 2


def test_a_stroke_beside_everything_marks_only_its_station_even_on_a_layer_of_its_own(scene: Scene) -> None:
    editor = Editor(scene.case.stationsNode(), scene.case.ctNode(), overwrite=False)
    editor.paint("4R", ACROSS)
    scene.clock.pass_by()
    assert scene.review.stale() == ["4R"]
    assert scene.case.stationsNode().GetSegmentation().GetNumberOfLayers() == 2


def test_a_stroke_that_changes_no_voxel_marks_nothing(scene: Scene) -> None:
    scene.editor.paint("4R", (slice(13, 15), slice(10, 12), slice(10, 12)))
    scene.clock.pass_by()
    assert scene.review.stale() == []
    assert scene.edits == []


def test_a_missing_station_can_be_drawn(scene: Scene) -> None:
    scene.editor.paint("2R", (slice(19, 21), slice(10, 12), slice(10, 12)))
    scene.clock.pass_by()
    assert scene.review.stale() == ["2R"]
    assert scene.edits[0][0].volumeBeforeMl == 0.0


def test_a_row_of_events_is_looked_at_once_it_is_over(scene: Scene) -> None:
    scene.editor.paint("4R", (slice(13, 14), slice(20, 21), slice(10, 12)))
    early = list(scene.clock.waiting)
    scene.editor.paint("4R", (slice(13, 14), slice(21, 22), slice(10, 12)))
    for callback in early:
        callback()
    assert scene.edits == []
    scene.clock.pass_by()
    assert len(scene.edits) == 1


def test_undo_makes_a_station_fresh_again_and_redo_stale(scene: Scene) -> None:
    scene.editor.paint("4R", ACROSS)
    scene.clock.pass_by()
    scene.editor.undo()
    scene.clock.pass_by()
    assert scene.review.stale() == []
    scene.editor.redo()
    scene.clock.pass_by()
    assert scene.review.stale() == ["4R", "4L"]


def test_what_the_case_writes_itself_marks_nothing(scene: Scene) -> None:
    scene.editor.paint("4R", ACROSS)
    scene.clock.pass_by()
    other = np.roll(station_array(), 2, axis=1)
    scene.case.setStations(other, geometry_of(lps_matrix()))
    scene.clock.pass_by()
    assert scene.review.stale() == []
    assert len(scene.edits) == 1
    scene.editor.paint("4R", (slice(13, 14), slice(30, 31), slice(10, 12)))
    scene.clock.pass_by()
    assert scene.review.stale() == ["4R"]


def test_recoloring_and_renaming_a_segment_mark_nothing(scene: Scene) -> None:
    segment = scene.case.stationsNode().GetSegmentation().GetSegment("4R")
    segment.SetColor(1, 0, 0)
    segment.SetName("right lower paratracheal")
    scene.clock.pass_by()
    assert scene.review.stale() == []


def test_a_station_edited_while_the_worker_was_busy_stays_stale(scene: Scene) -> None:
    scene.editor.paint("4R", ACROSS)
    scene.clock.pass_by()
    sent = scene.editing.snapshot(scene.review.stale())
    scene.editor.paint("4R", (slice(13, 14), slice(21, 22), slice(10, 12)))
    scene.editing.assessed(sent)
    assert scene.review.stale() == ["4R"]
    scene.editing.assessed(scene.editing.snapshot(["4R"]))
    assert scene.review.stale() == []


def test_a_removed_segment_is_an_emptied_station(scene: Scene) -> None:
    scene.case.stationsNode().GetSegmentation().RemoveSegment("7")
    scene.clock.pass_by()
    assert scene.review.stale() == ["7"]


def test_stale_stations_go_to_the_worker_as_boxes_of_the_ct_grid(scene: Scene, tmp_path: Any) -> None:
    scene.editor.paint("4R", ACROSS)
    scene.editor.erase("7", (slice(0, 24), slice(0, 40), slice(0, 48)))
    scene.editing.flush()
    references = exportStations(scene.case, scene.review.stale(), tmp_path)
    assert list(references) == ["4R", "4L", "7"]
    assert references["7"]["shape"] == [0, 0, 0]
    array, geometry = read_volume(tmp_path, references["4R"])
    expected = station_array() == 7
    expected[ACROSS] = True
    assert array.sum() == expected.sum()
    low = np.argwhere(expected).min(axis=0)
    assert np.allclose(geometry.origin_mm, (lps_matrix() @ [*low[::-1], 1.0])[:3])
    box = tuple(slice(a, a + n) for a, n in zip(low, array.shape, strict=True))
    assert (expected[box] == array.astype(bool)).all()


def test_observers_are_gone_after_stop(scene: Scene) -> None:
    node = scene.case.stationsNode()
    assert node.HasObserver(StationsReplacedEvent)
    assert len(scene.editing.Observations) == 8
    scene.editing.stop()
    scene.clock.pass_by()  # what was left of the first look
    assert not node.HasObserver(StationsReplacedEvent)
    assert scene.editing.Observations == []
    scene.editor.paint("4R", ACROSS)
    assert scene.clock.waiting == []
    assert scene.review.stale() == []


def test_stations_removed_and_made_anew_are_watched_again(scene: Scene) -> None:
    slicer.mrmlScene.RemoveNode(scene.case.stationsNode())
    assert scene.editing.flush() == []
    scene.case.setStations(station_array(), geometry_of(lps_matrix()))
    Editor(scene.case.stationsNode(), scene.case.ctNode()).paint("4R", ACROSS)
    scene.clock.pass_by()
    assert scene.review.stale() == ["4R", "4L"]


def test_stations_replaced_while_nobody_watched_are_no_edit(scene: Scene) -> None:
    scene.editor.paint("4R", ACROSS)
    scene.clock.pass_by()
    scene.editing.stop()
    scene.case.setStations(np.roll(station_array(), 2, axis=1), geometry_of(lps_matrix()))
    assert scene.review.stale() == []
    scene.editing.start()
    assert scene.review.stale() == []
    scene.editor.paint("4R", (slice(13, 14), slice(24, 25), slice(10, 12)))
    scene.clock.pass_by()
    assert scene.review.stale() == ["4R"]
    assert len(scene.review.edits()) == 3


def test_closing_the_scene_with_an_edit_pending_does_no_harm(scene: Scene) -> None:
    scene.editor.paint("4R", ACROSS)
    slicer_host.clear_scene()
    scene.clock.pass_by()
    assert scene.edits == []
