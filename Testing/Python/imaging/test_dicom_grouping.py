from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from heard import Heard
from imaging.samples import CORONAL, change, move, oblique, wrapped, write_series
from pydicom import dcmread
from pydicom.uid import RLELossless, generate_uid

from LNStationLib.imaging.dicom_grouping import planes_of
from LNStationLib.imaging.dicom_series import find_series, read_series
from LNStationLib.support.errors import InputError

VALUES = np.random.default_rng(5).integers(-1000, 2000, (12, 9, 8)).astype(np.int16)
SMOOTH = np.add.outer(np.arange(12), np.add.outer(np.arange(32), np.arange(32))).astype(np.int16)
"""Large and regular enough to be compressed: GDCM does not read noise of a few pixels that grew by compression."""
ONE_UID = "1.2.826.0.1.3680043.8.498.7"


def volume(values: np.ndarray = VALUES) -> sitk.Image:
    return wrapped(values, (1.5, 1.5, 2.5), (-30.5, 12.25, 404.0))


def read(folder: Path, said: list[str] | None = None) -> np.ndarray:
    return sitk.GetArrayFromImage(read_series(folder, "CT", "CT", (said if said is not None else []).append).image)


def noisy(angle: float) -> list[str]:
    """Axial cosines turned in their plane by an angle."""
    c, s = np.cos(angle), np.sin(angle)
    return [f"{value:.7f}" for value in (c, s, 0, -s, c, 0)]


# One plane up to noise


def test_pixel_spacing_is_compared_as_a_number(tmp_path: Path) -> None:
    files = write_series(tmp_path, volume())
    for file, text in zip(files, ["1.5", "1.500000", "1.50"] * 4, strict=True):
        change(file, PixelSpacing=[text, text])
    assert np.array_equal(read(tmp_path), VALUES)


def test_noise_of_the_orientation_does_not_split_a_series(tmp_path: Path) -> None:
    """0.03 degrees in every third slice, as scanners and anonymizers write it."""
    for file in write_series(tmp_path, volume())[::3]:
        change(file, ImageOrientationPatient=noisy(np.radians(0.03)))
    found = read_series(tmp_path, "CT", "CT", [].append).image
    assert np.array_equal(sitk.GetArrayFromImage(found), VALUES)
    assert np.allclose(found.GetDirection(), np.eye(3).ravel(), atol=1e-9)


def test_a_slice_that_would_lie_more_than_half_a_pixel_off_is_of_another_plane(tmp_path: Path) -> None:
    """The far corner of 8 x 9 pixels of 1.5 mm lies 15.9 mm away, where half a pixel is 2.7 degrees."""
    files = write_series(tmp_path, volume())
    change(files[0], ImageOrientationPatient=noisy(np.radians(2.6)))
    assert [len(series.files) for series in find_series(tmp_path)] == [12]
    change(files[0], ImageOrientationPatient=noisy(np.radians(2.8)))
    assert [len(series.files) for series in find_series(tmp_path)] == [11, 1]


def test_a_fan_of_slices_is_not_strung_together() -> None:
    """Neighbors differ by a third of the tolerance, the ends of the fan by ten times the tolerance."""
    angle = np.arange(31) / 31 * 20 * 0.5 / 300
    row = 300 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=-1)
    column = np.broadcast_to([0, 0, -300.0], row.shape)
    corners = np.stack([row, column, row + column], axis=1)
    plane = planes_of(corners, np.ones(31))
    for number in range(plane.max() + 1):
        members = corners[plane == number]
        assert np.linalg.norm(members - members[:1], axis=-1).max() <= 2 * 0.5
    assert plane.max() + 1 >= 8
    shuffled = np.random.default_rng(0).permutation(31)
    assert np.array_equal(planes_of(corners[shuffled], np.ones(31)), plane[shuffled])


