"""Operating points of a package of visible nodes measured in whole patients of a cohort; its weights stay to the bit.

A part of the patients chooses the operating points, the card's figures are of the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lnstation_training.cohorts.info import CohortInfo, cohort_info
from lnstation_training.cohorts.tables import CohortPatient, Need, read_cohort
from lnstation_training.engine.prepare import each_patient
from lnstation_training.evaluation.detection import PatientHits
from lnstation_training.tasks.node_detection.evaluation import VISIBLE, strata_of
from lnstation_training.tasks.node_detection.package import sure_from_mm
from lnstation_training.tasks.node_detection.thorough import (
    found_digest,
    in_views,
    letting_all_through,
    measured_points,
    measuring_package,
    search_metrics,
    visible_section,
    write_changed,
)
from lnstation_training.tasks.node_detection.whole_patients import FoundNodes, Question, found_in_patient
from LNStationLib.models.package import Manifest, Metric, ModelPackage, NodeDetection, read_manifest, read_package
from LNStationLib.models.package.froc import PointsCohort
from LNStationLib.models.runtime.devices import chosen_device
from LNStationLib.nodes.network import SearchName
from LNStationLib.phantom.nodes.node import VISIBLE_MM
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.progress import Progress, portion, silent

FEWEST = 2
"""Patients of each part: an interval by patient needs as many."""
_TABLE = "patients.csv"
_NEEDS: tuple[Need, ...] = ("nodes",)
_THOROUGH: SearchName = "thorough"
_QUICK: SearchName = "quick"
Found = Mapping[SearchName, FoundNodes]


@dataclass(frozen=True)
class NodeRecalibration:
    """A package that is wanted.

    Attributes:
        package: The package whose networks are kept.
        data: Table of patients with node masks, or the folder with a ``patients.csv``; the network has seen none.
        out: Package to write, a zip file.
        version: Of the new package.
        device: Where the network runs.
        add_views: Let a package that is asked once be asked in several views as well.
        points_part: Part of the patients that operating points are of, in (0, 1).
        kept: Folder for what was found in each patient; beside ``out`` where ``None``.
        title: Name of the cohort; that of its ``cohort.json`` or folder where ``None``.
        workers: Processes; never changes the result.
    """

    package: Path
    data: Path
    out: Path
    version: str
    device: str = "cpu"
    add_views: bool = False
    points_part: float = 0.5
    kept: Path | None = None
    title: str | None = None
    workers: int = 1

    @property
    def folder(self) -> Path:
        """For what was found in each patient."""
        return self.kept or self.out.with_name(f"{self.out.stem}-found")


@dataclass(frozen=True)
class _Measured:
    """What was found in a cohort, patient by patient, in the two parts.

    Attributes:
        info: Of the cohort.
        n_drawn: Patients whose stations came with the cohort.
        points: In the patients that operating points are of.
        others: In those that figures are of.
    """

    info: CohortInfo
    n_drawn: int
    points: list[Found]
    others: list[Found]

    def cohort(self, asked: str) -> str:
        """What figures are of, for the card, where the network was asked in some way."""
        kind, number = "synthetic" if self.info.synthetic else "real", len(self.points) + len(self.others)
        drawn = f", stations of {self.n_drawn} of all {number} as the cohort has them" if self.n_drawn else ""
        return (
            f"{self.info.title} ({kind} patients that chose no operating point, whole assessments{drawn}, asked "
            f"{asked})"
        )


def recalibrate(request: NodeRecalibration, progress: Progress = silent) -> Manifest[NodeDetection]:
    """Write a package with operating points and figures of a cohort's patients; a stopped run resumes.

    Every patient goes through an assessment's own steps, organs, stations and nodes; organs and stations of the
    table are taken where it has them. Streams of significant nodes and a second stage stay as they are.

    Args:
        request: What is wanted.
        progress: Told after each patient.

    Returns:
        The card.

    Raises:
        PackageError: The package cannot be used.
        CohortError: The table or images of patients cannot be used; all are listed, and the others are done.
        InputError: The package has no network of visible nodes, or the patients are too few, have no visible node or
            too few candidates.
        OutputError: The new package exists already, or cannot be written.
    """
    if request.out.exists():
        raise OutputError(f"{request.out} exists already: choose another name.")
    package = read_package(request.package)
    section = _wanted_section(package, request.add_views)
    cohort, info = _cohort(request.data, request.title)
    chosen = points_patients([each.patient for each in cohort], request.points_part)
    chosen_device(request.device)
    found = _found(package, section, cohort, request, portion(progress, 0.0, 0.98))
    measured = _in_parts(cohort, found, chosen, info)
    progress("measuring operating points and figures", 0.98)
    changes = {
        "section": _measured_section(section, measured),
        "metrics": [*_metrics(section, measured), *_metrics_of_streams(package)],
        "version": request.version,
    }
    card = write_changed(package, request.out, changes)
    progress("done", 1.0)
    return card


def points_patients(patients: Sequence[str], part: float) -> frozenset[str]:
    """The patients that operating points are of: the first part of them by a hash of their identifiers.

    The same wherever they stand in the table.

    Raises:
        InputError: Too few are left for one of the two parts.
    """
    number = round(part * len(patients))
    if min(number, len(patients) - number) < FEWEST:
        raise InputError(
            f"{len(patients)} patients, {number} of them for operating points, are too few: at least {FEWEST} choose "
            f"operating points, and figures need {FEWEST} others; take more patients, or another part."
        )
    in_order = sorted(patients, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return frozenset(in_order[:number])


def unmeasured(section: NodeDetection) -> str:
    """What operating points of a package a recalibration leaves as they are, in a sentence; empty where nothing."""
    parts = ["streams of significant nodes"] if section.streams else []
    parts += ["second stage"] if section.second_stage is not None else []
    if not parts:
        return ""
    return f"Not measured: operating points of its {' and of its '.join(parts)} stay as they were."


def _wanted_section(package: ModelPackage, add_views: bool) -> NodeDetection:
    """With the views that operating points are wanted for."""
    section = visible_section(package)
    if not add_views:
        return section
    if section.thorough is not None:
        raise InputError(f"{package.path} names the views that it is asked in already: add none.")
    return in_views(section)


def _cohort(data: Path, title: str | None) -> tuple[list[CohortPatient], CohortInfo]:
    """Patients with node masks, and what they are."""
    table = data / _TABLE if data.is_dir() else data
    if not table.exists():
        raise InputError(f"{table} does not exist: give a table of patients with the column nodes, or its folder.")
    return read_cohort(table, needs=_NEEDS), cohort_info(table, None, title)


def _found(
    package: ModelPackage,
    section: NodeDetection,
    cohort: Sequence[CohortPatient],
    request: NodeRecalibration,
    progress: Progress,
) -> list[Found]:
    """What each search finds in every patient."""
    with measuring_package(package, letting_all_through(section)) as path:
        question = Question(path, _digests(read_manifest(path)), request.folder, request.device)
        progress(f"0 of {len(cohort)} patients", 0.0)
        return list(each_patient(cohort, partial(found_in_patient, question=question), request.workers, progress))


def _digests(manifest: Manifest[NodeDetection]) -> dict[SearchName, str]:
    """By search; that of a single view does not change with views that are added."""
    section = manifest.section
    once = manifest.model_copy(update={"section": section.model_copy(update={"thorough": None})})
    views: Collection[SearchName] = () if section.thorough is None else (_THOROUGH,)
    return {_QUICK: found_digest(once), **{name: found_digest(manifest) for name in views}}


def _in_parts(
    cohort: Sequence[CohortPatient], found: Sequence[Found], chosen: frozenset[str], info: CohortInfo
) -> _Measured:
    """What was found in the patients of operating points, and in the others.

    Raises:
        InputError: Those of a part have no visible node.
    """
    each = list(zip(cohort, found, strict=True))
    measured = _Measured(
        info,
        n_drawn=sum(patient.stations is not None for patient in cohort),
        points=[one for patient, one in each if patient.patient in chosen],
        others=[one for patient, one in each if patient.patient not in chosen],
    )
    _check_nodes(measured)
    return measured


def _check_nodes(measured: _Measured) -> None:
    for part, what in ((measured.points, "operating points are of"), (measured.others, "figures are of")):
        if not any(one[_QUICK].hits.nodes for one in part):
            raise InputError(
                f"None of the {len(part)} patients that {what} has a visible node, of a short axis of {VISIBLE_MM:g} "
                "mm or more: fill their node masks, or take more patients."
            )


def _measured_section(section: NodeDetection, measured: _Measured) -> NodeDetection:
    """With operating points of the chosen patients, and the limits that were seen."""
    changes: dict[str, object] = {"froc": measured_points(_hits(measured.points, _QUICK))}
    usual = _QUICK
    if section.thorough is not None:
        points = measured_points(_hits(measured.points, _THOROUGH))
        changes["thorough"], usual = section.thorough.model_copy(update={"froc": points}), _THOROUGH
    info = measured.info
    slices = [one[_QUICK].slice_mm for one in (*measured.points, *measured.others)]
    changes |= {
        "sure_from_mm": sure_from_mm(strata_of(_hits(measured.points, usual))),
        "sure_up_to_slice_mm": round(max(slices), 2),
        "points_of": PointsCohort(title=info.title, n_patients=len(measured.points), synthetic=info.synthetic),
    }
    return section.model_copy(update=changes)


def _metrics(section: NodeDetection, measured: _Measured) -> list[Metric]:
    """Figures of the other patients; those of the search that is usual first."""
    once = search_metrics(_hits(measured.others, _QUICK), measured.cohort("once"))
    if section.thorough is None:
        return once
    asked = f"in {len(section.thorough.views)} views"
    return [*search_metrics(_hits(measured.others, _THOROUGH), measured.cohort(asked)), *once]


def _metrics_of_streams(package: ModelPackage) -> list[Metric]:
    """What the card says of significant nodes, which were not measured."""
    if not package.section(NodeDetection).streams:
        return []
    return [metric for metric in package.manifest.metrics if VISIBLE not in metric.counts]


def _hits(part: Sequence[Found], search: SearchName) -> list[PatientHits]:
    return [one[search].hits for one in part]
