"""Nodes by a network: from its answer to single nodes on the CT. A stand-in answers by density alone."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from models.volume_packages import node_section, write_volumes
from nodes.shapes import AXIAL, ORIENTATIONS, ellipsoid, like, points, rotation
from nodes.test_find_nodes import BALLS, chest, stations_on
from states import said, with_stations

pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from LNStationLib.assessment.assess import judge_case
from LNStationLib.case.case import Case
from LNStationLib.export.csv_files import nodes_csv
from LNStationLib.export.report.tables import node_table
from LNStationLib.models.package import installed
from LNStationLib.models.runtime import segmentation
from LNStationLib.models.runtime.segmentation import ClassProbabilities
from LNStationLib.nodes.find import find_nodes
from LNStationLib.nodes.from_network.context import organ_masks
from LNStationLib.nodes.from_network.instances import find_instances
from LNStationLib.nodes.network import SWITCH, search_warnings
from LNStationLib.nodes.registry import METHODS
from LNStationLib.nodes.update import update_nodes
from LNStationLib.sampling.volume import OrganProbabilities, VolumeSpec, volume_grid, volume_hu
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.settings import Settings, StepSettings
from LNStationLib.state.station_change import StationChange
from LNStationLib.state.used_model import UsedModel
from LNStationLib.support.errors import InputError

SPACING_MM = (2.0, 1.5, 1.5)
SECTION = node_section(
    volumes={"nodes": {**node_section().volumes["nodes"].model_dump(), "spacing_mm": SPACING_MM}},
    sure_from_mm=6.0,
    probable=0.3,
)


class StandIn:
    """Soft tissue in stations is node, with a probability that rises with its density."""

    section, engine = SECTION, "torch"

    def __init__(self) -> None:
        self.asked: list[OrganProbabilities] = []

    def network(self, role: str) -> StandIn:
        return self

    def probabilities(
        self, role: str, ct: sitk.Image, extent: Any, organs: Any, progress: Any, patch_windows: bool,
        spec: VolumeSpec, mirrored: int | None,
    ) -> ClassProbabilities:  # fmt: skip
        assert patch_windows
        self.asked.append(organs)
        grid = volume_grid(extent, spec)
        hu = volume_hu(ct, grid)
        node = np.clip((hu + 90) / 150, 0, 1) * organs.stations
        return ClassProbabilities(
            grid, SECTION.classes["nodes"], np.stack([1 - node, node, 0 * node]).astype(np.float16)
        )


@pytest.fixture(autouse=True)
def wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests rule the network out."""
    monkeypatch.delenv(SWITCH, raising=False)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return write_volumes(tmp_path / "nodes.zip", SECTION)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    made = StandIn()
    monkeypatch.setattr(segmentation, "warm_segmenter", lambda *arguments: made)
    return made


def settings(package: Path, **options: Any) -> Settings:
    return Settings(nodes=StepSettings(method="network", options={"network": {"model": str(package), **options}}))


def with_balls(ct: sitk.Image, hu: float = 55) -> sitk.Image:
    values = sitk.GetArrayFromImage(ct)
    for center, diameter in BALLS:
        values[ellipsoid(ct, center, (diameter,) * 3)] = hu
    return like(values, ct)


def state_of(case: Case, package: Path, **options: Any) -> PatientState:
    return with_stations(case, stations_on(case.ct), settings(package, **options))


def test_the_automatic_choice_on_ct_alone_is_the_network_unless_it_is_ruled_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = Case("case", chest())
    assert METHODS.chosen(Settings(), case).name == "network"
    monkeypatch.setenv(SWITCH, "1")
    assert METHODS.chosen(Settings(), case).name == "ct_blobs"
    monkeypatch.delenv(SWITCH)
    monkeypatch.setattr(installed, "missing_packages", lambda: ["torch"])
    assert METHODS.chosen(Settings(), case).name == "ct_blobs"


@pytest.mark.parametrize("direction", [*ORIENTATIONS.values(), rotation(25, 0)], ids=[*ORIENTATIONS, "oblique"])
def test_nodes_are_found_in_their_place_and_size_in_any_orientation(
    package: Path, stand_in: StandIn, direction: np.ndarray
) -> None:
    result = find_nodes(state_of(Case("case", with_balls(chest(direction))), package))
    assert [one.station for one in result.findings] == ["4R", "4R", "4L", "7"]
    for one, (center, diameter) in zip(result.findings, BALLS, strict=True):
        assert one.centroid_mm == pytest.approx(center, abs=1.0)
        assert one.short_axis_mm == pytest.approx(diameter, abs=2.0)
        assert one.score is not None
        assert 0.3 <= one.score <= 1
        assert not one.fit_for_staging


