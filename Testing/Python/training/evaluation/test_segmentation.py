"""Overlap and distances of shapes whose answers are known, nodes in zones, and intervals by patient."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance  # noqa: E402

from lnstation_training.evaluation.segmentation import (  # noqa: E402
    ZoneCount,
    accuracy_estimate,
    label_scores,
    mean_estimate,
    mean_score,
    nodes_in_zone,
    structure_score,
    zone_of,
)
from LNStationLib import anatomy  # noqa: E402

ANISOTROPIC_MM = (5.0, 0.7, 0.9)
ISOTROPIC_MM = (1.0, 1.0, 1.0)


def box(*sides: tuple[int, int], shape: tuple[int, int, int] = (12, 40, 40)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[tuple(slice(*side) for side in sides)] = True
    return mask


def ball(radius_mm: float, spacing_mm: tuple[float, float, float], size: int = 41) -> np.ndarray:
    axes = [(np.arange(size) - size // 2) * step for step in spacing_mm]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return z**2 + y**2 + x**2 <= radius_mm**2


@pytest.mark.parametrize("spacing_mm", [ISOTROPIC_MM, ANISOTROPIC_MM])
def test_a_mask_held_to_itself_is_perfect(spacing_mm: tuple[float, float, float]) -> None:
    mask = box((2, 8), (5, 30), (7, 20))
    score = structure_score(mask, mask, spacing_mm)
    assert (score.dice, score.hd_mm, score.hd95_mm, score.asd_mm) == (1.0, 0.0, 0.0, 0.0)
    assert score.true_ml == score.found_ml == pytest.approx(mask.sum() * np.prod(spacing_mm) / 1000)


@pytest.mark.parametrize(("axis", "voxels"), [(0, 2), (1, 3), (2, 4)])
def test_a_shifted_box_is_as_far_as_it_was_shifted_along_any_axis(axis: int, voxels: int) -> None:
    truth = box((2, 8), (5, 30), (7, 20))
    score = structure_score(np.roll(truth, voxels, axis), truth, ANISOTROPIC_MM)
    length = (6, 25, 13)[axis]
    assert score.hd_mm == pytest.approx(voxels * ANISOTROPIC_MM[axis], rel=1e-6)
    assert score.dice == pytest.approx(1 - voxels / length)


def test_concentric_balls_are_apart_by_the_difference_of_their_radii() -> None:
    score = structure_score(ball(12, ISOTROPIC_MM), ball(8, ISOTROPIC_MM), ISOTROPIC_MM)
    assert score.asd_mm == pytest.approx(4, abs=0.2)
    assert score.hd_mm == pytest.approx(4, abs=0.8)
    assert score.dice == pytest.approx(2 * 8**3 / (8**3 + 12**3), abs=0.01)


def test_one_far_voxel_moves_the_hausdorff_distance_and_not_the_others() -> None:
    truth = ball(10, ISOTROPIC_MM)
    found = truth.copy()
    found[20, 20, 40] = True
    score = structure_score(found, truth, ISOTROPIC_MM)
    assert score.hd_mm == pytest.approx(10.0)
    assert score.hd95_mm == pytest.approx(0.0)
    assert score.asd_mm < 0.05


@pytest.mark.parametrize("spacing_mm", [ISOTROPIC_MM, ANISOTROPIC_MM])
def test_distances_are_those_of_monai(spacing_mm: tuple[float, float, float]) -> None:
    rng = np.random.default_rng(0)
    found, truth = (rng.random((6, 12, 14)) > 0.7 for _ in range(2))
    one_hot = [torch.from_numpy(mask)[None, None].float() for mask in (found, truth)]
    score = structure_score(found, truth, spacing_mm)
    settings = {"include_background": True, "spacing": list(spacing_mm)}
    assert score.hd_mm == pytest.approx(float(compute_hausdorff_distance(*one_hot, **settings)), rel=1e-5)
    assert score.hd95_mm == pytest.approx(
        float(compute_hausdorff_distance(*one_hot, percentile=95, **settings)), rel=1e-5
    )
    asd = compute_average_surface_distance(*one_hot, symmetric=True, **settings)
    assert score.asd_mm == pytest.approx(float(asd), rel=1e-5)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mirrored_pair_has_the_same_scores(axis: int) -> None:
    rng = np.random.default_rng(1)
    found, truth = box((2, 8), (5, 30), (7, 20)), box((3, 9), (4, 26), (9, 25)) | (rng.random((12, 40, 40)) > 0.999)
    one = structure_score(found, truth, ANISOTROPIC_MM)
    other = structure_score(np.flip(found, axis), np.flip(truth, axis), ANISOTROPIC_MM)
    assert other.model_dump() == pytest.approx(one.model_dump(), rel=1e-6)


def test_what_is_not_there_has_no_figure_and_what_was_missed_has_a_dice_of_zero() -> None:
    mask, nothing = box((2, 8), (5, 30), (7, 20)), box((0, 0), (0, 0), (0, 0))
    missed, invented = structure_score(nothing, mask, ISOTROPIC_MM), structure_score(mask, nothing, ISOTROPIC_MM)
    absent = structure_score(nothing, nothing, ISOTROPIC_MM)
    assert (missed.dice, missed.hd_mm, missed.asd_mm) == (0.0, None, None)
    assert (invented.dice, invented.hd95_mm) == (None, None)
    assert invented.found_ml > 0
    assert absent.dice is None
    assert mean_score([missed, absent, structure_score(mask, mask, ISOTROPIC_MM)], "dice") == 0.5
    assert mean_score([absent], "dice") is None


def test_masks_of_different_grids_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        structure_score(np.ones((2, 2, 2), bool), np.ones((2, 2, 3), bool), ISOTROPIC_MM)


def test_every_structure_of_a_label_map_is_scored_by_its_value() -> None:
    truth = np.zeros((4, 8, 8), np.uint8)
    truth[:2], truth[2:] = 1, 2
    found = np.where(truth == 2, 2, 0).astype(np.uint8)
    scores = label_scores(found, truth, {"1R": 1, "1L": 2, "7": 11}, ISOTROPIC_MM)
    assert [scores[name].dice for name in ("1R", "1L", "7")] == [0.0, 1.0, None]


def stations(*names: str) -> np.ndarray:
    """One station a slice."""
    values = [anatomy.station(name).label_value if name else 0 for name in names]
    return np.repeat(np.array(values, np.uint8), 16).reshape(len(names), 4, 4)


def test_the_zones_are_those_of_the_paper() -> None:
    zones = {row.name: zone_of(row.name) for row in anatomy.stations()}
    assert {name for name, zone in zones.items() if zone == "aortic"} == {"5", "6"}
    assert {name for name, zone in zones.items() if zone == "inferior"} == {"7", "8"}
    assert zones["9"] is None


def test_a_node_counts_as_right_in_another_station_of_its_zone_and_not_in_another_zone() -> None:
    truth = stations("2R", "4R", "5", "7", "9", "8")
    found = stations("4R", "4R", "7", "", "7", "8")
    nodes = np.repeat(np.arange(1, 7), 16).reshape(6, 4, 4)
    # 2R found as 4R is right; 5 as 7 and 7 as nothing are wrong; 9 is in no zone of the paper.
    assert nodes_in_zone(found, truth, nodes) == ZoneCount(right=3, nodes=5)


def test_accuracy_is_of_nodes_and_its_interval_of_patients() -> None:
    estimate = accuracy_estimate([ZoneCount(9, 10), ZoneCount(1, 2), ZoneCount(0, 0)], n_resamples=200)
    assert estimate.value == pytest.approx(10 / 12)
    assert estimate.n_patients == 2
    assert (estimate.low, estimate.high) == (pytest.approx(0.5), pytest.approx(0.9))
    assert accuracy_estimate([ZoneCount(0, 0)]).value is None


def test_an_interval_holds_the_mean_and_one_patient_has_none() -> None:
    estimate = mean_estimate([0.7, 0.8, None, 0.9], n_resamples=500)
    assert estimate.value == pytest.approx(0.8)
    assert estimate.sd == pytest.approx(0.1)
    assert 0.7 <= estimate.low < 0.8 < estimate.high <= 0.9
    assert estimate.n_patients == 3
    assert mean_estimate([0.7, 0.8, 0.9]) == mean_estimate([0.7, 0.8, 0.9])
    assert mean_estimate([0.7]).low is None
    assert mean_estimate([None]).value is None


def test_the_interval_of_a_mean_covers_it_about_as_often_as_it_says() -> None:
    rng, covered = np.random.default_rng(0), 0
    for trial in range(200):
        estimate = mean_estimate(list(rng.normal(0.8, 0.1, 40)), n_resamples=200, seed=trial)
        covered += estimate.low <= 0.8 <= estimate.high
    assert 0.88 < covered / 200 < 0.99
