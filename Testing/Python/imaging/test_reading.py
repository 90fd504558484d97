from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from heard import Heard
from imaging.samples import FEET_FIRST, chest, oblique, points_mm, wrapped, write_series

from LNStationLib.imaging.checks import as_volume
from LNStationLib.imaging.reading import image_files, image_stem, quiet_itk, read_image
from LNStationLib.support.errors import GeometryError, InputError


@pytest.fixture
def image() -> sitk.Image:
    array = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    return wrapped(array, (1.5, 2.0, 3.0), (-10, 20, 30), oblique())


def nifti(path: Path, affine: np.ndarray, array: np.ndarray | None = None, change: Callable | None = None) -> Path:
    """Write a NIfTI file with a RAS affine; ``change`` edits the header first."""
    file = nib.Nifti1Image(np.arange(60, dtype=np.int16).reshape(3, 4, 5) if array is None else array, affine)
    if change is not None:
        change(file.header)
    path.write_bytes(gzip.compress(file.to_bytes()) if path.suffix == ".gz" else file.to_bytes())
    return path


def edit(path: Path, offset: int, values: np.ndarray) -> Path:
    """Overwrite header bytes that nibabel would not write."""
    raw = bytearray(path.read_bytes())
    raw[offset : offset + values.nbytes] = values.tobytes()
    path.write_bytes(bytes(raw))
    return path


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"])
@pytest.mark.parametrize("direction", [np.eye(3), FEET_FIRST, oblique(), oblique() @ np.diag([-1.0, 1, 1])])
def test_every_format_gives_back_values_and_points(tmp_path: Path, ending: str, direction: np.ndarray) -> None:
    image = wrapped(np.arange(120, dtype=np.int16).reshape(4, 5, 6), (1.5, 2.0, 3.0), (-10, 20, 30), direction)
    sitk.WriteImage(image, tmp_path / f"a{ending}")
    read = as_volume(read_image(tmp_path / f"a{ending}", "CT", [].append), "CT")
    assert np.array_equal(sitk.GetArrayFromImage(read), sitk.GetArrayFromImage(image))
    assert np.abs(points_mm(read) - points_mm(image)).max() < 1e-3


@pytest.mark.parametrize(
    ("real", "claimed"), [(".nii.gz", ".nii"), (".nii", ".mha"), (".nrrd", ".nii.gz"), (".mha", ".nrrd")]
)
def test_the_bytes_decide_the_format_not_the_ending(
    tmp_path: Path, image: sitk.Image, real: str, claimed: str
) -> None:
    sitk.WriteImage(image, tmp_path / f"a{real}")
    (tmp_path / f"a{real}").rename(tmp_path / f"b{claimed}")
    read = read_image(tmp_path / f"b{claimed}", "CT", [].append)
    assert np.array_equal(sitk.GetArrayFromImage(read), sitk.GetArrayFromImage(image))


def test_scaled_nifti_values_are_scaled(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii", np.eye(4))
    edit(path, 112, np.array([2.0, -1024.0], "<f4"))
    assert sitk.GetArrayFromImage(read_image(path, "CT", [].append))[0, 0, 1] == pytest.approx(2 * 20 - 1024)


def test_nifti_lengths_in_meters_become_millimeters(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii", np.diag([0.001, 0.002, 0.003, 1]), change=lambda h: h.set_xyzt_units("meter"))
    assert read_image(path, "CT", [].append).GetSpacing() == pytest.approx((1, 2, 3))


def test_header_noise_in_the_direction_is_orthonormalized(tmp_path: Path) -> None:
    affine = np.eye(4)
    affine[:3, :3] = oblique() + np.random.default_rng(0).normal(0, 5e-5, (3, 3))
    direction = np.array(read_image(nifti(tmp_path / "a.nii", affine), "CT", [].append).GetDirection()).reshape(3, 3)
    assert np.abs(direction.T @ direction - np.eye(3)).max() < 1e-9
    assert np.abs(direction - np.diag([-1, -1, 1]) @ affine[:3, :3]).max() < 1e-3


def sheared() -> np.ndarray:
    affine = np.eye(4)
    affine[1, 2] = 0.2
    return affine


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: nifti(p, sheared()), "sheared"),
        (lambda p: edit(nifti(p, np.eye(4)), 252, np.zeros(2, "<i2")), "left and right"),
        (lambda p: edit(nifti(p, np.eye(4)), 80, np.array([-1.0], "<f4")), "zero or negative voxel spacing"),
        (lambda p: edit(nifti(p, np.eye(4)), 84, np.array([0.0], "<f4")), "zero or negative voxel spacing"),
        (lambda p: nifti(p, np.eye(4), change=lambda h: h.set_qform(np.diag([-1.0, 1, 1, 1]), 1)), "contradict"),
        (lambda p: edit(nifti(p, np.eye(4)), 80, np.array([1.5], "<f4")), "two different voxel sizes"),
    ],
)
def test_a_nifti_of_doubtful_geometry_is_refused(tmp_path: Path, make: Callable, message: str) -> None:
    with pytest.raises(GeometryError, match=message):
        read_image(make(tmp_path / "a.nii"), "CT", [].append)