def test_the_package_stands_in_the_provenance_and_its_limits_in_the_warnings(
    package: Path, stand_in: StandIn
) -> None:
    thick = chest(spacing=(0.9, 0.9, 8.0))
    result = find_nodes(state_of(Case("case", with_balls(thick)), package))
    assert result.provenance.model_package == "tiny-organs"
    assert result.provenance.trained_on == "synthetic"
    assert result.provenance.settings["false_positives"] == 4.0
    told = " ".join(said(result.warnings))
    assert "Slices lie 8 mm apart" in told
    assert "short axis under 6 mm are often missed" in told
    assert "synthetic patients only: confirm every node" in told


def test_fewer_false_candidates_leave_the_surest_nodes(package: Path, stand_in: StandIn) -> None:
    ct = with_balls(chest(), hu=0)
    faint = find_nodes(state_of(Case("case", ct), package, false_positives=20.0))
    sure = find_nodes(state_of(Case("case", ct), package, false_positives=1.0))
    assert len(faint.findings) == len(BALLS)
    assert sure.findings == []


def test_nothing_is_found_in_the_tumor_or_far_from_stations(package: Path, stand_in: StandIn) -> None:
    ct = with_balls(chest())
    tumor = like(ellipsoid(ct, BALLS[2][0], (16.0,) * 3).astype(np.uint8), ct)
    result = find_nodes(state_of(Case("case", ct, tumor=tumor), package))
    assert [one.station for one in result.findings] == ["4R", "4R", "7"]
    none = like(np.zeros(ct.GetSize()[::-1], np.uint8), ct)
    empty = find_nodes(with_stations(Case("case", ct), none, settings(package)))
    assert empty.findings == []
    assert "no stations" in said(empty.warnings)[0]
    assert empty.labels.GetSize() == ct.GetSize()


def test_the_network_sees_known_organs_but_no_surrogate(package: Path, stand_in: StandIn) -> None:
    ct = chest()
    x = points(ct)[..., 0]
    mask = like((np.abs(x) < 6).astype(np.uint8), ct)
    case = Case("case", ct, organ_masks={"aorta": mask, "heart": mask, "liver": mask})
    find_nodes(state_of(replace(case, organ_surrogates=frozenset({"heart"})), package))
    (asked,) = stand_in.asked
    assert set(asked.values) == {"aorta"}
    share = np.mean(np.abs(asked.grid.coordinates_mm(2)) < 6)
    assert asked.values["aorta"].mean() == pytest.approx(share, abs=0.05)
    assert asked.stations is not None
    assert asked.stations.any()


def test_a_tumor_of_two_parts_a_cut_chest_and_metal_are_no_defect(package: Path, stand_in: StandIn) -> None:
    ct = chest(size=(100, 100, 40))
    values = sitk.GetArrayFromImage(with_balls(ct))
    values[:, 40:43, 40:43] = 3071
    tumor = np.zeros(values.shape, np.uint8)
    tumor[2:4, 20:30, 20:30] = tumor[8:9, 60:70, 60:70] = 1
    result = find_nodes(state_of(Case("case", like(values, ct), tumor=like(tumor, ct)), package))
    assert all(one.volume_mm3 > 0 for one in result.findings)


@pytest.mark.parametrize("edit", ["moved", "emptied", "one left"])
def test_an_edit_of_stations_gives_the_nodes_of_a_whole_search(package: Path, stand_in: StandIn, edit: str) -> None:
    before = state_of(Case("case", with_balls(chest())), package)
    before = replace(before, nodes=find_nodes(before))
    old = sitk.GetArrayFromImage(before.stations)
    x = points(before.case.ct)[..., 0]
    new = {
        "moved": np.where((x > 10) & (old > 0), 0, old),
        "emptied": np.zeros_like(old),
        "one left": np.where(x < 0, old, 0),
    }[edit].astype(np.uint8)
    labels = like(new, before.case.ct)
    now = replace(before, station_part=replace(before.station_part, labels=labels))  # type: ignore[type-var]
    change = StationChange.between(before.stations, labels)
    assert change is not None
    updated = update_nodes(now, change).nodes
    whole = find_nodes(replace(now, nodes=None))
    numberless = [one.model_copy(update={"node_id": 1}) for one in updated.findings]
    assert numberless == [one.model_copy(update={"node_id": 1}) for one in whole.findings]
    kept = {one.node_id for one in updated.findings}
    assert kept <= {one.node_id for one in before.found_nodes.findings}


