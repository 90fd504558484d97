"""Figures of an evaluation as PNG or SVG files: ROC and calibration of nodes."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from lnstation_training.engine.values import FileType
from lnstation_training.evaluation.calibration import calibration_curve
from lnstation_training.evaluation.discrimination import auc
from lnstation_training.evaluation.pictures import save_figure
from lnstation_training.tasks.node_classification.evaluation import NodeEvaluation, arrays, station_scores
from lnstation_training.tasks.node_classification.prediction import probabilities_of

_SIZE_INCHES = (4.6, 4.2)
# Okabe and Ito's colors, which color-blind readers tell apart.
_COLORS = ("#000000", "#0072B2")


def draw_all(folder: Path, evaluation: NodeEvaluation, file_type: FileType = "png") -> list[Path]:
    """Draw every figure.

    Args:
        folder: Exists.
        evaluation: Of one part.
        file_type: Kind of file.

    Returns:
        The files written.
    """
    figures = {"roc": _roc(evaluation), "calibration": _calibration(evaluation)}
    return [save_figure(figure, folder / f"{name}.{file_type}") for name, figure in figures.items()]


def _figure(x: str, y: str) -> tuple[Figure, mpl.axes.Axes]:
    figure = Figure(_SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle="--")
    axes.set(xlabel=x, ylabel=y, xlim=(0, 1), ylim=(0, 1))
    return figure, axes


def _roc(evaluation: NodeEvaluation) -> Figure:
    figure, axes = _figure("1 - specificity", "Sensitivity")
    stations, rule = evaluation.stations, evaluation.station_rule
    labels = np.array([each.label for each in stations], int)
    curves = {"nodes": arrays(evaluation.nodes), "stations": (labels, station_scores(stations, rule))}
    for color, (title, (truth, scores)) in zip(_COLORS, curves.items(), strict=True):
        value = auc(truth, scores)
        if value is not None:
            false_positive, true_positive, _ = roc_curve(truth, scores)
            axes.plot(false_positive, true_positive, color=color, label=f"{title}: AUC {value:.2f}")
    axes.legend(frameon=False)
    return figure


def _calibration(evaluation: NodeEvaluation) -> Figure:
    figure, axes = _figure("Mean probability", "Metastatic part")
    labels, _ = arrays(evaluation.nodes)
    bins = calibration_curve(labels, probabilities_of(evaluation.nodes, evaluation.calibration))
    axes.plot([b.mean_probability for b in bins], [b.positive_part for b in bins], "o-", color=_COLORS[0])
    return figure
