"""How well a run's network finds nodes in patients that it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from lnstation_training.engine.evaluate import run_facts
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import Evaluation, Part
from lnstation_training.evaluation import detection
from lnstation_training.evaluation.detection import PatientHits, Stratum, TrueNode
from lnstation_training.tasks.node_detection.baselines import baseline_hits
from lnstation_training.tasks.node_detection.data_module import NodeVolumes
from lnstation_training.tasks.node_detection.lightning_module import NodeDetectionModule
from lnstation_training.tasks.node_detection.scoring import PatientDetections, detections_of
from LNStationLib.models.package.node_streams import FUSIONS, STREAMS, best_fusion
from LNStationLib.nodes.from_network.fusion import zone_of
from LNStationLib.sampling.pet_and_tumor import NEAR_MM

VISIBLE, ALL = "visible nodes", "all networks"
"""Names of fusions that OSLN's table does not have."""
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


class FusionFigures(BaseModel):
    """Measures of some networks of a run together.

    Attributes:
        name: Which, as in OSLN's Table 1b.
        figures: As of ``NodeEvaluation``.
        strata: Recall near the tumor and far from it.
        patients: Candidates and nodes of each patient, in the order of the part; empty in older results.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    figures: list[Figure]
    strata: list[StratumFigure]
    patients: list[PatientHits] = Field(default_factory=list)


class NodeEvaluation(Evaluation):
    """Nodes found, over all patients of a part.

    Attributes:
        n_patients: How many.
        n_nodes: Visible nodes of theirs, or significant ones where the run is about those.
        figures: mFROC, recall at numbers of false positives and at precisions, best F1, Dice of nodes that were hit.
        strata: Recall by size and station at ``OPERATING_POINT``.
        curve: From few false positives to many.
        fusions: Every fusion of a run's networks of significant nodes; empty for visible nodes.
    """

    n_patients: int
    n_nodes: int
    figures: list[Figure]
    strata: list[StratumFigure]
    curve: list[CurvePoint]
    fusions: list[FusionFigures] = Field(default_factory=list)

    def headline(self) -> str:
        """Mean recall over false positives (mFROC), and recall at the operating point."""
        by_name = {each.name: each.value or 0.0 for each in self.figures}
        recall = by_name[_recall_name(OPERATING_POINT)]
        return f"{self.part} mFROC {by_name['mFROC']:.3f}, recall {recall:.3f} at {OPERATING_POINT:g} FP"


def evaluate(run: Run, part: Part, device: str, n_resamples: int) -> NodeEvaluation:
    """Find the nodes of every patient of a part of the fold."""
    run.data.setup()
    by_fusion = predict_fusions(run.module, run.data, part, device)
    found = evaluation_of(run, part, hits_of(by_fusion[main_fusion(run.module)]), n_resamples)
    if run.module.finds_visible:
        return found
    rows = [fusion_figures(name, hits_of(each), n_resamples) for name, each in by_fusion.items()]
    if run.data.baselines:
        others = baseline_hits(run.data, part, run.module.spacing_mm)
        rows += [fusion_figures(name, each, n_resamples) for name, each in others.items()]
    return found.model_copy(update={"fusions": rows})


def evaluation_of(run: Run, part: Part, patients: list[PatientHits], n_resamples: int) -> NodeEvaluation:
    """What the patients of a part give together."""
    return NodeEvaluation(**run_facts(run, part), **figures_of(patients, n_resamples))


def hits_of(found: Sequence[PatientDetections]) -> list[PatientHits]:
    """What is measured of detections."""
    return [each.hits for each in found]


def predict_nodes(module: NodeDetectionModule, data: NodeVolumes, part: Part, device: str) -> list[PatientDetections]:
    """Candidates of every patient of a part by all networks together, held to the truth."""
    return predict_fusions(module, data, part, device)[main_fusion(module)]


def fusions_of(module: NodeDetectionModule) -> dict[str, tuple[tuple[str, ...], bool]]:
    """Roles that are asked together and whether zones are masked, by the name of OSLN's Table 1b.

    Stratified ones stand twice, masked and as eq. 2 is printed.
    """
    if module.finds_visible:
        return {VISIBLE: (module.roles, True)}
    there = {name: roles for name, roles in FUSIONS.items() if set(roles) <= set(module.roles)}
    found = {name: (roles, True) for name, roles in there.items()}
    zoned = {name: roles for name, roles in there.items() if any(STREAMS[role].zone for role in roles)}
    found |= {f"{name}, not masked": (roles, False) for name, roles in zoned.items()}
    if best_fusion(module.roles) not in there.values():
        found[ALL] = (best_fusion(module.roles), True)
    return found


def main_fusion(module: NodeDetectionModule) -> str:
    """Name of the fusion that a run's figures are about: of all its networks, as it is set."""
    wanted = (best_fusion(module.roles) if not module.finds_visible else module.roles, module.masked)
    named = fusions_of(module)
    return next((name for name, each in named.items() if each == wanted), next(reversed(named)))


