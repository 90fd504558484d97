"""Draw a patient's nodes: how many a station, of what size and look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from LNStationLib import anatomy
from LNStationLib.phantom.nodes.node import NodePlan
from LNStationLib.phantom.nodes.tumor import Tumor
from LNStationLib.phantom.preset import Appearance, Preset, station_group
from LNStationLib.support.types import PointMm, Side

_UNSIDED = ("3P", "7")
"""Stations whose nodes lie on either side of the midline."""


@dataclass(frozen=True)
class NodeTraits:
    """What all nodes of a patient share.

    Attributes:
        reactive: Benign nodes are enlarged throughout.
        granulomatous: Some hilar and mediastinal nodes are inflamed.
    """

    reactive: bool
    granulomatous: bool


def draw_traits(preset: Preset, rng: np.random.Generator) -> NodeTraits:
    """Draw a patient's disposition."""
    table = preset.nodes
    reactive, granulomatous = rng.random(2)
    return NodeTraits(
        bool(reactive < table.reactive_patient_fraction),
        bool(granulomatous < table.granulomatous_patient_fraction),
    )


def draw_nodes(
    preset: Preset, traits: NodeTraits, tumor: Tumor, involved: Mapping[str, int], rng: np.random.Generator
) -> list[NodePlan]:
    """Draw all nodes of a patient, in the order of the station table, the metastatic ones of a station first.

    Args:
        preset: Distributions.
        traits: The patient's disposition.
        tumor: Gives metastases their uptake, and unsided stations the side of their metastases.
        involved: Station to number of metastatic nodes.
        rng: Random generator.
    """
    plans = []
    for row in anatomy.stations():
        metastatic = involved.get(row.name, 0)
        total = int(rng.poisson(preset.nodes.mean_count.get(row.name, 0.0)))
        for number in range(max(total, metastatic)):
            side = row.side or _side(row.name, tumor, number < metastatic, rng)
            plans.append(draw_node(preset, traits, tumor, row.name, side, number < metastatic, rng))
    return plans


def _side(station: str, tumor: Tumor, malignant: bool, rng: np.random.Generator) -> Side | None:
    drawn: Side = "R" if rng.random() < 0.5 else "L"
    if station in _UNSIDED:
        return None
    return tumor.side if malignant and tumor.side else drawn


def draw_node(
    preset: Preset,
    traits: NodeTraits,
    tumor: Tumor,
    station: str,
    side: Side | None,
    malignant: bool,
    rng: np.random.Generator,
) -> NodePlan:
    """Draw one node."""
    table, group = preset.nodes, station_group(station)
    micro = malignant and bool(rng.random() < table.micrometastasis_fraction)
    looks_malignant = malignant and not micro
    inflamed = (
        traits.granulomatous and not looks_malignant and station in table.granulomatous_stations
        and bool(rng.random() < table.granulomatous_node_fraction)
    )  # fmt: skip
    look = (table.metastatic if looks_malignant else table.benign)[group]
    short = _short_axis(preset, traits, station, looks_malignant, inflamed, rng)
    necrosis = float(rng.uniform(0.4, 0.7)) if short > 8 and rng.random() < look.necrosis else 0.0
    elongation, flatness = _proportions(look, rng)
    return NodePlan(
        station=station,
        side=side,
        malignant=malignant,
        micrometastasis=micro,
        granulomatous=inflamed and not malignant,
        short_axis_mm=short,
        elongation=elongation,
        flatness=flatness,
        direction=_direction(rng),
        n_lobes=int(rng.integers(2, 5)) if short > 8 and rng.random() < look.conglomerate else 1,
        fatty_hilum=bool(short > 4 and rng.random() < look.fatty_hilum),
        hu=look.hu.draw(rng),
        texture_sd_hu=look.texture_sd_hu.draw(rng),
        margin_mm=look.margin_mm.draw(rng),
        necrosis_fraction=necrosis,
        calcified=inflamed and bool(rng.random() < table.calcified_fraction),
        suv=_uptake(preset, tumor, looks_malignant, inflamed, rng),
        shape_seed=int(rng.integers(2**31)),
    )


def _short_axis(
    preset: Preset, traits: NodeTraits, station: str, malignant: bool, inflamed: bool, rng: np.random.Generator
) -> float:
    table = preset.nodes
    if malignant:
        return table.metastatic_short_axis_mm.draw(rng, table.station_size_factor.get(station, 1.0) ** 0.5)
    enlarged = table.reactive_size_factor if traits.reactive or inflamed else 1.0
    return table.benign_short_axis_mm.draw(rng, table.station_size_factor.get(station, 1.0) * enlarged)


def _uptake(preset: Preset, tumor: Tumor, malignant: bool, inflamed: bool, rng: np.random.Generator) -> float:
    if malignant:
        return preset.nodes.metastatic_suv.draw(rng, 1 / 3 if tumor.weakly_avid else 1.0)
    return (preset.nodes.granulomatous_suv if inflamed else preset.nodes.benign_suv).draw(rng)


def _proportions(look: Appearance, rng: np.random.Generator) -> tuple[float, float]:
    elongation = look.elongation.draw(rng)
    return elongation, 1 + (elongation - 1) * float(rng.uniform(0.1, 0.6))


def _direction(rng: np.random.Generator) -> PointMm:
    # Chains of nodes run along vessels, mostly up and down.
    way = rng.standard_normal(3) * (1.0, 1.0, 1.4)
    way /= np.linalg.norm(way)
    return float(way[0]), float(way[1]), float(way[2])
