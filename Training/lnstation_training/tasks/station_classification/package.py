"""What a station classifier's model package says: stations, calibration and operating points, figures, cohort."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.engine.prepared import read_info
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import PackageContent
from lnstation_training.evaluation.calibration import operating_points
from lnstation_training.evaluation.discrimination import both_classes
from lnstation_training.tasks.station_classification.data_module import StationDataModule
from lnstation_training.tasks.station_classification.evaluation import part_counts, validation_calibration
from lnstation_training.tasks.station_classification.prediction import Prediction, PredictionArrays, predict
from lnstation_training.tasks.station_classification.samples import read_spec, read_stations
from lnstation_training.tasks.station_classification.summary import OVERALL, probabilities_of, summarize
from LNStationLib.anatomy.station_groups import group_titles, station_groups
from LNStationLib.models.package import CohortSummary, Manifest, Metric, StationClassification
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
    return PackageContent(
        section=package_section(data, validation),
        metrics=card_metrics(test, data.n_groups, info, data.fold),
        cohort=_cohort(data, info),
        references=[SA_MOE],
    )


def package_section(data: StationDataModule, validation: Sequence[Prediction]) -> StationClassification:
    """The part of the manifest that is this task's.

    Raises:
        InputError: The predictions are of one class alone.
    """
    arrays = PredictionArrays(validation)
    if not both_classes(arrays.labels):
        raise InputError("The validation part has stations of one class alone: export a run of another fold.")
    calibration = validation_calibration(validation, data.fold)
    return StationClassification(
        channels=list(STATION_CHANNELS),
        region=read_spec(data.folder),
        stations=_stations(data),
        n_groups=data.n_groups,
        operating_points=operating_points(arrays.labels, probabilities_of(arrays.logits, calibration)),
        calibration=calibration,
    )


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


def card_metrics(test: list[Prediction], n_groups: int, info: CohortInfo, fold: int) -> list[Metric]:
    """Metrics of the test part with intervals, for all stations and each group; undefined ones are left out."""
    summary = summarize(test, n_groups)
    cohort = f"{info.title}, test part of fold {fold}"
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
        *(
            (f"routing accuracy, {title} stations", part)
            for title, part in _routing(summary.router_confusion, n_groups)
        ),
    ):
        if value is not None:
            counts = {"stations": len(test)}
            metrics.append(Metric(name=name, value=value, cohort=cohort, n_patients=n_patients, counts=counts))
    return metrics


def _routing(confusion: list[list[float]], n_groups: int) -> list[tuple[str, float]]:
    """Part of each group's tokens that its own expert got; empty without one expert for each group."""
    if not confusion or any(len(row) != len(confusion) for row in confusion):
        return []
    return [
        (title, row[number])
        for number, (title, row) in enumerate(zip(group_titles(n_groups), confusion, strict=True))
    ]
