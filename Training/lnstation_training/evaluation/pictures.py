"""What pictures of results have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_ZEROS_UP_TO = 16
"""Cells of a matrix; in a larger one zeros would hide what is not zero."""


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure; without a date and with fixed ids the same figures give the same bytes."""
    with mpl.rc_context({"svg.hashsalt": "lnstation"}):
        metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        figure.savefig(path, dpi=150, metadata=metadata)
    return path


def draw_counts(axes: Axes, counts: np.ndarray, rows: Sequence[str], columns: Sequence[str], title: str) -> None:
    """A confusion matrix: counts as numbers, their part of each row as color.

    Args:
        axes: To draw on.
        counts: ``[truth, called]``.
        rows: Names of the true classes.
        columns: Names of the called ones.
        title: Above it.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(title=title, xlabel="called", ylabel="truth")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    for row, column in np.ndindex(counts.shape):
        color = "white" if shares[row, column] > 0.5 else "black"
        text = str(counts[row, column]) if counts[row, column] or counts.size <= _ZEROS_UP_TO else ""
        axes.text(column, row, text, ha="center", va="center", color=color)
