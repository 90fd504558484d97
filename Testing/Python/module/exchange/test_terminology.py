"""The terminology of stations and nodes, as Slicer reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import slicer_host

if _reason := slicer_host.why_unavailable():
    pytest.skip(_reason, allow_module_level=True)
slicer = slicer_host.start()

import vtk  # noqa: E402
from LNStationSlicer.exchange import Terminology  # noqa: E402
from LNStationSlicer.exchange.Findings import nodeSegmentId  # noqa: E402
from module.mrml_cases import make_case  # noqa: E402

from LNStationLib import anatomy  # noqa: E402
from LNStationLib.support.resources import resource_path  # noqa: E402
from Testing.Tools.terminology import terminology  # noqa: E402


@pytest.fixture(autouse=True)
def _empty_scene() -> Iterator[None]:
    slicer_host.clear_scene()
    yield
    slicer_host.clear_scene()


def test_terminology_entries_are_read_by_slicers_own_logic() -> None:
    segmentation = make_case().nodesNode().GetSegmentation()
    text = vtk.reference("")
    segmentation.GetSegment(nodeSegmentId(7)).GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), text)
    entry = slicer.vtkSlicerTerminologyEntry()
    logic = slicer.modules.terminologies.logic()
    assert logic.DeserializeTerminologyEntry(str(text), entry)
    assert entry.GetTypeObject().GetCodeMeaning() == "Lymph node"
    assert entry.GetRegionObject().GetCodeValue() == "127932007"
    assert entry.GetRegionModifierObject().GetCodeMeaning() == "Right"


def test_our_terminology_file_holds_every_station_with_its_sides() -> None:
    file = resource_path("Terminology", "LNStation.term.json")
    assert json.loads(file.read_text(encoding="utf-8")) == terminology()
    logic = slicer.modules.terminologies.logic()
    assert Terminology.registerTerminology(logic)
    assert Terminology.registerTerminology(logic)
    category = slicer.vtkSlicerTerminologyCategory()
    assert logic.GetNthCategoryInTerminology(Terminology.CONTEXT, 0, category)
    count = logic.GetNumberOfTypesInTerminologyCategory(Terminology.CONTEXT, category)
    sides = {}
    for n in range(count):
        kind = slicer.vtkSlicerTerminologyType()
        assert logic.GetNthTypeInTerminologyCategory(Terminology.CONTEXT, category, n, kind)
        number = logic.GetNumberOfTypeModifiersInTerminologyType(Terminology.CONTEXT, category, kind)
        sides[kind.GetCodeValue()] = number
    assert set(sides) == {row.code.value for row in anatomy.stations()} | {Terminology.LYMPH_NODE.value}
    assert (sides["127932007"], sides["28330007"], sides["LNS-1R"]) == (2, 0, 1)
