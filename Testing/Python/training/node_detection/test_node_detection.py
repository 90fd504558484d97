"""What a node detector is taught: patches, classes, context, drawn nodes, and what its package says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from training.drawn_volumes import SHAPE, SPACING, drawn_arrays, organ_boxes  # noqa: E402

from lnstation_training.evaluation.detection import TrueNode  # noqa: E402
from lnstation_training.segmentation.appearance.registry import APPEARANCE  # noqa: E402
from lnstation_training.segmentation.channels import true_context  # noqa: E402
from lnstation_training.segmentation.folder import VolumeSample  # noqa: E402
from lnstation_training.segmentation.patients import (  # noqa: E402
    CT,
    LOOK_ALIKE,
    NODE_KINDS,
    NODES,
    ORGANS,
    SMALL_NODE,
    STATIONS,
    VISIBLE_NODE,
    PatientVolume,
    open_patient,
    write_patient,
)
from lnstation_training.tasks.node_detection.context import drawn_context  # noqa: E402
from lnstation_training.tasks.node_detection.datasets import NodeBoxDataset, RegionDataset, region_of  # noqa: E402
from lnstation_training.tasks.node_detection.evaluation import CurvePoint, size_class  # noqa: E402
from lnstation_training.tasks.node_detection.package import froc_points  # noqa: E402
from lnstation_training.tasks.node_detection.scoring import detections_of  # noqa: E402
from lnstation_training.tasks.node_detection.targets import allowed_kinds  # noqa: E402

ARRAYS = (CT, ORGANS, STATIONS, NODE_KINDS)
NODE = (14, 14, 15)


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    """A node of 2 x 2 x 2 voxels of 8 mm in station 4R, and a look-alike of one voxel below."""
    arrays = drawn_arrays()
    numbers, kinds = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    box = tuple(slice(at, at + 2) for at in NODE)
    numbers[box], kinds[box], kinds[5, 12, 15] = 7, VISIBLE_NODE, LOOK_ALIKE
    volume = PatientVolume("P0", {**arrays, NODES: numbers, NODE_KINDS: kinds}, SPACING, None, True)
    return write_patient(tmp_path, volume)


def allowed(_: object) -> np.ndarray:
    return allowed_kinds()


def test_a_small_node_may_be_called_either_way_and_a_look_alike_is_a_class_of_its_own() -> None:
    table = allowed_kinds()
    assert table[0].tolist() == [True, False, False]
    assert table[VISIBLE_NODE].tolist() == [False, True, False]
    assert table[SMALL_NODE].tolist() == [True, True, False]
    assert table[LOOK_ALIKE].tolist() == [False, False, True]


def test_patches_are_centered_near_nodes_as_often_as_asked(patient: Path) -> None:
    def share(near_nodes: float) -> float:
        dataset = NodeBoxDataset([VolumeSample("P0", patient)], ARRAYS, allowed, (4, 4, 4), near_nodes)
        dataset.seed(3)
        return float(np.mean([bool((dataset[n][NODE_KINDS] > 0).any()) for n in range(60)]))

    assert share(1.0) > 0.9
    assert share(0.0) < share(1.0) - 0.2


def test_a_region_is_the_box_of_the_stations_with_a_margin(patient: Path) -> None:
    dataset = RegionDataset([VolumeSample("P0", patient)], ARRAYS, allowed)
    low, size = region_of(open_patient(patient))
    # 4R is 6 x 6 x 4 voxels at 12, 12, 13; 12 mm are 2 voxels of 8 mm.
    assert (low, size) == ([10, 10, 11], [10, 10, 8])
    assert dataset[0][NODE_KINDS].shape == (1, *size)
    assert (dataset[0][NODE_KINDS] == VISIBLE_NODE).sum() == 8


def test_context_is_the_truth_for_judging_and_unsure_for_training(patient: Path) -> None:
    arrays = drawn_arrays()
    batch = {name: torch.from_numpy(arrays[name])[None, None] for name in (ORGANS, STATIONS)}
    batch[STATIONS][..., 5:20, 5:20, 5:20] = 1
    blood = true_context(batch, "group:blood")[0, 0].numpy() > 0
    assert blood[organ_boxes()["descending_aorta"]].all()
    assert not blood[organ_boxes()["spine"]].any()
    torch.manual_seed(0)
    drawn = [drawn_context(batch, "group:blood") for _ in range(30)]
    assert any(not each.any() for each in drawn)
    assert any(each.sum() > blood.sum() for each in drawn)
    assert all(drawn_context(batch, STATIONS).any() for _ in range(30))
    assert set(torch.unique(torch.stack(drawn)).tolist()) == {0.0, 1.0}


def test_nodes_that_appearance_draws_into_fat_are_nodes_to_learn() -> None:
    arrays = drawn_arrays()
    patch = {name: torch.from_numpy(arrays[name])[None] for name in (ORGANS, STATIONS)}
    patch |= {CT: torch.from_numpy(arrays[CT])[None].float(), NODE_KINDS: torch.zeros(1, *SHAPE, dtype=torch.uint8)}
    transform = APPEARANCE["lymph_nodes"](SPACING, prob=1.0)
    transform.set_random_state(1)
    made = transform(patch)
    brighter = made[CT] - patch[CT] > 60
    assert set(torch.unique(made[NODE_KINDS]).tolist()) <= {0, VISIBLE_NODE, SMALL_NODE}
    assert (made[NODE_KINDS][brighter] > 0).float().mean() > 0.8
    assert not patch[NODE_KINDS].any()


def test_candidates_of_prepared_data_are_held_to_the_truth(patient: Path) -> None:
    item = RegionDataset([VolumeSample("P0", patient)], (*ARRAYS, NODES), allowed)[0]
    batch = {name: value[None] if torch.is_tensor(value) else [value] for name, value in item.items()}
    sure = torch.where(batch[NODES][0, 0] == 7, 0.9, 0.0)
    (found,) = detections_of(batch, sure, SPACING, 0.5).hits.detections
    assert (found.node, found.dice) == (7, 1.0)
    assert found.score == pytest.approx(0.9)
    hits = detections_of(batch, torch.zeros_like(sure), SPACING, 0.5).hits
    assert [(node.number, node.station) for node in hits.nodes] == [(7, "4R")]
    assert hits.nodes[0].short_axis_mm == pytest.approx(16, abs=8)


def test_a_package_s_points_lie_on_the_curve_and_reach_no_further() -> None:
    rows = [(0.9, 0.2, 0.3), (0.7, 0.9, 0.5), (0.5, 2.5, 0.7), (0.4, 5.0, 0.8)]
    curve = [CurvePoint(threshold=t, false_positives=f, recall=r) for t, f, r in rows]
    points = froc_points(curve)
    assert [(one.false_positives, one.threshold) for one in points] == [
        (0.5, 0.9),
        (1.0, 0.7),
        (3.0, 0.5),
        (6.0, 0.4),
    ]
    assert len(froc_points(curve[:1])) == 2


@pytest.mark.parametrize(
    ("short_mm", "title"),
    [(4.0, "00 to 05 mm"), (5.0, "05 to 06 mm"), (9.9, "08 to 10 mm"), (40.0, "15 mm and more"), (None, None)],
)
def test_size_classes_go_by_the_short_axis(short_mm: float | None, title: str | None) -> None:
    assert size_class(TrueNode(number=1, short_axis_mm=short_mm)) == title