def test_touching_nodes_are_split_and_a_long_node_is_one() -> None:
    shape, spacing = (30, 60, 60), (2.0, 1.5, 1.5)
    z, y, x = np.meshgrid(*[np.arange(n) * s for n, s in zip(shape, spacing, strict=True)], indexing="ij")

    def body(center: float, half: tuple[float, float, float]) -> np.ndarray:
        return ((z - 30) / half[0]) ** 2 + ((y - 45) / half[1]) ** 2 + ((x - center) / half[2]) ** 2 < 1

    two = body(38, (7, 7, 7)) | body(51, (7, 7, 7))
    found = find_instances(np.where(two, 0.8, 0.05), spacing, 0.5)
    assert len(found.scores) == 2
    assert found.scores[1] == pytest.approx(0.8)
    assert len(find_instances(np.where(body(45, (6, 6, 14)), 0.8, 0.05), spacing, 0.5).scores) == 1
    assert find_instances(np.full(shape, 0.1), spacing, 0.5).scores == {}


def test_a_conglomerate_of_80_mm_and_a_node_of_40_mm_are_no_defect(package: Path, stand_in: StandIn) -> None:
    ct = chest()
    values = sitk.GetArrayFromImage(ct)
    values[ellipsoid(ct, (0, 0, 0), (80.0, 50.0, 60.0))] = 55
    large = find_nodes(state_of(Case("case", like(values, ct)), package))
    assert 1 <= len(large.findings) <= 4
    assert sum(one.volume_mm3 for one in large.findings) > 0.6 * np.pi / 6 * 70 * 50 * 60


def test_a_real_package_runs_and_scores_stand_in_every_table(
    package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    state = state_of(Case("case", with_balls(chest(AXIAL))), package, device="cpu", engine="torch")
    found = find_nodes(state)
    assert found.provenance.settings["engine"] == "torch"
    scored = replace(state, nodes=replace(found, findings=[]))
    assert judge_case(scored).assessment.trained_on_synthetic


def test_scores_stand_in_report_and_csv(package: Path, stand_in: StandIn) -> None:
    answer = judge_case(state_of(Case("case", with_balls(chest())), package)).assessment
    table = node_table(answer)
    place = [heading.title for heading in table.columns].index("Node score")
    shown = {cells[place].text for cells in table.rows}
    assert shown == {f"{one.score:.2f}" for one in answer.nodes}
    rows = list(csv.DictReader(nodes_csv(answer).splitlines()))
    assert [float(row["score"]) for row in rows] == pytest.approx([one.score for one in answer.nodes], abs=1e-3)


def test_a_package_of_another_task_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    organs = write_volumes(tmp_path / "organs.zip")
    with pytest.raises(InputError, match="organ_segmentation"):
        find_nodes(state_of(Case("case", chest()), organs))


def test_masks_that_a_package_demands_and_that_are_not_there_come_empty(package: Path) -> None:
    spec = SECTION.volumes["nodes"].model_copy(update={"channels": ("ct_soft", "organ:aorta")})
    state = state_of(Case("case", chest()), package)
    from LNStationLib.imaging.grid import working_grid

    grid = working_grid(state.case.ct, 4.0)
    masks = organ_masks(state, grid, spec)
    assert set(masks) == {"aorta"}
    assert not masks["aorta"].any()


def test_a_network_that_holds_everything_for_node_is_no_defect() -> None:
    found = find_instances(np.full((12, 20, 20), 0.9), (2.0, 1.5, 1.5), 0.5)
    assert len(found.scores) == 1
    assert (found.labels == 1).all()


@pytest.mark.parametrize(
    ("sure_from_mm", "codes"), [(5.0, []), (6.0, ["small_nodes_missed"]), (None, ["nodes_of_all_sizes_missed"])]
)
def test_which_nodes_are_often_missed_is_said(sure_from_mm: float | None, codes: list[str]) -> None:
    section = SECTION.model_copy(update={"sure_from_mm": sure_from_mm})
    model = UsedModel("nodes", "1", "0" * 64, "clinical")
    found = [one.code for one in search_warnings(section, (0.7, 0.7, 3.0), model)]
    assert found == ["searched_by_network", *codes]
