"""Nodes, look-alikes and tumor in the images, and the folders of a patient with images."""

from __future__ import annotations

import csv
import filecmp
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from phantoms import with_esophageal_cancer

from LNStationLib import anatomy
from LNStationLib.case.from_files import load_case_folder
from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.case import PhantomCase
from LNStationLib.phantom.cohort import CohortRequest, make_cohort
from LNStationLib.phantom.images.node_painting import paint_nodes, stamp_uptake
from LNStationLib.phantom.nodes.node import NodePlan, PlacedNode
from LNStationLib.phantom.nodes.placement import place_nodes
from LNStationLib.phantom.records import read_patients
from LNStationLib.phantom.station_truth import station_truth


def plain(**changes: object) -> NodePlan:
    node = NodePlan(
        station="4R", side="R", malignant=False, micrometastasis=False, granulomatous=False, short_axis_mm=12.0,
        elongation=1.3, flatness=1.1, direction=(0.0, 0.0, 1.0), n_lobes=1, fatty_hilum=False, hu=60.0,
        texture_sd_hu=0.0, margin_mm=1.0, necrosis_fraction=0.0, calcified=False, suv=5.0, shape_seed=7,
    )  # fmt: skip
    return replace(node, **changes)


BLOCK = Grid((40, 40, 40), (1.0, 1.0, 1.0), (-20.0, -20.0, -20.0))


def painted(plan: NodePlan) -> tuple[np.ndarray, np.ndarray]:
    node = PlacedNode(plan, plan.ellipsoid((0.0, 0.0, 0.0)))
    hu = np.full(BLOCK.shape, -100.0, np.float32)
    paint_nodes(hu, [node], BLOCK)
    return hu, node.shape().patch(BLOCK).mask(BLOCK.shape, -1.0)


def test_a_plain_node_is_even_inside_and_leaves_the_rest_alone() -> None:
    hu, inside = painted(plain())
    assert np.allclose(hu[inside], 60)
    assert np.all(hu[0] == -100)


def test_fat_necrosis_calcium_and_texture_show() -> None:
    assert painted(plain(fatty_hilum=True))[0][20, 10:30, 20].min() < -20
    necrotic, _ = painted(plain(necrosis_fraction=0.6))
    assert necrotic[20, 20, 20] == pytest.approx(18, abs=3)
    assert painted(plain(calcified=True))[0].max() > 200
    textured, inside = painted(plain(texture_sd_hu=10.0))
    assert 5 < textured[inside].std() < 15


def test_a_blurred_margin_is_wider_than_a_sharp_one() -> None:
    def edge(margin: float) -> int:
        hu, _ = painted(plain(margin_mm=margin))
        return int(((hu > -95) & (hu < 55)).sum())

    assert edge(3.5) > 1.8 * edge(1.0)


def test_a_conglomerate_stays_within_its_ellipsoid_but_is_not_one() -> None:
    plan = plain(n_lobes=3, elongation=2.0, flatness=1.2)
    whole = plan.ellipsoid((0.0, 0.0, 0.0))
    lobes = PlacedNode(plan, whole).shape().patch(BLOCK).mask(BLOCK.shape)
    around = whole.patch(BLOCK).mask(BLOCK.shape, 0.8)
    assert (lobes & ~around).sum() < 0.03 * lobes.sum()
    assert 0.5 < lobes.sum() / around.sum() < 0.97


def test_uptake_is_stamped_and_spares_necrosis() -> None:
    plan = plain(necrosis_fraction=0.6)
    suv = np.ones(BLOCK.shape, np.float32)
    stamp_uptake(suv, [PlacedNode(plan, plan.ellipsoid((0.0, 0.0, 0.0)))], BLOCK)
    assert suv.max() == pytest.approx(5, abs=0.1)
    assert suv[20, 20, 20] < 2
    assert suv[0, 0, 0] == 1


def test_placed_nodes_lie_in_the_room_of_their_station_and_apart() -> None:
    stations = np.zeros(BLOCK.shape, np.uint8)
    for name, part in (("4R", slice(0, 20)), ("2R", slice(20, 40))):
        stations[part] = anatomy.station(name).label_value
    room = np.ones(BLOCK.shape, bool)
    room[:, :, :6] = False
    plans = [plain(station=name, short_axis_mm=6.0 + n) for name in ("4R", "2R") for n in range(4)]
    found = place_nodes(np.random.default_rng(0), room, BLOCK, plans, stations)
    taken = np.zeros(BLOCK.shape, bool)
    for plan, node in zip(plans, found, strict=True):
        assert node is not None
        mask = node.ellipsoid.patch(BLOCK).mask(BLOCK.shape)
        assert not (mask & ~room).any()
        assert not (mask & taken).any()
        assert np.bincount(stations[mask]).argmax() == anatomy.station(plan.station).label_value
        taken |= mask


