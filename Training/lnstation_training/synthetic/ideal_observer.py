"""Ideal observer: the upper bound for any network.

How likely a station is positive, by the distributions that the cohort was drawn from.

The observer knows the preset, sees every visible node's true attributes without noise or partial volume, and where it
is let, the tumor and the true uptake. A node under the visible limit is known to be there, not how it looks. Its
answer is the posterior odds of "at least one metastatic node", summed over the number of metastatic nodes, over which
nodes they are, and over the patient's disposition to reactive and granulomatous nodes, which it also reads from the
other stations. By the Neyman-Pearson lemma no other observer of the images does better, but for two things: it
takes stations as independent given the tumor, and it ignores that nodes may be shrunk where they are placed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Literal

import numpy as np
from scipy.special import log_ndtr, logsumexp

from LNStationLib import anatomy
from LNStationLib.phantom.nodes.drawing import NodeTraits
from LNStationLib.phantom.nodes.node import NodeTruth
from LNStationLib.phantom.nodes.spread import draw_spread
from LNStationLib.phantom.nodes.tumor import Tumor
from LNStationLib.phantom.patient import PatientTruth, venous_hu
from LNStationLib.phantom.preset import Appearance, LogNormal, Normal, Preset

Sight = Literal["nodes", "nodes and tumor", "nodes, tumor and PET"]
_DRAWS = 300
"""Of the spread, for a tumor's chance to reach a station: a standard error of 3 % at most."""
_TRAITS = tuple(NodeTraits(reactive, inflamed) for reactive, inflamed in product((False, True), repeat=2))
"""Every combination of a patient's dispositions."""
_LARGE_MM, _HILUM_MM = 8.0, 4.0
"""Above these short axes ``node_draw`` makes necrosis and conglomerates, and fatty hila."""


@dataclass(frozen=True)
class _Case:
    """What is known of a patient beside its nodes."""

    preset: Preset
    truth: PatientTruth
    pet: bool


def station_scores(preset: Preset, patient: PatientTruth) -> dict[Sight, dict[str, float]]:
    """Logarithm of the odds that a station holds a metastatic node, for every station that holds any node.

    Args:
        preset: What the patient was drawn from.
        patient: The patient; only what the observer may see is used.

    Returns:
        For each of what the observer may see, without the PET where there is none, station to score. Where the tumor
        is not seen all stations are as likely beforehand.
    """
    stations: dict[str, list[NodeTruth]] = {}
    for node in patient.nodes:
        stations.setdefault(node.station, []).append(node)
    reach, alike = _reach(preset, patient.plan.tumor), dict.fromkeys(stations, 0.05)
    tables = _tables(_Case(preset, patient, pet=False), stations)
    scores: dict[Sight, dict[str, float]] = {
        "nodes": _odds(preset, tables, alike),
        "nodes and tumor": _odds(preset, tables, reach),
    }
    if patient.plan.has_pet:
        tables = _tables(_Case(preset, patient, pet=True), stations)
        scores["nodes, tumor and PET"] = _odds(preset, tables, reach)
    return scores


def _tables(case: _Case, stations: Mapping[str, Sequence[NodeTruth]]) -> dict[str, np.ndarray]:
    return {name: _station_table(case, name, nodes) for name, nodes in stations.items()}


def _odds(preset: Preset, tables: Mapping[str, np.ndarray], prior: Mapping[str, float]) -> dict[str, float]:
    """Combine ``(2, traits)`` log-likelihoods of each station, negative and positive, with what the others tell."""
    weighed = {name: table + np.log([[1 - prior[name]], [prior[name]]]) for name, table in tables.items()}
    either = {name: np.logaddexp(table[0], table[1]) for name, table in weighed.items()}
    whole = np.sum(list(either.values()), axis=0) + np.log(_trait_chances(preset))
    scores = {}
    for name, table in weighed.items():
        negative, positive = logsumexp(table + (whole - either[name]), axis=1)
        scores[name] = float(positive - negative)
    return scores


