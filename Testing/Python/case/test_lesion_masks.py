from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from case.mask_loading import load_nodes, load_tumor
from heard import Heard
from imaging.samples import box_mask, points_mm, wrapped

from LNStationLib.imaging.arrays import array_view
from LNStationLib.support.errors import GeometryError, InputError

CT = wrapped(np.zeros((30, 32, 34), np.int16), (2, 2, 3), (10, -20, 30))


def map_of(*values: float, dtype: type = np.uint8) -> sitk.Image:
    """One box a value, side by side."""
    array = np.zeros(CT.GetSize()[::-1], dtype)
    for n, value in enumerate(values):
        array[5:9, 5:9, 3 + 6 * n : 7 + 6 * n] = value
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(CT)
    return image


def nodes(path: Path, said: list[str] | None = None) -> sitk.Image | None:
    return load_nodes(path, CT, (said if said is not None else []).append)


def values(image: sitk.Image | None) -> dict[int, int]:
    assert image is not None
    assert image.GetPixelID() == sitk.sitkUInt16
    found, counts = np.unique(array_view(image), return_counts=True)
    return {int(v): int(n) for v, n in zip(found, counts, strict=True) if v}


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (map_of(1, 1), {1: 128}),
        (map_of(255), {1: 64}),
        (map_of(20), {20: 64}),
        (map_of(20, 20), {1: 128}),
        (map_of(1, 2, 5), {1: 64, 2: 64, 5: 64}),
        (map_of(1, 300, dtype=np.int16), {1: 64, 300: 64}),
        (map_of(1, 2, dtype=np.float32), {1: 64, 2: 64}),
        (map_of(0.9, 0.2, dtype=np.float32), {1: 64}),
    ],
)
def test_a_file_is_a_mask_or_one_value_a_node(tmp_path: Path, image: sitk.Image, expected: dict[int, int]) -> None:
    sitk.WriteImage(image, tmp_path / "nodes.nii.gz")
    assert values(nodes(tmp_path / "nodes.nii.gz")) == expected


def test_a_folder_numbers_its_nodes_in_the_order_of_their_names(tmp_path: Path) -> None:
    sitk.WriteImage(box_mask(CT, (20, 5, 5), (22, 7, 7)), tmp_path / "b.nii.gz")
    sitk.WriteImage(map_of(1, 2), tmp_path / "a.nii.gz")
    assert values(nodes(tmp_path)) == {1: 64, 2: 64, 3: 8}


def test_voxels_of_two_nodes_stay_with_the_first_and_are_told(tmp_path: Path) -> None:
    sitk.WriteImage(box_mask(CT, (5, 5, 5), (9, 9, 9)), tmp_path / "a.nii.gz")
    sitk.WriteImage(box_mask(CT, (8, 5, 5), (12, 9, 9)), tmp_path / "b.nii.gz")
    said = Heard()
    assert values(nodes(tmp_path, said)) == {1: 64, 2: 48}
    assert "16 voxels belong to several" in said[0]


def test_nodes_on_different_grids_come_together_on_the_cts(tmp_path: Path) -> None:
    sitk.WriteImage(map_of(1), tmp_path / "a.nii.gz")
    fine = wrapped(np.pad(np.ones((12, 8, 8), np.uint8), 2), (1, 1, 1), points_mm(CT)[15, 15, 20] - 2.5)
    sitk.WriteImage(fine, tmp_path / "b.nii.gz")
    image = nodes(tmp_path)
    assert image is not None
    assert image.GetSize() == CT.GetSize()
    assert values(image) == {1: 64, 2: 4 * 4 * 4}


def test_every_segment_of_a_slicer_segmentation_is_a_node(tmp_path: Path) -> None:
    image = map_of(1, 2)
    for n in range(2):
        image.SetMetaData(f"Segment{n}_Name", f"node {n}")
        image.SetMetaData(f"Segment{n}_LabelValue", str(2 - n))
        image.SetMetaData(f"Segment{n}_Layer", "0")
    sitk.WriteImage(image, tmp_path / "nodes.seg.nrrd")
    assert values(nodes(tmp_path / "nodes.seg.nrrd")) == {1: 64, 2: 64}


def test_an_empty_mask_is_none_with_a_warning(tmp_path: Path) -> None:
    sitk.WriteImage(map_of(), tmp_path / "nodes.nii.gz")
    said = Heard()
    assert nodes(tmp_path / "nodes.nii.gz", said) is None
    assert "the mask is empty" in said[0]


def test_negative_numbers_are_no_nodes(tmp_path: Path) -> None:
    sitk.WriteImage(map_of(-1, 1, 2, dtype=np.int16), tmp_path / "nodes.nii.gz")
    with pytest.raises(InputError, match="no node numbers"):
        nodes(tmp_path / "nodes.nii.gz")


def test_nodes_elsewhere_are_refused_and_nodes_half_outside_told(tmp_path: Path) -> None:
    far = map_of(1)
    far.SetOrigin((2000, 0, 0))
    sitk.WriteImage(far, tmp_path / "far.nii.gz")
    with pytest.raises(GeometryError, match=r"nodes far\.nii\.gz: does not overlap"):
        nodes(tmp_path / "far.nii.gz")
    half = map_of(1)
    half.SetOrigin(np.add(CT.GetOrigin(), (-10, 0, 0)).tolist())
    sitk.WriteImage(half, tmp_path / "half.nii.gz")
    said = Heard()
    assert nodes(tmp_path / "half.nii.gz", said) is not None
    assert "50 % of the marked voxels lie outside" in said[0]


def test_a_tumor_is_everything_that_is_marked(tmp_path: Path) -> None:
    sitk.WriteImage(map_of(1, 2), tmp_path / "tumor.nii.gz")
    tumor = load_tumor(tmp_path / "tumor.nii.gz", CT, [].append)
    assert tumor is not None
    assert tumor.GetPixelID() == sitk.sitkUInt8
    assert array_view(tumor).sum() == 128
    sitk.WriteImage(map_of(), tmp_path / "none.nii.gz")
    assert load_tumor(tmp_path / "none.nii.gz", CT, [].append) is None


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    for path, message in ((tmp_path / "nowhere", "there is no"), (tmp_path, "no mask files")):
        with pytest.raises(InputError, match=message):
            nodes(path)
