"""Networks of a package that label the voxels of a scan: probabilities of their classes on the network's grid."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.grid import Grid
from LNStationLib.models.package.container import PackageError
from LNStationLib.models.package.organ_segmentation import ANCHOR, NON_ANCHOR, OrganSegmentation
from LNStationLib.models.package.reading import ModelPackage
from LNStationLib.models.package.volumes import VolumeSection
from LNStationLib.models.runtime.remembered import Ask, RememberedAnswers
from LNStationLib.models.runtime.runner import OPENVINO_REQUIREMENT
from LNStationLib.models.runtime.sliding_window import fitted_tiling, predict_volume
from LNStationLib.models.runtime.warm import warm
from LNStationLib.sampling.volume import OrganProbabilities, VolumeSpec, outside_values, volume_channels, volume_grid
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, portion, silent
from LNStationLib.support.types import Engine, FloatArray, LabelArray

if TYPE_CHECKING:
    from torch import nn

    from LNStationLib.models.runtime.volume_engines import OpenVinoVolumes, TorchVolumes

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClassProbabilities:
    """What a network says of every voxel.

    Attributes:
        grid: The network's grid.
        classes: Names in order; the first is background.
        values: float16 ``[class, z, y, x]`` in [0, 1], adding up to 1 but for rounding.
    """

    grid: Grid
    classes: tuple[str, ...]
    values: np.ndarray

    def of(self, *classes: int) -> FloatArray:
        """Probability that a voxel is of one of some classes: float32 ``[z, y, x]`` in [0, 1]."""
        total = self.values[list(classes)].sum(axis=0, dtype=np.float32)
        return np.asarray(np.minimum(total, 1.0))

    def labels(self) -> LabelArray:
        """The likeliest class of every voxel, uint8 ``[z, y, x]``."""
        # Slice by slice, for numpy compares half precision through copies in single precision.
        found = np.empty(self.grid.shape, np.uint8)
        for z in range(self.grid.shape[0]):
            found[z] = self.values[:, z].astype(np.float32).argmax(axis=0)
        return found


class Segmenter:
    """The networks of a package of volumes, each built when it is first asked.

    Args:
        package: Read and verified.
        device: Name as ``devices.chosen_device`` returns it.
        engine: What shall run networks on a CPU; "auto" is OpenVINO where it is installed, else torch.

    Attributes:
        section: What the package says of its networks.

    Raises:
        PackageError: The package is of a task that labels no voxels.
        InputError: The engine is not installed, or does not run on the device.
    """

    def __init__(self, package: ModelPackage, device: str, engine: Engine = "auto") -> None:
        section = package.manifest.section
        if not isinstance(section, VolumeSection):
            raise PackageError(
                f"the model package {package.manifest.package_id} was made for the task {package.manifest.task!r}, "
                "which labels no voxels: choose another package."
            )
        self.section: VolumeSection = section
        self._package, self._device = package, device
        self._wanted = _checked_engine(engine, device)
        self._networks: dict[str, OpenVinoVolumes | TorchVolumes] = {}
        self._remembered = RememberedAnswers()

    def network(self, role: str) -> OpenVinoVolumes | TorchVolumes:
        """The network of a role, ready to be asked; it says by its ``engine`` and ``precision`` what runs it.

        Raises:
            PackageError: It cannot be built.
            InputError: OpenVINO was asked for and cannot run it.
        """
        if role not in self._networks:
            self._networks[role] = self._built(role)
        return self._networks[role]

    def probabilities(
        self,
        role: str,
        ct: sitk.Image,
        extent: Grid,
        organs: OrganProbabilities | None = None,
        progress: Progress = silent,
        patch_windows: bool = False,
        spec: VolumeSpec | None = None,
        mirrored: int | None = None,
    ) -> ClassProbabilities:
        """Ask the network of a role about a scan.

        Args:
            role: Which.
            ct: Volume in HU, of any orientation and spacing.
            extent: Grid over the part of the scan that is looked at: the case's working grid, which holds the chest.
            organs: What is known of organs, for networks that have channels of them.
            progress: Told before every window; may raise ``CancelledError``.
            patch_windows: Whether windows are as small as the patch of training, for a network to which what else a
                window holds matters. Its latest answers are kept: an edit leaves most windows as they are.
            spec: In place of that of the package, such as one of smaller voxels.
            mirrored: Axis of ``[z, y, x]`` along which the network sees the scan mirrored; the answer is not.

        Raises:
            PackageError: The network cannot be built, or answers NaN.
            InputError: The memory of the device does not suffice.
            ValueError: A channel needs an organ that is not known.
        """
        progress("preparing the network", 0.0)
        network, spec = self.network(role), spec or self.section.volumes[role]
        grid = volume_grid(extent, spec)
        volume = _mirrored(volume_channels(ct, grid, spec, organs), mirrored)
        classes = tuple(self.section.classes[role])
        ask = self._remembered.asking(role, network) if patch_windows else network
        values = self._predicted(network, ask, volume, spec, len(classes), progress, patch_windows)
        return ClassProbabilities(grid, classes, _mirrored(values, mirrored))

    def _predicted(
        self,
        network: Any,
        ask: Ask,
        volume: FloatArray,
        spec: VolumeSpec,
        n_classes: int,
        progress: Progress,
        patch_windows: bool,
    ) -> np.ndarray:
        import torch

        from LNStationLib.models.runtime.volume_engines import max_window_voxels

        # A window of a patch is allowed in any case.
        most = 0 if patch_windows else max_window_voxels(network.precision)
        tiling = fitted_tiling(volume.shape[1:], spec.patch, most)
        try:
            found = predict_volume(ask, volume, tiling, n_classes, outside_values(spec), progress)
        except torch.OutOfMemoryError as error:
            raise InputError(f"the memory of {self._device} does not suffice for the network: choose cpu.") from error
        finally:
            network.release()
        if np.isnan(found[0]).any():
            raise PackageError(f"{self._package.path} cannot be used: its network's answer is NaN.")
        return found

    def _built(self, role: str) -> OpenVinoVolumes | TorchVolumes:
        from LNStationLib.models.runtime.openvino_engine import EngineError
        from LNStationLib.models.runtime.volume_engines import OpenVinoVolumes, TorchVolumes, cpu_precision

        def build() -> nn.Module:
            return self._package.network(role)

        if self._wanted == "torch":
            return TorchVolumes(build(), self._device)
        try:
            return OpenVinoVolumes(build, self.section.volumes[role], self._identity(role), cpu_precision())
        except EngineError as error:
            if self._wanted == "openvino":
                raise InputError(f"{self._package.path}: {error}: choose the engine torch.") from error
            log.warning("%s; torch runs the network.", error)
            return TorchVolumes(build(), self._device)

    def _identity(self, role: str) -> dict[str, Any]:
        """What decides a conversion of the network, and its check."""
        entry, spec = self._package.manifest.network(role), self.section.volumes[role]
        return {
            "weights": entry.weights.sha256,
            "network": entry.name,
            "arguments": entry.arguments,
            "channels": list(spec.channels),
            "spacing_mm": list(spec.spacing_mm),
        }


def _mirrored(values: FloatArray, axis: int | None) -> FloatArray:
    """Channels ``[c, z, y, x]``, mirrored along an axis of ``[z, y, x]``."""
    return values if axis is None else np.ascontiguousarray(np.flip(values, axis + 1))


def warm_segmenter(path: Path, device: str = "auto", engine: Engine = "auto") -> Segmenter:
    """The networks of a package, kept loaded for the next case; see ``warm``."""
    return warm(path, device, engine, Segmenter)


def organ_probabilities(
    segmenter: Segmenter, ct: sitk.Image, extent: Grid, progress: Progress = silent
) -> Mapping[str, ClassProbabilities]:
    """Organs by all networks of a package: the anchors of a stratified one first, which the others then see.

    Args:
        segmenter: Of a package of the task ``organ_segmentation``.
        ct: Volume in HU.
        extent: Grid over the part of the scan that is looked at.
        progress: Told before every window; may raise ``CancelledError``.

    Returns:
        By role. ``OrganSegmentation.organs_of`` says which classes make up which organ.

    Raises:
        PackageError: The package is of another task; or as ``Segmenter.probabilities``.
    """
    section = segmenter.section
    if not isinstance(section, OrganSegmentation):
        raise PackageError(
            f"the model package was made for the task {section.task!r}, and the task here is "
            f"{OrganSegmentation.task!r}: choose another package."
        )
    if ANCHOR not in section.classes:
        (role,) = section.classes
        return {role: segmenter.probabilities(role, ct, extent, progress=progress)}
    anchors = segmenter.probabilities(ANCHOR, ct, extent, progress=portion(progress, 0.0, 0.5))
    wanted = section.volumes[NON_ANCHOR].organs
    known = {organ: anchors.of(*places) for organ, places in section.organs_of(ANCHOR).items() if organ in wanted}
    others = segmenter.probabilities(
        NON_ANCHOR, ct, extent, OrganProbabilities(anchors.grid, known), portion(progress, 0.5, 1.0)
    )
    return {ANCHOR: anchors, NON_ANCHOR: others}


def _checked_engine(engine: Engine, device: str) -> Engine:
    """The engine to try: torch where OpenVINO is not wanted, or "auto" cannot have it."""
    from LNStationLib.models.runtime import openvino_engine

    if engine == "torch":
        return "torch"
    refusal = None
    if device != "cpu":
        refusal = f"the engine openvino runs on the CPU, not on {device}: choose cpu, or the engine torch"
    elif not openvino_engine.is_installed():
        refusal = (
            f"OpenVINO is not installed: run python -m pip install {OPENVINO_REQUIREMENT}, or choose the engine torch"
        )
    if refusal is None:
        return engine
    if engine == "openvino":
        raise InputError(f"{refusal}.")
    return "torch"
