from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from heard import Heard
from imaging.samples import box_mask, oblique, points_mm, wrapped

from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.masks import binary_mask, foreground, mask_on, union_on, united
from LNStationLib.support.errors import GeometryError, InputError

CT = wrapped(np.zeros((30, 32, 34), np.int16), (2, 2, 3), (10, -20, 30), oblique())


def marked(mask: sitk.Image) -> set[tuple[float, ...]]:
    """Points of the foreground, rounded."""
    inside = sitk.GetArrayFromImage(mask) > 0
    return {tuple(np.round(point, 2) + 0.0) for point in points_mm(mask)[inside]}


def load(mask: sitk.Image, said: list[str] | None = None) -> sitk.Image | None:
    return binary_mask(mask, CT, "mask", (said if said is not None else []).append)


def test_a_mask_keeps_its_place_when_cropped() -> None:
    mask = box_mask(CT, (5, 6, 7), (9, 9, 9))
    loaded = load(mask)
    assert loaded is not None
    assert loaded.GetPixelID() == sitk.sitkUInt8
    assert loaded.GetSize() == (8, 7, 6)
    assert marked(loaded) == marked(mask)


def test_a_mask_at_the_border_keeps_its_place() -> None:
    mask = box_mask(CT, (0, 0, 0), (3, 3, 30))
    loaded = load(mask)
    assert loaded is not None
    assert marked(loaded) == marked(mask)


@pytest.mark.parametrize("value", [1, 7, 255])
def test_any_single_value_is_a_mask(value: int) -> None:
    loaded = load(box_mask(CT, (5, 6, 7), (9, 9, 9), value))
    assert loaded is not None
    assert array_view(loaded).max() == 1


def test_probabilities_are_cut_at_one_half_with_a_warning() -> None:
    said = Heard()
    values = np.array([0, 0.2, 0.49, 0.5, 0.8, np.nan], np.float32).reshape(1, 2, 3)
    inside = foreground(values, "mask", said.append)
    assert inside is not None
    assert inside.ravel().tolist() == [False, False, False, True, True, False]
    assert len(said) == 2
    assert foreground(np.array([0, 0.1, 0.3]), "mask", said.append) is None


@pytest.mark.parametrize("fill", [0, 1])
def test_empty_and_full_masks_are_missing_with_a_warning(fill: int) -> None:
    said = Heard()
    mask = wrapped(np.full((30, 32, 34), fill, np.uint8), (2, 2, 3), (10, -20, 30), oblique())
    assert load(mask, said) is None
    assert "taken as missing" in said[0]


def test_several_labels_are_no_mask() -> None:
    with pytest.raises(InputError, match="several labels"):
        foreground(np.array([0, 1, 2]), "mask", [].append)
    with pytest.raises(InputError, match="several labels"):
        foreground(np.array([0, 16, 32], np.uint8), "mask", [].append)


def test_masks_on_another_grid_are_kept_there_where_they_overlap_and_refused_where_not() -> None:
    center = points_mm(CT).reshape(-1, 3).mean(axis=0)
    array = np.zeros((9, 9, 9), np.uint8)
    array[3:6, 3:6, 3:6] = 1
    near = wrapped(array, (1, 1, 1), center)
    loaded = load(near)
    assert loaded is not None
    assert marked(loaded) == marked(near)
    with pytest.raises(GeometryError, match="does not overlap the CT"):
        load(wrapped(array, (1, 1, 1), center + 900))


def test_a_foreground_outside_the_ct_is_missing_with_a_warning() -> None:
    array = np.zeros((40, 40, 200), np.uint8)
    array[:, :, 190:198] = 1
    said = Heard()
    assert load(wrapped(array, (5, 5, 5), CT.GetOrigin()), said) is None
    assert "outside the CT" in said[0]


def test_header_noise_in_the_grid_is_dropped() -> None:
    mask = box_mask(CT, (5, 6, 7), (9, 9, 9))
    mask.SetOrigin(np.add(CT.GetOrigin(), 0.004).tolist())
    loaded = load(mask)
    assert loaded is not None
    assert marked(loaded) == marked(box_mask(CT, (5, 6, 7), (9, 9, 9)))


def test_a_union_on_one_lattice_is_exact() -> None:
    first, second = box_mask(CT, (5, 6, 7), (9, 9, 9)), box_mask(CT, (20, 2, 8), (25, 8, 28))
    union = united([m for m in (load(first), load(second)) if m is not None], CT)
    assert marked(union) == marked(first) | marked(second)


def test_a_union_of_different_grids_lies_on_the_cts() -> None:
    first = load(box_mask(CT, (5, 6, 7), (9, 9, 9)))
    ball = np.linalg.norm(np.indices((21, 21, 21)) - 10, axis=0) < 6
    second = load(wrapped(ball.astype(np.uint8), (1, 1, 1), points_mm(CT)[15, 15, 15] - 10))
    assert first is not None
    assert second is not None
    union = united([first, second], CT)
    assert union.GetSize() == CT.GetSize()
    volume = 12 * (sitk.GetArrayFromImage(union) > 0).sum()
    assert volume == pytest.approx(12 * 4 * 3 * 2 + ball.sum(), rel=0.15)


def test_a_mask_on_another_grid_marks_the_voxels_whose_center_it_holds() -> None:
    ct = wrapped(np.zeros((10, 10, 10), np.int16), (2, 2, 2), (0, 0, 0))
    fine = wrapped(np.zeros((20, 20, 20), np.uint8), (1, 1, 1), (-0.5, -0.5, -0.5))
    mask = box_mask(fine, (4, 6, 8), (8, 8, 12))
    found = np.zeros((10, 10, 10), bool)
    found[4:6, 3:4, 2:4] = True
    assert np.array_equal(mask_on(mask, ct), found)


def test_a_mask_on_its_own_grid_is_itself_whatever_its_value() -> None:
    ct = wrapped(np.zeros((10, 10, 10), np.int16), (2, 2, 2), (0, 0, 0))
    values = np.zeros((10, 10, 10), np.uint16)
    values[2:4, 5, 6] = 256
    assert np.array_equal(mask_on(wrapped(values, (2, 2, 2), (0, 0, 0)), ct), values > 0)
    shifted = wrapped(values, (2, 2, 2), (2, 0, 0))
    assert np.array_equal(mask_on(shifted, ct), np.roll(values > 0, 1, axis=2))


def test_a_union_is_of_all_masks_wherever_their_grids_lie() -> None:
    ct = wrapped(np.zeros((10, 10, 10), np.int16), (2, 2, 2), (0, 0, 0))
    part = wrapped(np.ones((2, 2, 2), np.uint8), (2, 2, 2), (4, 4, 4))
    whole = box_mask(ct, (7, 7, 7), (9, 9, 9))
    found = union_on([part, whole], ct)
    assert found[2:4, 2:4, 2:4].all()
    assert int(found.sum()) == 16
    assert not union_on([], ct).any()
