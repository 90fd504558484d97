"""Dice of every organ as a chart."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from lnstation_training.tasks.organ_segmentation.evaluation import OrganEvaluation

_ROW_INCHES = 0.2


def draw_dice(path: Path, evaluation: OrganEvaluation) -> Path:
    """A bar for each organ, a dot for each patient.

    Args:
        path: File to write; its ending says the kind.
        evaluation: With at least one organ.
    """
    organs = [each for each in evaluation.organs if each.dice is not None]
    figure = Figure(figsize=(7, 1.2 + _ROW_INCHES * len(organs)), layout="constrained")
    axes = figure.subplots()
    for row, organ in enumerate(organs):
        axes.barh(row, organ.dice or 0.0, color="0.8")
        dice = [each.dice for patient in evaluation.patients for each in patient.scores if each.name == organ.organ]
        found = [each for each in dice if each is not None]
        axes.plot(found, [row] * len(found), "k.", markersize=4)
    axes.set(xlim=(0, 1), xlabel=f"Dice, {evaluation.part} part", ylim=(len(organs) - 0.4, -0.6))
    axes.set_yticks(range(len(organs)), [each.organ.replace("_", " ") for each in organs], fontsize=7)
    figure.savefig(path, dpi=120)
    return path
