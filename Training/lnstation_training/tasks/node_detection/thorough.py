"""A package's network of visible nodes asked in several views: operating points measured in whole assessments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from lnstation_training.evaluation.detection import PatientHits
from lnstation_training.tasks.node_detection.evaluation import curve_points, measures_of
from lnstation_training.tasks.node_detection.package import froc_points, metrics_of
from LNStationLib import __version__
from LNStationLib.models.package import Manifest, Metric, ModelPackage, NodeDetection
from LNStationLib.models.package.thorough_search import ThoroughSearch, View
from LNStationLib.models.package.writing import write_packed
from LNStationLib.state.assessment import FrocPoint
from LNStationLib.support.errors import InputError

VIEWS = (
    View(),
    View(mirrored="x"),
    View(mirrored="y"),
    View(mirrored="z"),
    View(voxel_scale=0.8),
    View(voxel_scale=0.8, mirrored="x"),
)
"""Chosen on the 20 synthetic patients that operating points are of (Training/experiments/osln)."""
_ALL = [
    FrocPoint(threshold=1.0, false_positives=0.0, recall=0.0),
    FrocPoint(threshold=0.0, false_positives=1.0, recall=1.0),
]
"""Lets every candidate through, until the operating points are known."""
_UNMEASURED = ThoroughSearch(
    froc=_ALL, views=list(VIEWS), least_peak=0.15, least_rise=0.1, outline=0.5, smallest_short_axis_mm=3.0
)
"""Likewise chosen: outlines of small nodes are thin, so that a cut at 4 mm loses nodes of 5 mm."""

_RESAMPLES = 1000


def found_in_views(package: ModelPackage, found: Callable[[Path], Sequence[PatientHits]]) -> list[PatientHits]:
    """What whole assessments find with a package that is asked in several views and lets every candidate through.

    Args:
        package: With a network of visible nodes.
        found: From a package to what it finds, patient by patient.

    Raises:
        InputError: The package has no network of visible nodes.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "package.zip"
        write_with_search(package, path, _UNMEASURED, package.manifest.version, package.manifest.metrics)
        return list(found(path))


def measured_search(patients: list[PatientHits]) -> ThoroughSearch:
    """The search with operating points of patients that training has not seen.

    Raises:
        InputError: They have too few candidates.
    """
    points = froc_points(curve_points(patients))
    if len(points) < 2:
        raise InputError("these patients have too few candidates for operating points: take more patients.")
    return _UNMEASURED.model_copy(update={"froc": points})


def search_metrics(patients: list[PatientHits], cohort: str) -> list[Metric]:
    """Figures for the card, of patients that chose nothing."""
    counts = {"visible nodes": sum(len(each.nodes) for each in patients)}
    return metrics_of(measures_of(patients, _RESAMPLES), cohort, len(patients), counts)


def write_with_search(
    package: ModelPackage, out: Path, search: ThoroughSearch, version: str, metrics: Sequence[Metric]
) -> Manifest[NodeDetection]:
    """Write a package again with a search in several views; its weights stay to the bit.

    Raises:
        InputError: It has no network of visible nodes.
        OutputError: ``out`` exists, or cannot be written.
    """
    section = package.section(NodeDetection)
    if not section.finds_visible:
        raise InputError(f"{package.path} has no network of visible nodes.")
    changes = {
        "section": section.model_copy(update={"thorough": search}),
        "version": version,
        "metrics": list(metrics),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "lnstation_version": __version__,
    }
    card = Manifest[NodeDetection].model_validate(package.manifest.model_copy(update=changes).model_dump())
    write_packed(out, card, package.weights)
    return card
