"""A package's probabilities fitted anew on patients that its network has not seen; its weights stay to the bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lnstation_training.cohorts.splits import SPLITS_FILE, read_splits
from lnstation_training.engine.data_module import PARTS
from lnstation_training.engine.prepared import read_info
from lnstation_training.evaluation.conformal import Coverage, pooled_coverage
from lnstation_training.tasks.station_classification.data_module import StationDataModule
from lnstation_training.tasks.station_classification.lightning_module import StationModule
from lnstation_training.tasks.station_classification.package import card_metrics, measured_coverage, package_section
from lnstation_training.tasks.station_classification.prediction import Prediction, predict
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

_WORDS = "patients that the network has not seen"


@dataclass(frozen=True)
class Recalibration:
    """A package that is wanted.

    Attributes:
        package: The package whose network is kept.
        data: Prepared regions of patients that the network has not seen, of the package's region but for
            ``whole_station``.
        out: Package to write, a zip file.
        version: Of the new package.
        device: Where the network runs.
    """

    package: Path
    data: Path
    out: Path
    version: str
    device: str = "cpu"


def recalibrate(request: Recalibration, progress: Progress = silent) -> Manifest[StationClassification]:
    """Write a package with calibration, operating points, conformal sets and figures of other patients.

    All of them calibrate, since the network has seen none. Discrimination does not depend on the calibration; what
    conformal sets cover is measured fold by fold, each with sets that were fitted on the other folds.

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
    data = StationDataModule(request.data, augment=False, n_groups=old.n_groups)
    data.setup()
    module = StationModule.of_package(package)
    progress("asking the network", 0.0)
    unseen = [answer for part in PARTS for answer in predict(module, data, part, request.device)]
    section = package_section(data, unseen, _WORDS).model_copy(update={"stations": old.stations})
    routing = station_routing(module, data, "test", unseen, request.device)
    cohort = f"{read_info(request.data).title}, test part: patients that the network has not seen"
    metrics = card_metrics(unseen, section, cohort, routing, _cross_fitted(data, unseen))
    changes = {"section": section, "metrics": metrics, "version": request.version}
    network = package.network().cpu()
    precision = package.manifest.network(CLASSIFIER).weights.dtype
    written = write_package(
        request.out, {CLASSIFIER: network}, lambda weights: _manifest(package, changes, weights), precision
    )
    progress("done", 1.0)
    return written


def _cross_fitted(data: StationDataModule, answers: Sequence[Prediction]) -> Coverage | None:
    """Coverage over all folds, each station's set fitted on the patients of the other folds."""
    parts = []
    for fold in read_splits(data.folder / SPLITS_FILE, {each.patient for each in answers}).folds:
        held_out = set(fold.test)
        test = [each for each in answers if each.patient in held_out]
        rest = [each for each in answers if each.patient not in held_out]
        found = measured_coverage(package_section(data, rest, _WORDS), test)
        if found is None:
            return None
        parts.append((found, len(test), sum(each.label for each in test)))
    return pooled_coverage(parts)


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
