"""A sheet of drawn patients, to be looked at: would a radiologist take them for CTs?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from lnstation_training.segmentation.appearance.base import MM
from lnstation_training.segmentation.appearance.registry import Settings, drawn_patient
from lnstation_training.segmentation.classes import class_set
from lnstation_training.segmentation.patients import CT, ORGANS, VolumeFile

_WINDOWS = ((-160.0, 240.0), (-1350.0, 150.0))
"""The mediastinal and the lung window of a reading room, in HU."""
_INCHES = 2.2


def draw_sheet(
    path: Path,
    patients: Sequence[VolumeFile],
    count: int = 12,
    settings: Settings | None = None,
    only: Sequence[str] | None = None,
    seed: int = 0,
) -> Path:
    """Draw patients and write a row of four pictures for each: two windows, a coronal slice, the organs.

    Args:
        path: PNG file to write.
        patients: Prepared patients; they are taken in turn.
        count: How many are drawn.
        settings: See ``registry.Settings``.
        only: Names of the changes that are made, always; ``None`` for all as often as they are.
        seed: Of the first; the next ones follow.
    """
    columns = 2 if count > 4 else 1
    rows = -(-count // columns)
    figure = Figure(figsize=(4 * columns * _INCHES, rows * _INCHES), layout="tight", facecolor="black")
    axes = np.atleast_2d(figure.subplots(rows, 4 * columns))
    for each in axes.ravel():
        each.axis("off")
    for number in range(count):
        ct, organs = drawn(patients[number % len(patients)], seed + number, settings, only)
        place = axes[number // columns, 4 * (number % columns) : 4 * (number % columns) + 4]
        _show(place, ct, organs, patients[number % len(patients)].spacing_mm, level=0.3 + 0.45 * (number % 4) / 3)
    figure.savefig(path, dpi=100)
    return path


def drawn(
    patient: VolumeFile, seed: int, settings: Settings | None = None, only: Sequence[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """A patient as drawn with a seed: HU and organ labels ``[z, y, x]``."""
    wanted = None if only is None else {**{name: {"prob": 1.0} for name in only}, **(settings or {})}
    change = drawn_patient(patient.shape, patient.spacing_mm, wanted or settings, only)
    change.set_random_state(seed)
    made = change({CT: patient.read(CT)[None].float(), ORGANS: patient.read(ORGANS)[None]})
    return made[CT][0].numpy(), made[ORGANS][0].numpy()


def _show(axes: np.ndarray, ct: np.ndarray, organs: np.ndarray, spacing_mm: MM, level: float) -> None:
    """One patient: an axial slice in two windows, a coronal slice, and the classes of the axial slice."""
    z, y = int(level * ct.shape[0]), ct.shape[1] // 2
    for each, (low, high) in zip(axes, _WINDOWS, strict=False):
        each.imshow(ct[z], cmap="gray", vmin=low, vmax=high, aspect=spacing_mm[1] / spacing_mm[2])
    axes[2].imshow(ct[::-1, y], cmap="gray", vmin=-160, vmax=240, aspect=spacing_mm[0] / spacing_mm[2])
    classes = class_set("organs")
    axes[3].imshow(classes.colors()[classes.of_values()[organs[z]]], aspect=spacing_mm[1] / spacing_mm[2])
