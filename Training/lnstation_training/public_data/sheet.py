"""A sheet of prepared patients with their labels on the CT, to be looked at: do the masks lie where they belong?"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from matplotlib.figure import Figure

from lnstation_training.public_data.tables import PATIENTS_FILE
from LNStationLib.imaging.grid import AIR_HU, Grid, resample_to_grid, working_grid
from LNStationLib.imaging.reading import image_files, read_image
from LNStationLib.support.errors import InputError
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray

_COLORS = {
    "nodes": "yellow",
    "nodes_partial": "orange",
    "tumor": "red",
    "lesions": "red",
    "tumor_box": "magenta",
    "stations": "deepskyblue",
    "organs": "lime",
}
"""Of outlines, by column; the slices that are shown are those through the first that a patient has."""
_GRID_MM = 2.0
_WINDOW_HU = (-160.0, 240.0)
"""The mediastinal window of a reading room."""
_INCHES = 2.6


def draw_sheet(cohort: Path, path: Path, count: int = 12) -> int:
    """Draw patients of a prepared cohort: an axial and a coronal slice each, along the patient's axes.

    The slices are those with most of the first kind of label. The patient's right is on the left.

    Args:
        cohort: Folder of ``prepare``.
        path: PNG file to write.
        count: Patients at most.

    Returns:
        How many were drawn.

    Raises:
        InputError: The folder holds no cohort, or an image cannot be read.
    """
    rows = _rows(cohort)[:count]
    figure = Figure(figsize=(4 * _INCHES, -(-len(rows) // 2) * _INCHES), layout="tight", facecolor="black")
    axes = np.atleast_2d(figure.subplots(-(-len(rows) // 2), 4))
    for each in axes.ravel():
        each.axis("off")
    for number, row in enumerate(rows):
        _draw(axes[number // 2, 2 * (number % 2) :][:2], row, cohort)
    figure.legend(
        handles=_keys(rows), loc="lower center", ncols=len(_COLORS), fontsize=6, labelcolor="white", frameon=False
    )
    figure.savefig(path, dpi=120)
    return len(rows)


def _rows(cohort: Path) -> list[dict[str, str]]:
    table = cohort / PATIENTS_FILE
    if not table.exists():
        raise InputError(f"{cohort} holds no {PATIENTS_FILE}: give a folder of train data prepare.")
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _draw(axes: np.ndarray, row: Mapping[str, str], cohort: Path) -> None:
    ct = _read(cohort / row["ct"])
    grid = working_grid(ct, _GRID_MM)
    hu = resample_to_grid(ct, grid, labels=False, outside=AIR_HU)
    masks = {name: _mask(cohort / row[name], grid) for name in _COLORS if row.get(name)}
    first = next((mask for mask in masks.values() if mask.any()), np.ones(grid.shape, bool))
    z, y = int(first.sum(axis=(1, 2)).argmax()), int(first.sum(axis=(0, 2)).argmax())
    _show(axes[0], hu[z], {name: mask[z] for name, mask in masks.items()})
    _show(axes[1], hu[::-1, y], {name: mask[::-1, y] for name, mask in masks.items()})
    axes[0].set_title(f"R   {row['patient']}", color="white", fontsize=6, loc="left")


def _show(axes: Any, hu: np.ndarray, masks: Mapping[str, BoolArray]) -> None:
    axes.imshow(hu, cmap="gray", vmin=_WINDOW_HU[0], vmax=_WINDOW_HU[1])
    for name, mask in masks.items():
        if mask.any():
            axes.contour(mask, levels=[0.5], colors=_COLORS[name], linewidths=0.7)


def _mask(path: Path, grid: Grid) -> BoolArray:
    """A mask, a label map, or all masks of a folder as one, on the grid."""
    inside = np.zeros(grid.shape, bool)
    for file in image_files(path) if path.is_dir() else [path]:
        inside |= resample_to_grid(_read(file), grid, labels=True) > 0
    return inside


def _read(path: Path) -> sitk.Image:
    return read_image(path, path.name, _unheard)


def _unheard(reason: Reason) -> None:
    """What is odd about an image was told when it was prepared."""


def _keys(rows: list[dict[str, str]]) -> list[Any]:
    from matplotlib.lines import Line2D

    there = [name for name in _COLORS if any(row.get(name) for row in rows)]
    return [Line2D([], [], color=_COLORS[name], label=name) for name in there]
