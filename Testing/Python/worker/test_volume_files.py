"""Raw image files between module and worker."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from LNStationLib.worker.volume_files import (
    DTYPES,
    VolumeError,
    VolumeGeometry,
    read_volume,
    write_slabs,
    write_volume,
)

OBLIQUE = VolumeGeometry((-12.5, 3.0, 100.25), (0.7, 0.8, 2.5), (0.0, 0.8, 0.6, 1.0, 0.0, 0.0, 0.0, -0.6, 0.8))


@pytest.fixture
def described(tmp_path: Path) -> dict[str, Any]:
    return write_volume(tmp_path, "ct.raw", np.arange(24, dtype=np.int16).reshape(2, 3, 4), OBLIQUE)


@given(
    st.sampled_from(sorted(DTYPES)).flatmap(
        lambda name: npst.arrays(np.dtype(name), npst.array_shapes(min_dims=3, max_dims=3, max_side=5))
    )
)
def test_a_volume_reads_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, array: np.ndarray) -> None:
    folder = tmp_path_factory.mktemp("volumes")
    back, geometry = read_volume(folder, write_volume(folder, "a.raw", array, OBLIQUE))
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    assert geometry == OBLIQUE
    back[...] = 0


def test_the_file_is_raw_little_endian_c_order(tmp_path: Path) -> None:
    array = np.asfortranarray(np.arange(24, dtype=np.uint16).reshape(2, 3, 4))[:, ::-1]
    write_volume(tmp_path, "a.raw", array.astype(">u2"), OBLIQUE)
    expected = b"".join(int(value).to_bytes(2, "little") for value in array.ravel(order="C"))
    assert (tmp_path / "a.raw").read_bytes() == expected


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_the_file_is_its_owners_alone_and_nothing_else_is_left(tmp_path: Path, described: dict[str, Any]) -> None:
    assert [entry.name for entry in tmp_path.iterdir()] == ["ct.raw"]
    assert stat.S_IMODE((tmp_path / "ct.raw").stat().st_mode) == 0o600


def test_an_empty_box_needs_no_file(tmp_path: Path) -> None:
    described = write_volume(tmp_path, "none.raw", np.zeros((0, 3, 4), np.uint8), OBLIQUE)
    assert read_volume(tmp_path, described)[0].shape == (0, 3, 4)
    (tmp_path / "none.raw").unlink()
    assert read_volume(tmp_path, described)[0].shape == (0, 3, 4)


@pytest.mark.parametrize(
    "path",
    [
        "../ct.raw",
        "/etc/passwd",
        "a/../../ct.raw",
        "",
        ".",
        "..",
        "link.raw",
        "linked/ct.raw",
        "a\0b",
        7,
        None,
        ["ct.raw"],
    ],
)
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, path: Any) -> None:
    folder, outside = tmp_path / "private", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    described = write_volume(outside, "ct.raw", np.zeros((2, 3, 4), np.uint8), OBLIQUE)
    (tmp_path / "ct.raw").write_bytes(bytes(24))
    (folder / "link.raw").symlink_to(outside / "ct.raw")
    (folder / "linked").symlink_to(outside)
    with pytest.raises(VolumeError, match=r"leaves the private folder|is a file name"):
        read_volume(folder, described | {"path": path})


@pytest.mark.parametrize("change", [-1, 1])
def test_a_file_of_another_size_is_refused(tmp_path: Path, described: dict[str, Any], change: int) -> None:
    content = (tmp_path / "ct.raw").read_bytes()
    (tmp_path / "ct.raw").write_bytes((content + b"x")[: len(content) + change])
    with pytest.raises(VolumeError, match=f"has {48 + change} bytes where 48 are described"):
        read_volume(tmp_path, described)


def test_a_missing_file_a_folder_and_a_pipe_are_refused(tmp_path: Path, described: dict[str, Any]) -> None:
    with pytest.raises(VolumeError, match="cannot be read"):
        read_volume(tmp_path, described | {"path": "missing.raw"})
    (tmp_path / "folder").mkdir()
    with pytest.raises(VolumeError, match="not a regular file"):
        read_volume(tmp_path, described | {"path": "folder"})
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(VolumeError, match="not a regular file"):
            read_volume(tmp_path, described | {"path": "pipe"})


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("dtype", "float64", "cannot be transferred"),
        ("dtype", ["uint8"], "cannot be transferred"),
        ("shape", [2, 3], "three whole numbers"),
        ("shape", [2, 3, -4], "three whole numbers"),
        ("shape", [2, 3, 4.0], "three whole numbers"),
        ("shape", "234", "three whole numbers"),
        ("shape", [65535, 65535, 65535], "are described"),
        ("spacing_mm", [1, 1, 0], "positive"),
        ("spacing_mm", [1, 1], "3 numbers"),
        ("origin_mm", [0, 0, float("inf")], "finite"),
        ("origin_mm", ["0", 0, 0], "finite"),
        ("origin_mm", [10**400, 0, 0], "finite"),
        ("origin_mm", None, "lists of numbers"),
        ("direction", [1, 0, 0], "direction of 9"),
        ("direction", [1, 0, 0, 0, 1, 1e308, 0, 0, 1], "not a rotation"),
    ],
)
def test_a_wrong_description_is_refused(
    tmp_path: Path, described: dict[str, Any], key: str, value: Any, complaint: str
) -> None:
    with pytest.raises(VolumeError, match=complaint):
        read_volume(tmp_path, described | {key: value})
    if value is not None:
        with pytest.raises(VolumeError, match=f"lacks {key}"):
            read_volume(tmp_path, {name: item for name, item in described.items() if name != key})


def test_what_cannot_travel_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(VolumeError, match="float64 cannot be transferred"):
        write_volume(tmp_path, "a.raw", np.zeros((2, 2, 2)), OBLIQUE)
    with pytest.raises(VolumeError, match="3 axes"):
        write_volume(tmp_path, "a.raw", np.zeros((2, 2), np.uint8), OBLIQUE)
    for name in ("../a.raw", "/tmp/a.raw", "a/b.raw", "", ".."):
        with pytest.raises(VolumeError, match="plain file name"):
            write_volume(tmp_path, name, np.zeros((2, 2, 2), np.uint8), OBLIQUE)
    assert not list(tmp_path.iterdir())


def test_slabs_make_the_same_file_and_what_is_broken_off_leaves_none(tmp_path: Path, monkeypatch) -> None:
    array = np.arange(7 * 4 * 4, dtype=np.int16).reshape(7, 4, 4)
    whole = write_volume(tmp_path, "whole", array, OBLIQUE)
    monkeypatch.setattr("LNStationLib.worker.volume_files.SLAB_BYTES", 2 * array[0].nbytes)
    slabs = write_slabs(tmp_path, "slabs", array, OBLIQUE)
    for _turn in range(4):
        next(slabs)
    with pytest.raises(StopIteration) as end:
        next(slabs)
    assert end.value.value == {**whole, "path": "slabs"}
    assert (tmp_path / "slabs").read_bytes() == (tmp_path / "whole").read_bytes()
    broken = write_slabs(tmp_path, "broken", array, OBLIQUE)
    next(broken)
    broken.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["slabs", "whole"]
