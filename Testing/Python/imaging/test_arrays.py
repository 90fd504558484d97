from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from LNStationLib.imaging.arrays import array_view

ROOT = Path(__file__).resolve().parents[3]
VALUES = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)


def test_a_view_keeps_its_image_alive_and_lets_it_go() -> None:
    image = sitk.GetImageFromArray(VALUES)
    alive = weakref.ref(image)
    part = array_view(image)[1:]
    del image
    gc.collect()
    assert alive() is not None
    assert np.array_equal(part, VALUES[1:])
    del part
    gc.collect()
    assert alive() is None


def test_a_view_copies_nothing_and_cannot_be_written() -> None:
    image = sitk.GetImageFromArray(VALUES)
    view = array_view(image)
    image[0, 0, 0] = 77
    assert view[0, 0, 0] == 77
    assert np.shares_memory(view, array_view(image))
    with pytest.raises(ValueError, match="read-only"):
        view[0, 0, 0] = 1


def test_a_view_outlives_a_later_copy_of_its_image() -> None:
    """SimpleITK moves an image that shares its voxels with a copy when the image is viewed again."""
    image = sitk.GetImageFromArray(VALUES)
    first = array_view(image)
    copy = sitk.Image(image)
    second = array_view(image)
    where = first.__array_interface__["data"]
    del copy
    gc.collect()
    assert array_view(image).__array_interface__["data"] == where
    assert np.array_equal(first, second)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int64, np.float32, np.float64])
def test_a_view_has_the_images_type_and_axes(dtype: type) -> None:
    view = array_view(sitk.GetImageFromArray(VALUES.astype(dtype)))
    assert view.dtype == dtype
    assert np.array_equal(view, VALUES)


def test_vectors_and_flat_images_have_views_too() -> None:
    vectors = np.arange(2 * 3 * 4 * 3, dtype=np.float32).reshape(2, 3, 4, 3)
    assert np.array_equal(array_view(sitk.GetImageFromArray(vectors, isVector=True)), vectors)
    assert np.array_equal(array_view(sitk.GetImageFromArray(VALUES[0])), VALUES[0])


def test_soft_tissue_of_a_large_ct_is_read_from_living_memory() -> None:
    """In a process of its own: from 32 MB on, freed memory is unmapped at once, and reading it ends the process."""
    code = """
import numpy as np, SimpleITK as sitk
from LNStationLib.nodes.ct_blobs import _DENOISING_MM, _SOFT_HU, _soft_on_ct
noise = np.random.default_rng(0).normal(0, 200, (220, 220, 220)).astype(np.int16)
part = sitk.GetImageFromArray(noise)
hu = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(sitk.Cast(part, sitk.sitkFloat32), _DENOISING_MM))
expected = (hu >= _SOFT_HU[0]) & (hu <= 150)
assert not (_soft_on_ct(part, 150.0) != expected).any()
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)


@pytest.mark.parametrize(
    "line",
    [
        "import SimpleITK as sitk\n\nprint(sitk.GetArrayViewFromImage(sitk.Image(3, 3, 3, sitk.sitkUInt8)))\n",
        "import SimpleITK\n\nprint(SimpleITK.GetArrayViewFromImage(SimpleITK.Image(3, 3, 3, SimpleITK.sitkUInt8)))\n",
        "from SimpleITK import GetArrayViewFromImage\n\nprint(GetArrayViewFromImage)\n",
        "from SimpleITK.extra import GetArrayViewFromImage\n\nprint(GetArrayViewFromImage)\n",
    ],
)
@pytest.mark.parametrize(
    "file", ["LNStationLib/nodes/x.py", "Training/lnstation_training/x.py", "Testing/Tools/x.py"]
)
def test_the_raw_view_is_refused_by_the_linter(file: str, line: str) -> None:
    pytest.importorskip("ruff")
    command = [sys.executable, "-m", "ruff", "check", "--stdin-filename", file, "--output-format", "concise", "-"]
    told = subprocess.run(command, input=line, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert told.returncode == 1
    assert "TID251" in told.stdout
    assert "LNStationLib.imaging.arrays.array_view" in told.stdout


def test_the_raw_view_is_taken_in_one_place_only() -> None:
    """The linter's rule cannot be switched off elsewhere by a comment."""
    folders = ("LNStationLib", "LNStation", "Training", "Testing")
    files = (path for folder in folders for path in (ROOT / folder).rglob("*.py") if path != Path(__file__))
    users = [
        path.relative_to(ROOT).as_posix() for path in files if "GetArrayViewFromImage(" in path.read_text("utf-8")
    ]
    assert users == ["LNStationLib/imaging/arrays.py"]
