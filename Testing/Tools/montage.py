"""Draw the stations of an assessment slice by slice, to be looked at.

    python Testing/Tools/montage.py --ct ct.nii.gz --results out --picture montage.png

Radiological convention: the patient's right on the left of every picture. Below the axial slices, from head to feet,
follow coronal ones from front to back.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from matplotlib.axes import Axes
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from LNStationLib import anatomy
from LNStationLib.imaging.grid import resample_to_grid, working_grid

SPACING_MM = 1.0
WINDOW_HU = (-160, 240)
MARGIN_MM = 22.0
COLUMNS = 6


def montage(hu: np.ndarray, labels: np.ndarray, n_axial: int, n_coronal: int) -> Figure:
    """Draw axial and coronal slices of one grid of 1 mm, arrays ``[z, y, x]``, cropped to the stations."""
    box = _box(labels)
    hu, labels = hu[box], labels[box]
    ratio = hu.shape[1] / hu.shape[2]
    coronal_ratio = hu.shape[0] / hu.shape[2]
    rows, coronal_rows = -(-n_axial // COLUMNS), -(-n_coronal // COLUMNS)
    heights = [ratio] * rows + [coronal_ratio] * coronal_rows
    figure = Figure(figsize=(2.6 * COLUMNS, 2.6 * sum(heights) * 1.02), facecolor="black")
    grid = figure.add_gridspec(rows + coronal_rows, COLUMNS, height_ratios=heights)
    figure.subplots_adjust(0, 0, 1, 1, 0.02, 0.02)
    present = np.flatnonzero((labels > 0).any(axis=(1, 2)))
    for i, z in enumerate(np.linspace(present[-1], present[0], n_axial).round().astype(int)):
        axes = figure.add_subplot(grid[i // COLUMNS, i % COLUMNS])
        _draw(axes, hu[z], labels[z], f"z {z * SPACING_MM:.0f} mm", upside_down=False)
    rows_with = np.flatnonzero((labels > 0).any(axis=(0, 2)))
    for i, y in enumerate(np.linspace(rows_with[8], rows_with[-8], n_coronal).round().astype(int)):
        axes = figure.add_subplot(grid[rows + i // COLUMNS, i % COLUMNS])
        _draw(axes, hu[:, y], labels[:, y], f"y {y * SPACING_MM:.0f} mm", upside_down=True)
    return figure


def _box(labels: np.ndarray) -> tuple[slice, ...]:
    margin = round(MARGIN_MM / SPACING_MM)
    box = []
    for axis in range(3):
        index = np.flatnonzero((labels > 0).any(axis=tuple({0, 1, 2} - {axis})))
        box.append(slice(max(int(index[0]) - margin, 0), int(index[-1]) + margin))
    return tuple(box)


def _draw(axes: Axes, hu: np.ndarray, labels: np.ndarray, title: str, *, upside_down: bool) -> None:
    origin = "lower" if upside_down else "upper"
    axes.imshow(np.clip(hu, *WINDOW_HU), cmap="gray", interpolation="lanczos", origin=origin, aspect="auto")
    for station in anatomy.stations():
        mask = labels == station.label_value
        if not mask.any():
            continue
        color = tuple(channel / 255 for channel in station.color)
        fill = np.zeros((*mask.shape, 4))
        fill[mask] = (*color, 0.3)
        axes.imshow(fill, origin=origin, aspect="auto")
        axes.contour(mask, [0.5], colors=[color], linewidths=0.9)
        if mask.sum() > 25:
            y, x = np.argwhere(mask).mean(axis=0)
            axes.text(x, y, station.name, color="white", fontsize=6, ha="center", va="center")
    axes.text(0.02, 0.97, f"R   {title}", color="yellow", fontsize=6, transform=axes.transAxes, va="top")
    axes.text(0.98, 0.97, "L", color="yellow", fontsize=6, transform=axes.transAxes, va="top", ha="right")
    axes.axis("off")


def main() -> None:
    """Read the CT and the label map and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ct", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True, help="folder of an assessment")
    parser.add_argument("--picture", type=Path, required=True)
    parser.add_argument("--axial", type=int, default=30)
    parser.add_argument("--coronal", type=int, default=12)
    parser.add_argument("--dpi", type=int, default=90)
    options = parser.parse_args()
    ct = sitk.ReadImage(str(options.ct))
    labels = sitk.ReadImage(str(options.results / "stations.nii.gz"))
    grid = working_grid(ct, SPACING_MM)
    figure = montage(
        resample_to_grid(ct, grid, labels=False, outside=-1024),
        resample_to_grid(labels, grid, labels=True),
        options.axial,
        options.coronal,
    )
    figure.savefig(options.picture, dpi=options.dpi, facecolor="black")


if __name__ == "__main__":
    main()
