"""Scenes that earlier versions saved are still read; each file of ``data`` was written by the version in its name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

from LNStationSlicer.case.CaseScene import CaseScene  # noqa: E402
from LNStationSlicer.case.CaseSettings import CaseSettings  # noqa: E402
from LNStationSlicer.case.Parameters import CaseParameters  # noqa: E402
from LNStationSlicer.exchange.MethodDefinitions import shippedSteps  # noqa: E402
from LNStationSlicer.views.Overlays import Overlays  # noqa: E402
from module.mrml_cases import make_assessment, node_array, station_array  # noqa: E402

from LNStationLib.assessment.methods import check_settings  # noqa: E402
from LNStationLib.state.settings import Settings  # noqa: E402


@pytest.fixture
def former(repository: Path) -> Iterator[CaseScene]:
    """The case of a scene that version 0.1.0 saved."""
    slicer_host.clear_scene()
    slicer.util.loadScene(str(repository / "Testing" / "Python" / "module" / "case" / "scene_0_1_0.mrb"))
    (case,) = CaseScene.allIn(slicer.mrmlScene)
    yield case
    slicer_host.clear_scene()


def voxels(segmentation: Any, ct: Any) -> int:
    """Number of voxels of all segments on the grid of a CT."""
    ids = segmentation.GetSegmentation().GetSegmentIDs()
    return sum(int(slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, key, ct).sum()) for key in ids)


def test_what_was_found_and_what_the_reader_said_is_there(former: CaseScene) -> None:
    assert former.name == "Before"
    found = former.assessment()
    former.setAssessment({**make_assessment(), "organs": []})
    assert found == former.assessment()
    assert former.review().calls() == {"4R": "positive"}
    assert former.review().note("7") == "look again"
    assert voxels(former.stationsNode(), former.ctNode()) == (station_array() > 0).sum()
    assert voxels(former.nodesNode(), former.ctNode()) == (node_array() > 0).sum()


def test_the_settings_are_as_they_were(former: CaseScene) -> None:
    parameters = CaseParameters(former.node)
    assert (parameters.cancer, parameters.tumorSide) == ("lung", "L")
    settings = CaseSettings(former.node)
    assert settings.value("metastasis", "clinical_criteria", "short_axis_threshold_mm") == pytest.approx(8.0)
    assert (settings.method("nodes"), settings.method("metastasis")) == (None, "clinical_criteria")
    assert settings.workingSpacingMm == pytest.approx(1.5)
    check_settings(Settings.model_validate(settings.forWorker(shippedSteps(), "cpu")))


def test_a_network_of_its_settings_is_found_again(former: CaseScene, tmp_path: Path) -> None:
    package = tmp_path / "tiny.zip"
    package.write_bytes(b"package")
    told = {
        "metastasis": "sa_moe", "modelPath": str(package), "modelId": "tiny", "modelTitle": "Tiny 1",
        "operatingPoint": "sensitive", "flipAveraging": "True", "nodeSource": "none",
    }  # fmt: skip
    for name, value in told.items():
        former.node.SetParameter(name, value)
    sent = {"metastasis": "sa_moe", "model": "/gone/tiny.zip", "operating_point": "sensitive"}
    former.node.SetParameter("assessedSettings", json.dumps({"settings": sent, "model_id": "tiny"}))
    settings = CaseSettings(former.node)
    assert settings.package("metastasis", "station_network") == {
        "path": str(package), "id": "tiny", "title": "Tiny 1",
    }  # fmt: skip
    assert settings.value("metastasis", "station_network", "flip_averaging") is True
    assert (settings.method("metastasis"), settings.method("nodes")) == ("station_network", "none")
    restored = settings.forRestoring()
    assert restored is not None
    assert restored["metastasis"]["options"]["station_network"]["model"] == str(package)
    check_settings(Settings.model_validate(restored))
    settings.setMethod("nodes", None)
    assert settings.package("metastasis", "station_network")["title"] == "Tiny 1", "a change keeps the rest"
    assert settings.value("metastasis", "station_network", "operating_point") == "sensitive"


def test_its_map_is_drawn_as_it_was(former: CaseScene) -> None:
    options = Overlays(former).options()
    assert (options.foreground, options.mapThreshold, options.mapColorMap) == ("map", 0.6, "cividis")
    Overlays(former).apply(options)
    node = former.mapNode()
    assert slicer.mrmlScene.GetNodeByID("vtkMRMLSliceCompositeNodeRed").GetForegroundVolumeID() == node.GetID()
    assert node.GetDisplayNode().GetLowerThreshold() == pytest.approx(0.6 * 0.5)


def test_it_is_removed_whole(former: CaseScene) -> None:
    ct = former.ctNode()
    Overlays(former).hide()
    former.remove()
    left = slicer.util.getNodesByClass("vtkMRMLStorableNode")
    assert [node.GetName() for node in left if node.GetAttribute("LNStation.role")] == []
    assert slicer.mrmlScene.IsNodePresent(ct)