@pytest.mark.parametrize(("code", "others"), [(1, "older versions of Slicer"), (2, "such as Slicer and SimpleITK")])
def test_two_positions_in_a_nifti_header_are_told_with_their_distance(tmp_path: Path, code: int, others: str) -> None:
    sform, qform = np.diag([1.5, 1.5, 3.0, 1.0]), np.diag([1.5, 1.5, 3.0, 1.0])
    qform[:3, 3] = 12, -8, 20
    path = nifti(tmp_path / "ct.nii", sform, change=lambda h: (h.set_sform(sform, code), h.set_qform(qform, 1)))
    said = Heard()
    image = read_image(path, "CT ct.nii", said.append)
    assert image.GetOrigin() == pytest.approx((0, 0, 0))
    assert len(said) == 1
    assert "CT ct.nii: the two positions in the NIfTI header (sform and qform) are up to 24.7 mm apart" in said[0]
    assert "the sform was taken" in said[0]
    assert others in said[0]
    # What the sentence says of the other programs holds for this SimpleITK.
    itk = sitk.ReadImage(str(path)).GetOrigin()
    assert itk == pytest.approx((0, 0, 0) if code == 1 else (-12, 8, 20))


def test_the_distance_of_two_positions_is_taken_where_it_is_largest(tmp_path: Path) -> None:
    """Turned by 2 degrees about the first voxel, the far end of 400 mm lies 14 mm off."""
    angle = np.radians(2)
    qform = np.eye(4)
    qform[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    array = np.zeros((401, 3, 3), np.int16)
    said = Heard()
    read_image(nifti(tmp_path / "a.nii", np.eye(4), array, lambda h: h.set_qform(qform, 1)), "CT", said.append)
    assert "up to 14.0 mm apart" in said[0]


@pytest.mark.parametrize("seed", range(20))
def test_the_rounding_of_a_quaternion_is_no_second_position(tmp_path: Path, seed: int) -> None:
    """A field of view of 360 x 360 x 360 mm in any direction, turned about its corner."""
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = oblique(rng.uniform(-180, 180)) @ np.diag(rng.choice([-90.0, 90.0], 3))
    affine[:3, 3] = rng.uniform(-500, 500, 3)
    scaled = nib.Nifti1Image(np.zeros((4, 4, 4), np.int16), affine)
    scaled.set_sform(affine, 1)
    scaled.set_qform(affine, 1)
    (tmp_path / "a.nii").write_bytes(scaled.to_bytes())
    said = Heard()
    read_image(tmp_path / "a.nii", "CT", said.append)
    assert said == []


def test_a_shift_of_less_than_half_a_voxel_is_not_told(tmp_path: Path) -> None:
    qform = np.diag([4.0, 4.0, 5.0, 1.0])
    qform[0, 3] = 1.9
    said = Heard()
    path = nifti(tmp_path / "a.nii", np.diag([4.0, 4, 5, 1]), change=lambda h: h.set_qform(qform, 1))
    read_image(path, "PET", said.append)
    assert said == []


def test_a_sheared_nrrd_is_refused_with_the_remedy(tmp_path: Path, image: sitk.Image) -> None:
    header = patched_nrrd(tmp_path, b"(1,0,0)", b"(1,0.3,0)")
    with pytest.raises(GeometryError, match=r"tilted gantry.*resample"):
        as_volume(read_image(header, "CT", [].append), "CT")


def patched_nrrd(folder: Path, old: bytes, new: bytes) -> Path:
    sitk.WriteImage(wrapped(np.arange(60, dtype=np.int16).reshape(3, 4, 5)), folder / "p.nrrd", False)
    raw = (folder / "p.nrrd").read_bytes()
    assert old in raw
    (folder / "p.nrrd").write_bytes(raw.replace(old, new))
    return folder / "p.nrrd"


def test_a_nrrd_without_a_patient_space_is_refused(tmp_path: Path) -> None:
    path = patched_nrrd(tmp_path, b"space: left-posterior-superior", b"space dimension: 3")
    with pytest.raises(GeometryError, match="left and right"):
        read_image(path, "CT", [].append)


def test_a_nrrd_in_ras_keeps_its_sides(tmp_path: Path) -> None:
    path = patched_nrrd(tmp_path, b"space: left-posterior-superior", b"space: right-anterior-superior")
    assert read_image(path, "CT", [].append).GetDirection()[0] == -1.0


def test_a_nrrd_without_spacing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GeometryError, match="spacing"):
        read_image(patched_nrrd(tmp_path, b"(1,0,0)", b"(0,0,0)"), "CT", [].append)


