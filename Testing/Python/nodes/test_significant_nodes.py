"""Significant nodes by streams: which run, where each speaks, how they are fused, what the answer says of them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from models.volume_packages import node_section, write_volumes
from nodes.shapes import ellipsoid, like
from nodes.test_find_nodes import BALLS, chest, stations_on
from nodes.test_node_network import with_balls
from states import said, with_stations

pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from LNStationLib.assessment.assess import judge_case
from LNStationLib.case.case import Case
from LNStationLib.export.csv_files import nodes_csv
from LNStationLib.export.report.tables import node_table
from LNStationLib.models.package.node_detection import NodeDetection
from LNStationLib.models.package.node_streams import STREAMS, best_fusion
from LNStationLib.models.runtime import segmentation
from LNStationLib.models.runtime.segmentation import ClassProbabilities
from LNStationLib.nodes.find import find_nodes
from LNStationLib.nodes.from_network.candidates import CandidateMap, merged
from LNStationLib.nodes.from_network.fusion import fused, zone_of
from LNStationLib.nodes.network import SWITCH
from LNStationLib.sampling.volume import VolumeSpec, volume_grid, volume_hu
from LNStationLib.state.assessment import CandidateFacts, NodeFinding
from LNStationLib.state.node_result import NodeResult
from LNStationLib.state.settings import Settings, StepSettings

SPACING_MM = (2.0, 1.5, 1.5)
FROC = [
    {"threshold": 0.8, "false_positives": 1.0, "recall": 0.5},
    {"threshold": 0.3, "false_positives": 8.0, "recall": 0.9},
]


def stream_section(roles: tuple[str, ...], visible: bool = True, **said: Any) -> NodeDetection:
    """A package with a network of visible nodes and streams."""
    base = node_section().volumes["nodes"].model_dump() | {"spacing_mm": SPACING_MM}
    volumes = {"nodes": base} if visible else {}
    for role in roles:
        pet = STREAMS[role].with_pet
        channels = ("ct_wide", "ct_soft", *(("pet", "tumor_distance") if pet else ()), "stations")
        volumes[role] = {**base, "channels": channels, "pet_suv": (1.0, 1.0) if pet else None}
    return node_section(
        volumes=volumes,
        classes={role: ["background", "node", "look_alike"] for role in volumes},
        froc=FROC if visible else [],
        probable=0.3,
        significant={"froc": FROC, "probable": 0.3, **said},
    )


class StandIn:
    """Dense tissue in stations is node; streams with PET see what is hot, those of CT what is dense."""

    engine = "torch"

    def __init__(self, section: NodeDetection) -> None:
        self.section, self.asked = section, []

    def network(self, role: str) -> StandIn:
        return self

    def probabilities(
        self, role: str, ct: sitk.Image, extent: Any, known: Any, progress: Any, patch_windows: bool,
        spec: VolumeSpec, mirrored: int | None,
    ) -> ClassProbabilities:  # fmt: skip
        self.asked.append(role)
        grid = volume_grid(extent, spec)
        node = np.clip((volume_hu(ct, grid) + 90) / 150, 0, 1) * known.stations
        if "pet" in spec.channels:
            node = node * (np.nan_to_num(known.pet) > 2)
        values = np.stack([1 - node, node, 0 * node]).astype(np.float16)
        return ClassProbabilities(grid, tuple(self.section.classes[role]), values)


Ask = Callable[..., NodeResult]


@pytest.fixture(autouse=True)
def wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests rule the network out."""
    monkeypatch.delenv(SWITCH, raising=False)


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Search a case by a stand-in for the networks of a section."""

    def asked(case: Case, section: NodeDetection, **options: Any) -> NodeResult:
        package = write_volumes(tmp_path / f"{len(list(tmp_path.iterdir()))}.zip", section)
        monkeypatch.setattr(segmentation, "warm_segmenter", lambda *_: StandIn(section))
        step = StepSettings(method="network", options={"network": {"model": str(package), **options}})
        return find_nodes(with_stations(case, stations_on(case.ct), Settings(nodes=step)))

    return asked


def pet_of(ct: sitk.Image, *hot: int) -> sitk.Image:
    """PET on the CT's grid, hot in some of the balls."""
    suv = np.ones(ct.GetSize()[::-1], np.float32)
    for number in hot:
        center, diameter = BALLS[number]
        suv[ellipsoid(ct, center, (diameter + 4,) * 3)] = 6
    return like(suv, ct)


