"""Atlases of the schematic chest, and patients who are the same chest, stretched, shifted or mirrored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from made_once import made_once
from stations.schematic_chest import parsed_chest

from LNStationLib import anatomy
from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import Grid
from LNStationLib.imaging.scan import Scan
from LNStationLib.phantom.anatomy.sides import mirrored_name
from LNStationLib.phantom.station_truth.truth import mirror_labels
from LNStationLib.state.organ_set import Organ, OrganSet
from LNStationLib.state.patient_state import OrganPart, PatientState
from LNStationLib.state.settings import Settings
from LNStationLib.stations.atlas_registration.package import Atlas
from LNStationLib.stations.atlas_registration.writing import AtlasFacts, make_atlas, write_atlas

COARSE_MM = 4.0
FACTS = AtlasFacts("schematic", "Schematic chest", "CC0-1.0", "synthetic")


@made_once
def schematic_atlas(name: str = "schematic", *, mirrored: bool = False) -> Atlas:
    state, labels = schematic_patient(mirrored=mirrored), parsed_chest()[2].labels
    facts = replace(FACTS, atlas_id=name)
    stations = mirror_labels(labels) if mirrored else labels
    return make_atlas(facts, state.case.ct, state.organ_set, stations, 3.0, step_hu=10)


def written(folder: Path, *atlases: Atlas) -> Path:
    for atlas in atlases:
        write_atlas(atlas, folder / f"{atlas.card.atlas_id}.zip")
    return folder


def schematic_patient(stretch: float = 1.0, shift_mm: float = 0.0, *, mirrored: bool = False) -> PatientState:
    """The chest, larger by a factor and moved along all axes, with its organs found."""
    hu, organs, _ = parsed_chest()
    flip = slice(None, None, -1 if mirrored else 1)
    spacing = organs.grid.spacing_mm[0] * stretch
    origin = tuple(value * stretch + shift_mm for value in organs.grid.origin_mm)
    grid = Grid(organs.grid.shape, (spacing,) * 3, (origin[0], origin[1], origin[2]))
    found = OrganSet(grid)
    for name, organ in organs.items():
        named = mirrored_name(name) if mirrored else name
        found.add(Organ(named, np.ascontiguousarray(organ.mask[:, :, flip]), organ.source, organ.how))
    for name, mark in organs.landmarks.items():
        x, y, z = (value * stretch + shift_mm for value in mark.point_mm)
        x = 2 * grid.coordinates_mm(2).mean() - x if mirrored else x
        named = mirrored_name(name) if mirrored else name
        found.landmarks[named] = replace(mark, name=named, point_mm=(x, y, z))
    values = np.ascontiguousarray(hu[:, :, flip])
    case = Case("schematic", grid.image(values))
    scan = Scan(values, np.ones(grid.shape, bool), grid)
    return PatientState(case, Settings(), scan, organ_part=OrganPart((), found=found))


def truth(*, mirrored: bool = False) -> np.ndarray:
    """The stations on the patient's grid, whatever its size and place."""
    labels = parsed_chest()[2].labels
    return mirror_labels(labels) if mirrored else labels


def station_dice(labels: np.ndarray, other: np.ndarray) -> dict[str, float]:
    found = {}
    for row in anatomy.stations():
        mine, theirs = labels == row.label_value, other == row.label_value
        if theirs.any():
            both = np.count_nonzero(mine) + np.count_nonzero(theirs)
            found[row.name] = 2 * np.count_nonzero(mine & theirs) / both
    return found
