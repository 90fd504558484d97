"""A model package ready to be asked about stations; torch is imported where it is used."""

from __future__ import annotations

import logging
import os
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from LNStationLib.metastasis.station_groups import station_groups
from LNStationLib.models.package.container import PackageError
from LNStationLib.models.package.reading import ModelPackage, read_package
from LNStationLib.networks.installation import check_installed
from LNStationLib.networks.registry import network_info
from LNStationLib.sampling.station_region import StationRegion
from LNStationLib.support.errors import InputError
from LNStationLib.support.types import Engine, FloatArray

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

CHANNELS = {"ct": 0, "node_mask": 1}
"""Where ``StationRegion.array`` has what a package calls its inputs."""
_DEVICE = re.compile(r"(cpu|mps|cuda(:\d+)?)")
OPENVINO = "openvino==2026.4.1"
"""Kept with ``pyproject.toml``'s by a test."""
_PAYS_FROM = 5_000_000
"""Parameters; compiling takes seconds, which a small network never saves within a case."""
_MOST_WARM = 2
_LEFT_RIGHT = -1


@dataclass(frozen=True)
class Prediction:
    """A network's answer for one station.

    Attributes:
        logit: Of metastasis; averaged over the region and its mirror image where asked for.
        attention: float32 ``[d, h, w]`` summing to 1 on a coarser grid over the region; ``None`` where the network
            has none.
        attention_in_nodes: Part of it in attention voxels that a node reaches into, as the attention loss counts it
            (Li et al. 2025, eq. 1); ``None`` without attention or where the station has no node.
        nodes: Numbers of the station's nodes, the one that draws most of the attention first (of two that share their
            attention voxels the larger); empty without attention.
    """

    logit: float
    attention: FloatArray | None
    attention_in_nodes: float | None
    nodes: tuple[int, ...]


