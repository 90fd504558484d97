"""Dice of every station as a chart."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from lnstation_training.tasks.station_segmentation.scores import StationEvaluation, of_station

_ROW_INCHES = 0.25


def draw_dice(path: Path, evaluation: StationEvaluation) -> Path:
    """A bar for each station, a dot for each patient.

    Args:
        path: File to write; its ending says the kind.
        evaluation: With at least one station.
    """
    figure = Figure(figsize=(6, 1.2 + _ROW_INCHES * len(evaluation.stations)), layout="constrained")
    axes = figure.subplots()
    for row, name in enumerate(evaluation.stations):
        mean = of_station(evaluation.patients, name, "dice", 0).value
        dice = [each.stations[name].dice for each in evaluation.patients]
        found = [value for value in dice if value is not None]
        axes.barh(row, mean or 0.0, color="0.8")
        axes.plot(found, [row] * len(found), "k.", markersize=4)
    axes.set(xlim=(0, 1), xlabel=f"Dice, {evaluation.part} part", ylim=(len(evaluation.stations) - 0.4, -0.6))
    axes.set_yticks(range(len(evaluation.stations)), evaluation.stations, fontsize=8)
    figure.savefig(path, dpi=120)
    return path
