"""From a patient to candidates: a network's answer, single nodes at the stations, their outlines on the CT."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from skimage.segmentation import expand_labels

from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box
from LNStationLib.imaging.distances import depth_mm
from LNStationLib.imaging.grid import Grid
from LNStationLib.imaging.masks import mask_on
from LNStationLib.models.package.node_detection import NodeDetection
from LNStationLib.models.package.node_streams import NODES
from LNStationLib.models.package.thorough_search import AS_IT_LIES, View
from LNStationLib.models.runtime.segmentation import Segmenter
from LNStationLib.nodes.from_network.candidates import CandidateMap
from LNStationLib.nodes.from_network.context import Context, context_of
from LNStationLib.nodes.from_network.instances import Instances, find_instances
from LNStationLib.nodes.from_network.region import REACH_MM
from LNStationLib.state.assessment import CandidateFacts
from LNStationLib.state.patient_state import PatientState
from LNStationLib.support.progress import Progress, portion
from LNStationLib.support.types import FloatArray, InstanceArray

_GROWTH_VOXELS = 2
"""Of the network: as far the CT's own voxels may carry a candidate beyond those of the coarser grid."""


def ask_network(
    segmenter: Segmenter, section: NodeDetection, state: PatientState, box: Box, progress: Progress
) -> CandidateMap:
    """All visible nodes in a box of the CT, whatever their score.

    Args:
        segmenter: Of the package.
        section: What the package says.
        state: With stations, and organs where they are known.
        box: Of the CT's array; holds all stations.
        progress: Told before every window; may raise ``CancelledError``.
    """
    seen = context_of(state, box, section.volumes[NODES])
    probability = node_probability(segmenter, section, NODES, state, seen, portion(progress, 0.05, 0.95))
    progress("nodes from CT: telling nodes apart", 0.95)
    found = at_stations(find_instances(probability, seen.grid.spacing_mm, section.probable), seen)
    labels = on_ct(found.labels, probability, seen.grid, seen.part, section.probable)
    return CandidateMap(labels, found.scores, dict.fromkeys(found.scores, CandidateFacts(visible=True)))


def node_probability(
    segmenter: Segmenter,
    section: NodeDetection,
    role: str,
    state: PatientState,
    seen: Context,
    progress: Progress,
    view: View = AS_IT_LIES,
) -> FloatArray:
    """What the network of a role holds for a node, ``[z, y, x]``; 0 in the tumor that the case has a mask of."""
    answer = segmenter.probabilities(
        role,
        state.case.ct,
        seen.extent,
        seen.known,
        progress,
        # A small network normalizes by what a window holds: twice the patch trebled a patient's false candidates.
        patch_windows=True,
        spec=view.scaled(section.volumes[role]),
        mirrored=view.axis,
    )
    probability = answer.of(section.node_class(role))
    if state.case.tumor is None:
        return probability
    return np.where(mask_on(state.case.tumor, seen.grid.image(seen.stations)), 0.0, probability)


def at_stations(found: Instances, seen: Context) -> Instances:
    """Candidates that reach a station, or nearly."""
    near = depth_mm(~seen.stations, seen.grid.spacing_mm) <= REACH_MM
    return found.only({int(number) for number in np.unique(found.labels[near])} - {0})


def on_ct(
    labels: InstanceArray, probability: FloatArray, grid: Grid, part: sitk.Image, probable: float | FloatArray
) -> InstanceArray:
    """Candidates on the CT's own voxels: the probability is interpolated, so that borders show no steps.

    Args:
        labels: On the network's grid.
        probability: Likewise.
        grid: The network's.
        part: The part of the CT that they are wanted on.
        probable: A voxel from this probability on belongs to a candidate; or one for each candidate, by its number.
    """
    wide = expand_labels(labels, _GROWTH_VOXELS).astype(np.uint16)
    on_part = sitk.Resample(grid.image(wide), part, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    fine = sitk.Resample(grid.image(probability.astype(np.float32)), part, sitk.Transform(), sitk.sitkLinear, 0.0)
    numbers = array_view(on_part)
    least = probable if isinstance(probable, float) else probable[numbers]
    return np.where(array_view(fine) >= least, numbers, 0).astype(np.uint16)
