"""What a station parser's model package says: grid, channels and stations, figures, cohort."""

from __future__ import annotations

from torch import Tensor, nn

from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import PackageContent
from lnstation_training.segmentation.folder import spacing_of
from lnstation_training.segmentation.module import CT_CHANNELS
from lnstation_training.segmentation.packing import probe_volume, training_cohort
from lnstation_training.tasks.station_segmentation.evaluation import evaluate
from lnstation_training.tasks.station_segmentation.scores import StationEvaluation, of_station, over_patients
from LNStationLib.models.package import Manifest, Metric, StationSegmentation
from LNStationLib.models.package.station_segmentation import STATIONS
from LNStationLib.sampling.volume import ORGAN_PREFIX, VolumeSpec
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress

DEEPSTATIONING = (
    "Guo D, Ye X, Ge J, et al. DeepStationing: thoracic lymph node station parsing in CT scans using anatomical "
    "context encoding and key organ auto-search. MICCAI 2021."
)
_PROBE = (16, 24, 24)
"""Voxels of the volume that run and package are compared on."""


def package_content(run: Run, device: str, progress: Progress) -> PackageContent:
    """The task's part of a model package; nothing is fitted, so the validation part is not needed.

    Args:
        run: Its weights are rounded already to the precision of the package.
        device: Where the network runs.
        progress: Told each step.

    Raises:
        InputError: The run is a search: the network for use is trained anew on the organs that it chose.
    """
    if run.module.search:
        raise InputError(
            "A search's network is not for use: export a run with data.organs searched, which follows the search."
        )
    progress("drawing the stations of the test part", 0.0)
    found = evaluate(run, "test", device)
    return PackageContent(
        section=package_section(run),
        metrics=card_metrics(found),
        cohort=training_cohort(run),
        references=[DEEPSTATIONING],
    )


def package_section(run: Run) -> StationSegmentation:
    """The part of the manifest that is this task's."""
    channels = [*CT_CHANNELS, *(f"{ORGAN_PREFIX}{name}" for name in run.data.organs)]
    spec = {"spacing_mm": spacing_of(run.data.folder), "patch": run.module.window, "channels": channels}
    return StationSegmentation(
        volumes={STATIONS: VolumeSpec.model_validate(spec)}, classes={STATIONS: list(run.module.names)}
    )


def card_metrics(found: StationEvaluation) -> list[Metric]:
    """Mean Dice and distances, and the Dice of every station, on the test part."""
    cohort = f"{found.cohort}, test part of fold {found.fold}"
    whole = {
        "Dice, mean over stations": over_patients(found.patients, "dice"),
        "Hausdorff distance in mm": over_patients(found.patients, "hd_mm"),
        "average surface distance in mm": over_patients(found.patients, "asd_mm"),
    }
    by_station = {f"Dice, station {name}": of_station(found.patients, name, "dice") for name in found.stations}
    return [
        Metric(name=name, value=each.value, low=each.low, high=each.high, cohort=cohort, n_patients=each.n_patients)
        for name, each in {**whole, **by_station}.items()
        if each.value is not None
    ]


def probe(network: nn.Module, manifest: Manifest[StationSegmentation]) -> Tensor:
    """Logits for a fixed random volume."""
    return probe_volume(network, len(manifest.section.volumes[STATIONS].channels), _PROBE)