def test_the_plane_of_most_slices_comes_first_and_noise_on_either_side_joins_it() -> None:
    """Noise spreads over 1.6 tolerances, but no slice is further than one tolerance from the middle."""
    x = np.array([300.0] * 5 + [300.4, 299.6] * 3)
    corners = np.zeros((11, 3, 3))
    corners[:, 0, 0] = corners[:, 2, 0] = x
    corners[:, 1, 1] = corners[:, 2, 1] = 300
    assert planes_of(corners, np.ones(11)).tolist() == [0] * 11


def test_axes_that_are_slightly_off_a_right_angle_are_mended(tmp_path: Path) -> None:
    for file in write_series(tmp_path, volume()):
        change(file, ImageOrientationPatient=["0.99999", "0.0004", "0", "0.0004", "1.00002", "0.0001"])
    image = read_series(tmp_path, "CT", "CT", [].append).image
    direction = np.array(image.GetDirection()).reshape(3, 3)
    assert np.allclose(direction.T @ direction, np.eye(3), atol=1e-9)


# Copies


def test_a_series_with_one_sop_uid_in_all_its_files_keeps_all_its_slices(tmp_path: Path) -> None:
    write_series(tmp_path, volume(), tags={"SOPInstanceUID": ONE_UID})
    assert np.array_equal(read(tmp_path), VALUES)


def test_a_series_with_one_sop_uid_and_every_file_twice_is_read_once(tmp_path: Path) -> None:
    write_series(tmp_path / "a", volume(), tags={"SOPInstanceUID": ONE_UID})
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    said = Heard()
    assert np.array_equal(read(tmp_path, said), VALUES)
    assert said == ["CT: 12 duplicate images at the same position were left out."]


def again(file: Path, **tags: object) -> Path:
    """A copy of a file beside it under a UID of its own."""
    copy = Path(shutil.copy(file, file.with_name(f"again_{file.name}")))
    change(copy, SOPInstanceUID=generate_uid(), **tags)
    return copy


def test_slices_sent_twice_under_new_uids_are_dropped_with_a_warning(tmp_path: Path) -> None:
    """The second time their positions were rounded."""
    files = write_series(tmp_path, volume())
    for k in (3, 4, 5):
        move(again(files[k]), (-30.5, 12.2, round(404.0 + 2.5 * k, 1)))
    said = Heard()
    assert np.array_equal(read(tmp_path, said), VALUES)
    assert said == ["CT: 3 duplicate images at the same position were left out."]


def test_a_copy_in_another_transfer_syntax_is_a_copy(tmp_path: Path) -> None:
    compress(again(write_series(tmp_path, volume(SMOOTH))[3]))
    assert np.array_equal(read(tmp_path), SMOOTH)


def compress(file: Path) -> None:
    header = dcmread(file)
    header.compress(RLELossless)
    header.save_as(file)


@pytest.mark.parametrize(
    ("keyword", "values", "named"),
    [
        ("ConvolutionKernel", ("B30f", "B70f"), r"Convolution Kernel \(0018,1210\): B30f, B70f"),
        ("TriggerTime", ("100", "500"), r"Trigger Time \(0018,1060\): 100.*, 500"),
        ("InstanceNumber", (1, 2), "as of several time points or reconstructions"),
    ],
)
def test_phases_and_kernels_of_one_series_are_refused_by_name(
    tmp_path: Path, keyword: str, values: tuple[object, object], named: str
) -> None:
    files = write_series(tmp_path / "1", volume(), tags={keyword: values[0], "SeriesInstanceUID": ONE_UID})
    write_series(tmp_path / "2", volume(VALUES + 7), tags={keyword: values[1], "SeriesInstanceUID": ONE_UID})
    assert len(files) == 12
    with pytest.raises(
        InputError, match=rf"several images at the same position \(-30\.5, 12\.2, 404\.0\) mm, .*{named}"
    ):
        read(tmp_path)


