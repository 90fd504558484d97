"""Visible nodes of a cohort's patients as an assessment finds them, held to the node masks of readers.

Organs, stations and nodes come from the product's own steps; organs and stations that the cohort has are taken.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydantic import BaseModel, ConfigDict, ValidationError

from lnstation_training.cohorts.tables import CohortPatient
from lnstation_training.evaluation.detection import PatientHits, TrueNode, match
from LNStationLib import __version__
from LNStationLib.assessment.assess import found_organs, parse_case
from LNStationLib.batch.contents import sha256_of
from LNStationLib.case.case import Case
from LNStationLib.case.from_files import load_case
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import like
from LNStationLib.imaging.reading import read_image
from LNStationLib.nodes.find import find_nodes
from LNStationLib.nodes.network import SearchName
from LNStationLib.phantom.nodes.node import VISIBLE_MM
from LNStationLib.state.assessment import Midline, NodeFinding
from LNStationLib.state.node_result import NodeResult
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.state.patient_state import PatientState, patient_with_stations
from LNStationLib.state.settings import Settings, StepSettings
from LNStationLib.stations.midline import midline_x_mm
from LNStationLib.support.atomic_files import write_atomically
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.types import InstanceArray

logger = logging.getLogger(__name__)


class FoundNodes(BaseModel):
    """What one search found in one patient.

    Attributes:
        hits: Every candidate held to the truth.
        slice_mm: Distance of the CT's slices.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    hits: PatientHits
    slice_mm: float


@dataclass(frozen=True)
class Question:
    """What every patient is searched with.

    Attributes:
        package: That lets every candidate through.
        digests: Of what each wanted search rests on, by its name.
        folder: Where answers are kept.
        device: Where the network runs.
    """

    package: Path
    digests: Mapping[SearchName, str]
    folder: Path
    device: str = "cpu"


def found_in_patient(patient: CohortPatient, question: Question) -> dict[SearchName, FoundNodes] | InputError:
    """Search a patient's whole CT, or take what was found in it before, by the content of all files.

    A fault of the input is an answer here, so that it passes between processes and stops no other patient.

    Raises:
        OutputError: An answer cannot be kept.
    """
    try:
        files = _files_digest(patient)
        paths = {
            name: question.folder / patient.patient / f"{name}-{digest}-{files}.json"
            for name, digest in question.digests.items()
        }
        known = {name: found for name, path in paths.items() if (found := _kept(path)) is not None}
        missing = {name: path for name, path in paths.items() if name not in known}
        return known | (_searched(patient, question, missing) if missing else {})
    except OutputError:
        raise
    except InputError as error:
        return InputError(str(error))


def _searched(
    patient: CohortPatient, question: Question, missing: Mapping[SearchName, Path]
) -> dict[SearchName, FoundNodes]:
    """Find organs and stations once, and nodes by each search; each answer is kept as soon as it is there."""
    case = load_case(patient.case_request())
    _check_nodes_lie_on_ct(case)
    state = _parsed(replace(case, nodes=None), patient.stations)
    truth, nodes = true_nodes(state, case.nodes)
    answers = {}
    for name, path in missing.items():
        options = {"model": str(question.package), "search": name, "device": question.device}
        choice = StepSettings(method="network", options={"network": options})
        hits = held_to_truth(state, choice, lambda row: row.score or 0.0, truth, nodes)
        answers[name] = FoundNodes(hits=hits, slice_mm=max(case.ct.GetSpacing()))
        _keep(path, answers[name])
    return answers


def held_to_truth(
    state: PatientState,
    choice: StepSettings,
    score: Callable[[NodeFinding], float],
    truth: InstanceArray,
    nodes: Sequence[TrueNode],
) -> PatientHits:
    """Candidates of a method in a whole patient, held to the truth.

    Args:
        state: With stations, and organs where they are known.
        choice: The method and its options.
        score: What candidates are ranked by; larger is surer.
        truth: Number of every node on the CT's grid ``[z, y, x]``.
        nodes: Those that count.
    """
    found = _nodes_by(state, choice)
    scores = {row.node_id: score(row) for row in found.findings}
    return match(sitk.GetArrayFromImage(found.labels), scores, truth.astype(np.uint16), nodes)


