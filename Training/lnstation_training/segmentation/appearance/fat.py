"""What lies in mediastinal fat and is no organ: strands and lymph nodes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from torch import Tensor

from lnstation_training.segmentation.appearance.base import LOOSE_TISSUE, Appearance, fat_of, mask_of, replaced
from lnstation_training.segmentation.appearance.fields import coordinates
from lnstation_training.segmentation.patients import CT, NODE_KINDS, SMALL_NODE, VISIBLE_NODE
from LNStationLib.phantom.nodes.node import VISIBLE_MM

_LARGEST_NODES = 24


class FatStrands(Appearance):
    """Strands and small vessels in fat, fewer or more, fainter or denser."""

    name, prob_default = "fat_strands", 0.85
    reference = "Fat stranding of the mediastinum on CT: soft-tissue lines of -50 to 40 HU in fat"

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        field = self.field(ct, self.uniform(5, 20))
        amount = torch.sigmoid((field - self.uniform(1.2, 2.7)) * 3)
        density = (0.9 * self.uniform(0, 1) ** 2 + 0.1) * self.strength
        return {CT: replaced(ct, fat_of(ct, organs) * amount * density, 30.0)}


class LymphNodes(Appearance):
    """Nodes of 4 to 20 mm in mediastinal fat, round or oval, 20 to 110 HU, some with a fatty hilum, some calcified.

    They belong to no organ: a network must learn not to take them for vessels. Where the patch has a map of node
    kinds they are drawn into it too.
    """

    name, prob_default = "lymph_nodes", 0.7
    reference = "Short axis up to 10 mm is normal (Ganeshalingam and Koh 2009)"

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Also keeps the map of node kinds true."""
        self._kinds = data[NODE_KINDS].clone() if NODE_KINDS in data else None
        changed = super().__call__(data)
        if self._kinds is not None:
            changed[NODE_KINDS] = self._kinds
        return changed

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        room = mask_of(organs, ("mediastinum",)) & fat_of(ct, organs)
        made, loose = ct, mask_of(organs, LOOSE_TISSUE)
        for _ in range(int(self.R.randint(1, _LARGEST_NODES)) if room.any() else 0):
            center = self.point_in(room)
            if center is not None:
                made = self._node(made, loose, center)
        return {CT: made}

    def _node(self, ct: Tensor, loose: Tensor, center: list[int]) -> Tensor:
        short = 4 + 16 * self.uniform(0, 1) ** 2.5
        radii = [short / 2 * self.uniform(1.0, 1.8) for _ in range(3)]
        box, inside = ellipsoid(ct, center, radii, self.spacing_mm)
        hu = self.uniform(20, 110) if self.happens(0.93) else self.uniform(200, 900)
        weight = torch.sigmoid((1 - inside) * short) * loose[box] * self.strength
        made = ct.clone()
        made[box] = replaced(ct[box], weight, hu)
        self._note(box, weight, short)
        if self.happens(0.15) and short > 8:
            made[box] = replaced(made[box], torch.sigmoid((0.4 - inside) * 12) * weight, -90.0)
        return made

    def _note(self, box: tuple[slice, ...], weight: Tensor, short_mm: float) -> None:
        """Draw a node into the map of kinds, where there is one and the node can be seen."""
        if self._kinds is not None:
            kind = VISIBLE_NODE if short_mm >= VISIBLE_MM else SMALL_NODE
            part = self._kinds[box]
            self._kinds[box] = torch.where(weight > 0.5, kind, part).to(part.dtype)


def ellipsoid(
    ct: Tensor, center: list[int], radii_mm: list[float], spacing_mm: tuple[float, float, float]
) -> tuple[tuple[slice, ...], Tensor]:
    """The box around an ellipsoid, and how far each of its voxels lies from the center, 1 at the surface."""
    box: list[slice] = [slice(0, 1)]
    squared: Tensor | float = 0.0
    for axis, (middle, radius, step) in enumerate(zip(center, radii_mm, spacing_mm, strict=True)):
        reach = int(2 * radius / step) + 2
        part = slice(max(middle - reach, 0), min(middle + reach + 1, ct.shape[axis + 1]))
        box.append(part)
        index: list[slice] = [slice(None)] * 4
        index[axis + 1] = part
        squared = squared + ((coordinates(ct, axis)[tuple(index)] - middle) * step / radius) ** 2
    return tuple(box), torch.sqrt(torch.as_tensor(squared))
