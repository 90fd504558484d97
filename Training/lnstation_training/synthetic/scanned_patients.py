"""Synthetic patients for networks that find nodes, as those networks meet them in use: a finished CT, resampled.

A patient rendered on the network's own grid is sharper than any scan, and its stations are the truth; a network
trained on those alone finds few nodes in the pipeline (Training/experiments/osln). Here a CT with a scanner's slices
is rendered, its stations are parsed by the rules from the organs that a usual run of TotalSegmentator gives, and all
of it is put on the network's grid by the functions that ``assess`` uses.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lnstation_training.segmentation.patients import (
    CT,
    NODE_KINDS,
    NODES,
    ORGANS,
    STATIONS,
    PatientVolume,
    Triple,
)
from lnstation_training.segmentation.preparation import painted_masks
from lnstation_training.synthetic.node_maps import node_kinds, node_numbers
from lnstation_training.synthetic.significant_nodes import significant_arrays
from LNStationLib.assessment.assess import parse_case
from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import resample_to_grid, scaled_grid, working_grid
from LNStationLib.phantom.anatomy.variation import Contrast
from LNStationLib.phantom.case import render
from LNStationLib.phantom.nodes.significance import Reader
from LNStationLib.phantom.patient import PatientPlan, in_phase, venous_hu
from LNStationLib.sampling.volume import volume_hu
from LNStationLib.state.settings import Settings, StepSettings

SLICES_MM = (1.0, 1.5, 2.5, 5.0, 2.0, 3.0, 1.25)
"""Slice thickness of one patient after another: what chest CTs are reconstructed with."""
PIXELS_MM = (0.7, 0.85, 1.0, 0.8, 0.95)
STATION_SETTINGS = Settings(organs=StepSettings(method="supplied_and_image"))
"""Of the assessment that parses stations: the organ network would cost more and add little to the masks given."""


def as_scanned(plan: PatientPlan, number: int, phase: Contrast, with_pet: bool = False) -> PatientPlan:
    """A patient scanned in a phase of contrast, with pixels and slices that follow from its number."""
    pixel_mm, slice_mm = PIXELS_MM[number % len(PIXELS_MM)], SLICES_MM[number % len(SLICES_MM)]
    nodes = tuple(in_phase(replace(one, hu=venous_hu(one.hu, plan.contrast)), phase) for one in plan.nodes)
    spacing_mm = (pixel_mm, pixel_mm, slice_mm)
    return replace(
        plan, spacing_mm=spacing_mm, contrast=phase, nodes=nodes, has_pet=with_pet, field_of_view="compact"
    )


def scanned_volume(plan: PatientPlan, name: str, spacing_mm: Triple, reader: Reader | None = None) -> PatientVolume:
    """Render, parse and resample a patient.

    Args:
        plan: See ``as_scanned``.
        name: Of the patient's file.
        spacing_mm: The network's grid along z, y, x.
        reader: Decides which nodes are significant, in a patient with PET; ``None`` where none are wanted.

    Returns:
        CT, organs that were supplied or found, parsed stations, and true nodes with their look-alikes; with a reader
        also PET, the distance to the tumor, and which nodes are significant.
    """
    phantom = render(plan)
    case = replace(phantom.case, nodes=None)
    state = parse_case(case, STATION_SETTINGS)
    grid = scaled_grid(working_grid(case.ct, min(spacing_mm)), spacing_mm)
    arrays: dict[str, np.ndarray] = {
        CT: np.clip(volume_hu(case.ct, grid), -32768, 32767).astype(np.int16),
        ORGANS: painted_masks(_without_surrogates(state.informed), grid)[0],
        STATIONS: resample_to_grid(state.stations, grid, labels=True).astype(np.uint8),
    }
    for label, truth in ((NODES, node_numbers(phantom)), (NODE_KINDS, node_kinds(phantom))):
        arrays[label] = resample_to_grid(phantom.grid.image(truth), grid, labels=True).astype(np.uint8)
    if reader is not None:
        arrays |= significant_arrays(phantom, arrays[NODES], grid, reader)
    return PatientVolume(name, arrays, grid.spacing_mm, annotated=None, synthetic=True)


def _without_surrogates(case: Case) -> Case:
    """Organs that were seen: what is merely guessed is no channel in use either."""
    seen = {name: mask for name, mask in case.organ_masks.items() if name not in case.organ_surrogates}
    return replace(case, organ_masks=seen)