def _trait_chances(preset: Preset) -> list[float]:
    """Chance of every combination of ``_TRAITS``; never 0, so that logarithms are finite."""
    table = preset.nodes
    parts = [
        (table.reactive_patient_fraction if traits.reactive else 1 - table.reactive_patient_fraction)
        * (table.granulomatous_patient_fraction if traits.granulomatous else 1 - table.granulomatous_patient_fraction)
        for traits in _TRAITS
    ]
    return [max(part, 1e-9) for part in parts]


def _reach(preset: Preset, tumor: Tumor) -> dict[str, float]:
    """How often a tumor like this one reaches each station; never 0 or 1."""
    rng = np.random.default_rng(0)
    counts = dict.fromkeys((row.name for row in anatomy.stations()), 0.5)
    for _ in range(_DRAWS):
        for station in draw_spread(preset, tumor, rng):
            counts[station] += 1
    return {station: count / (_DRAWS + 1) for station, count in counts.items()}


def _station_table(case: _Case, station: str, nodes: Sequence[NodeTruth]) -> np.ndarray:
    """Log-likelihood of a station's nodes if it is negative and if it is positive, for each of ``_TRAITS``."""
    looks = [_looks(case, node) for node in nodes]
    columns = []
    for traits in _TRAITS:
        benign = np.array([_benign(case, look, traits, station) for look in looks])
        metastatic = np.array([_metastatic(case, look, own) for look, own in zip(looks, benign, strict=True)])
        ratio = _positive_ratio(case.preset, station, metastatic - benign)
        columns.append((benign.sum(), benign.sum() + ratio))
    return np.array(columns).T


def _positive_ratio(preset: Preset, station: str, ratios: np.ndarray) -> float:
    """Log-likelihood of a positive station over a negative one, from those of its nodes.

    Sums over the number of metastatic nodes; the mean over all ways to choose them is an elementary symmetric
    polynomial of the nodes' ratios.
    """
    total, rate = len(ratios), preset.nodes.mean_count.get(station, 0.0)
    symmetric = np.full(total + 1, -np.inf)
    symmetric[0] = 0.0
    for ratio in ratios:
        symmetric[1:] = np.logaddexp(symmetric[1:], symmetric[:-1] + ratio)
    negative = _poisson(total, rate)
    stop = 1 / (1 + preset.spread.extra_nodes_mean)
    terms = []
    for number in range(1, total + 1):
        # A station never holds fewer nodes than metastatic ones: `draw_nodes` takes the larger number.
        count = negative if total > number else math.log(sum(math.exp(_poisson(n, rate)) for n in range(total + 1)))
        ways = math.lgamma(total + 1) - math.lgamma(number + 1) - math.lgamma(total - number + 1)
        geometric = math.log(stop) + (number - 1) * math.log(max(1 - stop, 1e-12))
        terms.append(geometric + count - negative + symmetric[number] - ways)
    return float(logsumexp(terms))


def _poisson(number: int, rate: float) -> float:
    return number * math.log(max(rate, 1e-9)) - rate - math.lgamma(number + 1)


@dataclass(frozen=True)
class _Looks:
    """Log-densities of one node under each of the ways in which nodes look."""

    usual: float
    enlarged: float
    inflamed: float
    metastatic: float


def _looks(case: _Case, node: NodeTruth) -> _Looks:
    return _Looks(
        usual=_look(case, node, "benign", enlarged=False, inflamed=False),
        enlarged=_look(case, node, "benign", enlarged=True, inflamed=False),
        inflamed=_look(case, node, "benign", enlarged=True, inflamed=True),
        metastatic=_look(case, node, "metastatic", enlarged=False, inflamed=False),
    )


