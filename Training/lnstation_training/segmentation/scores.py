"""How well label maps agree, class by class."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor


class ClassScore(BaseModel):
    """One class in one patient.

    Attributes:
        name: Of the class.
        dice: In [0, 1]; ``None`` where the patient does not have the class, or it was not drawn.
        true_ml: Volume of the truth.
        found_ml: Volume found.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    dice: float | None
    true_ml: float
    found_ml: float


def class_scores(found: Tensor, sets: Tensor, names: Sequence[str], spacing_mm: Sequence[float]) -> list[ClassScore]:
    """Dice of every class but the background.

    Args:
        found: Class of every voxel, ``[z, y, x]``.
        sets: Classes that every voxel may have by the truth, bool ``[class, z, y, x]``; voxels that may or may not be
            of a class are left out of its Dice.
        names: Of the classes, the background first.
        spacing_mm: Voxel size along z, y, x.
    """
    voxel_ml = float(torch.tensor(spacing_mm).double().prod()) / 1000
    certain = sets.sum(0) == 1
    scores = []
    for number, name in enumerate(names[1:], start=1):
        target = sets[number] & certain
        answer = (found == number) & (certain | ~sets[number])
        true, got = int(target.sum()), int(answer.sum())
        dice = 2 * int((target & answer).sum()) / (true + got) if true else None
        scores.append(ClassScore(name=name, dice=dice, true_ml=true * voxel_ml, found_ml=got * voxel_ml))
    return scores


def mean_dice(scores: Sequence[ClassScore]) -> float | None:
    """Mean over the classes that are there; ``None`` without any."""
    found = [each.dice for each in scores if each.dice is not None]
    return sum(found) / len(found) if found else None
