"""Figures of an evaluation as PNG or SVG files: ROC, calibration, router confusion, attention inside nodes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from lnstation_training.engine.values import FileType
from lnstation_training.evaluation.discrimination import both_classes
from lnstation_training.evaluation.pictures import save_figure
from lnstation_training.tasks.station_classification.prediction import Prediction, PredictionArrays
from lnstation_training.tasks.station_classification.summary import OVERALL, Summary
from LNStationLib.anatomy.station_groups import group_titles

_SIZE_INCHES = (4.6, 4.2)
# Okabe and Ito's colors, which color-blind readers tell apart; black is all stations.
_COLORS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def draw_all(
    folder: Path, predictions: Sequence[Prediction], summary: Summary, n_groups: int, file_type: FileType = "png"
) -> list[Path]:
    """Draw every figure that the predictions allow.

    Args:
        folder: Exists.
        predictions: Of one part.
        summary: Their figures.
        n_groups: Station groups.
        file_type: Kind of file.

    Returns:
        The files written.
    """
    arrays, titles = PredictionArrays(predictions), group_titles(n_groups)
    figures = {"roc": _roc(arrays, summary, titles), "calibration": _calibration(summary)}
    if summary.router_confusion:
        figures["router_confusion"] = _confusion(summary.router_confusion, titles)
    if summary.attention_inside is not None:
        figures["attention_inside"] = _attention(predictions, titles)
    return [save_figure(figure, folder / f"{name}.{file_type}") for name, figure in figures.items()]


def _figure() -> tuple[Figure, mpl.axes.Axes]:
    figure = Figure(_SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _roc(arrays: PredictionArrays, summary: Summary, titles: Sequence[str]) -> Figure:
    figure, axes = _figure()
    axes.plot([0, 1], [0, 1], color="0.8", linewidth=1)
    for number, title in enumerate((OVERALL, *titles)):
        chosen = np.ones(len(arrays.labels), bool) if title == OVERALL else arrays.groups == number - 1
        if not both_classes(arrays.labels[chosen]):
            continue
        false_positive, true_positive, _ = roc_curve(arrays.labels[chosen], arrays.logits[chosen])
        auc = summary.metric("auc", title)
        interval = f" ({auc.low:.2f} to {auc.high:.2f})" if auc.low is not None and auc.high is not None else ""
        label = f"{'all stations' if title == OVERALL else title}: AUC {auc.value:.2f}{interval}"
        axes.plot(
            false_positive, true_positive, color=_COLORS[number], linewidth=2 if number == 0 else 1.2, label=label
        )
    axes.set(xlabel="1 - specificity", ylabel="Sensitivity", xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
    axes.legend(loc="lower right", fontsize=7, framealpha=0.9, edgecolor="none")
    return figure


def _calibration(summary: Summary) -> Figure:
    figure, axes = _figure()
    axes.plot([0, 1], [0, 1], color="0.8", linewidth=1)
    means, parts, counts = zip(*summary.calibration, strict=True)
    axes.plot(means, parts, color=_COLORS[1], marker="o", linewidth=1.2)
    for mean, part, count in zip(means, parts, counts, strict=True):
        axes.annotate(f"{count}", (mean, part), xytext=(5, -9), textcoords="offset points", fontsize=7, color="0.35")
    error = summary.expected_calibration_error
    title = "" if error is None else f"Expected calibration error {error:.3f}; numbers: stations"
    axes.set_title(title, fontsize=8)
    axes.set(
        xlabel="Probability given", ylabel="Part that is metastatic", xlim=(0, 1), ylim=(0, 1.01), aspect="equal"
    )
    return figure


def _confusion(confusion: Sequence[Sequence[float]], titles: Sequence[str]) -> Figure:
    figure, axes = _figure()
    values = 100 * np.array(confusion)
    axes.imshow(values, cmap="Blues", vmin=0, vmax=100)
    for (row, column), value in np.ndenumerate(values):
        color = "white" if value > 60 else "black"
        axes.text(column, row, f"{value:.1f}", ha="center", va="center", color=color, fontsize=9)
    experts = [f"expert\n{title}" for title in titles] if values.shape[1] == len(titles) else None
    axes.set_xticks(
        range(values.shape[1]), experts or [f"expert {n + 1}" for n in range(values.shape[1])], fontsize=8
    )
    axes.set_yticks(range(len(titles)), titles, fontsize=8)
    axes.set_ylabel("Station group")
    axes.set_title("Tokens sent to each expert, %", fontsize=9)
    return figure


def _attention(predictions: Sequence[Prediction], titles: Sequence[str]) -> Figure:
    figure, axes = _figure()
    parts = [
        [each.attention_inside for each in predictions if each.group == group and each.attention_inside is not None]
        for group in range(len(titles))
    ]
    shown = [(title, values) for title, values in zip(titles, parts, strict=True) if values]
    axes.boxplot([values for _, values in shown], widths=0.5, medianprops={"color": _COLORS[2], "linewidth": 2})
    axes.set_xticks(range(1, len(shown) + 1), [f"{title}\n{len(values)} stations" for title, values in shown])
    axes.tick_params(axis="x", labelsize=8)
    axes.axhline(0.8, color="0.6", linestyle="--", linewidth=1)
    axes.text(0.52, 0.81, "threshold of the loss (0.8)", fontsize=7, color="0.35")
    axes.set(ylabel="Part of the attention inside nodes", ylim=(0, 1.02))
    return figure
