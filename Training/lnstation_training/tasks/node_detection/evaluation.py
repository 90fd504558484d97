"""How well a run's network finds nodes in patients that it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict

from lnstation_training.engine.evaluate import run_facts
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import Evaluation, Part
from lnstation_training.evaluation import detection
from lnstation_training.evaluation.detection import PatientHits, Stratum, TrueNode
from lnstation_training.tasks.node_detection.data_module import NodeVolumes
from lnstation_training.tasks.node_detection.lightning_module import NodeDetectionModule
from lnstation_training.tasks.node_detection.scoring import PatientDetections, detections_of

Measure = Callable[[Sequence[PatientHits]], float]
OPERATING_POINT = 4.0
"""False positives a patient at which recall is told (the detectors of SA-MoE: 80 % at 4)."""
PROBABLE_CHOICES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
SIZE_CLASSES_MM = (5.0, 6.0, 8.0, 10.0, 15.0)
"""Lower ends; RECIST 1.1 calls a node enlarged from 10 mm on and measurable from 15 mm on."""


class Figure(BaseModel):
    """A measure with its 95 % interval by patient, ``None`` where it is not defined."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None


class StratumFigure(BaseModel):
    """Recall of nodes of one kind at the operating point."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: str
    title: str
    n_nodes: int
    n_found: int


class CurvePoint(BaseModel):
    """A point of the free-response curve."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float
    false_positives: float
    recall: float


class NodeEvaluation(Evaluation):
    """Nodes found, over all patients of a part.

    Attributes:
        n_patients: How many.
        n_nodes: Visible nodes of theirs.
        figures: mFROC, recall at numbers of false positives and at precisions, best F1, Dice of nodes that were hit.
        strata: Recall by size and station at ``OPERATING_POINT``.
        curve: From few false positives to many.
    """

    n_patients: int
    n_nodes: int
    figures: list[Figure]
    strata: list[StratumFigure]
    curve: list[CurvePoint]

    def headline(self) -> str:
        """Mean recall over false positives (mFROC), and recall at the operating point."""
        by_name = {each.name: each.value or 0.0 for each in self.figures}
        recall = by_name[_recall_name(OPERATING_POINT)]
        return f"{self.part} mFROC {by_name['mFROC']:.3f}, recall {recall:.3f} at {OPERATING_POINT:g} FP"


def evaluate(run: Run, part: Part, device: str, n_resamples: int) -> NodeEvaluation:
    """Find the nodes of every patient of a part of the fold."""
    run.data.setup()
    found = predict_nodes(run.module, run.data, part, device)
    return evaluation_of(run, part, [each.hits for each in found], n_resamples)


def evaluation_of(run: Run, part: Part, patients: list[PatientHits], n_resamples: int) -> NodeEvaluation:
    """What the patients of a part give together."""
    return NodeEvaluation(**run_facts(run, part), **figures_of(patients, n_resamples))


def predict_nodes(module: NodeDetectionModule, data: NodeVolumes, part: Part, device: str) -> list[PatientDetections]:
    """Candidates of every patient of a part, held to the truth."""
    return [found for (found,) in _predicted(module, data, part, device, [module.probable])]


def best_probable(module: NodeDetectionModule, data: NodeVolumes, device: str) -> tuple[float, list[PatientHits]]:
    """The probability from which voxels best belong to candidates on validation patients, and what it gives there."""
    rows = list(_predicted(module, data, "validation", device, PROBABLE_CHOICES))
    by_choice = [[row[place].hits for row in rows] for place in range(len(PROBABLE_CHOICES))]
    recalls = [float(np.nan_to_num(detection.mean_recall_at(patients))) for patients in by_choice]
    # Of equally good ones the module's own.
    own = [choice == module.probable for choice in PROBABLE_CHOICES]
    best = max(range(len(recalls)), key=lambda place: (recalls[place], own[place]))
    return PROBABLE_CHOICES[best], by_choice[best]


def _predicted(
    module: NodeDetectionModule, data: NodeVolumes, part: Part, device: str, probable: Sequence[float]
) -> Iterator[list[PatientDetections]]:
    """Each patient of a part by several probabilities; the network runs once."""
    module = module.to(device).eval()
    with torch.inference_mode():
        for batch in data.loader(part):
            moved = {key: value.to(device) if torch.is_tensor(value) else value for key, value in batch.items()}
            probability = module.probabilities(moved)
            yield [detections_of(batch, probability, module.spacing_mm, each) for each in probable]


def figures_of(patients: list[PatientHits], n_resamples: int) -> dict[str, object]:
    """What an evaluation says beyond the run: counts, measures, strata and the curve."""
    curve = detection.froc(patients)
    threshold = detection.threshold_at(curve, OPERATING_POINT)
    steps = zip(curve.thresholds[1:], curve.false_positives[1:], curve.recall[1:], strict=True)
    return {
        "n_patients": len(patients),
        "n_nodes": sum(len(each.nodes) for each in patients),
        "figures": [*_curve_figures(patients, n_resamples), *_other_figures(patients, threshold)],
        "strata": [
            *_strata("size", detection.recall_by(patients, threshold, size_class)),
            *_strata("station", detection.recall_by(patients, threshold, lambda node: node.station)),
        ],
        "curve": [CurvePoint(threshold=float(t), false_positives=float(f), recall=float(r)) for t, f, r in steps],
    }


def _recall_name(false_positives: float) -> str:
    return f"recall at {false_positives:g} FP"


def _curve_figures(patients: list[PatientHits], n_resamples: int) -> list[Figure]:
    measures: dict[str, Measure] = {"mFROC": detection.mean_recall_at}
    for fps in (1.0, 2.0, OPERATING_POINT, 8.0):
        measures[_recall_name(fps)] = _recall_measure(fps)
    rows = []
    for name, measure in measures.items():
        ends = detection.interval(patients, measure, n_resamples) or (None, None)
        rows.append(Figure(name=name, value=measure(patients), low=ends[0], high=ends[1]))
    return rows


def _recall_measure(false_positives: float) -> Measure:
    return lambda patients: detection.recall_at(detection.froc(patients), false_positives)


def _other_figures(patients: list[PatientHits], threshold: float) -> list[Figure]:
    return [
        Figure(name="best F1", value=detection.best_f1(patients)),
        Figure(name="recall at precision 0.15", value=detection.recall_at_precision(patients, 0.15)),
        Figure(name="mean recall at precision 0.10 to 0.20", value=detection.mean_recall_at_precisions(patients)),
        Figure(name="Dice of nodes hit", value=detection.mean_dice(patients, threshold)),
    ]


def size_class(node: TrueNode) -> str | None:
    """Range of the short axis, e.g. ``"08 to 10 mm"``; ``None`` where it is not known."""
    if node.short_axis_mm is None:
        return None
    ends = [each for each in SIZE_CLASSES_MM if each <= node.short_axis_mm]
    low = max(ends, default=0.0)
    above = [each for each in SIZE_CLASSES_MM if each > low]
    return f"{low:02.0f} to {above[0]:02.0f} mm" if above else f"{low:02.0f} mm and more"


def _strata(by: str, found: list[Stratum]) -> list[StratumFigure]:
    return [StratumFigure(by=by, title=each.title, n_nodes=each.n_nodes, n_found=each.n_found) for each in found]
