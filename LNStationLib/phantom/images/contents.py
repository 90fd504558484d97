"""Tumor, nodes and look-alikes brought into an anatomy and its images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy import rasterize
from LNStationLib.phantom.anatomy.model import Anatomy, fit_lungs, node_room
from LNStationLib.phantom.anatomy.shapes import Float32Array, Patch
from LNStationLib.phantom.images.node_painting import paint_nodes, stamp_uptake
from LNStationLib.phantom.nodes.node import PlacedNode
from LNStationLib.phantom.nodes.placement import place_nodes
from LNStationLib.phantom.nodes.tumor import Tumor
from LNStationLib.phantom.patient import PatientPlan
from LNStationLib.phantom.station_truth import station_labels
from LNStationLib.support.types import LabelArray

_INVASION_MM = 2.0
"""How far a lung tumor reaches over the pleura."""


@dataclass(frozen=True)
class Placed:
    """What was brought in, in the frame of the anatomy tables.

    Attributes:
        nodes: Nodes that found a place, in the order of the plan.
        look_alikes: Kind and shape of each look-alike.
    """

    nodes: tuple[PlacedNode, ...]
    look_alikes: tuple[tuple[str, PlacedNode], ...]


def bring_in(model: Anatomy, plan: PatientPlan, rng: np.random.Generator) -> Placed:
    """Bring a patient's nodes and look-alikes into a bare anatomy, each into its true station, and fit the lungs.

    Args:
        model: From ``anatomy.model.bare`` with the plan's tumor; changed in place.
        plan: The patient.
        rng: Random generator of the vessels in the lungs.
    """
    if plan.tumor.cancer == "lung":
        _keep_in_lung(model)
    room = node_room(model)
    tumor = model.patches["tumor"]
    room[tumor.box] &= tumor.sdf > 1.0
    plans = [*plan.nodes, *(shape for _, shape in plan.look_alikes)]
    found = place_nodes(plan.generator("place"), room, model.grid, plans, _stations(model))
    nodes = tuple(node for node in found[: len(plan.nodes)] if node is not None)
    others = zip((kind for kind, _ in plan.look_alikes), found[len(plan.nodes) :], strict=True)
    look_alikes = tuple((kind, shape) for kind, shape in others if shape is not None)
    fit_lungs(model, rng, [node.shape() for node in (*nodes, *(shape for _, shape in look_alikes))])
    return Placed(nodes, look_alikes)


def _stations(model: Anatomy) -> LabelArray:
    """Stations of the bare anatomy, from every second voxel in plane: close enough to choose places by."""
    grid, masks = model.grid, rasterize.truth_masks(model, every=2)
    z, y, x = grid.spacing_mm
    labels = station_labels(model.variation, Grid(masks.shape, (z, 2 * y, 2 * x), grid.origin_mm), masks)
    return labels.repeat(2, axis=1).repeat(2, axis=2)[:, : grid.shape[1], : grid.shape[2]]


def _keep_in_lung(model: Anatomy) -> None:
    """Let a lung tumor reach a little over the pleura and no further."""
    tumor = model.patches["tumor"]
    model.patches["tumor"] = Patch(tumor.box, np.maximum(tumor.sdf, model.lung_space()[tumor.box] - _INVASION_MM))


def paint_contents(hu: Float32Array, model: Anatomy, placed: Placed) -> None:
    """Paint nodes and look-alikes over an image in place; nothing of the anatomy lies where they lie."""
    paint_nodes(hu, [*placed.nodes, *(shape for _, shape in placed.look_alikes)], model.grid)


def stamp_contents(suv: Float32Array, model: Anatomy, placed: Placed, tumor: Tumor) -> None:
    """Put the uptake of tumor, nodes and look-alikes into an array of ``pet.activity`` in place."""
    patch = model.patches["tumor"]
    part = suv[patch.box]
    part += patch.coverage() * (np.float32(tumor.suv) - part)
    stamp_uptake(suv, [*placed.nodes, *(shape for _, shape in placed.look_alikes)], model.grid)
