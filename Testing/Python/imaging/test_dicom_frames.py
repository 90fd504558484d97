"""Enhanced multi-frame files: highdicom makes them of classic slices, which are read beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from imaging.enhanced_samples import Layout, write_enhanced_ct
from imaging.samples import CORONAL, IDENTITY, dataset, oblique, wrapped, write_enhanced, write_series
from pydicom import dcmread, uid
from pydicom.dataset import Dataset

from LNStationLib.imaging.dicom_series import read_series
from LNStationLib.support.errors import GeometryError, InputError

VALUES = np.random.default_rng(3).integers(-1000, 2000, (12, 16, 12)).astype(np.int16)


def read(folder: Path, modality: str = "CT", said: list[Any] | None = None) -> sitk.Image:
    return read_series(folder, modality, "CT", (said if said is not None else []).append).image


def volume(direction: np.ndarray = IDENTITY) -> sitk.Image:
    return wrapped(VALUES, (0.7, 0.9, 2.5), (-30.5, 12.25, 404.0), direction)


def same(one: sitk.Image, other: sitk.Image) -> bool:
    """Whether two images hold the same values on the same grid."""
    places = [
        np.allclose(getattr(one, f"Get{what}")(), getattr(other, f"Get{what}")(), atol=1e-5)
        for what in ("Origin", "Spacing", "Direction")
    ]
    return all(places) and np.allclose(sitk.GetArrayFromImage(one), sitk.GetArrayFromImage(other), atol=1e-3)


@pytest.mark.parametrize("direction", [IDENTITY, oblique(20), oblique(-130)])
def test_an_enhanced_file_is_read_as_its_slices_are(tmp_path: Path, direction: np.ndarray) -> None:
    folder = write_enhanced(tmp_path, volume(direction))
    said: list[Any] = []
    assert same(read(folder, said=said), read(tmp_path / "classic"))
    assert said == []


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEGLSLossless])
def test_compressed_frames_are_decoded(tmp_path: Path, syntax: str) -> None:
    folder = write_enhanced(tmp_path, volume(), syntax=syntax)
    assert same(read(folder), read(tmp_path / "classic"))


def test_each_frame_is_rescaled_by_its_own_slope(tmp_path: Path) -> None:
    slopes = [0.25 + 0.125 * k for k in range(12)]
    activity = wrapped(VALUES.clip(0).astype(np.float32), (4, 4, 5))
    folder = write_enhanced(tmp_path, activity, "PT", slopes=slopes)
    assert same(read(folder, "PT"), read(tmp_path / "classic", "PT"))
    headers = read_series(folder, "PT", "PET", lambda _: None).headers
    assert [float(one.RescaleSlope) for one in headers] == pytest.approx(slopes)


def changed(folder: Path) -> Dataset:
    return dcmread(folder / "all.dcm")


def test_a_missing_frame_is_named(tmp_path: Path) -> None:
    folder = write_enhanced(tmp_path, volume())
    file = changed(folder)
    size = file.Rows * file.Columns * 2
    del file.PerFrameFunctionalGroupsSequence[5]
    file.NumberOfFrames, file.PixelData = 11, file.PixelData[: 5 * size] + file.PixelData[6 * size :]
    file.save_as(folder / "all.dcm")
    with pytest.raises(GeometryError, match="1 slice is missing"):
        read(folder)


def test_two_time_points_in_one_file_are_refused(tmp_path: Path) -> None:
    folder = write_enhanced(tmp_path, volume())
    file = changed(folder)
    groups = list(file.PerFrameFunctionalGroupsSequence)
    later = [Dataset.from_json(group.to_json()) for group in groups]
    for number, some in enumerate((groups, later), start=1):
        for group in some:
            group.FrameContentSequence[0].TemporalPositionIndex = number
    file.PerFrameFunctionalGroupsSequence = [*groups, *later]
    pixels = np.frombuffer(file.PixelData, "<u2")
    file.NumberOfFrames, file.PixelData = 24, np.concatenate([pixels, pixels + 1]).tobytes()
    file.save_as(folder / "all.dcm")
    with pytest.raises(InputError, match=r"several images at the same position .* Temporal Position Index"):
        read(folder)


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    folder = write_enhanced(tmp_path, volume())
    file = changed(folder)
    file.PixelData = file.PixelData[:-100]
    file.save_as(folder / "all.dcm")
    with pytest.raises(InputError, match="bytes of its pixels"):
        read(folder)


def test_frames_that_do_not_say_where_they_lie_are_refused(tmp_path: Path) -> None:
    folder = write_enhanced(tmp_path, volume())
    file = changed(folder)
    del file.PerFrameFunctionalGroupsSequence
    file.save_as(folder / "all.dcm")
    with pytest.raises(InputError, match="does not say where each of its frames lies"):
        read(folder)


def test_nothing_of_the_patient_is_written_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, aside = write_enhanced(tmp_path, volume(), tags={"StudyInstanceUID": "1.2.3.4.5"}), tmp_path / "aside"
    aside.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(aside))
    kept: list[bytes] = []
    save = Dataset.save_as

    def noted(self: Dataset, path: Any, *arguments: Any, **named: Any) -> None:
        save(self, path, *arguments, **named)
        kept.append(Path(path).read_bytes())

    monkeypatch.setattr(Dataset, "save_as", noted)
    read(folder)
    assert len(kept) == 12
    assert not any(word in file for file in kept for word in (b"1.2.3.4.5", b"test"))
    assert list(aside.iterdir()) == [], "nothing stays"


def test_values_of_a_frame_stand_in_functional_groups_of_any_kind(tmp_path: Path) -> None:
    """Written by scanners: rescaling for each frame, and the kernel in a group of its own."""
    folder = write_enhanced(tmp_path, volume())
    file = changed(folder)
    del file.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
    for number, group in enumerate(file.PerFrameFunctionalGroupsSequence):
        change = {"RescaleIntercept": str(-1024 - number), "RescaleSlope": "1", "RescaleType": "HU"}
        group.PixelValueTransformationSequence = [dataset(change)]
        group.CTReconstructionSequence = [dataset({"ConvolutionKernel": "B30f"})]
    file.save_as(folder / "all.dcm")
    series = read_series(folder, "CT", "CT", lambda _: None)
    assert {one.ConvolutionKernel for one in series.headers} == {"B30f"}
    # The last slice of the image is the file's first frame.
    shift = -np.arange(11, -1, -1)[:, None, None]
    expected = sitk.GetArrayFromImage(read(tmp_path / "classic")) + shift
    assert np.array_equal(sitk.GetArrayFromImage(series.image), expected)


def test_a_classic_slice_that_names_a_frame_is_a_classic_slice(tmp_path: Path) -> None:
    write_series(tmp_path, volume(), tags={"ReferencedFrameNumber": 1})
    assert read(tmp_path).GetSize() == volume().GetSize()


@pytest.mark.parametrize(
    "layout",
    [
        Layout(seed=4),
        Layout(descending=True),
        Layout(seed=5, per_frame=True),
        Layout(seed=6, parts=3),
        Layout(seed=7, parts=12, per_frame=True),
    ],
    ids=["shuffled", "descending", "groups per frame", "concatenation", "a frame a file"],
)
@pytest.mark.parametrize("direction", [IDENTITY, oblique(20), oblique(-130)])
def test_frames_in_any_order_and_any_number_of_files_are_the_slices(
    layout: Layout, direction: np.ndarray, tmp_path: Path
) -> None:
    files = write_series(tmp_path / "classic", volume(direction))
    write_enhanced_ct(tmp_path / "enhanced", files, layout)
    said: list[Any] = []
    assert same(read(tmp_path / "enhanced", said=said), read(tmp_path / "classic"))
    assert said == []


def test_a_part_of_a_concatenation_that_is_missing_is_named(tmp_path: Path) -> None:
    files = write_series(tmp_path / "classic", volume())
    parts = write_enhanced_ct(tmp_path / "enhanced", files, Layout(descending=True, parts=3))
    parts[1].unlink()
    with pytest.raises(GeometryError, match="1 slice is missing"):
        read(tmp_path / "enhanced")


def test_two_stacks_of_different_planes_in_one_file_are_refused(tmp_path: Path) -> None:
    both = []
    for name, direction in (("axial", IDENTITY), ("coronal", CORONAL)):
        folder = tmp_path / name
        both.append(
            dcmread(
                write_enhanced_ct(folder, write_series(folder / "c", volume(direction)), Layout(per_frame=True))[0]
            )
        )
    first, second = both
    groups = [*first.PerFrameFunctionalGroupsSequence, *second.PerFrameFunctionalGroupsSequence]
    first.PerFrameFunctionalGroupsSequence, first.NumberOfFrames = groups, len(groups)
    first.PixelData += second.PixelData
    (tmp_path / "both").mkdir()
    first.save_as(tmp_path / "both" / "all.dcm")
    with pytest.raises(InputError, match="several CT series"):
        read(tmp_path / "both")
