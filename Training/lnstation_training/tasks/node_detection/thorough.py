"""A package's network of visible nodes, asked once or in several views: operating points of whole assessments."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lnstation_training.evaluation.detection import PatientHits
from lnstation_training.tasks.node_detection.evaluation import VISIBLE, curve_points, measures_of
from lnstation_training.tasks.node_detection.package import froc_points, metrics_of
from LNStationLib import __version__
from LNStationLib.models.package import Manifest, Metric, ModelPackage, NodeDetection
from LNStationLib.models.package.node_streams import NODES
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


def visible_section(package: ModelPackage) -> NodeDetection:
    """What a package says of its network of visible nodes.

    Raises:
        InputError: It has none.
    """
    section = package.section(NodeDetection)
    if not section.finds_visible:
        raise InputError(f"{package.path} has no network of visible nodes: choose a package that has one.")
    return section


def in_views(section: NodeDetection) -> NodeDetection:
    """The section of a package that is asked in several views and lets every candidate through."""
    return section.model_copy(update={"thorough": _UNMEASURED})


def letting_all_through(section: NodeDetection) -> NodeDetection:
    """The section with its own views, and operating points that let every candidate through.

    It says nothing of what was measured before, so that what it finds is kept for a package that is measured again.
    """
    search = section.thorough
    if search is not None:
        search = search.model_copy(update={"froc": _ALL})
    slices_mm = NodeDetection.model_fields["sure_up_to_slice_mm"].default
    measured = {"sure_from_mm": None, "sure_up_to_slice_mm": slices_mm, "points_of": None}
    return section.model_copy(update={**measured, "froc": _ALL, "thorough": search})


@contextmanager
def measuring_package(package: ModelPackage, section: NodeDetection) -> Iterator[Path]:
    """A package of the network of visible nodes alone, there for as long as its candidates are measured.

    Args:
        package: With a network of visible nodes.
        section: What is to be said of it.
    """
    alone = {
        "volumes": {NODES: section.volumes[NODES]},
        "classes": {NODES: section.classes[NODES]},
        "significant": None,
        "second_stage": None,
    }
    changes = {"section": section.model_copy(update=alone), "networks": [package.manifest.network(NODES)]}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "package.zip"
        write_changed(package, path, changes)
        yield path


def found_digest(manifest: Manifest[Any]) -> str:
    """Names what a package finds in a patient: it changes with networks and section, not with what points are of."""
    said = manifest.model_dump_json(include={"networks": True, "section": True}, exclude={"section": {"points_of"}})
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def found_in_views(package: ModelPackage, found: Callable[[Path], Sequence[PatientHits]]) -> list[PatientHits]:
    """What whole assessments find with a package that is asked in several views and lets every candidate through.

    Args:
        package: With a network of visible nodes.
        found: From a package to what it finds, patient by patient.

    Raises:
        InputError: The package has no network of visible nodes.
    """
    with measuring_package(package, in_views(visible_section(package))) as path:
        return list(found(path))


def measured_points(patients: list[PatientHits]) -> list[FrocPoint]:
    """Operating points of patients that training has not seen.

    Raises:
        InputError: They have too few candidates.
    """
    points = froc_points(curve_points(patients))
    if len(points) < 2:
        raise InputError("these patients have too few candidates for operating points: take more patients.")
    return points


def measured_search(patients: list[PatientHits]) -> ThoroughSearch:
    """The search with operating points of patients that training has not seen.

    Raises:
        InputError: They have too few candidates.
    """
    return _UNMEASURED.model_copy(update={"froc": measured_points(patients)})


def search_metrics(patients: list[PatientHits], cohort: str) -> list[Metric]:
    """Figures for the card, of patients that chose nothing."""
    counts = {VISIBLE: sum(len(each.nodes) for each in patients)}
    return metrics_of(measures_of(patients, _RESAMPLES), cohort, len(patients), counts)


def write_changed(package: ModelPackage, out: Path, changes: Mapping[str, object]) -> Manifest[NodeDetection]:
    """Write a package again with parts of its card changed; its weights stay to the bit.

    Raises:
        OutputError: ``out`` exists, or cannot be written.
    """
    made = {"created": datetime.now(UTC).isoformat(timespec="seconds"), "lnstation_version": __version__}
    changed = package.manifest.model_copy(update={**changes, **made})
    card = Manifest[NodeDetection].model_validate(changed.model_dump())
    write_packed(out, card, package.weights)
    return card


def write_with_search(
    package: ModelPackage, out: Path, search: ThoroughSearch, version: str, metrics: Sequence[Metric]
) -> Manifest[NodeDetection]:
    """Write a package again with a search in several views.

    Whom earlier operating points were of it says no more.

    Raises:
        InputError: It has no network of visible nodes.
        OutputError: ``out`` exists, or cannot be written.
    """
    section = visible_section(package).model_copy(update={"thorough": search, "points_of": None})
    return write_changed(package, out, {"section": section, "version": version, "metrics": list(metrics)})
