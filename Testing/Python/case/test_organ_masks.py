from __future__ import annotations

import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from case.mask_loading import load_organs
from heard import Heard
from imaging.samples import box_mask, oblique, wrapped

from LNStationLib.case.organ_masks import OrganMasks
from LNStationLib.imaging.arrays import array_view
from LNStationLib.support.errors import GeometryError, InputError

CT = wrapped(np.zeros((30, 32, 34), np.int16), (2, 2, 3), (10, -20, 30))


def box(x: int, n: int = 4, ct: sitk.Image = CT) -> sitk.Image:
    return box_mask(ct, (x, 6, 7), (x + n, 10, 11))


def load(path: Path, said: list[str] | None = None, ct: sitk.Image = CT) -> OrganMasks:
    return load_organs(path, ct, (said if said is not None else []).append)


def volume(mask: sitk.Image) -> int:
    return int(array_view(mask).sum())


def write(folder: Path, **masks: sitk.Image) -> Path:
    folder.mkdir(exist_ok=True)
    for name, mask in masks.items():
        sitk.WriteImage(mask, folder / f"{name}.nii.gz")
    return folder


def test_a_folder_of_masks_gives_organs_under_their_canonical_names(tmp_path: Path) -> None:
    said = Heard()
    organs = load(write(tmp_path / "o", aorta=box(5), oesophagus=box(12)), said)
    assert set(organs.masks) == set(organs.origins) == {"aorta", "esophagus"}
    assert organs.origins["esophagus"] == "oesophagus.nii.gz"
    assert volume(organs.masks["aorta"]) == 64
    assert said == []


def test_pieces_of_one_organ_are_united(tmp_path: Path) -> None:
    folder = write(tmp_path / "o", vertebrae_T1=box(5), vertebrae_T2=box(12), vertebrae_T3=box(20))
    organs = load(folder)
    assert volume(organs.masks["spine"]) == 3 * 64
    assert organs.origins == {"spine": "vertebrae_T1.nii.gz and 2 more"}


def test_masks_that_share_an_odd_header_are_warned_of_once(tmp_path: Path) -> None:
    folder = write(tmp_path / "o", aorta=box(5), esophagus=box(12), trachea=box(20))
    for file in folder.iterdir():
        mask = nib.load(file)
        moved = mask.affine.copy()
        moved[:3, 3] += 5
        mask.set_qform(moved, 1)
        mask.set_sform(mask.affine, 1)
        file.write_bytes(gzip.compress(mask.to_bytes()))
    said = Heard()
    assert len(load(folder, said).masks) == 3
    assert len(said) == 1
    assert "organ mask aorta.nii.gz: the two positions in the NIfTI header" in said[0]


def test_unknown_names_are_warned_of_with_suggestions_and_unused_ones_are_not(tmp_path: Path) -> None:
    said = Heard()
    organs = load(write(tmp_path / "o", aorta=box(5), spleen=box(5), aortaa=box(5), qqq=box(5)), said)
    assert set(organs.masks) == {"aorta"}
    assert len(said) == 1
    assert "'aortaa' (did you mean aorta" in said[0]
    assert "'qqq'" in said[0]
    assert "spleen" not in said[0]


def test_a_mask_of_both_lungs_is_left_out_with_the_reason(tmp_path: Path) -> None:
    said = Heard()
    assert "lung_left" not in load(write(tmp_path / "o", lungs=box(5), aorta=box(9)), said).masks
    assert "'lungs' holds lung_left, lung_right" in said[0]


def test_empty_masks_are_missing_with_a_warning(tmp_path: Path) -> None:
    said = Heard()
    organs = load(write(tmp_path / "o", aorta=box(5), heart=box(5, 0)), said)
    assert set(organs.masks) == {"aorta"}
    assert "heart.nii.gz: the mask is empty" in said[0]


def test_a_mask_elsewhere_is_refused_by_name(tmp_path: Path) -> None:
    far = box(5)
    far.SetOrigin((2000, 0, 0))
    with pytest.raises(GeometryError, match=r"organ mask heart\.nii\.gz: does not overlap"):
        load(write(tmp_path / "o", aorta=box(5), heart=far))


def test_left_and_right_that_look_swapped_are_warned_of(tmp_path: Path) -> None:
    said = Heard()
    load(write(tmp_path / "right", lung_left=box(20), lung_right=box(5)), said)
    assert said == []
    load(write(tmp_path / "wrong", lung_left=box(5), lung_right=box(20)), said)
    assert "lung_left lies to the right" in said[0]


def test_the_sides_are_the_patients_on_an_image_stored_the_other_way(tmp_path: Path) -> None:
    """With the first axis running to the patient's right, the low index is the left."""
    flipped = wrapped(np.zeros((30, 32, 34), np.int16), (2, 2, 3), (10, -20, 30), np.diag([-1.0, 1, -1]))
    said = Heard()
    load(write(tmp_path / "o", lung_left=box(5, ct=flipped), lung_right=box(20, ct=flipped)), said, flipped)
    assert said == []


