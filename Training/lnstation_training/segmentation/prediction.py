"""A network's answer for every whole patient of a part of a fold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict

from lnstation_training.engine.values import Part
from lnstation_training.segmentation.data_module import VolumeDataModule
from lnstation_training.segmentation.module import SegmentationModule
from lnstation_training.segmentation.scores import ClassScore


class PatientScores(BaseModel):
    """One patient.

    Attributes:
        patient: Identifier.
        scores: One for each class but the background, in order.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patient: str
    scores: list[ClassScore]


def predict_scores(
    module: SegmentationModule, data: VolumeDataModule, part: Part, device: str, spacing_mm: Sequence[float]
) -> list[PatientScores]:
    """Segment the patients of a part, one after the other.

    Args:
        module: With trained weights.
        data: Its fold, set up.
        part: Which part.
        device: ``"cpu"`` or ``"cuda"``.
        spacing_mm: Voxel size of the volumes along z, y, x.
    """
    module = module.to(device).eval()
    found = []
    with torch.inference_mode():
        for batch in data.loader(part):
            on_device = {key: _moved(value, device) for key, value in batch.items()}
            scores = module.scores(on_device, spacing_mm)
            found.append(PatientScores(patient=batch["patient"][0], scores=scores))
    return found


def _moved(value: Any, device: str) -> Any:
    return value.to(device) if isinstance(value, torch.Tensor) else value
