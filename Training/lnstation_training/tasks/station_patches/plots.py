"""Fig. 9 of Engelson et al. 2026 for one run: confusion matrices of stations and N categories."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lnstation_training.engine.values import FileType
from lnstation_training.evaluation.staging import confusion
from lnstation_training.tasks.station_patches.evaluation import NETWORK, SUV, StagingEvaluation

_SIZE_INCHES = (7.2, 6.6)
_NAMES = (("benign", "malignant"), ("N0", "N1", "N2", "N3"))


def draw_all(folder: Path, evaluation: StagingEvaluation, file_type: FileType = "png") -> list[Path]:
    """Draw the matrices; one row for the network, one for the SUV threshold.

    Args:
        folder: Exists.
        evaluation: Of one part.
        file_type: Kind of file.

    Returns:
        The file written.
    """
    figure = Figure(_SIZE_INCHES, layout="constrained")
    axes = figure.subplots(2, 2)
    for row, (way, title) in enumerate(((NETWORK, "Network"), (SUV, f"SUVmax > {evaluation.suv_threshold:g}"))):
        calls = evaluation.calls(way)
        for column, pairs in enumerate((calls.stations, calls.stages)):
            truth, called = np.array(pairs, int).reshape(-1, 2).T
            counts = confusion(truth, called, len(_NAMES[column]))
            _matrix(axes[row][column], counts, _NAMES[column], f"{title}: {('stations', 'N category')[column]}")
    path = folder / f"confusion.{file_type}"
    # Without a date and with fixed ids the same figures give the same bytes.
    with mpl.rc_context({"svg.hashsalt": "lnstation"}):
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else {"Software": None})
    return [path]


def _matrix(axes: Axes, counts: np.ndarray, names: tuple[str, ...], title: str) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(title=title, xlabel="called", ylabel="truth")
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    for row, column in np.ndindex(counts.shape):
        color = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=color)
