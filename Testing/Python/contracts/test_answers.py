"""The answers of every method that finds or judges nodes: mirrored, repeated, cancelled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from metastasis.network_cases import Scene
from states import with_stations

from LNStationLib.assessment.methods import REGISTRIES
from LNStationLib.nodes.find import find_nodes
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.settings import Settings, StepSettings
from LNStationLib.support.errors import CancelledError
from LNStationLib.support.progress import silent

OTHER = {"L": "R", "R": "L", "4R": "4L", "4L": "4R"}
# What a node network answers is tested with a stand-in for it (nodes/test_node_network.py).
NODE_METHODS = [method.name for method in REGISTRIES["nodes"] if method.package_task is None]
JUDGES = [method.name for method in REGISTRIES["metastasis"] if method.package_task is None]


def patient(nodes: str, *, mirrored: bool = False) -> PatientState:
    """A patient with PET, whose nodes are to be found by one method."""
    scene = Scene(mirrored=mirrored)
    hot = sitk.Cast(sitk.NotEqual(scene.case.nodes, 0), sitk.sitkFloat32) * 7 + 1
    settings = Settings(nodes=StepSettings(method=nodes))
    return with_stations(replace(scene.case, pet=hot), scene.stations, settings)


def rows(state: PatientState) -> list[tuple]:
    return [(one.station, one.side, one.short_axis_mm, one.volume_mm3) for one in find_nodes(state).findings]


@pytest.mark.parametrize("nodes", NODE_METHODS)
def test_a_mirrored_patient_has_the_mirrored_nodes(nodes: str) -> None:
    there = sorted((OTHER.get(station, station), OTHER[side], *size) for station, side, *size in rows(patient(nodes))
                   if station)  # fmt: skip
    here = sorted(row for row in rows(patient(nodes, mirrored=True)) if row[0])
    assert [row[:2] for row in here] == [row[:2] for row in there]
    for one, other in zip(here, there, strict=True):
        assert one[2:] == pytest.approx(other[2:], rel=1e-3)


@pytest.mark.parametrize("nodes", NODE_METHODS)
def test_the_same_patient_has_the_same_nodes(nodes: str) -> None:
    first, second = find_nodes(patient(nodes)), find_nodes(patient(nodes))
    assert first.findings == second.findings
    np.testing.assert_array_equal(*(sitk.GetArrayFromImage(one.labels) for one in (first, second)))


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("nodes", NODE_METHODS)
def test_a_mirrored_patient_gets_the_mirrored_calls(nodes: str, judge: str) -> None:
    calls = []
    for mirrored in (False, True):
        state = patient(nodes, mirrored=mirrored)
        state = replace(state, nodes=find_nodes(state))
        method = REGISTRIES["metastasis"].named(judge)
        found = method.run(state, method.options(), silent).stations
        calls.append({OTHER.get(name, name) if mirrored else name: call.call for name, call in found.items()})
    for name in ("4R", "4L", "7", "8"):
        assert calls[0][name] == calls[1][name], name


@pytest.mark.parametrize("nodes", NODE_METHODS)
def test_a_cancelled_search_raises_and_leaves_the_patient_as_it_was(nodes: str) -> None:
    state = patient(nodes)

    def cancel(step: str, fraction: float) -> None:
        raise CancelledError

    if nodes == "none":
        assert find_nodes(state, cancel).findings == []
        return
    with pytest.raises(CancelledError):
        find_nodes(state, cancel)
    assert state.nodes is None
