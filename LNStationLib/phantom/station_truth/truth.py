"""Station labels of a synthetic patient from its analytic surfaces and the IASLC definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np

from LNStationLib import anatomy
from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy.frame import Frame
from LNStationLib.phantom.anatomy.mask_table import MaskTable
from LNStationLib.phantom.anatomy.shape_tables import organ_shapes
from LNStationLib.phantom.anatomy.sides import mirrored_name, mirrored_station
from LNStationLib.phantom.anatomy.variants.pleural_space import holds_fluid, removed_lung
from LNStationLib.phantom.anatomy.variants.shifts import shift_at
from LNStationLib.phantom.anatomy.variation import Variation
from LNStationLib.phantom.station_truth.borders import Borders, Extents
from LNStationLib.phantom.station_truth.definitions import Reading
from LNStationLib.phantom.station_truth.points import Tissue
from LNStationLib.phantom.station_truth.room import Scene, ToModel, find_room
from LNStationLib.phantom.station_truth.surfaces import Array
from LNStationLib.phantom.station_truth.tissue import blocked, describe, measure, measure_walls
from LNStationLib.support.types import BoolArray, LabelArray


class TrueAnatomy(Protocol):
    """What a patient's stations follow from; a ``PhantomCase`` has it."""

    @property
    def grid(self) -> Grid:
        """The CT's grid."""

    @property
    def organs(self) -> MaskTable:
        """Every organ's true mask by canonical name."""

    @property
    def variation(self) -> Variation:
        """The patient's traits."""

    @property
    def chest(self) -> tuple[int, int] | None:
        """First slice that shows the chest and the first above it; ``None`` where all do."""


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


def station_truth(patient: TrueAnatomy) -> LabelArray:
    """Stations of a synthetic patient on the CT's grid, right and left the patient's (mirrored ones included).

    Returns:
        uint8 ``[z, y, x]`` on ``patient.grid``, values of the station table.
    """
    grid, organs = patient.grid, patient.organs
    if patient.chest is None:
        return _of_the_chest(grid, organs, patient.variation)
    chest = (slice(*patient.chest), slice(0, grid.shape[1]), slice(0, grid.shape[2]))
    labels = np.zeros(grid.shape, np.uint8)
    labels[chest] = _of_the_chest(grid.part(chest), organs.cut(chest), patient.variation)
    return labels


def _of_the_chest(grid: Grid, organs: MaskTable, variation: Variation) -> LabelArray:
    """Stations of a CT of the chest alone."""
    mirrored = _is_mirrored(organs)
    masks = {mirrored_name(k): v[:, :, ::-1] for k, v in organs.items()} if mirrored else organs
    labels = _label(Scene(grid, masks, _to_model(grid, variation)), variation)
    return mirror_labels(labels) if mirrored else labels


def mirror_labels(labels: LabelArray) -> LabelArray:
    """Reflect station labels in the sagittal plane and swap the stations' sides with them."""
    table = np.arange(256, dtype=np.uint8)
    for row in anatomy.stations():
        table[row.label_value] = anatomy.station(mirrored_station(row.name)).label_value
    return np.ascontiguousarray(table[labels[:, :, ::-1]])


def is_mirrored(patient: TrueAnatomy) -> bool:
    """True for a patient with situs inversus."""
    return _is_mirrored(patient.organs)


def _is_mirrored(organs: Mapping[str, BoolArray]) -> bool:
    """The superior vena cava lies right of the trachea, unless the patient is mirrored; an arch may lie there too."""
    trachea, cava = (np.argwhere(organs[name])[:, 2].mean() for name in ("trachea", "superior_vena_cava"))
    return bool(cava > trachea)


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


def _with_fluid(scene: Scene, variation: Variation) -> Scene:
    """What fills a pleural cavity beside lung bounds the stations as lung does."""
    organs = dict(scene.organs)
    lungs = {name: organs.get(name, np.zeros(scene.grid.shape, bool)) for name in ("lung_left", "lung_right")}
    fluid = organs["thoracic_cavity"] & ~organs["mediastinum"] & ~lungs["lung_left"] & ~lungs["lung_right"]
    index = np.argwhere(fluid)
    points = scene.points(index)
    is_left = points[:, 0] > shift_at(variation, points[:, 1], points[:, 2])
    for name, own in (("lung_left", is_left), ("lung_right", ~is_left)):
        filled = lungs[name].copy()
        filled[tuple(index[own].T)] = True
        organs[name] = filled
    return replace(scene, organs=organs)


def _label(scene: Scene, variation: Variation) -> LabelArray:
    if holds_fluid(variation):
        scene = _with_fluid(scene, variation)
    shapes = organ_shapes(variation)
    unmeasured = Extents({}, {}, np.inf, np.zeros(1), np.zeros(1), np.zeros((1, 2)))
    borders = Borders(shapes, measure(scene, Borders(shapes, unmeasured).manubrium_z))
    room, walls = find_room(scene), measure_walls(scene)
    coarse = room.coarse_index()
    # A coarse look first: most of the fat between sternum and spine is in no station.
    claimed = _values(describe(scene, room, walls, coarse, borders, variation), borders, variation) > 0
    index = room.index_near(coarse[claimed])
    tissue = describe(scene, room, walls, index, borders, variation)
    values = _values(tissue, borders, variation)
    index, values, points = index[values > 0], values[values > 0], tissue.points[values > 0]
    values[blocked(points, borders, variation)] = 0
    labels = np.zeros(scene.grid.shape, np.uint8)
    labels[tuple(index.T)] = values
    return labels


def absent_stations(variation: Variation) -> frozenset[str]:
    """Stations that a patient does not have: 10 and 11 of a removed lung; 5 and 6, which need a left arch."""
    absent: set[str] = {"5", "6"} if variation.trait("right_arch") else set()
    side = removed_lung(variation)
    if side:
        absent |= {f"{number}{'L' if side > 0 else 'R'}" for number in (10, 11)}
    return frozenset(absent)


def _values(tissue: Tissue, borders: Borders, variation: Variation) -> LabelArray:
    values = np.zeros(len(tissue.points), np.uint8)
    absent = absent_stations(variation)
    for name, holds in Reading(tissue, borders, right_arch=bool(variation.trait("right_arch"))).stations().items():
        if name in absent:
            continue
        values[holds() & (values == 0)] = anatomy.station(name).label_value
    return values
