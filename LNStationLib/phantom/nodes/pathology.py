"""What surgeon and pathologist report: nodes taken and nodes positive per dissected station, never single nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from LNStationLib import anatomy
from LNStationLib.phantom.nodes.node import NodeTruth
from LNStationLib.phantom.nodes.tumor import Tumor
from LNStationLib.phantom.preset import Preset, SurgeryTable
from LNStationLib.staging import (
    NCategoryAnswer,
    esophagus_n_category,
    esophagus_rules,
    lung_n_category,
)
from LNStationLib.support.types import Side


@dataclass(frozen=True)
class StationPathology:
    """One dissected station.

    Attributes:
        station: IASLC station.
        n_taken: Nodes taken, at least 1.
        n_positive: Of those, with tumor under the microscope.
        side: The patient's side of the positive nodes in a station without its own side; ``None`` otherwise.
    """

    station: str
    n_taken: int
    n_positive: int
    side: Side | None = None


def dissect(
    preset: Preset, tumor: Tumor, nodes: Sequence[NodeTruth], rng: np.random.Generator
) -> list[StationPathology]:
    """Dissect a patient.

    Stations that are not dissected, or in which no node is found, have no row. The pathologist sees no tumor where
    there is none, and misses some micrometastases.

    Args:
        preset: Chances.
        tumor: Gives the side of surgery.
        nodes: All true nodes.
        rng: Random generator.
    """
    rows = []
    for station in (row.name for row in anatomy.stations()):
        opened = rng.random() < dissection_chance(preset.surgery, station, tumor.side)
        inside = [node for node in nodes if node.station == station]
        found = rng.random(len(inside)) < preset.surgery.node_found
        seen = rng.random(len(inside)) < preset.surgery.micrometastasis_found
        taken = [(node, ok) for node, here, ok in zip(inside, found, seen, strict=True) if here]
        if opened and taken:
            positive = [node for node, ok in taken if node.malignant and (ok or not node.micrometastasis)]
            rows.append(StationPathology(station, len(taken), len(positive), _common_side(station, positive)))
    return rows


def dissection_chance(table: SurgeryTable, station: str, tumor_side: Side | None) -> float:
    """Chance that a station is dissected; ``"4i"`` and ``"4c"`` in the table are the tumor's side and the other."""
    if station in table.dissected:
        return table.dissected[station]
    side = anatomy.station(station).side
    if side is None or tumor_side is None:
        return 0.0
    return table.dissected.get(f"{station.rstrip('LR')}{'i' if side == tumor_side else 'c'}", 0.0)


def _common_side(station: str, positive: Sequence[NodeTruth]) -> Side | None:
    sides = {node.side for node in positive}
    return sides.pop() if anatomy.station(station).side is None and len(sides) == 1 else None


def n_from_pathology(preset: Preset, tumor: Tumor, rows: Sequence[StationPathology]) -> NCategoryAnswer:
    """The pN category: by stations for lung cancer, by the number of regional nodes for esophageal cancer."""
    if preset.cancer == "esophagus":
        beyond = esophagus_rules().stations_not_on_regional_map
        return esophagus_n_category(sum(row.n_positive for row in rows if row.station not in beyond))
    return _lung(preset, tumor, [(row.station, row.side) for row in rows if row.n_positive])


def n_from_images(preset: Preset, tumor: Tumor, nodes: Sequence[NodeTruth]) -> NCategoryAnswer:
    """The cN category that follows from the nodes a reader calls positive."""
    called = [node for node in nodes if node.call]
    if preset.cancer == "esophagus":
        beyond = esophagus_rules().stations_not_on_regional_map
        return esophagus_n_category(sum(node.station not in beyond for node in called))
    return _lung(preset, tumor, [(node.station, node.side) for node in called])


def _lung(preset: Preset, tumor: Tumor, positive: Sequence[tuple[str, Side | None]]) -> NCategoryAnswer:
    if tumor.side is None or preset.n_rules is None:
        raise ValueError("lung cancer needs a side and rules")
    names = {f"{name}{side}" if _takes_side(name) and side else name for name, side in positive}
    return lung_n_category(sorted(names), tumor.side, preset.n_rules)


def _takes_side(station: str) -> bool:
    return bool(anatomy.station(station).side_variants)
