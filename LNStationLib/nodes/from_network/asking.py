"""From a patient to candidates: channels of organs and stations, the network's answer, single nodes on the CT."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk
from skimage.segmentation import expand_labels

from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, crop
from LNStationLib.imaging.distances import depth_mm
from LNStationLib.imaging.grid import Grid, resample_to_grid, working_grid
from LNStationLib.imaging.masks import mask_on
from LNStationLib.models.package.node_detection import NODES, NodeDetection
from LNStationLib.models.runtime.segmentation import ClassProbabilities, Segmenter
from LNStationLib.nodes.from_network.candidates import CandidateMap
from LNStationLib.nodes.from_network.instances import Instances, find_instances
from LNStationLib.nodes.from_network.region import REACH_MM
from LNStationLib.sampling.volume import GROUP_CHANNELS, OrganProbabilities, VolumeSpec, volume_grid
from LNStationLib.state.patient_state import PatientState
from LNStationLib.support.progress import Progress, portion
from LNStationLib.support.types import BoolArray, FloatArray, InstanceArray

_VESSELS = frozenset(GROUP_CHANNELS["group:blood"].organs)
_GROWTH_VOXELS = 2
"""Of the network: as far the CT's own voxels may carry a candidate beyond those of the coarser grid."""


def ask_network(
    segmenter: Segmenter, section: NodeDetection, state: PatientState, box: Box, progress: Progress
) -> tuple[CandidateMap, str]:
    """All candidates in a box of the CT, whatever their score, and the engine that ran the network.

    Args:
        segmenter: Of the package.
        section: What the package says.
        state: With stations, and organs where they are known.
        box: Of the CT's array; holds all stations.
        progress: Told before every window; may raise ``CancelledError``.
    """
    part = crop(state.case.ct, box)
    spec = section.volumes[NODES]
    extent = working_grid(part, min(spec.spacing_mm))
    grid = volume_grid(extent, spec)
    stations = resample_to_grid(crop(state.stations, box), grid, labels=True) > 0
    known = OrganProbabilities(grid, organ_masks(state, grid, spec), stations)
    # A small network normalizes by what a window holds: twice the patch trebled the false candidates of a patient.
    answer = segmenter.probabilities(
        NODES, state.case.ct, extent, known, portion(progress, 0.05, 0.95), patch_windows=True
    )
    progress("nodes from CT: telling nodes apart", 0.95)
    probability = _allowed(answer, section, state, stations)
    found = find_instances(probability, grid.spacing_mm, section.probable)
    found = _at_stations(found, stations, grid)
    labels = on_ct(found.labels, probability, grid, part, section.probable)
    return CandidateMap(labels, found.scores), segmenter.network(NODES).engine


def organ_masks(state: PatientState, grid: Grid, spec: VolumeSpec) -> Mapping[str, BoolArray]:
    """Organs that the channels hold, supplied or found but not merely guessed, on the network's grid.

    Of vessels only supplied masks count: one that was found may hold the large node beside it, which would be lost.
    """
    case = state.informed
    wanted = {*spec.organs, *(name for channel in spec.channels for name in _members(channel))}
    seen = wanted & set(case.organ_masks) - set(case.organ_surrogates) - (_VESSELS - set(state.case.organ_masks))
    masks = {name: resample_to_grid(case.organ_masks[name], grid, labels=True) > 0 for name in sorted(seen)}
    empty = np.zeros(grid.shape, bool)
    return {**dict.fromkeys(spec.organs, empty), **masks}


def _members(channel: str) -> tuple[str, ...]:
    return GROUP_CHANNELS[channel].organs if channel in GROUP_CHANNELS else ()


def _allowed(
    answer: ClassProbabilities, section: NodeDetection, state: PatientState, stations: BoolArray
) -> FloatArray:
    """Probability of a node, 0 in the tumor that the case has a mask of."""
    probability = answer.of(section.node_class)
    if state.case.tumor is not None:
        reference = answer.grid.image(stations)
        probability = np.where(mask_on(state.case.tumor, reference), 0.0, probability)
    return probability


def _at_stations(found: Instances, stations: BoolArray, grid: Grid) -> Instances:
    """Candidates that reach a station, or nearly."""
    near = depth_mm(~stations, grid.spacing_mm) <= REACH_MM
    kept = {int(number) for number in np.unique(found.labels[near])} - {0}
    labels = np.where(np.isin(found.labels, list(kept)), found.labels, 0).astype(np.uint16)
    return Instances(labels, {number: found.scores[number] for number in kept})


def on_ct(
    labels: InstanceArray, probability: FloatArray, grid: Grid, part: sitk.Image, probable: float
) -> InstanceArray:
    """Candidates on the CT's own voxels: the probability is interpolated, so that borders show no steps.

    Args:
        labels: On the network's grid.
        probability: Likewise.
        grid: The network's.
        part: The part of the CT that they are wanted on.
        probable: A voxel from this probability on belongs to a candidate.
    """
    wide = expand_labels(labels, _GROWTH_VOXELS).astype(np.uint16)
    on_part = sitk.Resample(grid.image(wide), part, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    fine = sitk.Resample(grid.image(probability.astype(np.float32)), part, sitk.Transform(), sitk.sitkLinear, 0.0)
    return np.where(array_view(fine) >= probable, array_view(on_part), 0).astype(np.uint16)
