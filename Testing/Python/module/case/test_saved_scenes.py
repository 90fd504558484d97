"""A case in a scene that is saved, closed and loaded, or imported beside itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from LNStationSlicer.case.CaseExport import exportNodeMap, exportStationMap  # noqa: E402
from LNStationSlicer.case.CaseScene import CaseScene  # noqa: E402
from LNStationSlicer.case.StationEditing import StationEditing  # noqa: E402
from LNStationSlicer.views.OverlayOptions import OverlayOptions  # noqa: E402
from LNStationSlicer.views.Overlays import Overlays  # noqa: E402
from module.mrml_cases import (  # noqa: E402
    GRIDS,
    SHAPE,
    Clock,
    Editor,
    geometry_of,
    make_case,
    make_volume,
    names_in_folder,
    node_array,
    set_map,
)

from LNStationLib.worker.volume_files import read_volume  # noqa: E402

ACROSS = (slice(13, 15), slice(10, 12), slice(17, 23))


@pytest.fixture(autouse=True)
def _empty_scene() -> Iterator[None]:
    slicer_host.clear_scene()
    yield
    slicer_host.clear_scene()


def save_and_load(tmp_path: Path, kind: str) -> None:
    scene = slicer.mrmlScene
    if kind == "mrb":
        assert slicer.util.saveScene(str(tmp_path / "case.mrb"))
        slicer_host.clear_scene()
        slicer.util.loadScene(str(tmp_path / "case.mrb"))
        return
    folder = tmp_path / "bundle"
    folder.mkdir()
    scene.SaveSceneToSlicerDataBundleDirectory(str(folder), None)
    slicer_host.clear_scene()
    (file,) = folder.rglob("*.mrml")
    slicer.util.loadScene(str(file))


@pytest.mark.parametrize("kind", ["mrb", "folder"])
def test_a_saved_scene_brings_everything_back(tmp_path: Path, kind: str) -> None:
    pet = make_volume(name="PET")
    case = make_case(GRIDS["oblique"], name="Größe 1", pet=pet)
    case.setSources("organs", [slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "organs")])
    attention = np.linspace(0, 1, np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    set_map(case, attention, geometry_of(GRIDS["oblique"]))
    options = OverlayOptions(stationColor="probability", foreground="map", mapColorMap="cividis")
    Overlays(case).apply(options)
    clock = Clock()
    editing = StationEditing(case, schedule=clock)
    editing.start()
    review = case.review()
    review.reader, review.blind = "Reader B", True
    review.setCall("4R", "positive")
    review.setNote("4R", 'neben der Trachea: "groß" & <rund>')
    Editor(case.stationsNode(), case.ctNode()).paint("4R", ACROSS)
    clock.pass_by()
    editing.stop()
    expected, assessment, key = review.asDict(), case.assessment(), case.key
    exportStationMap(case, tmp_path, "before")
    colors = [case.stationsNode().GetDisplayNode().GetSegmentOverrideColor(n) for n in ("4R", "1R")]

    save_and_load(tmp_path, kind)

    (back,) = CaseScene.allIn(slicer.mrmlScene)
    assert back.key == key
    assert back.name == "Größe 1"
    assert back.review().asDict() == expected
    assert back.review().stale() == ["4R", "4L"]
    assert back.assessment() == assessment
    assert back.petNode().GetName() == "PET"
    assert [node.GetName() for node in back.sources("organs")] == ["organs"]
    assert names_in_folder(back) == {"review", "assessment", "table", "stations", "nodes", "caseOrgans", "attention"}
    _, geometry = read_volume(tmp_path, exportStationMap(back, tmp_path, "after"))
    assert (tmp_path / "before").read_bytes() == (tmp_path / "after").read_bytes()
    assert np.allclose(geometry.direction, geometry_of(GRIDS["oblique"]).direction, atol=1e-5)
    nodes, _geometry = read_volume(tmp_path, exportNodeMap(back, tmp_path, "nodes"))
    assert (nodes == node_array()).all()
    assert np.allclose(slicer.util.arrayFromVolume(back.mapNode()), attention)
    assert Overlays(back).options() == options
    display = back.stationsNode().GetDisplayNode()
    assert np.allclose([display.GetSegmentOverrideColor(n) for n in ("4R", "1R")], colors, atol=1e-3)
    color_node = back.mapNode().GetDisplayNode().GetColorNode()
    assert color_node.GetAttribute("LNStation.role") == "attentionColors"
    assert color_node.GetNumberOfColors() == 256
    assert back.tableNode().GetTable().GetNumberOfRows() == 17
    # Nothing of what was loaded counts as an edit, and watching goes on.
    watching = StationEditing(back, schedule=clock)
    watching.start()
    assert watching.flush() == []
    assert back.review().stale() == ["4R", "4L"]
    Editor(back.stationsNode(), back.ctNode()).erase("7", (slice(0, 24), slice(0, 40), slice(0, 48)))
    clock.pass_by()
    assert back.review().stale() == ["4R", "4L", "7"]
    watching.stop()


def test_an_edit_saved_before_it_was_noticed_is_stale_after_loading(tmp_path: Path) -> None:
    case = make_case()
    editing = StationEditing(case, schedule=Clock())
    editing.start()
    Editor(case.stationsNode(), case.ctNode()).paint("4R", ACROSS)
    editing.stop()
    assert case.review().stale() == []
    save_and_load(tmp_path, "mrb")
    (back,) = CaseScene.allIn(slicer.mrmlScene)
    clock, told = Clock(), []
    watching = StationEditing(back, schedule=clock, onLooked=lambda: told.append(True))
    watching.start()
    assert back.review().stale() == [], "the panel does not wait for the first look"
    while clock.waiting:
        clock.pass_by()
    assert back.review().stale() == ["4R", "4L"]
    assert told == [True]
    watching.stop()


def test_a_scene_imported_beside_itself_gives_two_cases_that_do_not_mix(tmp_path: Path) -> None:
    make_case().review().setCall("4R", "positive")
    assert slicer.util.saveScene(str(tmp_path / "case.mrb"))
    slicer.util.loadScene(str(tmp_path / "case.mrb"))
    first, second = CaseScene.allIn(slicer.mrmlScene)
    assert first.key != second.key
    assert first.folderItem() != second.folderItem()
    assert first.stationsNode() is not second.stationsNode()
    second.review().setCall("4R", "negative")
    assert first.review().call("4R") == "positive"
    second.remove()
    assert first.stationsNode() is not None
    assert CaseScene.allIn(slicer.mrmlScene) == [first]
