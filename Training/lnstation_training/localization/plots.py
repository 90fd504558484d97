"""Fig. 8 of Engelson et al. 2026 for every method, and matrices of the reader's stations against each method's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lnstation_training.engine.values import FileType
from lnstation_training.evaluation.localization import OUTSIDE, PlacementFigures
from lnstation_training.evaluation.pictures import draw_counts, save_figure
from lnstation_training.localization.result import LocalizationResult
from LNStationLib import anatomy
from LNStationLib.support.palette import NEGATIVE, NOT_ASSESSED, POSITIVE

_BAR_INCHES, _MATRIX_INCHES = (4.4, 3.8), (7.6, 7.4)
_RIGHT, _WRONG, _NOWHERE = NEGATIVE, POSITIVE, NOT_ASSESSED
"""Blue, orange and gray; the paper's own figure is blue and orange."""
Drawn = tuple[str, PlacementFigures]


def draw_all(folder: Path, result: LocalizationResult, file_type: FileType = "png") -> list[Path]:
    """Draw zones and matrices, one panel a method.

    Args:
        folder: Exists.
        result: Of all methods.
        file_type: Kind of file.

    Returns:
        The files written; none where no method placed a node.
    """
    drawn = [(method.name, method.figures) for method in result.methods if method.figures is not None]
    if not drawn:
        return []
    figures = {"zones": _zones(drawn), "confusion": _matrices(drawn)}
    return [save_figure(figure, folder / f"{name}.{file_type}") for name, figure in figures.items()]


def _panels(drawn: Sequence[Drawn], inches: tuple[float, float]) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure((inches[0] * len(drawn), inches[1]), layout="constrained")
    return figure, list(np.atleast_1d(figure.subplots(1, len(drawn))))


def _zones(drawn: Sequence[Drawn]) -> Figure:
    figure, panels = _panels(drawn, _BAR_INCHES)
    for axes, (name, found) in zip(panels, drawn, strict=True):
        _bars(axes, found)
        axes.set_title(
            f"{name}: {found.chosen_rates['largest_part']['zone'].value:.0%} of {found.n} nodes in their zone"
        )
        axes.title.set_fontsize(9)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _bars(axes: Axes, found: PlacementFigures) -> None:
    """Nodes by the reader's zone: in it, in another, in none."""
    names = [group.name for group in found.zones]
    right, outside = (np.array([getattr(group, key) for group in found.zones]) for key in ("right_zone", "outside"))
    total = np.array([group.n for group in found.zones])
    parts = (
        (right, "in its zone", _RIGHT),
        (total - right - outside, "in another", _WRONG),
        (outside, "in none", _NOWHERE),
    )
    bottom = np.zeros(len(names))
    for height, label, color in parts:
        axes.bar(names, height, bottom=bottom, label=label, color=color)
        bottom = bottom + height
    axes.set_ylabel("nodes")
    axes.tick_params(axis="x", labelrotation=30, labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _matrices(drawn: Sequence[Drawn]) -> Figure:
    figure, panels = _panels(drawn, _MATRIX_INCHES)
    for axes, (name, found) in zip(panels, drawn, strict=True):
        rows, columns, counts = _counts(found)
        draw_counts(axes, counts, rows, columns, f"{name}: stations of {found.n} nodes")
        axes.set(xlabel="by the method", ylabel="by the reader")
        axes.tick_params(axis="x", labelrotation=90)
    return figure


def _counts(found: PlacementFigures) -> tuple[list[str], list[str], np.ndarray]:
    """The stations that readers named, those that readers or the method named and outside, and how often."""
    order = [*(row.name for row in anatomy.stations()), OUTSIDE]
    rows = [name for name in order if name in found.confusion]
    named = {name for row in found.confusion.values() for name in row}
    columns = [name for name in order if name in named or name in rows or name == OUTSIDE]
    return rows, columns, np.array([[found.confusion[row].get(column, 0) for column in columns] for row in rows])
