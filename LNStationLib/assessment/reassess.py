"""After an edit of stations or organs: re-assess only what the edit affects.

The law that the tests hold: the answer is that of a whole assessment with the edited station map. What differs, on
purpose: nodes keep their numbers (a full assessment would renumber them), and times are those of the edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.assessment.assess import call_stations, conclude, judge_case, with_organs
from LNStationLib.assessment.edits import edited_case
from LNStationLib.assessment.findings import station_findings, with_notes
from LNStationLib.assessment.reassess_organs import nodes_after, redraw_organs
from LNStationLib.imaging.arrays import array_view
from LNStationLib.metastasis.registry import METHODS as METASTASIS
from LNStationLib.nodes.edits import NodeEdit, NodeEditDone, edit_nodes
from LNStationLib.nodes.update import NodeUpdate, update_nodes
from LNStationLib.state.assessed_case import AssessedCase
from LNStationLib.state.assessment import Assessment, StationFinding
from LNStationLib.state.patient_state import PatientState
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, portion, silent


@dataclass(frozen=True)
class Reassessment:
    """The answer to an edit.

    Attributes:
        assessed: The case as it is now; the one before stays as it was.
        changed: Names of the stations whose finding changed, in table order.
        nodes_changed: Whether any voxel of the node map changed.
        evidence_changed: Whether a network was run again for any station, or a station lost its map.
        organs: Names of the organs whose mask changed, or that came or went, in table order.
        stations_changed: Whether an edit of organs changed the station map.
        node_edits: What each edit of nodes did.
    """

    assessed: AssessedCase
    changed: tuple[str, ...]
    nodes_changed: bool
    evidence_changed: bool = False
    organs: tuple[str, ...] = ()
    stations_changed: bool = False
    node_edits: tuple[NodeEditDone, ...] = ()


Edits = Mapping[str, sitk.Image | None]


def reassess(
    assessed: AssessedCase,
    edits: Edits,
    progress: Progress = silent,
    organs: Edits | None = None,
    nodes: Sequence[NodeEdit] = (),
) -> Reassessment:
    """Assess a case again after an edit of its stations, its organs, its nodes, or several of them.

    Organs go first: the stations are parsed with them, and then drawn as the reader drew them. Nodes go last.

    Args:
        assessed: The case before the edit.
        edits: Station name to its whole new mask in a box of the CT's grid, or ``None`` where it was emptied; see
            :func:`LNStationLib.assessment.edits.edited_case`.
        progress: Told the running step; may raise ``CancelledError``.
        organs: Organ name to its whole new mask, or ``None`` where it was taken away; see
            :func:`LNStationLib.assessment.organ_edits.case_with_organs`.
        nodes: Edits of nodes, in their order; see :func:`LNStationLib.nodes.edits.edit_nodes`.

    Raises:
        InputError: An unknown station, organ or node, or two stations that newly claim one voxel.
        GeometryError: A mask is on a different grid from the CT, or reaches outside of it.
    """
    made = Reassessment(assessed, (), False)
    if organs:
        made = _after_organs(assessed, organs, portion(progress, 0.0, 0.8 if edits or nodes else 1.0))
    start = 0.8 if organs else 0.0
    if edits:
        then = _after_stations(made.assessed, edits, portion(progress, start, 0.9 if nodes else 1.0))
        made = _joined(assessed, made, then)
    if nodes:
        made = _joined(assessed, made, _after_nodes(made.assessed, nodes, portion(progress, 0.9, 1.0)))
    return made


def _joined(before: AssessedCase, first: Reassessment, then: Reassessment) -> Reassessment:
    """What two answers, one after the other, changed of the case before both."""
    return replace(
        then,
        changed=_changed(before.assessment, then.assessed.assessment),
        nodes_changed=first.nodes_changed or then.nodes_changed,
        evidence_changed=first.evidence_changed or then.evidence_changed,
        organs=first.organs,
        stations_changed=first.stations_changed,
    )


def _after_nodes(assessed: AssessedCase, edits: Sequence[NodeEdit], progress: Progress) -> Reassessment:
    """No search is repeated: only the nodes that the edits touch are measured, and only their stations called."""
    progress("reading the edit", 0.0)
    check_same_model(assessed)
    # A point that lies in a vessel is told from one in a node by the organs, which a restored case lacks.
    state = assessed.state
    if any(edit.action == "grow" for edit in edits):
        state = with_organs(state, portion(progress, 0.0, 0.5))
    edited = edit_nodes(state, edits)
    assessed = with_evidence(replace(assessed, state=state))
    progress("assessing stations", 0.5)
    state = replace(state, case=replace(state.case, node_edits=edited.edits), nodes=edited.update.nodes)
    now = _concluded(assessed, state, (), edited.update)
    progress("done", 1.0)
    changed = _changed(assessed.assessment, now.assessment)
    evidence = bool(assessed.evidence or now.evidence)
    return Reassessment(now, changed, True, evidence, node_edits=edited.done)


def _after_organs(assessed: AssessedCase, edits: Edits, progress: Progress) -> Reassessment:
    progress("reading the edit", 0.0)
    redrawn = redraw_organs(assessed.state, edits, portion(progress, 0.0, 0.8))
    if redrawn is None:
        return Reassessment(assessed, (), False)
    check_same_model(assessed)
    state, stations = redrawn.state, redrawn.change is not None
    if state.found_nodes.search.inside_stations and not (state.boxes and assessed.state.boxes):
        made = _compared(assessed, judge_case(replace(state, nodes=None), portion(progress, 0.8, 1.0)))
        return replace(made, organs=redrawn.organs, stations_changed=stations)
    assessed = with_evidence(assessed)
    progress("nodes", 0.8)
    update = nodes_after(redrawn, assessed.state, portion(progress, 0.8, 0.95))
    progress("assessing stations", 0.95)
    touched = () if redrawn.change is None else redrawn.change.stations
    now = _concluded(assessed, replace(state, nodes=update.nodes), touched, update)
    progress("done", 1.0)
    changed = _changed(assessed.assessment, now.assessment)
    evidence = bool(assessed.evidence or now.evidence)
    return Reassessment(now, changed, update.labels_changed, evidence, redrawn.organs, stations)


def _after_stations(assessed: AssessedCase, edits: Edits, progress: Progress) -> Reassessment:
    progress("reading the edit", 0.0)
    drawn = edited_case(assessed.state, edits)
    if drawn is None:
        return Reassessment(assessed, (), False)
    state, change = drawn
    check_same_model(assessed)
    search = state.found_nodes.search
    if search.uses_organs:
        state = with_organs(state, portion(progress, 0.0, 0.5))
    if search.inside_stations and not (state.boxes and assessed.state.boxes):
        # There is nothing to start from, or nothing left.
        return _compared(assessed, judge_case(state, portion(progress, 0.5, 1.0)))
    assessed = with_evidence(assessed)
    progress("nodes", 0.5)
    update = update_nodes(state, change, portion(progress, 0.5, 0.9))
    progress("assessing stations", 0.9)
    now = _concluded(assessed, replace(state, nodes=update.nodes), change.stations, update)
    progress("done", 1.0)
    changed = _changed(assessed.assessment, now.assessment)
    return Reassessment(now, changed, update.labels_changed, bool(assessed.evidence or now.evidence))


def _compared(before: AssessedCase, now: AssessedCase) -> Reassessment:
    same = sitk.Hash(before.nodes) == sitk.Hash(now.nodes)
    changed = _changed(before.assessment, now.assessment)
    return Reassessment(now, changed, not same, bool(before.evidence or now.evidence))


def _concluded(
    assessed: AssessedCase, state: PatientState, touched: Sequence[str], update: NodeUpdate
) -> AssessedCase:
    """Call the stations that changed or whose nodes did; the others keep their findings, with today's notes."""
    affected = {*touched, *update.stations}
    if update.labels_changed:
        affected |= _stations_where_nodes_changed(assessed.nodes, update.nodes.labels, state.stations)
    calls = call_stations(state, only=affected)
    renewed = {finding.station: finding for finding in station_findings(state, calls.stations)}
    findings = [renewed.get(old.station) or with_notes(old, state) for old in assessed.assessment.stations]
    kept = {name: one for name, one in (assessed.evidence or {}).items() if name not in affected}
    evidence = {finding.station: (kept | dict(calls.evidence)).get(finding.station) for finding in findings}
    return conclude(state, calls, findings, {name: one for name, one in evidence.items() if one is not None})