class StationNetwork:
    """A verified package, its network built and on its device.

    Args:
        package: Read and verified.
        device: Name as :func:`chosen_device` returns it.
        engine: What runs the network on a CPU: torch, OpenVINO, or, with "auto", OpenVINO where it is installed and
            compiling pays.

    Raises:
        PackageError: The network cannot be built, or the package asks for what stations do not have.
        InputError: The engine is not installed, or cannot run this network or on this device.
    """

    def __init__(self, package: ModelPackage, device: str, engine: Engine = "torch") -> None:
        self.path, self.manifest, self.device = package.path, package.manifest, device
        self._groups = self._groups_of_stations()
        network = package.network()
        from LNStationLib.networks.fusing import fused

        self._network: Any = fused(network).to(device)
        self.engine: Engine = "torch"
        if engine != "torch":
            self._compile(engine)

    def _compile(self, wanted: Engine) -> None:
        """Let OpenVINO run the network where it can; with "auto" only where it pays, and never an error."""
        import torch

        from LNStationLib.models.runtime import openvino_engine

        refusal = None
        if not openvino_engine.is_installed():
            refusal = f"OpenVINO is not installed: run python -m pip install {OPENVINO}, or choose the engine torch"
        elif self.device != "cpu":
            refusal = f"the engine openvino runs on the CPU, not on {self.device}: choose cpu, or the engine torch"
        elif self._groups is not None:
            refusal = "the engine openvino does not run networks that ask for station groups: choose the engine torch"
        if wanted == "auto" and (refusal or sum(p.numel() for p in self._network.parameters()) < _PAYS_FROM):
            return
        if refusal:
            raise InputError(f"{refusal}.")
        z, y, x = self.manifest.region.size
        channels, threads = len(self.manifest.inputs), torch.get_num_threads()
        try:
            self._network = openvino_engine.CompiledNetwork(self._network, (z, y, x), channels, threads)
        except openvino_engine.EngineError as error:
            if wanted == "openvino":
                raise InputError(f"{self.path}: {error}: choose the engine torch.") from error
            log.warning("%s; torch runs the network.", error)
            return
        self.engine = "openvino"

    def _groups_of_stations(self) -> dict[str, int] | None:
        """Station group by name, for a network that must be told."""
        if not network_info(self.manifest.network.name).needs_groups:
            return None
        groups = station_groups(self.manifest.n_groups)
        without = [name for name in self.manifest.stations if name not in groups]
        if without:
            raise PackageError(f"{self.path} cannot be used: its station {without[0]} is in no station group.")
        return dict(groups)

    def predict(
        self, stations: Sequence[str], regions: Sequence[StationRegion], *, flip_averaging: bool = False
    ) -> list[Prediction]:
        """Ask about stations, all in one pass.

        Args:
            stations: Their names, at least one.
            regions: Their regions, of the package's specification.
            flip_averaging: Average with the answer for the left-right mirrored region.

        Raises:
            PackageError: The network does not take the regions, or its answer is no number.
        """
        import torch

        channels = [CHANNELS[name] for name in self.manifest.inputs]
        batch = torch.from_numpy(np.stack([region.array[channels] for region in regions])).to(self.device)
        groups = None
        if self._groups is not None:
            groups = torch.tensor([self._groups[name] for name in stations], device=self.device)
        logits, attention = self._run(batch, groups, flip_averaging)
        if not bool(torch.isfinite(logits).all()):
            raise PackageError(f"{self.path} cannot be used: its network's answer is no number.")
        return [_prediction(logits[n], attention, n, region) for n, region in enumerate(regions)]

    def _run(
        self, batch: torch.Tensor, groups: torch.Tensor | None, flip_averaging: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Logits ``[n]`` and attention ``[n, 1, d, h, w]`` on the CPU."""
        import torch

        try:
            with torch.inference_mode():
                output = self._network(batch, with_attention=True, groups=groups)
                logits, attention = output.logits, output.attention
                if flip_averaging:
                    mirrored = self._network(batch.flip(_LEFT_RIGHT), with_attention=True, groups=groups)
                    logits = (logits + mirrored.logits) / 2
                    if attention is not None:
                        attention = (attention + mirrored.attention.flip(_LEFT_RIGHT)) / 2
        except torch.OutOfMemoryError as error:
            raise InputError(f"the memory of {self.device} does not suffice for the network: choose cpu.") from error
        except RuntimeError as error:
            if "memory" in str(error).lower():
                raise
            size = " x ".join(str(n) for n in self.manifest.region.size)
            raise PackageError(f"{self.path} cannot be used: its network takes no regions of {size}.") from error
        return logits.float().cpu(), None if attention is None else attention.float().cpu()


def _prediction(
    logit: torch.Tensor, attention: torch.Tensor | None, number: int, region: StationRegion
) -> Prediction:
    if attention is None:
        return Prediction(float(logit), None, None, ())
    own = attention[number : number + 1]
    found, sizes = np.unique(region.nodes[region.nodes > 0], return_counts=True)
    drawn = {int(node): (_inside(own, region.nodes == node), int(n)) for node, n in zip(found, sizes, strict=True)}
    inside = _inside(own, region.nodes > 0) if drawn else None
    return Prediction(
        float(logit), own[0, 0].numpy(), inside, tuple(sorted(drawn, key=drawn.__getitem__, reverse=True))
    )


def _inside(attention: torch.Tensor, mask: np.ndarray) -> float:
    import torch

    from LNStationLib.networks.attention_map import attention_inside

    return float(attention_inside(attention, torch.from_numpy(mask[None, None].astype(np.float32)))[0])


def chosen_device(wanted: str) -> str:
    """The device to run on.

    Args:
        wanted: "auto" (CUDA where there is one, else the CPU), "cpu", "cuda", "cuda:N" or "mps".

    Raises:
        NetworksMissingError: torch is not installed.
        InputError: There is no such device.
    """
    check_installed()
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    name, _, number = wanted.partition(":")
    there = {
        "cpu": True,
        "cuda": int(number or 0) < torch.cuda.device_count() if number.isdigit() or not number else False,
        "mps": torch.backends.mps.is_available(),
    }
    if not _DEVICE.fullmatch(wanted) or not there[name]:
        raise InputError(f"the device {wanted!r} is not available on this computer: choose cpu or auto.")
    return wanted


_Key = tuple[str, tuple[tuple[int, int], ...], str, Engine]
_warm: OrderedDict[_Key, StationNetwork] = OrderedDict()


def warm_network(path: Path, device: str, engine: Engine = "torch") -> StationNetwork:
    """The network of a package, kept for the next time; read anew where a file of the package changed.

    Args:
        path: Folder or zip file.
        device: "auto" or the name of a device; see :func:`chosen_device`.
        engine: See ``StationNetwork``.

    Raises:
        PackageError: The package cannot be used.
        InputError: torch is not installed, there is no such device, or the engine cannot be used.
    """
    if not path.exists():
        raise PackageError(f"there is no model package at {path}: give a folder or a zip file.")
    device = chosen_device(device)
    key: _Key = (str(path.resolve()), _state(path), device, engine)
    if key in _warm:
        _warm.move_to_end(key)
        return _warm[key]
    network = StationNetwork(read_package(path), device, engine)
    _warm[key] = network
    while len(_warm) > _MOST_WARM:
        _warm.popitem(last=False)
    return network


def _state(path: Path) -> tuple[tuple[int, int], ...]:
    """Size and time of change of a package's files."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return tuple((status.st_size, status.st_mtime_ns) for status in map(os.stat, files))
