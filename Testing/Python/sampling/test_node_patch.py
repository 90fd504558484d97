"""The patch of a node: where it lies, how it is zoomed, and nodes that do not fit."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from pydantic import ValidationError

from LNStationLib.sampling.node_patch import CT, CT_ZOOMED, NodePatchSpec, node_boxes, node_patch

SPEC = NodePatchSpec(size=(8, 32, 32), spacing_mm=(5.0, 1.6, 1.6), margin_mm=5.0)
STRAIGHT, TURNED = (1, 0, 0, 0, 1, 0, 0, 0, 1), (0, -1, 0, 1, 0, 0, 0, 0, -1)
NODE_HU, FAT_HU = 60, -80


def scene(
    center: tuple[float, float, float] = (0, 0, 0), radius: float = 8.0, direction: tuple[int, ...] = STRAIGHT
) -> tuple[sitk.Image, sitk.Image]:
    """A ball of a node in fat: CT of 100 x 100 x 90 mm around the origin, and its node map."""
    image = sitk.Image(50, 50, 30, sitk.sitkInt16) + FAT_HU
    image.SetSpacing((2.0, 2.0, 3.0))
    image.SetDirection(direction)
    middle = np.array(direction).reshape(3, 3) @ (np.array([24.5, 24.5, 14.5]) * [2, 2, 3])
    image.SetOrigin([float(-value) for value in middle])
    index = np.stack(np.meshgrid(*(np.arange(n) for n in image.GetSize()), indexing="ij"), -1).transpose(2, 1, 0, 3)
    steps = np.array(direction).reshape(3, 3) * np.array(image.GetSpacing())
    inside = np.linalg.norm(index @ steps.T + np.array(image.GetOrigin()) - center, axis=-1) <= radius
    arrays = np.where(inside, NODE_HU, FAT_HU).astype(np.int16), inside.astype(np.uint16)
    images = [sitk.GetImageFromArray(array) for array in arrays]
    for each in images:
        each.CopyInformation(image)
    return images[0], images[1]


def filled(values: np.ndarray) -> float:
    """Part of a channel that looks like the node."""
    return float((values > (NODE_HU + FAT_HU + 400) / 500 - 1).mean())


def test_the_patch_is_centered_at_the_node_at_both_sizes() -> None:
    ct, nodes = scene(center=(10, -6, 4))
    patch = node_patch(ct, node_boxes(nodes)[1], SPEC)
    assert patch.values.shape == (2, 8, 32, 32)
    assert patch.values.dtype == np.float32
    for channel, grid in zip(patch.values, patch.grids.values(), strict=True):
        middle = np.argwhere(channel > 0).mean(axis=0)
        np.testing.assert_allclose(grid.point_mm(tuple(middle)), (10, -6, 4), atol=1.6)
    assert patch.part_inside == 1


def test_a_node_fills_the_zoomed_patch_alike_whatever_its_size() -> None:
    small, large = (node_patch(*_node(scene(radius=radius)), SPEC.model_copy(update={"margin_mm": 0.0}))
                    for radius in (11.0, 24.0))  # fmt: skip
    assert filled(large.values[0]) > 2.5 * filled(small.values[0])
    assert filled(large.values[1]) == pytest.approx(filled(small.values[1]), rel=0.4)


def _node(images: tuple[sitk.Image, sitk.Image]) -> tuple:
    return images[0], node_boxes(images[1])[1]


def test_the_zoomed_patch_is_a_cube_around_the_box_with_its_margin() -> None:
    ct, nodes = scene(radius=10)
    box = node_boxes(nodes)[1]
    grid = node_patch(ct, box, SPEC).grids[CT_ZOOMED]
    edges = [step * count for step, count in zip(grid.spacing_mm, grid.shape, strict=True)]
    assert edges == pytest.approx([box.longest_mm + 10] * 3)


def test_the_orientation_of_the_image_changes_nothing() -> None:
    straight, turned = (node_patch(*_node(scene((6, -4, 3), 9, direction)), SPEC) for direction in (STRAIGHT, TURNED))
    np.testing.assert_allclose(straight.values, turned.values, atol=0.02)


def test_beyond_the_image_there_is_air() -> None:
    ct, nodes = scene(center=(46, 0, 0), radius=5)
    patch = node_patch(ct, node_boxes(nodes)[1], SPEC)
    assert 0.4 < patch.part_inside < 0.9
    assert (patch.values[0][:, :, -1] == -1).all()
    assert np.isfinite(patch.values).all()


def test_a_node_of_one_voxel_and_one_larger_than_the_patch_are_cut_out() -> None:
    for radius in (0.5, 45.0):
        ct, nodes = scene(center=(1, 1, 1.5), radius=radius + 2)
        box = node_boxes(nodes)[1]
        patch = node_patch(ct, box, SPEC)
        assert np.abs(patch.values).max() <= 1
        # The zoomed patch shows the node, and where one that fills its own patch ends.
        assert patch.values[1].max() > -0.4
        assert (patch.values[1] < -0.5).any()


def test_a_map_without_nodes_has_no_boxes() -> None:
    assert node_boxes(sitk.Image(4, 4, 4, sitk.sitkUInt8)) == {}


def test_the_window_is_clipped() -> None:
    ct, nodes = scene()
    spec = SPEC.model_copy(update={"window_hu": (-80.0, 0.0)})
    patch = node_patch(ct, node_boxes(nodes)[1], spec)
    assert patch.values[0].min() == -1
    assert patch.values[0].max() == 1
    assert patch.grids[CT].spacing_mm == SPEC.spacing_mm


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": (0, 64, 64)}, "must be positive"),
        ({"size": (16, 64, 1024)}, "must not exceed 256 voxels"),
        ({"window_hu": (100.0, -100.0)}, "the lower end must be below the upper"),
        ({"margin_mm": -1.0}, "greater than or equal to 0"),
    ],
)
def test_an_impossible_patch_is_refused(changes: dict, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        NodePatchSpec(**changes)