def predict_fusions(
    module: NodeDetectionModule, data: NodeVolumes, part: Part, device: str
) -> dict[str, list[PatientDetections]]:
    """Every patient of a part by every fusion of a run's networks; each network runs once."""
    found: dict[str, list[PatientDetections]] = {name: [] for name in fusions_of(module)}
    for batch, answers in _answered(module, data, part, device):
        for name, (roles, masked) in fusions_of(module).items():
            probability = module.combined(answers, batch, roles, masked)
            found[name].append(_detected(module, batch, probability, module.probable))
    return found


def best_probable(module: NodeDetectionModule, data: NodeVolumes, device: str) -> tuple[float, list[PatientHits]]:
    """The probability from which voxels best belong to candidates on validation patients, and what it gives there."""
    rows = []
    roles, masked = fusions_of(module)[main_fusion(module)]
    for batch, answers in _answered(module, data, "validation", device):
        probability = module.combined(answers, batch, roles, masked)
        rows.append([_detected(module, batch, probability, each).hits for each in PROBABLE_CHOICES])
    by_choice = [[row[place] for row in rows] for place in range(len(PROBABLE_CHOICES))]
    recalls = [float(np.nan_to_num(detection.mean_recall_at(patients))) for patients in by_choice]
    # Of equally good ones the module's own.
    own = [choice == module.probable for choice in PROBABLE_CHOICES]
    best = max(range(len(recalls)), key=lambda place: (recalls[place], own[place]))
    return PROBABLE_CHOICES[best], by_choice[best]


def _answered(
    module: NodeDetectionModule, data: NodeVolumes, part: Part, device: str
) -> Iterator[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """Each patient of a part with the answer of every network."""
    module = module.to(device).eval()
    with torch.inference_mode():
        for batch in data.loader(part):
            moved = {key: value.to(device) if torch.is_tensor(value) else value for key, value in batch.items()}
            yield moved, module.answers(moved)


def _detected(
    module: NodeDetectionModule, batch: dict[str, Any], probability: np.ndarray, probable: float
) -> PatientDetections:
    return detections_of(batch, probability, module.spacing_mm, probable, not module.finds_visible)


def fusion_figures(name: str, patients: list[PatientHits], n_resamples: int) -> FusionFigures:
    """Measures of one fusion; with an interval the mFROC alone, since a run has a dozen fusions."""
    curve = detection.froc(patients)
    threshold = detection.threshold_at(curve, OPERATING_POINT)
    first, *others = _curve_figures(patients, 0)
    low, high = detection.interval(patients, detection.mean_recall_at, n_resamples) or (None, None)
    bounded = first.model_copy(update={"low": low, "high": high})
    figures = [bounded, *others, *_other_figures(patients, threshold)]
    near = detection.recall_by(patients, threshold, zone_title)
    return FusionFigures(name=name, figures=figures, strata=_strata("distance", near), patients=patients)


def figures_of(patients: list[PatientHits], n_resamples: int) -> dict[str, object]:
    """What an evaluation says beyond the run: counts, measures, strata and the curve."""
    return {
        "n_patients": len(patients),
        "n_nodes": sum(len(each.nodes) for each in patients),
        "figures": measures_of(patients, n_resamples),
        "strata": strata_of(patients),
        "curve": curve_points(patients),
    }


def strata_of(patients: Sequence[PatientHits]) -> list[StratumFigure]:
    """Recall at ``OPERATING_POINT`` by size, station and distance to the tumor."""
    threshold = detection.threshold_at(detection.froc(patients), OPERATING_POINT)
    return [
        *_strata("size", detection.recall_by(patients, threshold, size_class)),
        *_strata("station", detection.recall_by(patients, threshold, lambda node: node.station)),
        *_strata("distance", detection.recall_by(patients, threshold, zone_title)),
    ]


def measures_of(patients: list[PatientHits], n_resamples: int) -> list[Figure]:
    """MFROC and recall with intervals by patient, F1, precision and overlap of candidates."""
    threshold = detection.threshold_at(detection.froc(patients), OPERATING_POINT)
    return [*_curve_figures(patients, n_resamples), *_other_figures(patients, threshold)]


def curve_points(patients: list[PatientHits]) -> list[CurvePoint]:
    """The free-response curve, from its first candidate on."""
    curve = detection.froc(patients)
    steps = zip(curve.thresholds[1:], curve.false_positives[1:], curve.recall[1:], strict=True)
    return [CurvePoint(threshold=float(t), false_positives=float(f), recall=float(r)) for t, f, r in steps]


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


def zone_title(node: TrueNode) -> str | None:
    """``"near"`` or ``"far"`` from the tumor at OSLN's 70 mm; ``None`` where the distance is not known."""
    return None if node.distance_mm is None else zone_of(node.distance_mm, NEAR_MM)


def _strata(by: str, found: list[Stratum]) -> list[StratumFigure]:
    return [StratumFigure(by=by, title=each.title, n_nodes=each.n_nodes, n_found=each.n_found) for each in found]
