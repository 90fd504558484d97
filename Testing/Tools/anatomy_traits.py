"""Draw every anatomical trait of synthetic patients beside the same patient without it, for ``docs/phantom.md``.

Run ``python3 Testing/Tools/anatomy_traits.py``; with ``--table`` it prints the document's table instead.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

import matplotlib  # noqa: E402

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402

from LNStationLib.phantom.anatomy.traits import AnatomyTrait, table_markdown  # noqa: E402
from LNStationLib.phantom.case import PhantomCase, render  # noqa: E402
from LNStationLib.phantom.patient import compact, draw_patient, with_anatomy  # noqa: E402
from LNStationLib.phantom.preset import load_preset  # noqa: E402

SOFT = (-160, 240)
"""Window of the pictures, HU."""
MARGIN_MM = 20.0
"""Air around the body that is cut away."""
SEED = 11
"""Of the patients shown."""
_FIXED = {"contrast": "venous", "kernel": "soft", "arms": "up"}
"""Traits of the scans, so that only the anatomy differs."""
# Traits that go together in one patient, the patient's number, and the heights and the coronal y that show them.
SHOWN: tuple[tuple[tuple[AnatomyTrait, ...], int, tuple[float, float, float], float], ...] = (
    ((), 3, (104, 40, -44), 0),
    (("neck_vessels", "neck_muscles"), 3, (116, 104, 94), -20),
    (("aortic_root", "pulmonary_vein_ostia", "spinal_veins"), 3, (-34, -44, -60), 36),
    (("pleural_effusion",), 22, (20, -45, -100), 40),
    (("lobar_collapse",), 3, (-30, -60, -100), 40),
    (("raised_diaphragm",), 27, (-60, -80, -110), 0),
    (("pneumonectomy",), 3, (30, -20, -60), -10),
    (("hiatal_hernia",), 25, (-80, -95, -110), 8),
    (("goiter",), 31, (108, 92, 70), -18),
    (("scoliosis", "kyphosis"), 3, (30, -45, -100), 55),
    (("right_arch",), 3, (52, 38, -20), 30),
    (("aberrant_right_subclavian",), 3, (60, 52, 40), 12),
    (("bovine_arch", "dilated_aorta", "elongated_aorta"), 3, (50, 36, -10), -20),
)
"""Rows of the sheet."""


def patient(traits: tuple[AnatomyTrait, ...], number: int) -> PhantomCase:
    """A patient with traits, as a compact CT of 2 mm."""
    plan = replace(compact(draw_patient(load_preset("lung"), SEED, number), 2.0), has_pet=False)
    return render(with_anatomy(plan, traits), organs="none", traits=_FIXED)


def draw_row(axes: list[Axes], traits: tuple[AnatomyTrait, ...], number: int, z: tuple[float, ...], y: float) -> None:
    """Draw one patient: axial planes, then a coronal one."""
    made = patient(traits, number)
    hu, grid, body = sitk.GetArrayFromImage(made.case.ct), made.grid, made.organs["body"]
    pad = round(MARGIN_MM / grid.spacing_mm[1])
    rows, columns = (np.flatnonzero(body.any(axis)) for axis in ((0, 2), (0, 1)))
    window = (slice(max(rows[0] - pad, 0), rows[-1] + pad), slice(max(columns[0] - pad, 0), columns[-1] + pad))
    for axis, height in zip(axes, z, strict=False):
        k = int(np.clip(round(grid.index((0, 0, height * made.variation.length))[0]), 0, grid.shape[0] - 1))
        axis.imshow(hu[k][window], cmap="gray", vmin=SOFT[0], vmax=SOFT[1], interpolation="bilinear")
        axis.set_title(f"z = {height:.0f} mm", fontsize=6, pad=1.5)
    j = int(np.clip(round(grid.index((0, y, 0))[1]), 0, grid.shape[1] - 1))
    aspect = grid.spacing_mm[0] / grid.spacing_mm[2]
    axes[-1].imshow(hu[::-1, j, window[1]], cmap="gray", vmin=SOFT[0], vmax=SOFT[1], aspect=aspect)
    axes[-1].set_title(f"y = {y:.0f} mm", fontsize=6, pad=1.5)
    for axis in axes:
        axis.set_axis_off()
    words = "\n".join(textwrap.fill(trait.replace("_", " "), 16) for trait in traits) or "none"
    axes[0].text(-0.04, 0.5, words, transform=axes[0].transAxes, fontsize=7, va="center", ha="right")


def sheet(path: Path) -> None:
    """Draw all patients, half of them on the left and half on the right."""
    half = (len(SHOWN) + 1) // 2
    figure = plt.figure(figsize=(15, 1.62 * half))
    for part, rows in zip(figure.subfigures(1, 2), (SHOWN[:half], SHOWN[half:]), strict=True):
        axes = part.subplots(half, 4, squeeze=False)
        part.subplots_adjust(left=0.14, right=0.995, top=0.985, bottom=0.002, wspace=0.04, hspace=0.12)
        for axis in axes.flat:
            axis.set_axis_off()
        for line, row in zip(axes, rows, strict=False):
            draw_row(list(line), *row)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=88)
    plt.close(figure)
    _to_gray(path)


def _to_gray(path: Path) -> None:
    """32 grays keep the picture under 400 kB."""
    from PIL import Image

    with Image.open(path) as picture:
        picture.convert("L").quantize(32).save(path, optimize=True)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs" / "images" / "phantom_anatomy_traits.png")
    parser.add_argument("--table", action="store_true", help="print the table of docs/phantom.md")
    chosen = parser.parse_args()
    if chosen.table:
        print(table_markdown(), end="")
        return
    sheet(chosen.out)


if __name__ == "__main__":
    main()
