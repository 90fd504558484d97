"""Render the module's icons from their drawings, and the thumbnails of the sample patients from their images.

python -m Testing.Tools.module_icons             the icons, from the SVG files beside them
python -m Testing.Tools.module_icons --samples   the thumbnails too (makes the patients: some minutes)
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
ICONS = ROOT / "LNStation" / "Resources" / "Icons"
SIZE_OF = {"LNStation": 128}
"""Width and height in pixels, where they are not 32."""

THUMBNAIL_SIZE = (192, 144)
_WINDOW_HU = (-1000.0, 300.0)
_PET_RANGE = (2.0, 9.0)


def render(drawing: Path, size: int) -> Image.Image:
    """A drawing as RGBA picture of ``size`` x ``size`` pixels."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6 import QtCore, QtGui, QtSvg

    picture = QtGui.QImage(size, size, QtGui.QImage.Format.Format_RGBA8888)
    picture.fill(0)
    painter = QtGui.QPainter(picture)
    QtSvg.QSvgRenderer(str(drawing)).render(painter, QtCore.QRectF(0, 0, size, size))
    painter.end()
    return Image.frombytes("RGBA", (size, size), bytes(picture.constBits()))


def write_icons(folder: Path = ICONS) -> None:
    """Write a PNG of each drawing into a folder, which is that of the drawings."""
    for drawing in sorted(ICONS.glob("*.svg")):
        render(drawing, SIZE_OF.get(drawing.stem, 32)).save(folder / f"{drawing.stem}.png", optimize=True)


def coronal(case: Path) -> Image.Image:
    """The coronal slice of a sample patient through the middle of the tumor, with uptake where there is a PET.

    The patient's right is on the left.
    """
    import SimpleITK as sitk

    ct = sitk.ReadImage(str(case / "ct.nii.gz"))
    tumor = sitk.GetArrayFromImage(sitk.ReadImage(str(case / "tumor.nii.gz")))
    row = int(np.median(np.nonzero(tumor)[1]))
    low, high = _WINDOW_HU
    gray = np.clip((sitk.GetArrayFromImage(ct)[:, row] - low) / (high - low), 0, 1)
    color = np.repeat(gray[..., None], 3, axis=2)
    if (case / "pet.nii.gz").is_file():
        pet = sitk.Resample(sitk.ReadImage(str(case / "pet.nii.gz")), ct)
        low, high = _PET_RANGE
        heat = np.clip((sitk.GetArrayFromImage(pet)[:, row] - low) / (high - low), 0, 1)[..., None]
        hot = np.concatenate([np.ones_like(heat), heat, heat * 0], axis=2)
        opacity = np.sqrt(heat) * 0.85
        color = color * (1 - opacity) + hot * opacity
    picture = Image.fromarray((color[::-1] * 255).astype(np.uint8))
    width, _, height = (size * spacing for size, spacing in zip(ct.GetSize(), ct.GetSpacing(), strict=True))
    return _cropped(picture.resize((round(width), round(height)), Image.Resampling.LANCZOS))


def _cropped(picture: Image.Image) -> Image.Image:
    """The middle of a picture, with the proportions and the size of a thumbnail."""
    wide, high = THUMBNAIL_SIZE
    scale = min(picture.width / wide, picture.height / high)
    box_width, box_height = wide * scale, high * scale
    left, top = (picture.width - box_width) / 2, (picture.height - box_height) / 2
    box = (left, top, left + box_width, top + box_height)
    return picture.resize(THUMBNAIL_SIZE, Image.Resampling.LANCZOS, box=box)


def write_thumbnails() -> None:
    """Make the sample patients and write a thumbnail of each."""
    from LNStationLib.phantom.samples import SAMPLE_NAMES, write_sample

    with tempfile.TemporaryDirectory() as folder:
        for name in SAMPLE_NAMES:
            coronal(write_sample(name, Path(folder) / name)).save(ICONS / f"Sample-{name}.png", optimize=True)


if __name__ == "__main__":
    write_icons()
    if "--samples" in sys.argv[1:]:
        write_thumbnails()
