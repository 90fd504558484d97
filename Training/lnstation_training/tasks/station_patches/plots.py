"""Fig. 9 of Engelson et al. 2026 for one run: confusion matrices of stations and N categories."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from lnstation_training.engine.values import FileType
from lnstation_training.evaluation.pictures import draw_counts, save_figure
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
            names = _NAMES[column]
            counts = confusion(truth, called, len(names))
            draw_counts(axes[row][column], counts, names, names, f"{title}: {('stations', 'N category')[column]}")
    return [save_figure(figure, folder / f"confusion.{file_type}")]
