"""Nodes as connected uptake above a threshold inside the stations."""

from __future__ import annotations

import cc3d
import numpy as np
import SimpleITK as sitk
from scipy.ndimage import maximum

from LNStationLib.case import Case
from LNStationLib.errors import InputError
from LNStationLib.nodes.node_result import Candidates, NodeSource
from LNStationLib.nodes.regions import box_around, crop, paste, spacing_zyx
from LNStationLib.progress import Progress
from LNStationLib.settings import Settings
from LNStationLib.types import BoolArray, FloatArray

SMALLEST_NODE_ML = 0.1
_SAMPLING_BY_PET = (
    "Outlined on PET: size is that of the uptake, not of the node, and grows as the SUV threshold falls.",
    "FDG uptake can be physiologic or inflammatory (esophagus, myocardium, brown fat, thymus, vocal cords, "
    "granulomatous nodes).",
)


class PetThresholdNodes:
    """Connected voxels inside stations with SUV above ``settings.node_suv_threshold``.

    PET is interpolated linearly onto the CT grid. With ``settings.node_suv_fraction_of_max`` (0.41 in the EANM
    guideline) a component keeps only voxels of at least that fraction of its own maximum. Components (26-connected)
    under 0.1 ml are left out as noise. Voxels of the supplied tumor mask never form a node.
    """

    name: NodeSource = "pet_threshold"
    references: tuple[str, ...] = (
        "Engelson et al. 2026, doi:10.1117/1.JMI.13.1.014507, Sec. 4.2 (SUV 2.5 as the usual threshold)",
        "Boellaard et al. 2015, doi:10.1007/s00259-014-2961-x (41 % isocontour)",
    )

    def find(self, case: Case, stations: sitk.Image, settings: Settings, progress: Progress) -> Candidates:
        """Find uptake inside the stations.

        Raises:
            InputError: The case has no PET.
        """
        if case.pet is None:
            raise InputError("nodes are set to 'pet_threshold' but the case has no PET: give one or choose 'auto'")
        progress("nodes from PET", 0.0)
        box = box_around(np.greater(sitk.GetArrayViewFromImage(stations), 0), 0.0, spacing_zyx(stations))
        if box is None:
            empty = sitk.Image(case.ct.GetSize(), sitk.sitkUInt16)
            empty.CopyInformation(case.ct)
            return Candidates(empty, ("There are no stations to search for uptake.",))
        part = crop(stations, box)
        allowed = sitk.GetArrayFromImage(part) > 0
        warnings = list(_exclude_tumor(allowed, case, part))
        suv = sitk.GetArrayFromImage(sitk.Resample(case.pet, part, sitk.Transform(), sitk.sitkLinear, 0.0))
        components = _components(suv, allowed, settings, float(np.prod(part.GetSpacing())) / 1000)
        return Candidates(paste(components, box, case.ct), tuple(warnings), _SAMPLING_BY_PET)


def _exclude_tumor(allowed: BoolArray, case: Case, part: sitk.Image) -> tuple[str, ...]:
    if case.tumor is None:
        return ("No tumor mask was given: uptake of a tumor that reaches into a station counts as a node.",)
    tumor = sitk.Resample(case.tumor, part, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    allowed &= sitk.GetArrayViewFromImage(tumor) == 0
    return ()


def _components(suv: FloatArray, allowed: BoolArray, settings: Settings, voxel_ml: float) -> np.ndarray:
    hot = allowed & (suv > settings.node_suv_threshold)
    fraction = settings.node_suv_fraction_of_max
    if fraction is not None:
        labels, n = cc3d.connected_components(hot, connectivity=26, return_N=True)
        highest = np.concatenate([[np.inf], np.atleast_1d(maximum(suv, labels, np.arange(1, n + 1)))])
        hot &= suv >= fraction * highest[labels]
    labels = cc3d.connected_components(hot, connectivity=26, out_dtype=np.uint32)
    smallest = max(1, round(SMALLEST_NODE_ML / voxel_ml))
    return np.asarray(cc3d.dust(labels, threshold=smallest, connectivity=26))
