"""A package's probabilities fitted anew on patients that its network has not seen; its weights stay to the bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lnstation_training.engine.prepared import read_info
from lnstation_training.tasks.station_classification.data_module import StationDataModule
from lnstation_training.tasks.station_classification.lightning_module import StationModule
from lnstation_training.tasks.station_classification.package import card_metrics, package_section
from lnstation_training.tasks.station_classification.prediction import predict
from lnstation_training.tasks.station_classification.routing import station_routing
from lnstation_training.tasks.station_classification.samples import read_spec
from LNStationLib import __version__
from LNStationLib.models.package import (
    Manifest,
    ModelPackage,
    StationClassification,
    WeightsFile,
    read_package,
    write_package,
)
from LNStationLib.models.package.station_classification import CLASSIFIER
from LNStationLib.networks.registry import packed_arguments, unpacked_arguments
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.progress import Progress, silent


@dataclass(frozen=True)
class Recalibration:
    """A package that is wanted.

    Attributes:
        package: The package whose network is kept.
        data: Prepared regions of patients that the network has not seen, of the package's region but for
            ``whole_station``.
        out: Package to write, a zip file.
        version: Of the new package.
        fold: Whose validation part calibrates; all other patients measure.
        device: Where the network runs.
    """

    package: Path
    data: Path
    out: Path
    version: str
    fold: int = 0
    device: str = "cpu"


def recalibrate(request: Recalibration, progress: Progress = silent) -> Manifest[StationClassification]:
    """Write a package with calibration, operating points, conformal sets and figures of other patients.

    Args:
        request: What is wanted.
        progress: Told each step.

    Returns:
        The card.

    Raises:
        PackageError: The package cannot be used.
        InputError: The regions are not the package's, or the validation part has stations of one class alone.
        OutputError: The new package exists already, or cannot be written.
    """
    if request.out.exists():
        raise OutputError(f"{request.out} exists already: choose another name.")
    package = read_package(request.package)
    old = package.section(StationClassification)
    _check_regions(request.data, old)
    data = StationDataModule(request.data, request.fold, augment=False, n_groups=old.n_groups)
    data.setup()
    module = StationModule.of_package(package)
    progress("predicting patients that calibrate", 0.0)
    section = package_section(data, predict(module, data, "validation", request.device))
    section = section.model_copy(update={"stations": old.stations})
    progress("predicting patients that measure", 0.3)
    unseen = [answer for part in ("train", "test") for answer in predict(module, data, part, request.device)]
    routing = station_routing(module, data, "test", request.device) if unseen[0].router else None
    metrics = card_metrics(unseen, section, f"{read_info(request.data).title}, test part: not seen before", routing)
    changes = {"section": section, "metrics": metrics, "version": request.version}
    network = package.network().cpu()
    precision = package.manifest.network(CLASSIFIER).weights.dtype
    written = write_package(
        request.out, {CLASSIFIER: network}, lambda weights: _manifest(package, changes, weights), precision
    )
    progress("done", 1.0)
    return written


def _check_regions(folder: Path, section: StationClassification) -> None:
    found = read_spec(folder)
    if found.model_copy(update={"whole_station": section.region.whole_station}) != section.region:
        raise InputError(f"{folder} has regions of another kind than the package: prepare it with the package's.")


def _manifest(
    package: ModelPackage, changes: Mapping[str, object], weights: Mapping[str, WeightsFile]
) -> Manifest[StationClassification]:
    entry = package.manifest.network(CLASSIFIER)
    meant = unpacked_arguments(entry.name, entry.arguments)
    network = entry.model_copy(
        update={"arguments": packed_arguments(entry.name, meant), "weights": weights[CLASSIFIER]}
    )
    made = {"created": datetime.now(UTC).isoformat(timespec="seconds"), "lnstation_version": __version__}
    changed = package.manifest.model_copy(update={**changes, **made, "networks": [network]})
    return Manifest[StationClassification].model_validate(changed.model_dump())
