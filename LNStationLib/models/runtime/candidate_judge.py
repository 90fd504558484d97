"""The second stage of a package of detectors: probabilities that candidates are true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from LNStationLib.models.package.node_candidates import SECOND_STAGE
from LNStationLib.models.package.reading import ModelPackage
from LNStationLib.models.runtime.warm import warm
from LNStationLib.support.types import Engine, FloatArray

_BATCH = 32


class CandidateJudge:
    """The network of the role ``second_stage``, by torch: patches are few and small.

    Args:
        package: Read and verified; it has a second stage.
        device: Name as ``devices.chosen_device`` returns it.
        engine: Not looked at.
    """

    def __init__(self, package: ModelPackage, device: str, engine: Engine = "auto") -> None:
        self._network: Any = package.network(SECOND_STAGE).to(device).eval()
        self._device = device

    def probabilities(self, patches: FloatArray, tags: FloatArray) -> FloatArray:
        """Of true candidates, ``[candidate]``.

        Args:
            patches: float32 ``[candidate, channel, z, y, x]``.
            tags: float32 ``[candidate, tag]``; of width 0 where the network takes none.
        """
        import torch

        found = [np.zeros(0, np.float32)]
        with torch.inference_mode():
            for first in range(0, len(patches), _BATCH):
                part = slice(first, first + _BATCH)
                told = torch.from_numpy(tags[part]).to(self._device) if tags.shape[1] else None
                output = self._network(torch.from_numpy(patches[part]).to(self._device), told)
                found.append(torch.sigmoid(output.logits.float()).cpu().numpy())
        return np.concatenate(found)


def warm_judge(path: Path, device: str = "auto", engine: Engine = "auto") -> CandidateJudge:
    """The second stage of a package, kept loaded for the next case; see ``warm``."""
    return warm(path, device, engine, CandidateJudge)
