"""The host, started once, with an empty scene for each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import slicer_host


@pytest.fixture(scope="session")
def started() -> Any:
    """The module ``slicer`` of the running host; tests are skipped where it cannot be had."""
    if reason := slicer_host.why_unavailable():
        pytest.skip(reason)
    return slicer_host.start()


@pytest.fixture
def slicer(started: Any) -> Iterator[Any]:
    """The same with an empty scene; a test fails where a connected function or an observer raised unnoticed."""
    slicer_host.clear_scene()
    slicer_host.take_messages()
    slicer_host.take_slot_errors()
    slicer_host.confirm_with(True)
    yield started
    assert slicer_host.take_slot_errors() == []
    slicer_host.clear_scene()


@pytest.fixture
def qt(slicer: Any) -> Any:
    """PythonQt's stand-in."""
    import qt

    return qt


@pytest.fixture
def ct(slicer: Any) -> Any:
    """A volume of 24 x 30 x 40 voxels of 3 x 2 x 2 mm: a dark box, all -1000 HU."""
    volume = slicer.util.addVolumeFromArray(np.full((24, 30, 40), -1000, np.int16), name="CT")
    volume.SetSpacing(2, 2, 3)
    volume.CreateDefaultDisplayNodes()
    return volume


@pytest.fixture
def segmentation(slicer: Any, ct: Any) -> Any:
    """A segmentation on the grid of ``ct`` with one red segment, ``"4R"``: a box in the middle."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Stations")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    node.GetSegmentation().AddEmptySegment("4R", "4R", [1, 0, 0])
    mask = np.zeros((24, 30, 40), np.uint8)
    mask[10:14, 12:18, 16:24] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, "4R", ct)
    return node
