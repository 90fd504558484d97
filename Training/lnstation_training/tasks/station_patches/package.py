"""What the model packages of both tasks on PET/CT say: patch, stations, calibration, operating points, figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.engine.prepared import read_info
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import PackageContent
from lnstation_training.evaluation.calibration import operating_points
from lnstation_training.evaluation.discrimination import both_classes
from lnstation_training.tasks.station_patches.calls import by_network, calls_of
from lnstation_training.tasks.station_patches.evaluation import Predicting, labeled_logits, validation_calibration
from lnstation_training.tasks.station_patches.prediction import PatientPrediction, predict_patients
from lnstation_training.tasks.station_patches.samples import STATIONS, TARGETS
from LNStationLib.models.package import (
    Calibration,
    CohortSummary,
    Manifest,
    Metric,
    OperatingPoint,
    StationPatches,
)
from LNStationLib.sampling.station_patch import PET_CT_CHANNELS
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress

ENGELSON = (
    "Engelson S, Elser Y, Sieren MM, et al. Deep learning-based mediastinal lymph node assessment on PET/CT images "
    "without pixel-level annotations. J Med Imaging 2026;13(1):014507. doi:10.1117/1.JMI.13.1.014507"
)


def section_fields(data: Any, validation: Sequence[PatientPrediction]) -> dict[str, Any]:
    """What the sections of both tasks hold.

    Raises:
        InputError: The validation part has stations of one class alone.
    """
    labels, logits = labeled_logits(validation)
    if not both_classes(labels):
        raise InputError("The validation part has stations of one class alone: export a run of another fold.")
    calibration = validation_calibration(validation, data.fold)
    scores = np.array([_probability(calibration, float(logit)) for logit in logits])
    points = [_as_trained(labels, scores, _probability(calibration, 0.0)), *operating_points(labels, scores)]
    return {
        "channels": list(PET_CT_CHANNELS),
        "patch": data.geometry.patch,
        "stations": list(STATIONS),
        "operating_points": points,
        "calibration": calibration,
    }


def _probability(calibration: Calibration | None, logit: float) -> float:
    return (calibration or Calibration(slope=1.0, intercept=0.0, fitted_on="nothing")).probability(logit)


def _as_trained(labels: np.ndarray, scores: np.ndarray, threshold: float) -> OperatingPoint:
    """Where a station is likelier metastatic than not among as many of both: where the card's figures are taken."""
    called = scores >= threshold
    return OperatingPoint(
        name="trained",
        threshold=threshold,
        description="as in training, where both kinds of station are alike frequent; the figures are taken here",
        sensitivity=float(called[labels == 1].mean()),
        specificity=float((~called[labels == 0]).mean()),
    )


def package_content(run: Run, device: str, progress: Progress) -> PackageContent:
    """The part of a package of ``station_patches``; whatever is fitted comes from the validation part alone."""
    run.data.setup()
    progress("predicting the validation part", 0.0)
    validation = predict_patients(run.module, run.data, "validation", device)
    section = StationPatches(**section_fields(run.data, validation))
    return content_of(run, device, progress, section, predict_patients)


def content_of(run: Run, device: str, progress: Progress, section: Any, predicting: Predicting) -> PackageContent:
    """A package's content with the figures of the test part."""
    progress("predicting the test part", 0.5)
    test = predicting(run.module, run.data, "test", device)
    info = read_info(run.data.folder)
    return PackageContent(
        section=section, metrics=_metrics(run, test, info), cohort=_cohort(run, info), references=[ENGELSON]
    )


def _metrics(run: Run, test: Sequence[PatientPrediction], info: CohortInfo) -> list[Metric]:
    calls = calls_of(test, by_network, run.data.geometry.rules, use_network_stage=True)
    stations, stages = calls.station_scores(), calls.stage_scores()
    cohort = f"{info.title}, test part of fold {run.data.fold}, truth by {TARGETS[run.data.target]}"
    named = {
        "balanced accuracy of stations": (stations.balanced_accuracy, {"stations": stations.n}),
        "sensitivity of stations": (stations.sensitivity, {"stations": stations.n}),
        "specificity of stations": (stations.specificity, {"stations": stations.n}),
        "accuracy of the N category": (stages.accuracy, {"patients": stages.n}),
    }
    return [
        Metric(name=name, value=value, cohort=cohort, n_patients=len(test), counts=counts)
        for name, (value, counts) in named.items()
        if value is not None
    ]


def _cohort(run: Run, info: CohortInfo) -> CohortSummary:
    training = run.data.records_of("train")
    stations = [each for record in training for each in record.stations if each.label is not None]
    counts = {"stations": len(stations), "metastatic stations": sum(each.label == 1 for each in stations)}
    return CohortSummary(title=info.title, n_patients=len(training), counts=counts, description=info.description)


def probe(network: nn.Module, manifest: Manifest[StationPatches]) -> Tensor:
    """Logits for two fixed random patches."""
    generator = torch.Generator().manual_seed(0)
    section = manifest.section
    patches = torch.rand(2, len(section.channels), *section.patch.size, generator=generator)
    logits: Tensor = network(patches, groups=torch.tensor([0, len(section.stations) - 1])).logits
    return logits
