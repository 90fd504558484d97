from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from heard import Heard
from imaging.samples import CORONAL, FEET_FIRST, IDENTITY, change, move, oblique, points_mm, wrapped, write_series

from LNStationLib.imaging.dicom_series import find_series, read_series
from LNStationLib.support.errors import GeometryError, InputError

RNG = np.random.default_rng(5)
VALUES = RNG.integers(-1000, 2000, (12, 9, 8)).astype(np.int16)


def volume(direction: np.ndarray = IDENTITY, spacing: tuple[float, float, float] = (0.7, 0.9, 2.5)) -> sitk.Image:
    return wrapped(VALUES, spacing, (-30.5, 12.25, 404.0), direction)


def read(folder: Path, modality: str = "CT", said: list[str] | None = None) -> sitk.Image:
    return read_series(folder, modality, "CT", (said if said is not None else []).append).image


def same_world(first: sitk.Image, second: sitk.Image) -> bool:
    """Whether the same values lie at the same points of the patient, whatever the order of the voxels."""
    index = [second.TransformPhysicalPointToContinuousIndex(p) for p in points_mm(first).reshape(-1, 3)]
    whole = np.rint(index).astype(int)
    assert np.abs(index - whole).max() < 1e-2
    moved = sitk.GetArrayFromImage(second)[whole[:, 2], whole[:, 1], whole[:, 0]]
    return bool(np.array_equal(moved, sitk.GetArrayFromImage(first).ravel()))


@pytest.mark.parametrize("direction", [IDENTITY, FEET_FIRST, CORONAL, oblique(20), oblique(-130)])
@pytest.mark.parametrize("reverse_names", [False, True])
def test_a_series_gives_back_every_value_at_its_point(
    tmp_path: Path, direction: np.ndarray, reverse_names: bool
) -> None:
    write_series(tmp_path, volume(direction), reverse_names=reverse_names)
    assert same_world(volume(direction), read(tmp_path))


def test_a_series_stored_from_head_to_feet_is_not_turned_over(tmp_path: Path) -> None:
    """Slices along -z of a right-handed stack come back along +z, each value at its own point."""
    downward = sitk.Flip(volume(), [False, False, True])
    write_series(tmp_path, downward)
    image = read(tmp_path)
    assert np.linalg.det(np.array(image.GetDirection()).reshape(3, 3)) == pytest.approx(1)
    assert same_world(volume(), image)


def test_files_in_subfolders_copies_and_other_files_do_not_disturb(tmp_path: Path) -> None:
    files = write_series(tmp_path / "a" / "b", volume())
    shutil.copy(files[3], tmp_path / "copy of a slice")
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "DICOMDIR").write_bytes(bytes(300))
    assert same_world(volume(), read(tmp_path))


def test_each_slice_is_rescaled_by_its_own_slope(tmp_path: Path) -> None:
    slopes = [0.25 + 0.125 * k for k in range(12)]
    activity = wrapped(VALUES.clip(0).astype(np.float32), (4, 4, 5))
    write_series(tmp_path, activity, "PT", slopes=slopes)
    loaded = sitk.GetArrayFromImage(read(tmp_path, "PT"))
    expected = np.stack([np.rint(v / s) * s for v, s in zip(VALUES.clip(0).astype(float), slopes, strict=True)])
    assert np.abs(loaded - expected).max() < 1e-3


@pytest.mark.parametrize(("skip", "message"), [((5,), "1 slice is missing"), ((5, 6), "2 slices are missing")])
def test_missing_slices_are_refused_with_their_place(tmp_path: Path, skip: tuple[int, ...], message: str) -> None:
    write_series(tmp_path, wrapped(VALUES, (1, 1, 2.5), (0, 0, 404)), skip=skip)
    with pytest.raises(GeometryError, match=message) as caught:
        read(tmp_path)
    assert "414.0" in str(caught.value)


def test_uneven_slices_are_refused(tmp_path: Path) -> None:
    files = write_series(tmp_path, volume())
    move(files[-1], (-30.5, 12.25, 404.0 + 11 * 2.5 + 0.8))
    with pytest.raises(GeometryError, match=r"uneven slice spacing, 3\.30 mm"):
        read(tmp_path)


@pytest.mark.parametrize("step", [0.4, 0.625, 0.75, 1.25])
def test_rounded_positions_are_no_gap(tmp_path: Path, step: float) -> None:
    files = write_series(tmp_path, volume(spacing=(0.7, 0.9, step)))
    for k, file in enumerate(files):
        move(file, (-30.5, 12.25, round(404.0 + step * k, 1)))
    assert read(tmp_path).GetSpacing()[2] == pytest.approx(step, abs=0.01)


def test_a_slice_missing_among_thin_slices_is_no_rounding(tmp_path: Path) -> None:
    write_series(tmp_path, volume(spacing=(0.7, 0.9, 0.2)), skip=(4,))
    with pytest.raises(GeometryError, match="1 slice is missing"):
        read(tmp_path)


def test_distances_that_drift_slowly_are_refused(tmp_path: Path) -> None:
    """Each differs from the median by less than a tenth, but the middle of the stack would lie 2 mm off."""
    steps = np.array([2.3] * 12 + [2.7] * 12 + [2.5] * 23)
    depth = 404.0 + np.concatenate([[0], np.cumsum(np.sort(steps))])
    values = np.zeros((48, 9, 8), np.int16)
    for file, z in zip(write_series(tmp_path, wrapped(values)), depth, strict=True):
        move(file, (0, 0, float(z)))
    with pytest.raises(GeometryError, match=r"drifts between 2\.30 and 2\.70 mm"):
        read(tmp_path)


