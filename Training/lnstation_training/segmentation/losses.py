"""Dice and cross-entropy for classes that a voxel may have, with weight where thin vessels live or die."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from monai.losses.dice import DiceLoss
from torch import Tensor, nn
from torch.nn import functional

from LNStationLib.support.errors import InputError

_SMOOTHING = 1.0
"""Voxels added to numerator and denominator of Dice, so that a few voxels at a patch's edge do not rule."""


class SegmentationLoss(nn.Module):
    """Dice plus cross-entropy (Isensee et al. 2021) under label sets (Fidon et al., MICCAI 2021).

    Cross-entropy is that of the sum of the probabilities of all classes that a voxel may have. Dice is the mean over
    classes that are in the batch; voxels that may or may not be of a class are left out of its Dice.

    Args:
        names: Classes, the background first.
        class_weights: Weight of classes in both terms, 1 where not given.
        boundary_weight: How much more cross-entropy counts at voxels with a neighbor of another class. A vessel of
            5 mm on a grid of 2 mm is boundary throughout, a liver hardly anywhere.

    Raises:
        InputError: A weight of an unknown class.
    """

    def __init__(
        self,
        names: Sequence[str],
        class_weights: Mapping[str, float] | None = None,
        boundary_weight: float = 0.0,
    ) -> None:
        super().__init__()
        unknown = sorted(set(class_weights or {}) - set(names))
        if unknown:
            raise InputError(f"class_weights names unknown classes {', '.join(unknown)}; known: {', '.join(names)}.")
        weights = torch.tensor([float((class_weights or {}).get(name, 1.0)) for name in names])
        self.weights: Tensor
        self.register_buffer("weights", weights, persistent=False)
        self.boundary_weight = boundary_weight
        self.dice = DiceLoss(
            include_background=True, batch=True, reduction="none", smooth_nr=_SMOOTHING, smooth_dr=_SMOOTHING
        )

    def forward(self, logits: Tensor, values: Tensor, allowed: Tensor) -> dict[str, Tensor]:
        """The parts of the loss and their sum.

        Args:
            logits: ``[B, class, z, y, x]``, or ``[B, level, class, z, y, x]`` of deep supervision, the finest first.
            values: Label map ``[B, 1, z, y, x]``.
            allowed: Classes that a voxel of a value may have, ``[B, 256, class]``.

        Returns:
            ``loss``, ``cross_entropy`` and ``dice`` (1 minus Dice), scalars.
        """
        levels = [logits] if logits.dim() == 5 else list(torch.unbind(logits, 1))
        sets = allowed_classes(values, allowed)
        voxel_weights = self._voxel_weights(sets)
        shares = torch.tensor([0.5**level for level in range(len(levels))])
        shares = shares / shares.sum()
        parts = [self._parts(level, sets, voxel_weights) for level in levels]
        total = {
            name: sum(
                (share * part[name] for share, part in zip(shares.tolist(), parts, strict=True)), torch.tensor(0.0)
            )
            for name in parts[0]
        }
        return {"loss": total["cross_entropy"] + total["dice"], **total}

    def _parts(self, logits: Tensor, sets: Tensor, voxel_weights: Tensor) -> dict[str, Tensor]:
        log_probabilities = functional.log_softmax(logits.float(), 1)
        certain = sets.sum(1, keepdim=True) == 1
        # Where no voxel is in doubt, as in synthetic patients, both terms cost half as much on a CPU.
        all_certain = bool(certain.all())
        if all_certain:
            entropy = functional.nll_loss(log_probabilities, sets.byte().argmax(1), reduction="none")
        else:
            entropy = -log_probabilities.masked_fill(~sets, -torch.inf).logsumexp(1)
        cross_entropy = (entropy * voxel_weights).sum() / voxel_weights.sum()
        probabilities = log_probabilities.exp()
        dice = self._dice(probabilities if all_certain else probabilities * (certain | ~sets), sets & certain)
        return {"cross_entropy": cross_entropy, "dice": dice}

    def _voxel_weights(self, sets: Tensor) -> Tensor:
        """Weight of every voxel in the cross-entropy: ``[B, z, y, x]``."""
        weights = torch.einsum("bczyx,c->bzyx", sets.to(self.weights), self.weights) / sets.sum(1)
        if self.boundary_weight > 0:
            weights = weights * (1 + self.boundary_weight * boundary(sets))
        return weights

    def _dice(self, probabilities: Tensor, certain_sets: Tensor) -> Tensor:
        """1 minus Dice; ``certain_sets`` are the classes of voxels that may have one only."""
        target = certain_sets.to(probabilities)
        per_class = self.dice(probabilities, target).flatten()
        present = certain_sets.sum((0, 2, 3, 4)) > 0
        present[0] = False
        weights = self.weights * present
        return (per_class * weights).sum() / weights.sum().clamp_min(1e-6)


def allowed_classes(values: Tensor, allowed: Tensor) -> Tensor:
    """Classes that every voxel may have: bool ``[B, class, z, y, x]``.

    Args:
        values: Label map ``[B, 1, z, y, x]``.
        allowed: By value, ``[B, 256, class]``.
    """
    sets = torch.stack([table[one[0].long()] for table, one in zip(allowed, values, strict=True)])
    return sets.movedim(-1, 1)


def boundary(sets: Tensor) -> Tensor:
    """1 at voxels with a neighbor, of 26, of other classes, else 0: ``[B, z, y, x]``."""
    number = sets.float().argmax(1, keepdim=True).float()
    highest = functional.max_pool3d(number, 3, 1, 1)
    lowest = -functional.max_pool3d(-number, 3, 1, 1)
    return (highest != lowest)[:, 0].float()