def _stations_where_nodes_changed(before: sitk.Image, now: sitk.Image, stations: sitk.Image) -> set[str]:
    """Names of stations that hold a voxel of the node map that changed: a node of a neighbor may reach into them."""
    earlier, later = (array_view(image) for image in (before, now))
    values = set(np.unique(array_view(stations)[earlier != later]).tolist())
    return {row.name for row in anatomy.stations() if row.label_value in values}


def check_same_model(assessed: AssessedCase) -> None:
    """Make sure that a station is judged by the network that judged the others.

    Raises:
        PackageError: The model package is missing or cannot be used.
        InputError: It is another than the one that the case was assessed with.
    """
    used = next(row for row in assessed.assessment.provenance if row.step == "metastasis")
    if used.model_sha256 is None:
        return
    state = assessed.state
    method = METASTASIS.chosen(state.settings, state.case)
    if method.check(METASTASIS.options(method, state.settings), state.found_nodes.search) != used.model_sha256:
        raise InputError(
            f"the case was assessed with a different model package from the {used.model_package} that is "
            "available now: assess the case again."
        )


def with_evidence(assessed: AssessedCase) -> AssessedCase:
    """The case with the attention of its network, made again where it was restored without it.

    Raises:
        InputError: The network that it was assessed with is not here.
    """
    if assessed.evidence is not None:
        return assessed
    check_same_model(assessed)
    return replace(assessed, evidence=call_stations(assessed.state).evidence)


def _changed(before: Assessment, now: Assessment) -> tuple[str, ...]:
    earlier: dict[str, StationFinding] = {finding.station: finding for finding in before.stations}
    return tuple(finding.station for finding in now.stations if earlier[finding.station] != finding)
