"""Which stations a tumor has reached: by drainage from its site, its distance, and onward from station to station."""

from __future__ import annotations

from collections import deque
from functools import lru_cache

import numpy as np

from LNStationLib import anatomy
from LNStationLib.phantom.nodes.tumor import Tumor
from LNStationLib.phantom.preset import Preset
from LNStationLib.support.types import PointMm

STATION_CENTERS_MM: dict[str, PointMm] = {
    "1R": (-44, -14, 96), "1L": (44, -16, 96), "2R": (-18, -10, 62), "2L": (19, -2, 62), "3A": (2, -48, 24),
    "3P": (2, 30, 50), "4R": (-16, -8, 22), "4L": (14, 9, 8), "5": (38, 12, 14), "6": (28, -24, 35),
    "7": (2, 19, -26), "8": (8, 30, -62), "9": (-6, 34, -84), "10R": (-35, 3, -8), "10L": (42, 22, -17),
    "11R": (-34, 26, -32), "11L": (50, 26, -36),
}  # fmt: skip
"""Middle of each station in an average adult, LPS mm in the frame of the anatomy tables."""


def draw_spread(preset: Preset, tumor: Tumor, rng: np.random.Generator) -> dict[str, int]:
    """Draw the involved stations and the number of metastatic nodes in each.

    An independent cascade: first the tumor may reach stations directly, with the chances of its site, changed by its
    size and by how much nearer or farther than usual it lies; then every station that was reached gets one try at
    each station it drains to. A station far along a chain is therefore rarely reached without the ones before it.

    Args:
        preset: Chances.
        tumor: Site, size and center.
        rng: Random generator.

    Returns:
        Station to number of metastatic nodes, in the order of the station table; only stations with any.
    """
    reached = _reached_directly(preset, tumor, rng)
    waiting = deque(reached)
    while waiting:
        for station, chance in preset.spread.onward.get(waiting.popleft(), {}).items():
            if rng.random() < chance and station not in reached:
                reached.append(station)
                waiting.append(station)
    stop = 1 / (1 + preset.spread.extra_nodes_mean)
    return {row.name: int(rng.geometric(stop)) for row in anatomy.stations() if row.name in reached}


def _reached_directly(preset: Preset, tumor: Tumor, rng: np.random.Generator) -> list[str]:
    table, site = preset.spread, preset.site(tumor.site)
    size = (tumor.diameter_mm / preset.tumor.diameter_mm.median) ** table.size_exponent
    zeal = float(np.exp(table.aggressiveness_sigma * rng.standard_normal()))
    chances = {
        station: min(usual * size * zeal * distance_factor(tumor, site.center_mm, station, table.decay_mm), 0.95)
        for station, usual in site.drains_to.items()
    }
    return [station for station, chance in chances.items() if rng.random() < chance]


@lru_cache(maxsize=1024)
def distance_factor(tumor: Tumor, usual_center: PointMm, station: str, decay_mm: float) -> float:
    """How much likelier the tumor reaches a station because it lies nearer to it than is usual for its site.

    Kept, since the ideal observer draws the spread of one tumor many hundred times.
    """
    place = np.asarray(STATION_CENTERS_MM[station])
    usual = float(np.linalg.norm(place - usual_center))
    actual = float(np.linalg.norm(place - tumor.center_mm))
    return float(np.exp(np.clip((usual - actual) / decay_mm, -2, 2)))
