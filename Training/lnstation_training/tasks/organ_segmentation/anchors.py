"""The anchor network of DeepStationing's pair as a source of channels (Guo et al. 2021, Sec. 2.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lnstation_training.segmentation.channels import batch_channels
from lnstation_training.segmentation.classes import class_set
from lnstation_training.segmentation.dataset import SPACING
from lnstation_training.segmentation.module import CT_CHANNELS
from lnstation_training.segmentation.patients import CT
from LNStationLib.models.package import OrganSegmentation, read_package
from LNStationLib.models.package.organ_segmentation import ANCHOR
from LNStationLib.support.errors import InputError


@dataclass(frozen=True)
class AnchorGrid:
    """How the anchor network sees a scan; triples along z, y, x.

    Attributes:
        spacing_mm: Voxel size.
        window: Voxels of a window.
    """

    spacing_mm: tuple[float, float, float]
    window: tuple[int, ...]


class Anchors(nn.Module):
    """The anchor network as a source of channels; its weights stay as they are.

    It runs on the very patch that the other network sees, so that drawn appearance reaches both, and on voxels of its
    own size: large organs need a wide view more than a fine one. Probabilities come back on the patch's grid.

    Args:
        network: Gives logits of the anchors.
        network_name: In the registry.
        network_arguments: Of it.
        grid: That it was trained on.
    """

    def __init__(
        self, network: nn.Module, network_name: str, network_arguments: Mapping[str, Any], grid: AnchorGrid
    ) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.network_name, self.network_arguments, self.grid = network_name, dict(network_arguments), grid
        self.classes = class_set(ANCHOR)
        self._seen: tuple[Tensor, Tensor] | None = None
        """The CT last seen, and its anchors. The tensor itself: the id of a batch may be that of a later one."""

    @classmethod
    def of_package(cls, source: Path) -> Anchors:
        """The anchor network of a package.

        Raises:
            InputError: It is none, or has no anchors.
        """
        package = read_package(source)
        section = package.section(OrganSegmentation)
        if ANCHOR not in section.classes:
            raise InputError(f"{source} has no network of anchors.")
        entry, spec = package.manifest.network(ANCHOR), section.volumes[ANCHOR]
        grid = AnchorGrid(spec.spacing_mm, spec.patch)
        return cls(package.network(ANCHOR), entry.name, entry.arguments, grid)

    def train(self, mode: bool = True) -> Anchors:
        """Always in evaluation mode."""
        return super().train(False)

    def __call__(self, batch: Mapping[str, Any], organ: str) -> Tensor:
        """Probability of an anchor ``[B, 1, z, y, x]``; the network runs once a batch."""
        if self._seen is None or self._seen[0] is not batch[CT]:
            with torch.no_grad():
                self._seen = batch[CT], self._probabilities(batch)
        number = self.classes.names.index(organ)
        return self._seen[1][:, number : number + 1]

    def _probabilities(self, batch: Mapping[str, Any]) -> Tensor:
        """Of all anchors ``[B, class, z, y, x]``."""
        hu = batch[CT].float()
        own = self.own_size(hu.shape[2:], batch[SPACING][0].tolist())
        # The mean of all voxels that a larger one covers, as inference smooths along axes that lose resolution.
        seen = hu if own == tuple(hu.shape[2:]) else functional.interpolate(hu, own, mode="area")
        found = torch.softmax(self.network(batch_channels({CT: seen}, CT_CHANNELS)).float(), 1)
        return found if seen is hu else functional.interpolate(found, tuple(hu.shape[2:]), mode="trilinear")

    def own_size(self, size: Sequence[int], spacing_mm: Sequence[float]) -> tuple[int, ...]:
        """Voxels of the network's own size along z, y, x in a box of ``size`` voxels of ``spacing_mm``."""
        rows = zip(size, spacing_mm, self.grid.spacing_mm, strict=True)
        return tuple(max(1, round(n * given / own)) for n, given, own in rows)