def labels() -> sitk.Image:
    array = np.zeros(CT.GetSize()[::-1], np.uint8)
    array[3:7, 4:8, 5:9] = 1
    array[10:14, 4:8, 5:9] = 2
    array[20:24, 4:8, 5:9] = 3
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(CT)
    return image


@pytest.mark.parametrize("direction", [np.eye(3), oblique()])
def test_a_label_map_with_names_gives_the_same_organs_as_masks(tmp_path: Path, direction: np.ndarray) -> None:
    image = labels()
    image.SetDirection(direction.ravel().tolist())
    sitk.WriteImage(image, tmp_path / "organs.nii.gz")
    (tmp_path / "organs.json").write_text(json.dumps({"1": "Aorta", "2": "vertebrae_T1", "3": "vertebrae_T2"}))
    organs = load(tmp_path / "organs.nii.gz", ct=image)
    assert {name: volume(mask) for name, mask in organs.masks.items()} == {"aorta": 64, "spine": 128}
    index = np.argwhere(sitk.GetArrayFromImage(organs.masks["aorta"]))[0][::-1]
    point = organs.masks["aorta"].TransformIndexToPhysicalPoint(index.tolist())
    assert image.TransformPhysicalPointToIndex(point) == (5, 4, 3)
    assert organs.origins["aorta"] == "organs.nii.gz: Aorta"


def test_values_without_names_and_names_without_voxels_are_warned_of(tmp_path: Path) -> None:
    sitk.WriteImage(labels(), tmp_path / "organs.nrrd")
    (tmp_path / "organs.json").write_text(json.dumps({"1": "aorta", "9": "heart"}))
    said = Heard()
    assert set(load(tmp_path / "organs.nrrd", said).masks) == {"aorta"}
    assert any("values without a name were left out: 2, 3" in sentence for sentence in said)
    assert any("'heart' (value 9) is empty" in sentence for sentence in said)


def segmentation(*segments: tuple[str, int, int], layers: int) -> sitk.Image:
    array = np.zeros((*CT.GetSize()[::-1], layers), np.uint8)
    for n, (_, value, layer) in enumerate(segments):
        array[3 + n : 7 + n, 4:8, 5:9, layer][array[3 + n : 7 + n, 4:8, 5:9, layer] == 0] = value
    image = sitk.GetImageFromArray(array, isVector=True) if layers > 1 else sitk.GetImageFromArray(array[..., 0])
    image.CopyInformation(CT)
    for n, (name, value, layer) in enumerate(segments):
        for key, text in (("Name", name), ("LabelValue", str(value)), ("Layer", str(layer))):
            image.SetMetaData(f"Segment{n}_{key}", text)
    return image


def test_a_slicer_segmentation_with_overlapping_layers_keeps_every_voxel(tmp_path: Path) -> None:
    image = segmentation(("aorta", 1, 0), ("heart", 1, 1), layers=2)
    sitk.WriteImage(image, tmp_path / "organs.seg.nrrd")
    organs = load(tmp_path / "organs.seg.nrrd")
    assert {name: volume(mask) for name, mask in organs.masks.items()} == {"aorta": 64, "heart": 64}


def test_a_slicer_segmentation_of_one_layer_works_alone_and_in_a_folder(tmp_path: Path) -> None:
    image = segmentation(("aorta", 1, 0), ("heart", 2, 0), layers=1)
    sitk.WriteImage(image, tmp_path / "organs.seg.nrrd")
    for path in (tmp_path / "organs.seg.nrrd", tmp_path):
        assert {name: volume(mask) for name, mask in load(path).masks.items()} == {"aorta": 64, "heart": 16}


def test_a_single_segment_goes_by_its_file_name(tmp_path: Path) -> None:
    sitk.WriteImage(segmentation(("Segment_1", 1, 0), layers=1), tmp_path / "aorta.seg.nrrd")
    assert set(load(tmp_path).masks) == {"aorta"}


@pytest.mark.parametrize("value", [0.5, -1])
def test_a_label_map_of_other_numbers_is_refused(tmp_path: Path, value: float) -> None:
    array = sitk.GetArrayFromImage(labels()).astype(np.float32)
    array[0, 0, 0] = value
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(CT)
    sitk.WriteImage(image, tmp_path / "organs.nii.gz")
    (tmp_path / "organs.json").write_text('{"1": "aorta"}')
    with pytest.raises(InputError, match=r"organs\.nii\.gz"):
        load(tmp_path / "organs.nii.gz")


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file or folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no mask files"):
        load(tmp_path)
    said = Heard()
    assert load(write(tmp_path, spleen=box(3)), said).masks == {}
    assert "no usable organ" in said[0]