def tumor_of(ct: sitk.Image, center: tuple[float, float, float] = (0.0, 40.0, 0.0)) -> sitk.Image:
    return like(ellipsoid(ct, center, (12.0,) * 3).astype(np.uint8), ct)


def facts(result: NodeResult) -> list[CandidateFacts]:
    found = [one.candidate for one in result.findings]
    assert all(each is not None for each in found)
    return [each for each in found if each is not None]


LF = ("ct_near", "ct_far", "pet_near", "pet_far")


def test_significant_nodes_stand_among_visible_ones_with_what_found_them(ask: Ask) -> None:
    ct = with_balls(chest())
    case = Case("case", ct, pet=pet_of(ct, 2), tumor=tumor_of(ct))
    result = ask(case, stream_section(("pet",)))
    assert len(result.findings) == len(BALLS)
    assert [one.significant for one in facts(result)] == [False, False, True, False]
    (hot,) = [one for one in facts(result) if one.significant]
    assert hot.visible
    assert hot.streams == ["pet"]
    assert hot.significance is not None
    assert hot.tumor_zone == "near"
    assert hot.tumor_distance_mm is not None
    assert 0 < hot.tumor_distance_mm < 70
    assert result.provenance.settings["streams"] == ["pet"]


@pytest.mark.parametrize(
    ("pet", "tumor", "ran", "told"),
    [
        (True, True, LF, None),
        (False, True, ("ct_near", "ct_far"), "Without PET"),
        (True, False, ("ct_near", "ct_far"), "Without a tumor mask"),
        (False, False, ("ct_near", "ct_far"), "Without PET and a tumor mask"),
    ],
)
def test_the_streams_that_can_run_are_asked_and_the_search_says_so(
    ask: Ask, pet: bool, tumor: bool, ran: tuple[str, ...], told: str | None
) -> None:
    ct = with_balls(chest())
    case = Case("case", ct, pet=pet_of(ct, 0) if pet else None, tumor=tumor_of(ct) if tumor else None)
    result = ask(case, stream_section(LF))
    assert tuple(result.provenance.settings["streams"]) == ran
    assert all(one.significant for one in facts(result)), "CT streams speak everywhere"
    lacks = [each for each in said(result.warnings) if each.startswith("Without")]
    assert [each.split(" significant")[0] for each in lacks] == ([told] if told else [])
    if not tumor:
        assert all(one.tumor_zone is None and one.tumor_distance_mm is None for one in facts(result))


def test_where_no_stream_can_run_visible_nodes_stay_and_significance_is_not_known(ask: Ask) -> None:
    ct = with_balls(chest())
    result = ask(Case("case", ct), stream_section(("pet",)))
    assert len(result.findings) == len(BALLS)
    assert all(one.visible and one.significant is None for one in facts(result))
    assert "were not looked for" in " ".join(said(result.warnings))


def test_a_package_of_streams_alone_finds_significant_nodes(ask: Ask) -> None:
    ct = with_balls(chest())
    case = Case("case", ct, pet=pet_of(ct, 1), tumor=tumor_of(ct))
    result = ask(case, stream_section(("pet",), visible=False))
    (found,) = result.findings
    assert found.candidate is not None
    assert (found.candidate.visible, found.candidate.significant) == (False, True)
    assert found.score == found.candidate.significance


def test_a_stratified_stream_speaks_in_its_own_zone_unless_masks_are_off(ask: Ask) -> None:
    ct = with_balls(chest())
    case = Case("case", ct, pet=pet_of(ct, 0, 1, 2, 3), tumor=tumor_of(ct))
    near_only = stream_section(("ct_near",), near_mm=35.0)
    zones = [one.tumor_zone for one in facts(ask(case, near_only)) if one.significant]
    assert zones
    assert set(zones) == {"near"}
    free = ask(case, stream_section(("ct_near",), near_mm=35.0, masked=False))
    assert sum(bool(one.significant) for one in facts(free)) > len(zones)


