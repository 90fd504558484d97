"""What pneumonectomy takes: bronchi and vessels are cut near the mediastinum."""

from __future__ import annotations

import numpy as np

from LNStationLib.imaging.grid import Grid
from LNStationLib.phantom.anatomy.shapes import Patch
from LNStationLib.phantom.anatomy.variants.pleural_space import removed_lung, side_distance
from LNStationLib.phantom.anatomy.variation import Variation

_STUMP_MM: dict[int, dict[str, float]] = {
    1: {
        "main_bronchus_left": 20.0, "pulmonary_artery_left": 32.0, "superior_pulmonary_veins": 27.0,
        "inferior_pulmonary_vein_left": 26.0, "upper_lobe_bronchus_left": 0.0, "lower_lobe_bronchus_left": 0.0,
    },
    -1: {
        "main_bronchus_right": 14.0, "pulmonary_artery_right": 26.0, "superior_pulmonary_veins": 27.0,
        "inferior_pulmonary_vein_right": 26.0, "bronchus_intermedius": 0.0, "upper_lobe_bronchus_right": 0.0,
        "middle_lobe_bronchus_right": 0.0, "lower_lobe_bronchus_right": 0.0,
    },
}  # fmt: skip
"""By side and shape: how far from the mediastinum's middle it is cut, in mm."""


def resect(patches: dict[str, Patch], grid: Grid, variation: Variation) -> None:
    """Cut what belonged to a removed lung, in place; nothing happens without pneumonectomy."""
    side = removed_lung(variation)
    if side == 0:
        return
    outward = -side_distance(grid, variation, side)
    for name, limit in _STUMP_MM[side].items():
        patch = patches[name]
        beyond = np.broadcast_to(outward, grid.shape)[patch.box] - np.float32(limit)
        cut = np.maximum(patch.sdf, beyond) if limit > 0 else np.full_like(patch.sdf, 5.0)
        patches[name] = Patch(patch.box, cut.astype(np.float32))
