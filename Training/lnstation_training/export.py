"""From a run to a model package: weights, card, and on validation data alone calibration and operating points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lnstation_training.data_module import StationDataModule
from lnstation_training.evaluating import part_counts, validation_calibration
from lnstation_training.evaluation.calibration import operating_points
from lnstation_training.evaluation.discrimination import both_classes
from lnstation_training.evaluation.summary import OVERALL, probabilities_of, summarize
from lnstation_training.prediction import Prediction, PredictionArrays, predict
from lnstation_training.runs import load_run
from lnstation_training.samples import CohortInfo, read_info, read_spec, read_stations
from lnstation_training.task import with_memory_format
from LNStationLib import __version__
from LNStationLib.anatomy.station_groups import group_titles, station_groups
from LNStationLib.models.package import (
    CohortSummary,
    Manifest,
    Metric,
    NetworkEntry,
    StationClassification,
    WeightsFile,
    read_package,
    write_package,
)
from LNStationLib.models.package.parts import Precision
from LNStationLib.models.package.station_classification import CLASSIFIER
from LNStationLib.networks.registry import network_info
from LNStationLib.sampling.channels import STATION_CHANNELS
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.progress import Progress, silent

SA_MOE = (
    "Li H, Wang Y, Yu Q, et al. Metastatic Lymph Node Station Classification in Esophageal Cancer via Prior-guided "
    "Supervision and Station-Aware Mixture-of-Experts. MICCAI 2025."
)

_ROUNDING = 1e-4
"""Relative and absolute: ten times what sums of single precision in another order move logits by."""


@dataclass(frozen=True)
class ExportRequest:
    """A package that is wanted.

    Attributes:
        run: Folder of ``fit``.
        out: Package to write, a zip file.
        package_id: Name in settings.
        version: Of the package.
        title: Name for people.
        license_name: Of the weights.
        precision: Of the weights.
        device: Where the network runs meanwhile.
    """

    run: Path
    out: Path
    package_id: str
    version: str
    title: str
    license_name: str
    precision: Precision = "float16"
    device: str = "cpu"


def export_run(request: ExportRequest, progress: Progress = silent) -> Manifest[StationClassification]:
    """Write a package and read it back.

    Weights are rounded to the wanted precision before anything is fitted or measured, so that the card is about the
    network that is in the package.

    Args:
        request: What is wanted.
        progress: Told each step.

    Returns:
        The card.

    Raises:
        InputError: The run holds no trained model, or its validation part has stations of one class alone.
        OutputError: The package cannot be written, is there already, or does not give the same logits when read back.
    """
    if request.out.exists():
        raise OutputError(f"{request.out} exists already: choose another name.")
    task, data, config = load_run(request.run)
    data.setup()
    round_weights(task.network, request.precision)
    progress("predicting the validation part", 0.1)
    validation = predict(task, data, "validation", request.device)
    progress("predicting the test part", 0.4)
    test = predict(task, data, "test", request.device)
    card = partial(_card, request, data, config["model"], validation, test)
    progress("writing the package", 0.7)
    request.out.parent.mkdir(parents=True, exist_ok=True)
    written = write_package(request.out, {CLASSIFIER: task.network.cpu()}, card, request.precision)
    progress("reading it back", 0.9)
    _check_same(request.out, task.network, written)
    progress("done", 1.0)
    return written


def _card(
    request: ExportRequest,
    data: StationDataModule,
    model: Mapping[str, Any],
    validation: list[Prediction],
    test: list[Prediction],
    weights: Mapping[str, WeightsFile],
) -> Manifest[StationClassification]:
    arrays = PredictionArrays(validation)
    if not both_classes(arrays.labels):
        raise InputError("The validation part has stations of one class alone: export a run of another fold.")
    calibration = validation_calibration(validation, data.fold)
    info = read_info(data.folder)
    network = NetworkEntry(
        role=CLASSIFIER,
        name=model["network"],
        arguments=model["network_arguments"] or {},
        weights=weights[CLASSIFIER],
    )
    return Manifest[StationClassification](
        package_id=request.package_id,
        version=request.version,
        title=request.title,
        task=StationClassification.task,
        networks=[network],
        section=StationClassification(
            channels=list(STATION_CHANNELS),
            region=read_spec(data.folder),
            stations=_stations(data),
            n_groups=data.n_groups,
            operating_points=operating_points(arrays.labels, probabilities_of(arrays.logits, calibration)),
            calibration=calibration,
        ),
        metrics=card_metrics(test, data.n_groups, info, data.fold),
        cohort=_cohort(data, info),
        trained_on="synthetic" if info.synthetic else "clinical",
        licence=request.license_name,
        references=[SA_MOE, network_info(model["network"]).reference],
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        lnstation_version=__version__,
    )


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


def round_weights(network: nn.Module, precision: Precision) -> None:
    """Round floating-point weights to a precision and keep them in single precision.

    Raises:
        InputError: A weight is too large for it.
    """
    dtype = getattr(torch, precision)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(tensor.to(dtype).float())
                if not bool(torch.isfinite(tensor).all()):
                    raise InputError(f"Weight {name} does not fit {precision}: export with --precision float32.")


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


def _check_same(path: Path, network: nn.Module, card: Manifest[StationClassification]) -> None:
    """Hold the package's network to the one that was written: the same weights, and logits but for rounding."""
    generator = torch.Generator().manual_seed(0)
    channels, size = len(card.section.channels), card.section.region.size
    region = torch.rand(2, channels, *size, generator=generator) * 2 - 1
    groups = torch.zeros(2, dtype=torch.long)
    again = read_package(path).network()
    # In one memory layout, for layouts differ by rounding.
    original = with_memory_format(network.eval(), torch.contiguous_format)
    with torch.inference_mode():
        expected = original(region, groups=groups).logits
        found = again(region, groups=groups).logits
    weights = again.state_dict()
    same = all(torch.equal(value, weights[name]) for name, value in original.state_dict().items())
    # The same weights may sum up in another order where their memory is aligned otherwise.
    if not (same and torch.allclose(expected, found, rtol=_ROUNDING, atol=_ROUNDING)):
        path.unlink()
        raise OutputError(f"{path} gave other logits when it was read back and was removed: report this as a defect.")