@pytest.mark.parametrize("spacing", ["0 1 1", "-1 1 1", "nan 1 1"])
def test_a_metaimage_with_an_impossible_spacing_is_refused(tmp_path: Path, spacing: str) -> None:
    sitk.WriteImage(wrapped(np.arange(60, dtype=np.int16).reshape(3, 4, 5)), tmp_path / "a.mhd")
    header = tmp_path / "a.mhd"
    header.write_text(header.read_text().replace("ElementSpacing = 1 1 1", f"ElementSpacing = {spacing}"))
    with pytest.raises(GeometryError, match="spacing"):
        read_image(header, "CT", [].append)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"CT ct\.nii: there is no file or folder .*nowhere"):
        read_image(tmp_path / "nowhere" / "ct.nii", "CT ct.nii", [].append)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("ct.nii.gz", b"hello, I am a text", "not a readable image"),
        ("ct.nii.gz", b"", "the file is empty"),
        ("ct.nii.gz", gzip.compress(b"a text, compressed" * 40, mtime=0), "not a readable image"),
        ("ct.nii.gz", gzip.compress(bytes(5000), mtime=0)[:20], "damaged|not a readable image"),
        ("ct.png", b"\x89PNG\r\n\x1a\n" + bytes(200), "not a readable image; give NIfTI"),
        ("ct.nrrd", b"NRRD0004\ntype: short\ndimension: 3\nspace: LPS\nsizes: 5 5 5\n", "damaged or incomplete NRRD"),
    ],
)
def test_what_is_no_image_gets_one_clear_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_image(tmp_path / name, f"CT {name}", [].append)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_a_truncated_file_is_refused_quietly(tmp_path: Path, capfd: pytest.CaptureFixture[str], ending: str) -> None:
    path = tmp_path / f"ct{ending}"
    sitk.WriteImage(chest(), path, ending == ".nii.gz")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="copy"):
        read_image(path, "CT", [].append)
    assert capfd.readouterr().err == ""


def test_a_folder_and_a_single_dicom_file_are_told_apart_from_images(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        read_image(tmp_path, "organ mask", [].append)
    file = write_series(tmp_path / "s", chest())[0]
    with pytest.raises(InputError, match="give the folder"):
        read_image(file, "CT", [].append)


@pytest.mark.parametrize("dtype", [np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]), np.complex64])
def test_color_and_complex_nifti_are_refused(tmp_path: Path, dtype: np.dtype) -> None:
    path = tmp_path / "a.nii"
    path.write_bytes(nib.Nifti1Image(np.zeros((4, 4, 4), dtype), np.eye(4)).to_bytes())
    with pytest.raises(InputError, match="color"):
        read_image(path, "CT", [].append)


def test_flat_and_changing_images_are_refused_as_volumes(tmp_path: Path) -> None:
    flat = nifti(tmp_path / "flat.nii", np.eye(4), np.zeros((8, 9), np.int16))
    one = nifti(tmp_path / "one.nii", np.eye(4), np.zeros((8, 9, 1), np.int16))
    moving = nifti(tmp_path / "moving.nii", np.eye(4), np.zeros((3, 4, 5, 6), np.int16))
    for path, message in ((flat, "two-dimensional"), (one, "two-dimensional"), (moving, "four-dimensional.*6 time")):
        with pytest.raises(InputError, match=message):
            as_volume(read_image(path, "CT", [].append), "CT")


def test_a_fourth_axis_of_length_one_is_dropped(tmp_path: Path) -> None:
    array = np.arange(60, dtype=np.int16).reshape(3, 4, 5, 1)
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    affine[:3, 3] = 5, 6, 7
    image = as_volume(read_image(nifti(tmp_path / "a.nii", affine, array), "CT", [].append), "CT")
    assert image.GetSize() == (3, 4, 5)
    assert image.GetOrigin() == pytest.approx((-5, -6, 7))
    assert image.GetSpacing() == pytest.approx((1, 2, 3))


def test_vector_images_are_refused_as_volumes() -> None:
    with pytest.raises(InputError, match="color or vector"):
        as_volume(sitk.GetImageFromArray(np.zeros((3, 4, 5, 3), np.uint8), isVector=True), "CT")