def test_pet_that_ends_above_the_nodes_leaves_ct_to_speak_there_and_says_so(ask: Ask) -> None:
    ct = with_balls(chest())
    whole = pet_of(ct, 0, 1, 2, 3)
    z = ct.GetSize()[2]
    upper = sitk.RegionOfInterest(whole, [*ct.GetSize()[:2], z // 2], [0, 0, z - z // 2])
    result = ask(Case("case", ct, pet=upper, tumor=tumor_of(ct)), stream_section(LF))
    assert any("PET covers" in each for each in said(result.warnings))
    assert 0 < result.provenance.settings["pet_covered"] < 1
    middle = ct.TransformIndexToPhysicalPoint((0, 0, z // 2))[2]
    for one in result.findings:
        assert one.candidate is not None
        with_pet = any(role.startswith("pet") for role in one.candidate.streams)
        if abs(one.centroid_mm[2] - middle) > one.long_axis_mm:
            assert with_pet == (one.centroid_mm[2] > middle)
    none = ask(Case("case", ct, pet=sitk.RegionOfInterest(whole, [4, 4, 4], [0, 0, 0])), stream_section(LF))
    assert "Without PET" in " ".join(said(none.warnings))


def test_pet_shifted_by_breathing_moves_what_is_hot_and_nothing_breaks(ask: Ask) -> None:
    ct = with_balls(chest())
    pet = pet_of(ct, 2)
    x, y, z = pet.GetOrigin()
    pet.SetOrigin((x, y, z + 15.0))
    result = ask(Case("case", ct, pet=pet, tumor=tumor_of(ct)), stream_section(("ct", "pet")))
    assert all(one.significant for one in facts(result)), "the CT stream does not depend on PET"


def test_a_tumor_that_touches_nodes_or_has_two_parts_keeps_the_other_nodes(ask: Ask) -> None:
    ct = with_balls(chest())
    touching = tumor_of(ct, BALLS[2][0])
    two = sitk.Or(touching, tumor_of(ct, (0.0, 40.0, 30.0)))
    result = ask(Case("case", ct, pet=pet_of(ct, 0), tumor=two), stream_section(LF))
    assert len(result.findings) >= 3
    assert all(one.tumor_distance_mm is not None and one.tumor_distance_mm >= 0 for one in facts(result))


@pytest.mark.parametrize("what", ["metal", "cut", "thick", "large", "conglomerate"])
def test_bad_input_is_no_defect(ask: Ask, what: str) -> None:
    ct = with_balls(chest(spacing=(0.9, 0.9, 8.0)) if what == "thick" else chest())
    values = sitk.GetArrayFromImage(ct)
    if what == "metal":
        values[:, 40:43, 40:43] = 3071
    if what in ("large", "conglomerate"):
        values[ellipsoid(ct, (0, 0, 0), (40.0,) * 3 if what == "large" else (80.0, 50.0, 60.0))] = 55
    ct = like(values, ct)
    if what == "cut":
        ct = ct[:, :, : ct.GetSize()[2] // 2]
    result = ask(Case("case", ct, pet=pet_of(ct, 0), tumor=tumor_of(ct)), stream_section(LF))
    assert all(one.volume_mm3 > 0 for one in result.findings)
    assert any("Slices lie 8 mm apart" in each for each in said(result.warnings)) == (what == "thick")
    if what in ("large", "conglomerate"):
        assert any(one.short_axis_mm > 30 for one in result.findings)


def test_the_facts_stand_in_the_assessment_and_come_back_from_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ct = with_balls(chest())
    section = stream_section(("pet",))
    package = write_volumes(tmp_path / "p.zip", section)
    monkeypatch.setattr(segmentation, "warm_segmenter", lambda *_: StandIn(section))
    step = StepSettings(method="network", options={"network": {"model": str(package)}})
    case = Case("case", ct, pet=pet_of(ct, 2), tumor=tumor_of(ct))
    answer = judge_case(with_stations(case, stations_on(ct), Settings(nodes=step))).assessment
    again = [NodeFinding.model_validate_json(one.model_dump_json()) for one in answer.nodes]
    assert again == answer.nodes
    assert sum(bool(one.candidate and one.candidate.significant) for one in answer.nodes) == 1
    rows = list(csv.DictReader(nodes_csv(answer).splitlines()))
    assert [row["significant"] for row in rows].count("yes") == 1
    assert {row["streams"] for row in rows} == {"", "pet"}
    table = node_table(answer)
    place = [heading.title for heading in table.columns].index("Significance")
    shown = [cells[place].text for cells in table.rows]
    assert sum(text.endswith("near, on PET/CT") for text in shown) == 1


# Fusing


def test_fusion_is_the_maximum_of_those_who_may_speak() -> None:
    distance = np.array([0.0, 70.0, 71.0, 200.0])
    answers = {"ct_near": np.full(4, 0.6), "pet_far": np.full(4, 0.8), "ct": np.full(4, 0.1)}
    assert fused(answers, distance, 70.0) == pytest.approx([0.6, 0.6, 0.8, 0.8])
    assert fused(answers, distance, 70.0, masked=False) == pytest.approx([0.8] * 4)
    assert fused(answers, None, 70.0) == pytest.approx([0.8] * 4)
    covers = np.array([True, True, False, True])
    assert fused(answers, distance, 70.0, pet_covers=covers) == pytest.approx([0.6, 0.6, 0.1, 0.8])
    with pytest.raises(ValueError, match="no stream"):
        fused({}, None, 70.0)
    assert (zone_of(70.0, 70.0), zone_of(70.1, 70.0), zone_of(-5.0, 70.0)) == ("near", "far", "near")


def test_the_richest_setting_of_the_paper_s_table_is_asked() -> None:
    assert best_fusion(tuple(STREAMS)) == LF
    assert best_fusion(("ct", "pet", "ct_near")) == ("ct", "pet")
    assert best_fusion(("ct", "ct_near", "ct_far")) == ("ct_near", "ct_far")
    assert best_fusion(("ct_near",)) == ("ct_near",)
    assert best_fusion(()) == ()


def test_a_visible_node_takes_the_surest_of_what_lies_in_it_and_others_are_added() -> None:
    labels = np.zeros((1, 1, 12), np.uint16)
    labels[..., 0:6] = 3
    inside = np.zeros_like(labels)
    inside[..., 0:3], inside[..., 3:5], inside[..., 8:11] = 1, 2, 5
    visible = CandidateMap(labels, {3: 0.7}, {3: CandidateFacts(visible=True)})
    found = {n: CandidateFacts(significant=True, significance=s) for n, s in ((1, 0.4), (2, 0.9), (5, 0.5))}
    both = merged(visible, CandidateMap(inside, {1: 0.4, 2: 0.9, 5: 0.5}, found))
    assert both.scores == {3: 0.7, 4: 0.5}
    assert (both.facts[3].visible, both.facts[3].significance) == (True, 0.9)
    assert (both.facts[4].visible, both.facts[4].significance) == (False, 0.5)
    assert np.array_equal(both.labels == 4, inside == 5)


# What a package says


def test_streams_and_their_points_go_together() -> None:
    whole = stream_section(LF)
    assert whole.streams == LF
    assert whole.finds_visible
    assert any("significant" in row.title for row in whole.card_rows())
    fields = whole.model_dump()
    with pytest.raises(ValueError, match="go together"):
        NodeDetection(**{**fields, "significant": None})
    with pytest.raises(ValueError, match="froc needs two points"):
        NodeDetection(**{**fields, "froc": []})
    volumes = {**fields["volumes"], "ct_near": {**fields["volumes"]["ct_near"], "spacing_mm": (3.0, 3.0, 3.0)}}
    with pytest.raises(ValueError, match="one spacing"):
        NodeDetection(**{**fields, "volumes": volumes})
    with pytest.raises(ValueError, match="the networks must be of"):
        node_section(volumes={"some": fields["volumes"]["nodes"]}, classes={"some": fields["classes"]["nodes"]})
