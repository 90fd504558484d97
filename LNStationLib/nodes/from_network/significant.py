"""Significant nodes by the streams of a package: those that can run are asked, fused and split into candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from LNStationLib.imaging.boxes import Box, label_boxes
from LNStationLib.models.package.node_detection import NodeDetection, Significance
from LNStationLib.models.package.node_streams import STREAMS, best_fusion
from LNStationLib.models.runtime.segmentation import Segmenter
from LNStationLib.nodes.from_network.asking import at_stations, node_probability, on_ct
from LNStationLib.nodes.from_network.candidates import CandidateMap
from LNStationLib.nodes.from_network.context import Context, context_of
from LNStationLib.nodes.from_network.fusion import fused, zone_of
from LNStationLib.nodes.from_network.instances import Instances, find_instances
from LNStationLib.sampling.pet_and_tumor import PET, TUMOR_DISTANCE
from LNStationLib.state.assessment import CandidateFacts
from LNStationLib.state.patient_state import PatientState
from LNStationLib.support.progress import Progress, portion
from LNStationLib.support.types import BoolArray, FloatArray

_COVERED_PART = 0.02
"""Of the stations, from which on PET counts as there: less is the edge of a PET of another part of the body."""


@dataclass(frozen=True)
class StreamSearch:
    """What the streams of a package found on the network's grid.

    Attributes:
        seen: The region.
        found: Candidates, whatever their score.
        probability: Fused, ``[z, y, x]``.
        answers: By role.
        ran: Roles that were asked.
        lacking: What the patient lacks that some stream needs: of ``"pet"``, ``"tumor"``.
        pet_covered: Part of the stations that PET covers; ``None`` without PET.
    """

    seen: Context
    found: Instances
    probability: FloatArray
    answers: Mapping[str, FloatArray]
    ran: tuple[str, ...]
    lacking: tuple[str, ...]
    pet_covered: float | None

    def settings(self) -> dict[str, Any]:
        """For the provenance."""
        covered = {} if self.pet_covered is None else {"pet_covered": round(self.pet_covered, 3)}
        return {"streams": list(self.ran), "streams_lack": list(self.lacking), **covered}


def search_streams(
    segmenter: Segmenter, section: NodeDetection, state: PatientState, box: Box, progress: Progress
) -> StreamSearch | None:
    """Ask the streams that can run; ``None`` where none can.

    A patient without a tumor has no distance, so that streams with PET cannot run and those of CT speak everywhere.

    Args:
        segmenter: Of the package.
        section: What the package says; it has streams.
        state: With stations.
        box: Of the CT's array; holds all stations.
        progress: Told before every window.
    """
    said = _significance(section)
    richest = max(section.streams, key=lambda role: len(section.volumes[role].channels))
    seen = context_of(state, box, section.volumes[richest], with_tumor=True)
    covers = _pet_covers(seen)
    lacking = _lacking(section, seen, covers)
    ran = best_fusion([role for role in section.streams if _can_run(section, role, lacking)])
    if not ran:
        return None
    answers = _answers(segmenter, section, state, seen, ran, progress)
    fuse = partial(fused, distance_mm=seen.known.tumor_distance_mm, near_mm=said.near_mm, masked=said.masked)
    probability = fuse(answers, pet_covers=covers)
    heard = {role: fuse({role: values}, pet_covers=covers) for role, values in answers.items()}
    found = at_stations(find_instances(probability, seen.grid.spacing_mm, said.probable), seen)
    part = None if covers is None else float(covers[seen.stations].mean()) if seen.stations.any() else 0.0
    return StreamSearch(seen, found, probability, heard, ran, lacking, part)


def as_candidates(search: StreamSearch, section: NodeDetection) -> CandidateMap:
    """Candidates of the streams on the CT's own voxels, with what each stream said."""
    said = _significance(section)
    labels = on_ct(search.found.labels, search.probability, search.seen.grid, search.seen.part, said.probable)
    facts = {number: _facts(number, box, search, said) for number, box in label_boxes(search.found.labels).items()}
    return CandidateMap(labels, search.found.scores, facts)


def _answers(
    segmenter: Segmenter,
    section: NodeDetection,
    state: PatientState,
    seen: Context,
    roles: tuple[str, ...],
    progress: Progress,
) -> dict[str, FloatArray]:
    """Of each role; all of a package lie on one grid."""
    found = {}
    for place, role in enumerate(roles):
        told = portion(progress, place / len(roles), (place + 1) / len(roles))
        found[role] = node_probability(segmenter, section, role, state, seen, told)
    return found


def _pet_covers(seen: Context) -> BoolArray | None:
    """Where PET reaches; ``None`` where it reaches hardly anything of the stations, or is not there."""
    if seen.known.pet is None:
        return None
    covers = ~np.isnan(seen.known.pet)
    return covers if seen.stations.any() and covers[seen.stations].mean() >= _COVERED_PART else None


def _lacking(section: NodeDetection, seen: Context, covers: BoolArray | None) -> tuple[str, ...]:
    """What some stream needs and the patient lacks."""
    channels = {name for role in section.streams for name in section.volumes[role].channels}
    zoned = any(STREAMS[role].zone is not None for role in section.streams)
    rows = (
        ("pet", PET in channels and covers is None),
        ("tumor", (zoned or TUMOR_DISTANCE in channels) and seen.known.tumor_distance_mm is None),
    )
    return tuple(name for name, lacks in rows if lacks)


def _can_run(section: NodeDetection, role: str, lacking: tuple[str, ...]) -> bool:
    channels = section.volumes[role].channels
    return not (PET in channels and "pet" in lacking) and not (TUMOR_DISTANCE in channels and "tumor" in lacking)


def _facts(number: int, box: Box, search: StreamSearch, said: Significance) -> CandidateFacts:
    """What the streams said of one candidate."""
    inside = search.found.labels[box] == number
    means = {role: float(values[box][inside].mean()) for role, values in search.answers.items()}
    surest = max(means, key=lambda role: means[role])
    distance = search.seen.known.tumor_distance_mm
    center = tuple(round(n) for n in np.argwhere(inside).mean(axis=0))
    mm = None if distance is None else float(distance[box][center])
    return CandidateFacts(
        significant=True,
        significance=search.found.scores[number],
        streams=[role for role, mean in means.items() if mean >= said.probable or role == surest],
        tumor_zone=None if mm is None else zone_of(mm, said.near_mm),
        tumor_distance_mm=None if mm is None else round(mm, 1),
    )


def _significance(section: NodeDetection) -> Significance:
    if section.significant is None:
        raise ValueError("the package has no streams of significant nodes")
    return section.significant