def test_warnings_of_itk_are_switched_off_only_within_the_context() -> None:
    before = sitk.ProcessObject.GetGlobalWarningDisplay()
    with quiet_itk():
        assert not sitk.ProcessObject.GetGlobalWarningDisplay()
    assert sitk.ProcessObject.GetGlobalWarningDisplay() == before


def test_image_files_of_a_folder_leave_out_hidden_and_other_files(tmp_path: Path) -> None:
    for name in ("b.nii.gz", "A.NRRD", ".hidden.nii", "notes.txt", "organs.seg.nrrd"):
        (tmp_path / name).touch()
    assert [path.name for path in image_files(tmp_path)] == ["A.NRRD", "b.nii.gz", "organs.seg.nrrd"]
    assert [image_stem(path) for path in image_files(tmp_path)] == ["A", "b", "organs"]


# Headers that fault injection (Testing/Faults) broke a reader with

NIFTI_HEADERS = {
    "vox_offset that is infinite": (108, np.array([np.inf], "<f4"), "damaged NIfTI"),
    "vox_offset beyond all files": (108, np.array([9.2e18], "<f4"), "truncated"),
    "no axis": (40, np.array([0], "<i2"), "values"),
    "sform that is no number": (292, np.array([np.inf], "<f4"), "sform"),
}


@pytest.mark.parametrize("kind", NIFTI_HEADERS)
def test_a_nifti_header_that_cannot_be_is_refused_quietly(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    offset, values, message = NIFTI_HEADERS[kind]
    path = edit(nifti(tmp_path / "ct.nii", np.eye(4)), offset, values)
    with pytest.raises(InputError, match=message):
        read_image(path, "CT", [].append)
    assert capfd.readouterr() == ("", "")


def test_unknown_units_count_as_millimeters_and_an_infinite_qform_as_none(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = nifti(tmp_path / "ct.nii", np.eye(4), change=lambda header: header.set_qform(np.eye(4), 1))
    edit(edit(path, 123, np.array([7], "u1")), 268, np.array([np.inf], "<f4"))
    assert read_image(path, "CT", [].append).GetSpacing() == (1, 1, 1)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("NDims = 3", "NDims = -1"),
        ("NDims = 3", "NDims = 99"),
        ("DimSize = 5 4 3", "DimSize = 5 4"),
        ("DimSize = 5 4 3", "DimSize = 5 4 3\nElementNumberOfChannels = 100000"),
    ],
)
def test_counts_that_would_end_the_process_in_metaio_are_refused(tmp_path: Path, old: str, new: str) -> None:
    sitk.WriteImage(wrapped(np.arange(60, dtype=np.int16).reshape(3, 4, 5)), tmp_path / "a.mhd")
    header = tmp_path / "a.mhd"
    header.write_text(header.read_text().replace(old, new))
    with pytest.raises(InputError, match="damaged MetaImage header"):
        read_image(header, "CT", [].append)


def test_numbers_as_text_in_a_nrrd_are_refused_wherever_its_header_says_so(tmp_path: Path) -> None:
    path = patched_nrrd(tmp_path, b"encoding: raw", b"Segment0_Name:=" + b"a" * 9000 + b"\nencoding: ascii")
    with pytest.raises(InputError, match="written as text"):
        read_image(path, "CT", [].append)


def test_a_field_that_does_not_end_is_refused_before_nrrdio_overflows(tmp_path: Path) -> None:
    """NrrdIO quotes a value that it cannot read in a text of 1025 bytes, which ends the process."""
    path = patched_nrrd(tmp_path, b"encoding: raw", b"encoding: raw\nspacings: (" + b"\xff" * 2000)
    with pytest.raises(InputError, match="a field that does not end"):
        read_image(path, "CT", [].append)


def test_long_keys_and_comments_are_read(tmp_path: Path) -> None:
    more = b"encoding: raw\nSegment0_Tags:=" + b"a:b|" * 400 + b"\n# see: " + b"c" * 1500
    assert read_image(patched_nrrd(tmp_path, b"encoding: raw", more), "CT", [].append).GetDimension() == 3


@pytest.mark.parametrize("file", ["/etc/passwd", "../a.raw", "C:\\a.raw"])
def test_a_header_may_not_lead_out_of_its_folder(tmp_path: Path, file: str) -> None:
    path = patched_nrrd(tmp_path, b"encoding: raw", f"encoding: raw\ndata file: {file}".encode())
    with pytest.raises(InputError, match="outside its folder"):
        read_image(path, "CT", [].append)


def test_a_position_beyond_any_scanner_is_refused() -> None:
    far = wrapped(np.zeros((3, 4, 5), np.int16), origin=(1e300, 0, 0))
    with pytest.raises(GeometryError, match="impossible position"):
        as_volume(far, "CT")