def true_nodes(state: PatientState, masks: sitk.Image | None) -> tuple[InstanceArray, list[TrueNode]]:
    """Number of every node that a reader drew, on the CT's grid ``[z, y, x]``, and the visible ones, which count.

    Args:
        state: With stations.
        masks: Of the nodes, as a case has them; ``None`` for a patient without any.
    """
    if masks is None:
        return np.zeros(state.case.ct.GetSize()[::-1], np.uint16), []
    drawn = _nodes_by(replace(state, case=replace(state.case, nodes=masks)), StepSettings(method="supplied"))
    nodes = [
        TrueNode(number=row.node_id, short_axis_mm=row.short_axis_mm, station=row.station)
        for row in drawn.findings
        if row.short_axis_mm >= VISIBLE_MM
    ]
    return sitk.GetArrayFromImage(drawn.labels).astype(np.uint16), nodes


def _nodes_by(state: PatientState, choice: StepSettings) -> NodeResult:
    return find_nodes(replace(state, settings=state.settings.model_copy(update={"nodes": choice})))


def _check_nodes_lie_on_ct(case: Case) -> None:
    """An empty mask is of a patient without nodes; one that marks something elsewhere is of another scan.

    Raises:
        InputError: All that it marks lies outside the CT.
    """
    if any(one.code == "mask_outside_ct" and one.facts["what"] == "nodes" for one in case.warnings):
        raise InputError("its node mask marks nothing inside its CT: give the mask that was drawn on this scan.")


def _parsed(case: Case, stations: Path | None) -> PatientState:
    """The patient with organs and stations: those of the cohort, else as an assessment draws them."""
    if stations is None:
        return parse_case(case, Settings())
    known = found_organs(case, Settings())
    labels, midline = _stations_on(case.ct, stations), _midline(known.organ_set)
    assert known.organ_part is not None
    # The organs on the working grid are large, and of no use to the search.
    organs = replace(known.organ_part, found=None)
    return replace(patient_with_stations(case, Settings(), labels, midline), organ_part=organs)


def _stations_on(ct: sitk.Image, path: Path) -> sitk.Image:
    """A cohort's station map on the CT's grid.

    Raises:
        InputError: It marks nothing there.
    """
    given = read_image(path, f"stations {path.name}", logger.warning)
    labels = sitk.Resample(given, ct, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    if not array_view(labels).any():
        raise InputError("its station map marks nothing inside its CT: give the map that was drawn on this scan.")
    return like(array_view(labels), ct)


def _midline(organs: OrganSet) -> Midline:
    grid = organs.grid
    x_mm = [float(x) for x in midline_x_mm(organs)]
    return Midline(first_z_mm=grid.origin_mm[0], step_mm=grid.spacing_mm[0], x_mm=x_mm)


def _files_digest(patient: CohortPatient) -> str:
    """Changes with the version and with the content of a patient's files, wherever they lie.

    Raises:
        InputError: A file cannot be read.
    """
    parts = [__version__, str(patient.pet_units)]
    try:
        for path in (patient.ct, patient.pet, patient.organs, patient.stations, patient.nodes, patient.tumor):
            parts += ["none"] if path is None else [f"{name} {sha256_of(file)}" for name, file in _files(path)]
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read: {error.strerror}.") from error
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _files(path: Path) -> list[tuple[str, Path]]:
    """Each with its name inside a folder, which names organs; a single file's own name says nothing."""
    if not path.is_dir():
        return [("", path)]
    return [(file.relative_to(path).as_posix(), file) for file in sorted(path.rglob("*")) if file.is_file()]


def _kept(path: Path) -> FoundNodes | None:
    """An earlier answer to the same question; ``None`` where there is none, or its file is damaged."""
    try:
        return FoundNodes.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _keep(path: Path, found: FoundNodes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, found.model_dump_json() + "\n")
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror}; free space and run it again.") from error