def test_a_node_without_room_shrinks_and_one_without_any_is_left_out() -> None:
    room = np.zeros(BLOCK.shape, bool)
    stations = np.full(BLOCK.shape, anatomy.station("4R").label_value, np.uint8)
    assert place_nodes(np.random.default_rng(0), room, BLOCK, [plain()], stations) == [None]
    room[16:25, 16:25, 16:25] = True
    (node,) = place_nodes(np.random.default_rng(0), room, BLOCK, [plain()], stations)
    assert node is not None
    assert 4 < node.plan.short_axis_mm < 10.5


@pytest.fixture(scope="module")
def patient() -> PhantomCase:
    return with_esophageal_cancer()


def test_every_node_lies_in_its_station(patient: PhantomCase) -> None:
    labels = station_truth(patient)
    right = []
    for node in patient.nodes:
        own = labels[patient.node_labels == node.node_id]
        if (own > 0).sum() >= 3:
            right.append(np.bincount(own[own > 0]).argmax() == anatomy.station(node.station).label_value)
    assert len(right) >= 5
    # Nodes are placed on the model's grid; on the CT's, one that lies on a border may change sides.
    assert sum(right) >= len(right) - 1
    assert len(patient.nodes) > 15


def test_sides_of_nodes_are_the_patients(patient: PhantomCase) -> None:
    for node in patient.nodes:
        if anatomy.station(node.station).side is None and node.side is not None:
            assert node.center_mm is not None
            assert (node.center_mm[0] > -6) if node.side == "L" else (node.center_mm[0] < 6)


def test_an_esophageal_tumor_thickens_the_esophagus(patient: PhantomCase) -> None:
    tumor = sitk.GetArrayFromImage(patient.case.tumor) > 0
    esophagus = patient.organs["esophagus"]
    heights = np.flatnonzero(tumor.any((1, 2)))
    assert (tumor & esophagus)[heights].any((1, 2)).mean() > 0.9
    assert patient.case.facts.cancer == "esophagus"
    assert patient.case.facts.tumor_side is None
    assert patient.case.facts.tumor_site in ("upper third", "middle third", "lower third")


def test_look_alikes_are_recorded_but_are_no_nodes(patient: PhantomCase) -> None:
    for one in patient.look_alikes:
        assert one.center_mm is not None
        z, y, x = (round(i) for i in patient.grid.index(one.center_mm))
        assert patient.node_labels[z, y, x] == 0


def test_a_cohort_with_images_has_cases_and_truth_apart_and_the_same_bytes_with_any_number_of_workers(
    tmp_path: Path,
) -> None:
    for name, patients in (("one", 1), ("two", 2)):
        # As many workers as patients. The tables of a cohort are compared without images (test_cohort.py).
        make_cohort(CohortRequest(tmp_path / name, "lung", patients, 2, workers=patients, compact_mm=4.0))
    folder = tmp_path / "two"
    case_folder, truth_folder = folder / "cases" / "lung-2-00001", folder / "truth" / "lung-2-00001"
    assert {path.name for path in truth_folder.iterdir()} == {
        "patient.json", "nodes.nii.gz", "stations.nii.gz", "organs.nii.gz", "organs.json",
    }  # fmt: skip
    assert {path.name for path in case_folder.iterdir()} <= {
        "case.json", "ct.nii.gz", "pet.nii.gz", "nodes.nii.gz", "tumor.nii.gz", "organs",
    }  # fmt: skip
    text = (case_folder / "case.json").read_text(encoding="utf-8")
    assert not any(word in text for word in ("malignant", "p_n", "c_n", "N0", "N1", "N2", "N3"))
    truth = read_patients(folder)[1][0]
    case = load_case_folder(case_folder)
    assert case.facts.tumor_side == truth.plan.tumor.side
    assert case.synthetic
    assert (case.pet is not None) == truth.plan.has_pet
    assert all(node.center_mm is not None for node in truth.nodes)
    files = [path for part in (case_folder, truth_folder) for path in sorted(part.rglob("*")) if path.is_file()]
    assert len(files) > 20
    for path in files:
        assert filecmp.cmp(path, tmp_path / "one" / path.relative_to(folder), shallow=False), path.name
    with (folder / "patients.csv").open(newline="", encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    assert bool(row["pet"]) == truth.plan.has_pet
    assert all((folder / row[name]).is_file() for name in ("ct", "stations", "organs", "nodes", "tumor"))