def _benign(case: _Case, look: _Looks, traits: NodeTraits, station: str) -> float:
    """Log-density of a node that looks benign, inflamed or not."""
    table = case.preset.nodes
    usual = look.enlarged if traits.reactive else look.usual
    share = table.granulomatous_node_fraction
    if not traits.granulomatous or station not in table.granulomatous_stations or share == 0:
        return usual
    return float(np.logaddexp(math.log(1 - share) + usual, math.log(share) + look.inflamed))


def _metastatic(case: _Case, look: _Looks, benign: float) -> float:
    """Log-density of a metastatic node: a part looks benign."""
    share = case.preset.nodes.micrometastasis_fraction
    if share in (0.0, 1.0):
        return benign if share else look.metastatic
    return float(np.logaddexp(math.log(share) + benign, math.log(1 - share) + look.metastatic))


def _look(case: _Case, node: NodeTruth, status: str, *, enlarged: bool, inflamed: bool) -> float:
    table = case.preset.nodes
    factor = table.station_size_factor.get(node.station, 1.0)
    if status == "metastatic":
        sizes, look, factor = table.metastatic_short_axis_mm, table.metastatic[node.group], factor**0.5
    else:
        sizes, look = table.benign_short_axis_mm, table.benign[node.group]
        factor *= table.reactive_size_factor if enlarged else 1.0
    if not node.visible:
        return _below(sizes, factor, case.preset.imaging.visible_short_axis_mm)
    seen = _size(sizes, factor, node.short_axis_mm) + _signs(look, node, venous_hu(node.hu, case.truth.plan.contrast))
    calcified = table.calcified_fraction if inflamed else 0.0
    seen += _chance(calcified, node.calcified)
    return seen + _uptake(case, node, status, inflamed) if case.pet else seen


def _uptake(case: _Case, node: NodeTruth, status: str, inflamed: bool) -> float:
    table = case.preset.nodes
    if status == "metastatic":
        return _size(table.metastatic_suv, 1 / 3 if case.truth.plan.tumor.weakly_avid else 1.0, node.suv)
    return _size(table.granulomatous_suv if inflamed else table.benign_suv, 1.0, node.suv)


def _signs(look: Appearance, node: NodeTruth, hu: float) -> float:
    """Log-density of all attributes of a visible node but its size and calcium."""
    density = _normal(look.elongation, node.elongation) + _normal(look.hu, hu)
    density += _normal(look.texture_sd_hu, node.texture_sd_hu) + _normal(look.margin_mm, node.margin_mm)
    if node.short_axis_mm > _HILUM_MM:
        density += _chance(look.fatty_hilum, node.fatty_hilum)
    if node.short_axis_mm > _LARGE_MM:
        density += _chance(look.necrosis, node.necrosis_fraction > 0) + _chance(look.conglomerate, node.n_lobes > 1)
    return density


def _chance(share: float, happened: bool) -> float:
    return math.log(max(share if happened else 1 - share, 1e-9))


def _normal(table: Normal, value: float) -> float:
    """Log-density of a normal distribution whose tails are moved to the ends of its range."""
    return _clipped((value - table.mean) / table.sd, value <= table.low, value >= table.high) - math.log(table.sd)


def _size(table: LogNormal, factor: float, value: float) -> float:
    """Log-density of the logarithm of a value."""
    standard = (math.log(value) - math.log(table.median * factor)) / table.sigma
    return _clipped(standard, value <= table.low, value >= table.high) - math.log(table.sigma)


def _clipped(standard: float, at_low: bool, at_high: bool) -> float:
    if at_low or at_high:
        return _tail(standard if at_low else -standard)
    return -0.5 * standard * standard - 0.5 * math.log(2 * math.pi)


@cache
def _below(table: LogNormal, factor: float, limit: float) -> float:
    """Logarithm of the chance of a value under a limit."""
    return _tail((math.log(limit) - math.log(table.median * factor)) / table.sigma)


def _tail(standard: float) -> float:
    return float(log_ndtr(standard))
