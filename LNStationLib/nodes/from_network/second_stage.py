"""The second stage: candidates of the streams judged by patch, box and tags (OSLN, Zhu et al. 2020, Sec. 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from LNStationLib.imaging.boxes import label_boxes
from LNStationLib.imaging.grid import resample_to_grid
from LNStationLib.models.package.node_candidates import NodeCandidates
from LNStationLib.nodes.from_network.candidates import CandidateMap
from LNStationLib.nodes.from_network.instances import Instances
from LNStationLib.nodes.from_network.significant import StreamSearch
from LNStationLib.nodes.tags import TAG_ORGANS, TagScene, candidate_tags, tag_organs, tag_vector
from LNStationLib.sampling.candidate_patch import CT, Bounds, candidate_patch, cut, region_around
from LNStationLib.sampling.pet_and_tumor import PET
from LNStationLib.sampling.volume import volume_hu
from LNStationLib.state.patient_state import PatientState
from LNStationLib.support.types import BoolArray, FloatArray

_TELLING = ("short_mm", "hu_mean", "tubularity", "blood_contact", "suv_max", "tumor_mm")
"""Tags of a rejected candidate that the provenance names: those that a reader would look for first."""


class Judge(Protocol):
    """What gives probabilities; see ``models.runtime.candidate_judge``."""

    def probabilities(self, patches: FloatArray, tags: FloatArray) -> FloatArray:
        """Of true candidates."""


@dataclass(frozen=True)
class Judged:
    """Candidates of the streams after the second stage.

    Attributes:
        search: With the candidates that were kept, whose score is the second stage's.
        first_scores: Score of the streams, by number.
        tags: By number.
        rejected: What was not kept, for the provenance: where, both scores, and telling tags.
    """

    search: StreamSearch
    first_scores: Mapping[int, float]
    tags: Mapping[int, Mapping[str, float]]
    rejected: tuple[Mapping[str, Any], ...]

    def with_facts(self, candidates: CandidateMap) -> CandidateMap:
        """The kept candidates with the first stage's score and the tags."""
        facts = {
            number: one.model_copy(
                update={
                    "first_stage_score": self.first_scores[number],
                    "tags": {name: round(value, 3) for name, value in self.tags[number].items()},
                }
            )
            for number, one in candidates.facts.items()
        }
        return CandidateMap(candidates.labels, candidates.scores, facts)


def judge_candidates(
    search: StreamSearch, section: NodeCandidates, state: PatientState, judge: Judge, threshold: float
) -> Judged:
    """Keep the candidates that the second stage holds for true.

    Args:
        search: Of the streams.
        section: What the package says of its second stage.
        state: The patient.
        judge: The network.
        threshold: Probability from which a candidate is kept.
    """
    found, scene = search.found, tag_scene(search, state)
    if not found.scores:
        return Judged(search, {}, {}, ())
    tags = candidate_tags(scene)
    images = {CT: scene.hu, PET: scene.pet if scene.pet is not None else np.full_like(scene.hu, np.nan)}
    patches = np.stack([_patch(box, images, section) for box in label_boxes(found.labels).values()])
    told = np.stack([tag_vector(tags[number], section.tags) for number in label_boxes(found.labels)])
    values = judge.probabilities(patches.astype(np.float32), told)
    scores = {n: float(value) for n, value in zip(label_boxes(found.labels), values, strict=True)}
    kept = [number for number, score in scores.items() if score >= threshold]
    remaining = Instances(found.only(kept).labels, {number: scores[number] for number in kept})
    gone = tuple(_rejected(n, search, scores[n], tags[n]) for n in scores if n not in kept)
    return Judged(replace(search, found=remaining), found.scores, {n: tags[n] for n in kept}, gone)


def tag_scene(search: StreamSearch, state: PatientState) -> TagScene:
    """What the tags of a patient's candidates are computed from, on the network's grid."""
    seen, case = search.seen, state.informed
    known = {name for names in TAG_ORGANS.values() for name in names} & set(case.organ_masks)
    seen_organs = known - set(case.organ_surrogates)

    def mask(name: str) -> BoolArray | None:
        if name not in seen_organs:
            return None
        found = np.asarray(resample_to_grid(case.organ_masks[name], seen.grid, labels=True) > 0)
        return found if found.any() else None

    stations = resample_to_grid(state.stations, seen.grid, labels=True).astype(np.uint8)
    return TagScene(
        seen.grid.spacing_mm,
        volume_hu(state.case.ct, seen.grid),
        search.found.labels,
        stations,
        tag_organs(mask),
        seen.known.pet,
        seen.known.tumor_distance_mm,
    )


def _patch(box: tuple[slice, slice, slice], images: Mapping[str, FloatArray], section: NodeCandidates) -> FloatArray:
    z, y, x = ((part.start, part.stop) for part in box)
    bounds: Bounds = (z, y, x)
    region = region_around(bounds, section.patch)
    outside = {CT: -1000.0, PET: np.nan}
    parts = {name: cut(values, region, outside[name]) for name, values in images.items()}
    return candidate_patch(parts, bounds, region, section.channels, section.patch)


def _rejected(number: int, search: StreamSearch, score: float, tags: Mapping[str, float]) -> dict[str, Any]:
    """A candidate that was not kept, as the provenance tells it."""
    at = np.argwhere(search.found.labels == number).mean(axis=0)
    z, y, x = (float(n) for n in at)
    point = search.seen.grid.point_mm((z, y, x))
    told = {name: round(tags[name], 2) for name in _TELLING if name in tags}
    return {
        "at_mm": [round(each, 1) for each in point],
        "score": round(score, 3),
        "first_stage_score": round(search.found.scores[number], 3),
        "tags": told,
    }
