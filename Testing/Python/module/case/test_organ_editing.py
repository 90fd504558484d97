"""Edits of organs: what is stale, what is logged, what is not the reader's; with Slicer's Segment Editor logic."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from LNStationSlicer.case import Looks  # noqa: E402
from LNStationSlicer.case.CaseExport import exportOrganMap, exportOrgans  # noqa: E402
from LNStationSlicer.case.CaseScene import CaseScene  # noqa: E402
from LNStationSlicer.case.OrganEditing import OrganEditing  # noqa: E402
from LNStationSlicer.case.OrganRows import organRows  # noqa: E402
from LNStationSlicer.exchange.OrganMatching import matchSegmentations, organSegments  # noqa: E402
from module.mrml_cases import (  # noqa: E402
    AORTA,
    ARCH,
    GRIDS,
    Clock,
    Editor,
    geometry_of,
    make_case,
    organ_layers,
    provenance,
    set_organs,
)

from LNStationLib import anatomy  # noqa: E402
from LNStationLib.worker.volume_files import read_volume  # noqa: E402

IN_AORTA = (slice(2, 6), slice(24, 30), slice(20, 28))
BESIDE = (slice(4, 8), slice(24, 30), slice(28, 32))
EVERYWHERE = (slice(0, 24), slice(0, 40), slice(0, 48))


class Scene:
    """A case whose organs are watched."""

    def __init__(self) -> None:
        self.case = make_case()
        self.marks = self.case.review().organs
        self.clock = Clock()
        self.editing = OrganEditing(self.case, schedule=self.clock)
        self.editing.start()
        self.segmentation = self.case.organsNode().GetSegmentation()
        self.editor = Editor(self.case.organsNode(), self.case.ctNode(), overwrite=False)

    def edited_by_reader(self, *names: str) -> None:
        """As if the worker had said so."""
        assessment = dict(self.case.assessment())
        assessment["provenance"] = [provenance("organs", settings={"edited_by_reader": list(names)})]
        self.case.setAssessment(assessment)

    def write(self, layer: np.ndarray, *names: str) -> None:
        """As if the worker had derived these organs again."""
        set_organs(self.case, [layer], only=names)


@pytest.fixture
def scene() -> Iterator[Scene]:
    slicer_host.clear_scene()
    made = Scene()
    yield made
    made.editing.stop()
    slicer_host.clear_scene()


def voxels(case: CaseScene, name: str, folder: Path) -> int:
    reference = exportOrgans(case, [name], folder)[name]
    return int(read_volume(folder, reference)[0].sum())


def test_organs_that_overlap_have_whole_segments_with_code_color_and_title(scene: Scene, tmp_path: Path) -> None:
    assert list(organSegments(scene.segmentation)) == ["trachea", "aorta", "aortic_arch"]
    assert voxels(scene.case, "aorta", tmp_path) == 18 * 6 * 8
    assert voxels(scene.case, "aortic_arch", tmp_path) == 4 * 6 * 8
    aorta = scene.segmentation.GetSegment("aorta")
    assert aorta.GetName() == anatomy.organ("aorta").title
    assert np.allclose(aorta.GetColor(), np.array(anatomy.organ("aorta").color) / 255)
    assert not scene.case.organsNode().GetDisplayNode().GetVisibility()
    matched = matchSegmentations([scene.case.organsNode()])
    assert set(matched.organs) == {"trachea", "aorta", "aortic_arch"}
    assert (matched.ambiguous, matched.unmatched) == ((), ())


@pytest.mark.parametrize("grid", list(GRIDS))
def test_organs_lie_where_they_belong_on_any_grid(grid: str, tmp_path: Path) -> None:
    slicer_host.clear_scene()
    case = make_case(GRIDS[grid])
    geometry = geometry_of(GRIDS[grid])
    array, box = read_volume(tmp_path, exportOrganMap(case, "aorta", tmp_path))
    assert set(np.unique(array)) == {anatomy.organ("aorta").label_value}
    assert array.shape == tuple(part.stop - part.start for part in AORTA)
    steps = np.reshape(geometry.direction, (3, 3)) * geometry.spacing_mm
    first = np.array([part.start for part in reversed(AORTA)])
    assert np.allclose(box.origin_mm, np.array(geometry.origin_mm) + steps @ first, atol=1e-4)
    slicer_host.clear_scene()


def test_an_edit_marks_and_logs_the_organ_alone(scene: Scene) -> None:
    scene.editor.paint("aorta", BESIDE)
    scene.clock.pass_by()
    assert scene.marks.stale() == ["aorta"]
    assert scene.case.review().stale() == []
    (edit,) = scene.case.review().edits()
    assert (edit["organ"], edit["station"]) == ("aorta", None)
    assert edit["volume_after_ml"] > edit["volume_before_ml"]


def test_undo_makes_an_organ_fresh_again(scene: Scene) -> None:
    scene.editor.erase("aorta", IN_AORTA)
    scene.clock.pass_by()
    scene.editor.undo()
    scene.clock.pass_by()
    assert scene.marks.stale() == []


def test_what_follows_from_an_edit_is_no_edit_and_neither_is_its_undo(scene: Scene) -> None:
    scene.editor.erase("aorta", IN_AORTA)
    scene.clock.pass_by()
    scene.editing.assessed(scene.editing.snapshot(["aorta"]))
    scene.edited_by_reader("aorta")
    moved = np.roll(organ_layers()[1], 1, axis=0)
    scene.write(moved, "aortic_arch")
    scene.clock.pass_by()
    assert scene.marks.stale() == []
    scene.editor.undo()
    scene.clock.pass_by()
    assert scene.marks.stale() == ["aorta"]
    assert len(scene.case.review().edits()) == 2


def test_a_removed_segment_is_an_organ_taken_away_and_a_renamed_one_stays_what_it_is(
    scene: Scene, tmp_path: Path
) -> None:
    scene.segmentation.GetSegment("trachea").SetName("heart")
    scene.segmentation.RemoveSegment("aortic_arch")
    scene.clock.pass_by()
    assert scene.marks.stale() == ["aortic_arch"]
    assert list(organSegments(scene.segmentation)) == ["trachea", "aorta"]
    assert 0 in exportOrgans(scene.case, ["aortic_arch"], tmp_path)["aortic_arch"]["shape"]


def test_an_emptied_segment_goes_to_the_worker_without_voxels(scene: Scene, tmp_path: Path) -> None:
    scene.editor.erase("trachea", EVERYWHERE)
    scene.clock.pass_by()
    assert scene.marks.stale() == ["trachea"]
    assert 0 in exportOrgans(scene.case, ["trachea"], tmp_path)["trachea"]["shape"]


def test_an_added_segment_with_the_name_of_an_organ_counts_and_another_is_left_alone(scene: Scene) -> None:
    scene.segmentation.AddEmptySegment("Segment_1", "Oesophagus")
    scene.segmentation.AddEmptySegment("Segment_2", "my scratch")
    scene.editor.paint("Segment_1", BESIDE)
    scene.editor.paint("Segment_2", BESIDE)
    scene.clock.pass_by()
    assert scene.marks.stale() == ["esophagus"]
    assert organSegments(scene.segmentation)["esophagus"] == ("Segment_1",)
    scene.segmentation.RemoveSegment("Segment_1")
    scene.clock.pass_by()
    assert scene.marks.stale() == []


def test_a_second_segment_of_an_organ_is_united_with_the_first(scene: Scene, tmp_path: Path) -> None:
    before = voxels(scene.case, "aorta", tmp_path)
    scene.segmentation.AddEmptySegment("Segment_1", "aorta")
    scene.editor.paint("Segment_1", BESIDE)
    scene.clock.pass_by()
    assert scene.marks.stale() == ["aorta"]
    assert voxels(scene.case, "aorta", tmp_path) == before + 4 * 6 * 4


def test_a_stroke_made_while_organs_are_rewritten_is_kept_and_stays_stale(scene: Scene, tmp_path: Path) -> None:
    scene.editor.erase("trachea", EVERYWHERE)
    scene.editing.flush()
    scene.write(np.roll(organ_layers()[1], 1, axis=0), "aortic_arch")
    assert scene.marks.stale() == ["trachea"]
    assert voxels(scene.case, "aortic_arch", tmp_path) == 4 * 6 * 8


def test_an_organ_that_is_no_longer_found_loses_its_segment(scene: Scene) -> None:
    scene.write(np.zeros_like(organ_layers()[1]), "aortic_arch")
    assert list(organSegments(scene.segmentation)) == ["trachea", "aorta"]
    assert scene.marks.stale() == []


def test_a_saved_scene_keeps_organs_edits_and_marks(scene: Scene, tmp_path: Path) -> None:
    scene.editor.erase("aorta", IN_AORTA)
    scene.clock.pass_by()
    expected = scene.case.review().asDict()
    assert slicer.util.saveScene(str(tmp_path / "case.mrb"))
    scene.editing.stop()
    slicer_host.clear_scene()
    slicer.util.loadScene(str(tmp_path / "case.mrb"))
    (back,) = CaseScene.allIn(slicer.mrmlScene)
    assert back.review().asDict() == expected
    assert voxels(back, "aorta", tmp_path) == (18 - 4) * 6 * 8
    watching = OrganEditing(back, schedule=Clock())
    watching.start()
    assert watching.flush() == []
    assert back.review().organs.stale() == ["aorta"]
    watching.stop()


@pytest.mark.parametrize("seen", [False, True], ids=["unseen", "seen"])
def test_a_stroke_made_before_the_first_look_is_finished_is_an_edit(scene: Scene, seen: bool) -> None:
    scene.editing.stop()
    Looks._seen.clear()  # as after a scene was loaded
    scene.editing.start()
    assert scene.editing.pending is False
    scene.editor.erase("aorta", IN_AORTA)
    if seen:  # the first look goes on after the stroke, before the delay is over
        scene.clock.pass_by()
    scene.editing.flush()
    assert scene.marks.stale() == ["aorta"]
    (edit,) = scene.case.review().edits()
    assert (edit["organ"], edit["volume_before_ml"] > edit["volume_after_ml"] > 0) == ("aorta", True)


def test_an_edit_saved_before_it_was_noticed_is_stale_after_loading(scene: Scene) -> None:
    scene.editor.erase("aorta", IN_AORTA)
    scene.editing.stop()
    assert scene.marks.stale() == []
    scene.editing.start()
    scene.clock.pass_by()
    assert scene.marks.stale() == ["aorta"]


def test_the_list_says_where_each_organ_came_from(scene: Scene) -> None:
    rows = {row.name: row.source for row in organRows(scene.case)}
    assert rows == {"trachea": "found in the CT", "aorta": "network 0.93", "aortic_arch": "network 0.93"}
    scene.edited_by_reader("aorta", "esophagus")
    scene.editor.erase("trachea", EVERYWHERE)
    scene.clock.pass_by()
    rows = {row.name: row.source for row in organRows(scene.case)}
    assert rows["aorta"] == "edited by the reader"
    assert rows["esophagus"] == "taken away by the reader"
    assert rows["trachea"] == "edited, not yet re-assessed"


def test_the_arch_is_part_of_the_aorta_here() -> None:
    assert all(a.start <= b.start and b.stop <= a.stop for a, b in zip(AORTA, ARCH, strict=True))