def test_phases_that_share_one_sop_uid_are_not_mixed(tmp_path: Path) -> None:
    tags = {"SOPInstanceUID": ONE_UID, "SeriesInstanceUID": ONE_UID}
    write_series(tmp_path / "1", volume(), tags=tags)
    write_series(tmp_path / "2", volume(VALUES + 7), tags=tags)
    with pytest.raises(InputError, match="several images at the same position"):
        read(tmp_path)


# What else lies in a folder


def test_a_scout_of_the_same_series_and_plane_is_left_out(tmp_path: Path) -> None:
    scout = again(write_series(tmp_path, volume())[3], ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    move(scout, (0, 0, 0))
    said = Heard()
    assert np.array_equal(read(tmp_path, said), VALUES)
    assert said == []


def test_slices_of_the_series_in_another_plane_are_left_out_with_a_warning(tmp_path: Path) -> None:
    files = write_series(tmp_path, volume())
    cosines = [f"{value:.6g}" for value in (*CORONAL[:, 0], *CORONAL[:, 1])]
    for file in files[:2]:
        again(file, ImageOrientationPatient=cosines)
    said = Heard()
    assert np.array_equal(read(tmp_path, said), VALUES)
    assert "2 images of the same series with a different size, pixel spacing or orientation were left out" in said[1]


def test_a_bolus_tracked_at_one_place_is_no_second_volume(tmp_path: Path) -> None:
    write_series(tmp_path, volume())
    for file in write_series(tmp_path / "monitoring", volume(VALUES + 3), number=2):
        move(file, (-30.5, 12.25, 404.0))
    said = Heard()
    assert np.array_equal(read(tmp_path, said), VALUES)
    assert "series 1 CT (12 slices of 2.5 mm) was taken" in said[0]


def test_screenshots_are_no_second_volume(tmp_path: Path) -> None:
    """Gray ones have no place in the patient, colored ones may have one."""
    write_series(tmp_path, volume())
    for file in write_series(tmp_path / "gray", volume(), number=2, tags={"SeriesInstanceUID": ONE_UID}):
        change(file, ImageOrientationPatient=None, ImagePositionPatient=None, PixelSpacing=None)
    for file in write_series(tmp_path / "color", volume(), number=3):
        change(file, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    assert np.array_equal(read(tmp_path), VALUES)


def test_kernels_of_series_with_one_description_are_listed(tmp_path: Path) -> None:
    write_series(tmp_path, volume(), tags={"ConvolutionKernel": "B30f"})
    write_series(tmp_path, volume(), number=2, tags={"ConvolutionKernel": ["Br59f", "3"]})
    with pytest.raises(
        InputError, match=r"12 slices of 2.5 mm, kernel B30f\).*12 slices of 2.5 mm, kernel Br59f 3\)"
    ):
        read(tmp_path)


def test_files_with_a_series_uid_each_are_refused_by_that_name(tmp_path: Path) -> None:
    for file in write_series(tmp_path, volume()):
        change(file, SeriesInstanceUID=generate_uid())
    with pytest.raises(
        InputError, match=r"each of the 12 CT files has a Series Instance UID \(0020,000E\) of its own"
    ):
        read(tmp_path)


def test_a_series_of_a_fan_is_refused_by_its_cause(tmp_path: Path) -> None:
    for k, file in enumerate(write_series(tmp_path, volume())):
        change(file, ImageOrientationPatient=[f"{v:.6g}" for v in (*oblique(9 * k)[:, 0], *oblique(9 * k)[:, 1])])
    with pytest.raises(InputError, match="the slices of a series differ in size, pixel spacing or orientation"):
        read(tmp_path)


def test_slices_compressed_each_in_its_own_way_make_one_volume(tmp_path: Path) -> None:
    for file in write_series(tmp_path, volume(SMOOTH))[::2]:
        compress(file)
    assert np.array_equal(read(tmp_path), SMOOTH)


def test_slice_thickness_is_not_needed(tmp_path: Path) -> None:
    for file in write_series(tmp_path, volume()):
        change(file, SliceThickness=None)
    assert np.array_equal(read(tmp_path), VALUES)
