"""A node classifier from a model package: what concerns nodes, on top of ``models.runtime``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from LNStationLib.imaging.ct import FAT_HU
from LNStationLib.models.package import ModelPackage, NodeClassification
from LNStationLib.models.package.node_classification import NODE_CLASSIFIER
from LNStationLib.models.runtime.heat_map import GradCam, HeatMap, HeatMaps, IntegratedGradients
from LNStationLib.models.runtime.packaged import PackagedNetwork
from LNStationLib.models.runtime.warm import warm
from LNStationLib.sampling.node_patch import NodePatch, scaled
from LNStationLib.state.evidence import StationEvidence, coarser_grid
from LNStationLib.support.progress import Progress, silent
from LNStationLib.support.types import Engine, FloatArray

_LEFT_RIGHT_AXIS = -1
"""Last axis of `[z, y, x]`."""


class NodeClassifier(PackagedNetwork[NodeClassification]):
    """The classifier of a verified package, on its device.

    Args:
        package: Read and verified.
        device: Name as ``models.runtime.devices.chosen_device`` returns it.
        engine: What shall run the network on a CPU; heat maps are always torch's.

    Raises:
        PackageError: It is of another task, or its network cannot be built.
        InputError: The engine is not installed, or cannot run this network or on this device.
    """

    def __init__(self, package: ModelPackage, device: str, engine: Engine = "torch") -> None:
        super().__init__(package, NodeClassification, NODE_CLASSIFIER, device, engine)
        self._package = package
        self._heats: dict[HeatMap, HeatMaps] = {}

    def probabilities(
        self, patches: Sequence[NodePatch], *, flip_averaging: bool = False, progress: Progress = silent
    ) -> list[float]:
        """Probability of metastasis of nodes, in [0, 1], calibrated where the package carries a calibration.

        Args:
            patches: Of the package's specification, at least one.
            flip_averaging: Average the logit with that of the left-right mirrored patch.
            progress: Told before every pass.

        Raises:
            PackageError: The network does not take the patches, or its answer is NaN or infinite.
        """
        samples = np.stack([patch.values for patch in patches])
        logits = self._logits(samples, progress)
        if flip_averaging:
            logits = (logits + self._logits(np.flip(samples, _LEFT_RIGHT_AXIS), progress)) / 2
        return [self.section.probability(float(logit)) for logit in logits]

    def _logits(self, samples: FloatArray, progress: Progress) -> FloatArray:
        return self.runner.predict(samples, progress=progress)[0]

    def heat_maps(self, patches: Sequence[NodePatch], by: HeatMap = "integrated_gradients") -> list[StationEvidence]:
        """What in each patch speaks for metastasis; maps are at least 0 and need not sum to 1."""
        made = self.heat_maker(by)
        found = made.of(np.stack([patch.values for patch in patches]))
        return [
            StationEvidence(values, coarser_grid(patch.grids[made.channel], _shape(values)))
            for patch, values in zip(patches, found, strict=True)
        ]

    def heat_maker(self, by: HeatMap) -> HeatMaps:
        """What makes heat maps of patches in that way; kept for the next time."""
        if by not in self._heats:
            network = self._package.network(NODE_CLASSIFIER)
            if by == "grad_cam":
                self._heats[by] = GradCam(network, self.device)
            else:
                fat = float(scaled(np.array(FAT_HU), self.section.patch.window_hu))
                self._heats[by] = IntegratedGradients(network, self.device, tuple(self.section.channels), fat)
        return self._heats[by]


def _shape(values: FloatArray) -> tuple[int, int, int]:
    z, y, x = values.shape
    return z, y, x


def warm_classifier(path: Path, device: str, engine: Engine = "torch") -> NodeClassifier:
    """The classifier of a package, kept for the next time; see ``models.runtime.warm``.

    Raises:
        PackageError: The package cannot be used.
        InputError: torch is not installed, there is no such device, or the engine cannot be used.
    """
    return warm(path, device, engine, NodeClassifier)
