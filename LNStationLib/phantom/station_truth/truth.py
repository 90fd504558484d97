"""Station labels of a synthetic patient from its analytic surfaces and the IASLC definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from LNStationLib import anatomy
from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.frame import Frame
from LNStationLib.phantom.shape_tables import organ_shapes
from LNStationLib.phantom.station_truth.borders import Borders, Extents
from LNStationLib.phantom.station_truth.definitions import Reading
from LNStationLib.phantom.station_truth.points import Tissue
from LNStationLib.phantom.station_truth.room import Scene, ToModel, find_room
from LNStationLib.phantom.station_truth.surfaces import Array
from LNStationLib.phantom.station_truth.tissue import blocked, describe, measure, measure_walls
from LNStationLib.phantom.variation import Variation
from LNStationLib.support.types import BoolArray, LabelArray

if TYPE_CHECKING:
    from LNStationLib.phantom.case import PhantomCase


def station_labels(variation: Variation, grid: Grid, organs: Mapping[str, BoolArray]) -> LabelArray:
    """Stations on the model's own grid, with or without nodes placed.

    Args:
        variation: The patient's traits.
        grid: In the frame of the anatomy tables, which is that of no mirrored patient.
        organs: ``rasterize.truth_masks`` of the model.

    Returns:
        uint8 ``[z, y, x]``, values of the station table. Stations hold fat and nodes, never organs, airway walls,
        bone, muscle, lung or air.
    """
    return _label(Scene(grid, organs, lambda points: points), variation)


def station_truth(phantom: PhantomCase) -> LabelArray:
    """Stations of a synthetic patient on the CT's grid, right and left the patient's (mirrored ones included).

    Returns:
        uint8 ``[z, y, x]`` on ``phantom.grid``, values of the station table.
    """
    if phantom.chest is not None:
        return _of_the_chest(phantom, slice(*phantom.chest))
    mirrored = is_mirrored(phantom)
    organs = {_swap_side(k): v[:, :, ::-1] for k, v in phantom.organs.items()} if mirrored else phantom.organs
    labels = _label(Scene(phantom.grid, organs, _to_model(phantom.grid, phantom.variation)), phantom.variation)
    return mirror_labels(labels) if mirrored else labels


def _of_the_chest(phantom: PhantomCase, held: slice) -> LabelArray:
    """Stations of a head-to-thigh CT, from the slices that show the chest."""
    grid = phantom.grid
    shape = (held.stop - held.start, *grid.shape[1:])
    origin = (grid.origin_mm[0] + held.start * grid.spacing_mm[0], *grid.origin_mm[1:])
    organs = phantom.organs.cut((held, slice(0, grid.shape[1]), slice(0, grid.shape[2])))
    labels = np.zeros(grid.shape, np.uint8)
    labels[held] = station_truth(
        replace(phantom, grid=Grid(shape, grid.spacing_mm, origin), organs=organs, chest=None)
    )
    return labels


def mirror_labels(labels: LabelArray) -> LabelArray:
    """Reflect station labels in the sagittal plane and swap the stations' sides with them."""
    table = np.arange(256, dtype=np.uint8)
    for row in anatomy.stations():
        if row.name[-1] in "LR":
            other = row.name[:-1] + ("R" if row.name[-1] == "L" else "L")
            table[row.label_value] = anatomy.station(other).label_value
    return np.ascontiguousarray(table[labels[:, :, ::-1]])


def is_mirrored(phantom: PhantomCase) -> bool:
    """True for a patient with situs inversus."""
    trachea, arch = (np.argwhere(phantom.organs[name])[:, 2].mean() for name in ("trachea", "aortic_arch"))
    return bool(arch < trachea)


def _swap_side(name: str) -> str:
    for this, other in (("left", "right"), ("right", "left")):
        if name.endswith(f"_{this}"):
            return f"{name.removesuffix(this)}{other}"
    return name


def _to_model(grid: Grid, variation: Variation) -> ToModel:
    """Axial planes stay axial, so one affine map a slice brings CT points to the anatomy tables."""
    frame = Frame.of(grid, variation)

    def convert(points: Array) -> Array:
        result = np.empty_like(points, dtype=np.float64)
        heights, slices = np.unique(points[:, 2], return_inverse=True)
        base, right, back = (
            np.array([frame.to_model((x, y, float(z))) for z in heights]) for x, y in ((0, 0), (1, 0), (0, 1))
        )
        x, y = points[:, :1], points[:, 1:2]
        result[:] = base[slices] + x * (right - base)[slices] + y * (back - base)[slices]
        return result

    return convert


def _label(scene: Scene, variation: Variation) -> LabelArray:
    shapes = organ_shapes(variation)
    unmeasured = Extents({}, {}, np.inf, np.zeros(1), np.zeros(1), np.zeros((1, 2)))
    borders = Borders(shapes, measure(scene, Borders(shapes, unmeasured).manubrium_z))
    room, walls = find_room(scene), measure_walls(scene)
    coarse = room.coarse_index()
    # A coarse look first: most of the fat between sternum and spine is in no station.
    claimed = _values(describe(scene, room, walls, coarse, borders, variation), borders) > 0
    index = room.index_near(coarse[claimed])
    tissue = describe(scene, room, walls, index, borders, variation)
    values = _values(tissue, borders)
    index, values, points = index[values > 0], values[values > 0], tissue.points[values > 0]
    values[blocked(points, borders, variation)] = 0
    labels = np.zeros(scene.grid.shape, np.uint8)
    labels[tuple(index.T)] = values
    return labels


def _values(tissue: Tissue, borders: Borders) -> LabelArray:
    values = np.zeros(len(tissue.points), np.uint8)
    for name, holds in Reading(tissue, borders).stations().items():
        values[holds() & (values == 0)] = anatomy.station(name).label_value
    return values
