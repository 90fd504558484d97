"""After an edit of organs: derive the organs again, parse the stations again, and find what nodes are affected.

The law that the tests hold: the answer is that of a whole assessment of the case with the reader's masks supplied, in
which the stations that a reader drew are then drawn again. What differs, on purpose: nodes keep their numbers, times
are those of the edit, and a network of the organ step is not run again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.assessment.assess import parse_case, with_organs
from LNStationLib.assessment.edits import edited_case
from LNStationLib.assessment.organ_edits import case_with_organs
from LNStationLib.assessment.organ_layers import digests, shown_masks
from LNStationLib.case.case import Case
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import crop, like
from LNStationLib.nodes.find import find_nodes
from LNStationLib.nodes.update import NodeUpdate, update_nodes, with_numbers_of
from LNStationLib.state.node_result import NodeResult
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.station_change import StationChange
from LNStationLib.support.progress import Progress, portion, silent


@dataclass(frozen=True)
class OrgansRedrawn:
    """A case after an edit of organs.

    Attributes:
        state: With the organs and stations as they are now, and the nodes before the edit.
        change: Where the station map changed; ``None`` where it did not.
        organs: Names of the organs whose mask changed, or that came or went, in table order.
    """

    state: PatientState
    change: StationChange | None
    organs: tuple[str, ...]


def redraw_organs(
    parsed: PatientState, edits: Mapping[str, sitk.Image | None], progress: Progress = silent
) -> OrgansRedrawn | None:
    """Take a reader's organs into a case, and what follows from them for organs and stations.

    Args:
        parsed: The case.
        edits: Canonical organ name to its whole new mask in a box of the CT's grid, or ``None`` where it was taken
            away; see :func:`LNStationLib.assessment.organ_edits.case_with_organs`.
        progress: Told the running step.

    Returns:
        ``None`` where nothing differs from what was there.

    Raises:
        InputError: There is no such organ.
        GeometryError: A mask is on a different grid from the CT, or reaches outside of it.
    """
    parsed = with_shown_organs(parsed)
    if parsed.organ_part is None or not parsed.organ_part.shown:
        parsed = with_shown_organs(with_organs(parsed, portion(progress, 0.0, 0.4)))
    case = case_with_organs(parsed, edits)
    if case is None:
        return None
    before = parsed.organ_part
    assert before is not None
    fresh = parse_case(case, parsed.settings, progress, before)
    assert fresh.organ_part is not None
    drawn = replace(fresh, organ_part=replace(fresh.organ_part, seen=before.seen), nodes=parsed.nodes)
    now = with_shown_organs(_with_drawn_stations(drawn, parsed))
    assert now.organ_part is not None
    names = _differing(before.shown, now.organ_part.shown)
    return OrgansRedrawn(now, StationChange.between(parsed.stations, now.stations), names)


def with_shown_organs(state: PatientState) -> PatientState:
    """The patient with the digests of the organs that a reader sees, where the organs are at hand."""
    part = state.organ_part
    if part is None or part.kept is None or part.shown:
        return state
    shown = digests(shown_masks(state.case, part.kept))
    return replace(state, organ_part=replace(part, shown=shown, seen=seen_too(part.seen, shown, state.case)))


def seen_too(seen: Mapping[str, frozenset[str]], shown: Mapping[str, str], case: Case) -> dict[str, frozenset[str]]:
    """What the finders gave so far, with what is shown now of organs that no reader edited."""
    found = {name: frozenset({mark}) for name, mark in shown.items() if name not in case.organ_edits}
    return {name: seen.get(name, frozenset()) | found.get(name, frozenset()) for name in {**seen, **found}}


def _with_drawn_stations(fresh: PatientState, before: PatientState) -> PatientState:
    """The new station map with the stations that a reader drew, as they were drawn."""
    masks = {name: _drawn(before, name) for name in before.drawn}
    edited = edited_case(fresh, masks) if masks else None
    if edited is None or edited[0].station_part is None:
        return fresh
    part = replace(edited[0].station_part, drawn=frozenset(before.drawn))
    return replace(edited[0], station_part=part)


def _drawn(state: PatientState, station: str) -> sitk.Image | None:
    box = state.boxes.get(station)
    if box is None:
        return None
    part = crop(state.stations, box)
    return like((array_view(part) == anatomy.station(station).label_value).astype(np.uint8), part)


def _differing(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(row.name for row in anatomy.organs() if before.get(row.name) != now.get(row.name))


def nodes_after(redrawn: OrgansRedrawn, earlier: PatientState, progress: Progress = silent) -> NodeUpdate:
    """The nodes after an edit of organs, and the stations in which a finding of them changed.

    A method that must know the organs searches again; the others only where the station map changed.

    Args:
        redrawn: The case as it is now.
        earlier: Before the edit.
        progress: Told the running step.
    """
    state, before = redrawn.state, earlier.found_nodes
    if before.search.looked_for and (before.search.uses_organs or state.midline != earlier.midline):
        return _compared(
            before, with_numbers_of(before, find_nodes(replace(state, nodes=None), progress)), state, earlier
        )
    if redrawn.change is None:
        return NodeUpdate(before, frozenset(), False)
    return update_nodes(state, redrawn.change, progress)


def _compared(before: NodeResult, now: NodeResult, state: PatientState, earlier: PatientState) -> NodeUpdate:
    earlier_nodes, nodes = ({one.node_id: one for one in result.findings} for result in (before, now))
    numbers = [n for n in {**earlier_nodes, **nodes} if earlier_nodes.get(n) != nodes.get(n)]
    stations = {one.station for n in numbers for one in (earlier_nodes.get(n), nodes.get(n)) if one is not None}
    if before.not_called != now.not_called or state.midline != earlier.midline:
        stations |= {row.name for row in anatomy.stations()}
    same = np.array_equal(array_view(before.labels), array_view(now.labels))
    return NodeUpdate(now, frozenset(name for name in stations if name is not None), not same)
