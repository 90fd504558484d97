"""The free-response curve as a chart."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from lnstation_training.tasks.node_detection.evaluation import NodeEvaluation

_MOST_FALSE_POSITIVES = 16.0


def draw_froc(path: Path, evaluation: NodeEvaluation) -> Path:
    """Recall against false positives a patient.

    Args:
        path: File to write; its ending says the kind.
        evaluation: With a curve.
    """
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    xs = [0.0, *(each.false_positives for each in evaluation.curve)]
    axes.step(xs, [0.0, *(each.recall for each in evaluation.curve)], where="post", color="k")
    axes.set(xlim=(0, _MOST_FALSE_POSITIVES), ylim=(0, 1), xlabel="false positives a patient")
    axes.set_ylabel(f"recall of {evaluation.n_nodes} visible nodes, {evaluation.part} part")
    axes.grid(color="0.9")
    figure.savefig(path, dpi=120)
    return path
