"""Visible nodes by a network that is asked in several views: mirrored, and on finer voxels so that nodes look larger.

Their mean (test-time augmentation, Wang et al. 2019) is surer of small nodes than a single answer.
"""

from __future__ import annotations

import numpy as np

from LNStationLib.imaging.boxes import Box
from LNStationLib.imaging.grid import Grid, resample_to_grid
from LNStationLib.models.package.node_detection import NodeDetection
from LNStationLib.models.package.node_streams import NODES
from LNStationLib.models.package.thorough_search import ThoroughSearch, View
from LNStationLib.models.runtime.segmentation import Segmenter
from LNStationLib.nodes.from_network.asking import at_stations, node_probability, on_ct
from LNStationLib.nodes.from_network.candidates import CandidateMap
from LNStationLib.nodes.from_network.context import Context, context_of
from LNStationLib.nodes.from_network.peaks import find_peaks
from LNStationLib.state.assessment import CandidateFacts
from LNStationLib.state.patient_state import PatientState
from LNStationLib.support.progress import Progress, portion
from LNStationLib.support.types import FloatArray


def ask_in_views(
    segmenter: Segmenter,
    section: NodeDetection,
    search: ThoroughSearch,
    state: PatientState,
    box: Box,
    progress: Progress,
) -> CandidateMap:
    """All visible nodes in a box of the CT, whatever their score.

    Args:
        segmenter: Of the package.
        section: What the package says.
        search: The views, and how candidates are taken from their mean.
        state: With stations, and organs where they are known.
        box: Of the CT's array; holds all stations.
        progress: Told before every window; may raise ``CancelledError``.
    """
    scales = sorted({view.voxel_scale for view in search.views})
    contexts = {scale: _seen(scale, section, state, box) for scale in scales}
    seen = contexts[scales[0]]
    probability = np.zeros(seen.grid.shape, np.float32)
    for place, view in enumerate(search.views):
        told = portion(progress, 0.05 + 0.9 * place / len(search.views), 0.05 + 0.9 * (place + 1) / len(search.views))
        own = contexts[view.voxel_scale]
        answer = node_probability(segmenter, section, NODES, state, own, told, view)
        probability += _on_grid(answer, own.grid, seen.grid) / len(search.views)
    progress("nodes from CT: telling nodes apart", 0.95)
    peaks, levels = find_peaks(probability, seen.grid.spacing_mm, search)
    found = at_stations(peaks, seen)
    least = np.array([1.0, *levels.values()], np.float32)
    labels = on_ct(found.labels, probability, seen.grid, seen.part, least)
    return CandidateMap(labels, found.scores, dict.fromkeys(found.scores, CandidateFacts(visible=True)))


def _seen(voxel_scale: float, section: NodeDetection, state: PatientState, box: Box) -> Context:
    return context_of(state, box, View(voxel_scale=voxel_scale).scaled(section.volumes[NODES]))


def _on_grid(answer: FloatArray, own: Grid, wanted: Grid) -> FloatArray:
    if own == wanted:
        return answer
    return resample_to_grid(own.image(answer.astype(np.float32)), wanted, labels=False)
