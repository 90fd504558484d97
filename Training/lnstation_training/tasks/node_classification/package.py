"""What a node classifier's model package says: calibration, operating points, and the way from nodes to stations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.engine.prepared import read_info
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import PackageContent
from lnstation_training.evaluation.calibration import operating_points
from lnstation_training.evaluation.discrimination import both_classes
from lnstation_training.tasks.node_classification.data_module import NodeDataModule
from lnstation_training.tasks.node_classification.evaluation import (
    NodeFigure,
    arrays,
    chosen_rule,
    node_figures,
    part_counts,
    station_figures,
    station_scores,
    validation_calibration,
)
from lnstation_training.tasks.node_classification.prediction import (
    NodePrediction,
    StationPrediction,
    predict_all,
    probabilities_of,
    station_predictions,
)
from lnstation_training.tasks.node_classification.samples import read_node_geometry
from LNStationLib.models.package import (
    CohortSummary,
    Manifest,
    Metric,
    NodeClassification,
    OperatingPoint,
)
from LNStationLib.sampling.node_patch import PATCH_CHANNELS
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress

PGLS = (
    "Li H, Wang Y, Zhu J, et al. Semi-supervised Lymph Node Metastasis Classification with Pathology-guided Label "
    "Sharpening and Two-streamed Multi-scale Fusion. MICCAI 2024."
)


def package_content(run: Run, device: str, progress: Progress) -> PackageContent:
    """The task's part of a model package; whatever is fitted comes from the validation part alone.

    Args:
        run: Its weights are rounded already to the precision of the package.
        device: Where the network runs.
        progress: Told each step.

    Raises:
        InputError: The validation part has nodes of one class alone.
    """
    module, data = run.module, run.data
    data.setup()
    progress("predicting the validation part", 0.0)
    validation = predict_all(module, data, "validation", device)
    progress("predicting the test part", 0.5)
    test = predict_all(module, data, "test", device)
    section = package_section(data, validation)
    info = read_info(data.folder)
    stations = station_predictions(test, section.calibration)
    metrics = card_metrics(_labeled(test), stations, section.station_rule, info, data.fold)
    return PackageContent(section=section, metrics=metrics, cohort=_cohort(data, info), references=[PGLS])


def _labeled(nodes: Sequence[NodePrediction]) -> list[NodePrediction]:
    return [each for each in nodes if each.label is not None]


def package_section(data: NodeDataModule, validation: Sequence[NodePrediction]) -> NodeClassification:
    """The part of the manifest that is this task's.

    Raises:
        InputError: The labeled predictions are of one class alone.
    """
    labeled = _labeled(validation)
    labels, _ = arrays(labeled)
    if not both_classes(labels):
        raise InputError("The validation part has nodes of one class alone: export a run of another fold.")
    calibration = validation_calibration(labeled, data.fold)
    stations, geometry = station_predictions(validation, calibration), read_node_geometry(data.folder)
    return NodeClassification(
        channels=list(PATCH_CHANNELS),
        patch=geometry.patch,
        min_short_axis_mm=geometry.min_short_axis_mm,
        station_rule=chosen_rule(stations),
        station_points=_station_points(stations),
        operating_points=operating_points(labels, probabilities_of(labeled, calibration)),
        calibration=calibration,
    )


def _station_points(stations: Sequence[StationPrediction]) -> list[OperatingPoint]:
    """Thresholds of stations; none where validation has stations of one class alone."""
    labels = np.array([each.label for each in stations], int)
    if not both_classes(labels):
        return []
    return operating_points(labels, station_scores(stations, chosen_rule(stations)))


def card_metrics(
    test: Sequence[NodePrediction], stations: Sequence[StationPrediction], rule: str, info: CohortInfo, fold: int
) -> list[Metric]:
    """Measures of the test part's nodes and the AUC of its stations, with intervals; undefined ones are left out."""
    cohort = f"{info.title}, test part of fold {fold}"
    found = [(each.metric, each, {"nodes": each.n_samples}) for each in [*node_figures(test), _of_size(test)]]
    of_stations = station_figures(stations).get(rule)
    if of_stations is not None:
        found.append(("auc of stations", of_stations, {"stations": of_stations.n_samples}))
    patients = len({each.patient for each in test})
    return [_metric(name, each, cohort, patients, counts) for name, each, counts in found if each.value is not None]


def _of_size(nodes: Sequence[NodePrediction]) -> NodeFigure:
    """What a network must beat."""
    sizes = np.array([each.short_axis_mm for each in nodes])
    (found,) = (each for each in node_figures(nodes, scores=sizes) if each.metric == "auc")
    return found.model_copy(update={"metric": "auc of the short axis alone"})


def _metric(name: str, figure: NodeFigure, cohort: str, patients: int, counts: dict[str, int]) -> Metric:
    return Metric(
        name=name,
        value=figure.value or 0.0,
        low=figure.low,
        high=figure.high,
        cohort=cohort,
        n_patients=patients,
        counts=counts,
    )


def _cohort(data: NodeDataModule, info: CohortInfo) -> CohortSummary:
    counts = part_counts(data)["train"]
    nodes = {"nodes": counts.nodes, "metastatic nodes": counts.positive}
    if data.unlabeled_batch_size:
        nodes["unlabeled nodes"] = len(data.unlabeled)
    return CohortSummary(title=info.title, n_patients=counts.patients, counts=nodes, description=info.description)


def probe(network: nn.Module, manifest: Manifest[NodeClassification]) -> Tensor:
    """Logits for two fixed random patches."""
    generator = torch.Generator().manual_seed(0)
    section = manifest.section
    patches = torch.rand(2, len(section.channels), *section.patch.size, generator=generator) * 2 - 1
    logits: Tensor = network(patches).logits
    return logits
