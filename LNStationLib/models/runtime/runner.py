"""A network of a package ready to be asked: on its device, by its engine, batch by batch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from LNStationLib.models.package.container import PackageError
from LNStationLib.models.package.reading import ModelPackage
from LNStationLib.networks.registry import network_info
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress, silent
from LNStationLib.support.types import Engine, FloatArray

if TYPE_CHECKING:
    import torch

    from LNStationLib.networks.output import NetworkOutput

log = logging.getLogger(__name__)

OPENVINO_REQUIREMENT = "openvino==2026.4.1"
"""Kept with ``pyproject.toml``'s by a test."""
_MIN_PARAMETERS_TO_COMPILE = 5_000_000
"""Compiling takes seconds, which a smaller network never saves within a case (docs/benchmarks.md)."""
MAX_BATCH_SAMPLES = 32
"""Of one pass: all stations of a case (17) go together, and memory stays bounded where there are more samples."""


class NetworkRunner:
    """One network of a package on its device.

    Args:
        package: Read and verified.
        role: Of the network.
        device: Name as ``devices.chosen_device`` returns it.
        engine: What shall run the network on a CPU; "auto" is OpenVINO where it is installed and compiling pays, else
            torch.
        arguments: Given to the network in every pass, e.g. ``{"with_attention": True}``.

    Attributes:
        engine: What runs it.

    Raises:
        PackageError: The network cannot be built.
        InputError: The engine is not installed, or cannot run this network or on this device.
    """

    def __init__(
        self,
        package: ModelPackage,
        role: str,
        device: str,
        engine: Engine = "torch",
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        from LNStationLib.networks.fusing import fused

        self.device = device
        self.engine: Engine = "torch"
        self._source: Path = package.path
        self._input = package.manifest.section.network_input(role)
        self._needs_groups = network_info(package.manifest.network(role).name).needs_groups
        self._network: Any = fused(package.network(role)).to(device)
        self._arguments = dict(arguments or {})
        if engine != "torch":
            self._compile(engine)

    def _compile(self, wanted: Engine) -> None:
        """Let OpenVINO run the network where it can; with "auto" only where it pays, and never an error."""
        from LNStationLib.models.runtime.openvino_engine import EngineError

        refusal = self._refusal()
        if wanted == "auto" and (refusal or self._n_parameters() < _MIN_PARAMETERS_TO_COMPILE):
            return
        if refusal:
            raise InputError(f"{refusal}.")
        try:
            self._network = self._compiled()
        except EngineError as error:
            if wanted == "openvino":
                raise InputError(f"{self._source}: {error}: choose the engine torch.") from error
            log.warning("%s; torch runs the network.", error)
            return
        self.engine = "openvino"
        self._arguments = {}

    def _refusal(self) -> str | None:
        """Why OpenVINO cannot run this network here, with the remedy; ``None`` where it can be tried."""
        from LNStationLib.models.runtime import openvino_engine

        if not openvino_engine.is_installed():
            return (
                f"OpenVINO is not installed: run python -m pip install {OPENVINO_REQUIREMENT}, or choose the engine "
                "torch"
            )
        if self.device != "cpu":
            return f"the engine openvino runs on the CPU, not on {self.device}: choose cpu, or the engine torch"
        if self._needs_groups:
            return "the engine openvino does not run networks that ask for station groups: choose the engine torch"
        if self._input.size is None:
            return "the engine openvino only runs networks of one input size: choose the engine torch"
        return None

    def _n_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self._network.parameters())

    def _compiled(self) -> Callable[..., NetworkOutput]:
        import torch

        from LNStationLib.models.runtime.openvino_engine import CompiledNetwork

        size, channels = self._input.size or (), len(self._input.channels)
        return CompiledNetwork(self._network, size, channels, torch.get_num_threads(), self._arguments)

    def predict(
        self, samples: FloatArray, groups: np.ndarray | None = None, progress: Progress = silent
    ) -> tuple[FloatArray, ...]:
        """Ask about samples, at most ``MAX_BATCH_SAMPLES`` in one pass.

        Args:
            samples: float32 ``[N, channel, z, y, x]``, at least one.
            groups: int64 ``[N]``, for a network that needs the group of every sample.
            progress: Told before every pass; may raise ``CancelledError``.

        Returns:
            The network's outputs as float32 arrays ``[N, ...]``, the logits first.

        Raises:
            PackageError: The network does not take the samples, or a logit is NaN or infinite.
            InputError: The device's memory does not suffice.
        """
        passes = []
        for start in range(0, len(samples), MAX_BATCH_SAMPLES):
            progress("running the network", start / len(samples))
            part = slice(start, start + MAX_BATCH_SAMPLES)
            passes.append(self.run(samples[part], None if groups is None else groups[part]))
        answers = tuple(np.concatenate(parts) for parts in zip(*passes, strict=True))
        if not np.isfinite(answers[0]).all():
            raise PackageError(f"{self._source} cannot be used: its network's answer is NaN or infinite.")
        return answers

    def run(self, batch: FloatArray, groups: np.ndarray | None = None) -> tuple[FloatArray, ...]:
        """One pass; see ``predict``, which also divides large batches and checks the logits."""
        import torch

        inputs = torch.from_numpy(np.ascontiguousarray(batch)).to(self.device)
        arguments = dict(self._arguments)
        if groups is not None and self._needs_groups:
            arguments["groups"] = torch.from_numpy(groups).to(self.device)
        try:
            return self._pass(inputs, arguments)
        except torch.OutOfMemoryError as error:
            raise InputError(f"the memory of {self.device} does not suffice for the network: choose cpu.") from error
        except RuntimeError as error:
            if "memory" in str(error).lower():
                raise
            size = " x ".join(str(n) for n in reversed(batch.shape[2:]))
            raise PackageError(
                f"{self._source} cannot be used: its network does not take an input of {size}."
            ) from error

    def _pass(self, inputs: torch.Tensor, arguments: Mapping[str, Any]) -> tuple[FloatArray, ...]:
        import torch

        from LNStationLib.networks.output import tensors_of

        with torch.inference_mode():
            output = self._network(inputs, **arguments)
            return tuple(tensor.float().cpu().numpy() for tensor in tensors_of(output))