def test_noise_of_single_positions_is_no_drift(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).uniform(-0.05, 0.05, (12, 3))
    for k, file in enumerate(write_series(tmp_path, volume())):
        move(file, (-30.5 + noise[k, 0], 12.25 + noise[k, 1], 404.0 + 2.5 * k + noise[k, 2]))
    assert read(tmp_path).GetSpacing() == pytest.approx((0.7, 0.9, 2.5), abs=0.01)


def test_slices_shifted_sideways_are_refused(tmp_path: Path) -> None:
    """Two reconstructions with different centers, exported as one series."""
    for k, file in enumerate(write_series(tmp_path, volume())):
        move(file, (-30.5 + (8.0 if 4 <= k < 8 else 0.0), 12.25, 404.0 + 2.5 * k))
    with pytest.raises(GeometryError, match=r"do not lie straight above each other, the one at .* is 8\.0 mm off"):
        read(tmp_path)


def test_a_tilted_gantry_is_refused_with_its_angle(tmp_path: Path) -> None:
    files = write_series(tmp_path, volume())
    for k, file in enumerate(files):
        move(file, (-30.5, 12.25 + 2.5 * k * np.tan(np.radians(12)), 404.0 + 2.5 * k))
    with pytest.raises(GeometryError, match=r"gantry tilt of 12\.0 degrees"):
        read(tmp_path)


def test_several_images_at_one_place_are_refused(tmp_path: Path) -> None:
    files = write_series(tmp_path, volume())
    move(files[4], (-30.5, 12.25, 404.0 + 2.5 * 5))
    with pytest.raises(InputError, match="several images at the same position"):
        read(tmp_path)


def test_a_localizer_beside_the_series_is_skipped_silently(tmp_path: Path) -> None:
    write_series(tmp_path, volume())
    write_series(tmp_path, volume(CORONAL), number=2, tags={"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]})
    said = Heard()
    assert same_world(volume(), read(tmp_path, said=said))
    assert said == []


def test_the_only_usable_series_of_the_modality_is_taken_with_a_warning(tmp_path: Path) -> None:
    write_series(tmp_path, volume(), tags={"SeriesDescription": "Thorax soft"})
    write_series(tmp_path, volume(), "PT", number=2)
    write_series(tmp_path, volume(), number=3, skip=range(3, 12))
    said = Heard()
    assert same_world(volume(), read(tmp_path, said=said))
    assert "series 1 CT (12 slices of 2.5 mm) was taken" in said[0]


def test_several_series_are_refused_and_listed_without_the_patient(tmp_path: Path) -> None:
    write_series(tmp_path, volume(), tags={"SeriesDescription": "Thorax soft"})
    write_series(tmp_path, volume(), number=4, tags={"SeriesDescription": "Thorax lung"})
    with pytest.raises(InputError, match="several CT series") as caught:
        read(tmp_path)
    for words in ("series 1 CT (12 slices of 2.5 mm)", "series 4 CT (12 slices of 2.5 mm)"):
        assert words in str(caught.value)
    assert "secret" not in str(caught.value).lower()
    assert "Thorax" not in str(caught.value), "people write names into descriptions"


def test_a_folder_without_the_modality_says_what_it_holds(tmp_path: Path) -> None:
    write_series(tmp_path, volume(), "PT")
    with pytest.raises(InputError, match=r"no CT series.*series 1 PT \(12 slices of 2.5 mm\)"):
        read(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no DICOM images"):
        read(tmp_path / "empty")


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_missing_geometry_is_named(tmp_path: Path, keyword: str) -> None:
    for file in write_series(tmp_path, volume()):
        change(file, **{keyword: None})
    with pytest.raises(InputError, match="is missing or damaged") as caught:
        read(tmp_path)
    words = {
        "ImagePositionPatient": "(0020,0032)",
        "ImageOrientationPatient": "(0020,0037)",
        "PixelSpacing": "(0028,0030)",
    }
    assert words[keyword] in str(caught.value)


def test_a_zero_pixel_spacing_is_refused(tmp_path: Path) -> None:
    for file in write_series(tmp_path, volume()):
        change(file, PixelSpacing=["0", "1"])
    with pytest.raises(GeometryError, match="zero or negative pixel spacing"):
        read(tmp_path)


def test_multi_frame_files_are_refused_with_a_remedy(tmp_path: Path) -> None:
    for file in write_series(tmp_path, volume()):
        change(file, NumberOfFrames=30)
    with pytest.raises(InputError, match=r"multi-frame.*dcm2niix"):
        read(tmp_path)


def test_pixels_cut_short_are_refused_quietly(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for file in write_series(tmp_path, volume()):
        file.write_bytes(file.read_bytes()[:-80])
    with pytest.raises(InputError, match="holds 64 of the 144 bytes of its pixels"):
        read(tmp_path)
    assert capfd.readouterr().err == ""


def test_slices_of_another_size_make_a_series_of_their_own(tmp_path: Path) -> None:
    write_series(tmp_path, volume(), tags={"SeriesInstanceUID": "1.2.3"})
    write_series(tmp_path, wrapped(VALUES[:, :5]), number=2, tags={"SeriesInstanceUID": "1.2.3"})
    assert len(find_series(tmp_path)) == 2
