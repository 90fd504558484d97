"""What a station classifier's model package says: stations, calibration and operating points, figures, cohort."""

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
from lnstation_training.evaluation.conformal import Coverage, coverage, fit_conformal
from lnstation_training.evaluation.discrimination import both_classes
from lnstation_training.tasks.station_classification.data_module import StationDataModule
from lnstation_training.tasks.station_classification.evaluation import calibration_on, part_counts
from lnstation_training.tasks.station_classification.prediction import Prediction, PredictionArrays, predict
from lnstation_training.tasks.station_classification.routing import StationRouting, station_routing
from lnstation_training.tasks.station_classification.samples import read_spec, read_stations
from lnstation_training.tasks.station_classification.summary import OVERALL, probabilities_of, summarize
from LNStationLib.anatomy.station_groups import group_titles, station_groups
from LNStationLib.models.package import (
    Calibration,
    CohortSummary,
    ConformalSets,
    Manifest,
    Metric,
    StationClassification,
)
from LNStationLib.sampling.channels import STATION_CHANNELS
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, silent

SA_MOE = (
    "Li H, Wang Y, Yu Q, et al. Metastatic Lymph Node Station Classification in Esophageal Cancer via Prior-guided "
    "Supervision and Station-Aware Mixture-of-Experts. MICCAI 2025."
)


def package_content(run: Run, device: str = "cpu", progress: Progress = silent) -> PackageContent:
    """The task's part of a model package; calibration and operating points come from the validation part alone.

    Args:
        run: Its weights are rounded already to the precision of the package.
        device: Where the network runs.
        progress: Told each step.

    Raises:
        InputError: The validation part has stations of one class alone.
    """
    data = run.data
    data.setup()
    progress("predicting the validation part", 0.0)
    validation = predict(run.module, data, "validation", device)
    progress("predicting the test part", 0.5)
    test = predict(run.module, data, "test", device)
    info = read_info(data.folder)
    section = package_section(data, validation, f"validation part of fold {data.fold}")
    routing = station_routing(run.module, data, "test", test, device)
    covered = measured_coverage(section, test)
    return PackageContent(
        section=section,
        metrics=card_metrics(test, section, f"{info.title}, test part of fold {data.fold}", routing, covered),
        cohort=_cohort(data, info),
        references=[SA_MOE],
    )


def package_section(data: StationDataModule, validation: Sequence[Prediction], words: str) -> StationClassification:
    """The part of the manifest that is this task's.

    Args:
        data: Of the regions.
        validation: What calibration, operating points and conformal sets are fitted on.
        words: Which data these are.

    Raises:
        InputError: The predictions are of one class alone.
    """
    arrays = PredictionArrays(validation)
    if not both_classes(arrays.labels):
        raise InputError("The validation part has stations of one class alone: export a run of another fold.")
    calibration = calibration_on(validation, words)
    probabilities = probabilities_of(arrays.logits, calibration)
    return StationClassification(
        channels=list(STATION_CHANNELS),
        region=read_spec(data.folder),
        stations=_stations(data),
        n_groups=data.n_groups,
        operating_points=operating_points(arrays.labels, probabilities),
        calibration=calibration,
        conformal=_conformal(arrays, probabilities, data, calibration),
    )


def _conformal(
    arrays: PredictionArrays, probabilities: np.ndarray, data: StationDataModule, calibration: Calibration | None
) -> ConformalSets | None:
    """Fitted on the validation part too; ``None`` where scores are no probabilities, or a group is missing."""
    if calibration is None:
        return None
    titles = group_titles(data.n_groups)
    return fit_conformal(arrays.labels, probabilities, arrays.groups, titles, calibration.fitted_on)


def probe(network: nn.Module, manifest: Manifest[StationClassification]) -> Tensor:
    """Logits for two fixed random regions."""
    generator = torch.Generator().manual_seed(0)
    section = manifest.section
    region = torch.rand(2, len(section.channels), *section.region.size, generator=generator) * 2 - 1
    logits: Tensor = network(region, groups=torch.zeros(2, dtype=torch.long)).logits
    return logits


def _stations(data: StationDataModule) -> list[str]:
    """Those that the run was trained on."""
    groups = station_groups(data.n_groups)
    names = read_stations(data.folder)
    return [name for name in names if data.only_group is None or groups[name] == data.only_group]


def _cohort(data: StationDataModule, info: CohortInfo) -> CohortSummary:
    counts = part_counts(data.datasets)["train"]
    return CohortSummary(
        title=info.title,
        n_patients=counts.patients,
        counts={"stations": counts.stations, "metastatic stations": counts.positive},
        description=info.description,
    )


def card_metrics(
    test: list[Prediction],
    section: StationClassification,
    cohort: str,
    routing: StationRouting | None,
    covered: Coverage | None,
) -> list[Metric]:
    """Metrics with intervals, for all stations and each group; undefined ones are left out.

    Args:
        test: Answers for stations that neither training nor calibration has seen.
        section: Of the package.
        cohort: What these stations are, in words.
        routing: Of all their stations; ``None`` without a router for groups.
        covered: What conformal sets did on stations that they were not fitted on.
    """
    summary = summarize(test, section.n_groups)
    n_patients = len({each.patient for each in test})
    metrics = [
        Metric(
            name=each.metric if each.group == OVERALL else f"{each.metric}, {each.group} stations",
            value=each.value,
            low=each.low,
            high=each.high,
            cohort=cohort,
            n_patients=n_patients,
            counts={"stations": each.n_samples},
        )
        for each in summary.metrics
        if each.value is not None and (each.group == OVERALL or each.metric == "auc")
    ]
    for name, value in (
        ("auc of the largest short axis alone", summary.size_auc),
        ("auc of a short axis of at least 10 mm", summary.size_criterion and summary.size_criterion.auc),
        ("attention inside nodes", summary.attention_inside),
        *_coverage(covered, section),
    ):
        if value is not None:
            counts = {"stations": len(test)}
            metrics.append(Metric(name=name, value=value, cohort=cohort, n_patients=n_patients, counts=counts))
    for name, value in _routing(routing, section.n_groups):
        # Of all stations, dissected or not.
        counts = {"stations": routing.n_stations if routing else 0}
        patients = routing.n_patients if routing else n_patients
        metrics.append(Metric(name=name, value=value, cohort=cohort, n_patients=patients, counts=counts))
    return metrics


def measured_coverage(section: StationClassification, test: Sequence[Prediction]) -> Coverage | None:
    """How conformal sets did on stations that they were not fitted on; ``None`` without such sets."""
    if section.conformal is None:
        return None
    arrays = PredictionArrays(test)
    probabilities = probabilities_of(arrays.logits, section.calibration)
    return coverage(section.conformal, arrays.labels, probabilities, arrays.groups)


def _coverage(found: Coverage | None, section: StationClassification) -> list[tuple[str, float | None]]:
    if found is None or section.conformal is None:
        return []
    wanted = f"{100 * section.conformal.coverage:.0f} %"
    return [
        (f"coverage of the conformal sets made for {wanted}", found.covered),
        ("coverage of the conformal sets, positive stations", found.of_positives),
        ("part of the conformal sets with one label", found.single),
    ]


def _routing(routing: StationRouting | None, n_groups: int) -> list[tuple[str, float]]:
    """Part of each group's stations that its own expert got; empty without one expert for each group."""
    if routing is None:
        return []
    by_group = [
        (f"routing accuracy, {title} stations", routing.confusion[number][number])
        for number, title in enumerate(group_titles(n_groups))
    ]
    return [("routing accuracy", routing.stations), *by_group]
