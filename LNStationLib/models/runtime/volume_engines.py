"""What runs a network of volumes: torch on any device, or OpenVINO on a CPU, in the precision that pays there."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from LNStationLib.models.runtime.model_cache import ConvertedNetwork, cache_key, keep_converted, read_converted
from LNStationLib.models.runtime.openvino_engine import EngineError
from LNStationLib.models.runtime.sliding_window import WINDOW_MULTIPLE
from LNStationLib.sampling.crude_chest import crude_chest
from LNStationLib.sampling.volume import HU_CHANNELS, VolumeSpec
from LNStationLib.support.sentences import first_line
from LNStationLib.support.types import FloatArray

log = logging.getLogger(__name__)

Precision = Literal["float32", "bfloat16", "float16"]
MIN_DICE = 0.98
"""Of label maps by OpenVINO and by torch in single precision on the crude chest: all labels together, background left
out. Rounding moves surfaces by fractions of a voxel; a wrong operation moves much more."""
_WINDOW_VALUES_BYTES = 6_600_000
"""Of one channel of a window at full resolution. A U-Net of 32 channels there, with an answer of 42 classes, takes
2 GB for it (docs/benchmarks.md), so that all of a case stays below 4 GB."""
_CHECKED_SIZE = (64, 96, 112)
"""Voxels along z, y, x of the comparison: some seconds of torch."""
_EXAMPLE_SIZE = (2 * WINDOW_MULTIPLE,) * 3


def max_window_voxels(precision: Precision) -> int:
    """Voxels of one window that memory allows."""
    return _WINDOW_VALUES_BYTES // (4 if precision == "float32" else 2)


def cpu_precision() -> Precision:
    """bfloat16 where the CPU multiplies it in hardware (AMX, or AVX-512 with BF16); single precision elsewhere."""
    asked = (getattr(torch.cpu, name, None) for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"))
    return "bfloat16" if any(ask is not None and ask() for ask in asked) else "float32"


class TorchVolumes:
    """A network of volumes by torch.

    Args:
        network: In evaluation mode.
        device: Name as ``devices.chosen_device`` returns it.

    Attributes:
        precision: Of convolutions.
    """

    engine: Literal["torch"] = "torch"

    def __init__(self, network: nn.Module, device: str) -> None:
        self._network, self._device = network.to(device), device
        self.precision: Precision = _torch_precision(device)

    def __call__(self, window: FloatArray) -> Tensor:
        """Probabilities float32 ``[class, z, y, x]`` of one window ``[1, channel, z, y, x]``."""
        reduced = self.precision != "float32"
        kind = torch.device(self._device).type
        dtype = getattr(torch, self.precision) if reduced else None
        with torch.inference_mode(), torch.autocast(kind, dtype, enabled=reduced):
            return softmax_in_place(self._network(torch.from_numpy(window).to(self._device))[0].float()).cpu()

    def release(self) -> None:
        """Nothing is held between volumes."""


class OpenVinoVolumes:
    """A network of volumes by OpenVINO, converted once on a computer and compiled for the window that is asked.

    Args:
        build: Makes the network, in evaluation mode on the CPU; called only where it is not converted yet.
        spec: How it sees a scan.
        identity: What tells the network from others: the hash of its weights, its name and arguments.
        precision: Of convolutions.

    Attributes:
        precision: The same.
        dice: Of its label map with torch's.

    Raises:
        EngineError: The network cannot be converted, or its label map differs from torch's.
    """

    engine: Literal["openvino"] = "openvino"

    def __init__(
        self,
        build: Callable[[], nn.Module],
        spec: VolumeSpec,
        identity: Mapping[str, Any],
        precision: Precision,
    ) -> None:
        import openvino

        self.precision = precision
        self._core = openvino.Core()
        self._size: tuple[int, ...] | None = None
        self._compiled: Any = None
        self._request: Any = None
        key = cache_key(**identity, openvino=openvino.__version__, precision=precision)
        converted = self._kept(key)
        if converted is None:
            converted = self._made(build(), spec)
            keep_converted(key, converted)
        self.dice = converted.dice
        if not self.dice >= MIN_DICE:
            raise EngineError(f"OpenVINO's label map differs from torch's (Dice {self.dice:.3f})")

    def __call__(self, window: FloatArray) -> Tensor:
        """Probabilities float32 ``[class, z, y, x]`` of one window ``[1, channel, z, y, x]``."""
        if self._size != window.shape:
            self._compile(window.shape)
        if self._request is None:
            self._request = self._compiled.create_infer_request()
        # The answer lies in memory that the next pass writes; a copy would take another 0.7 GB.
        return softmax_in_place(torch.from_numpy(self._request.infer(window, share_outputs=True)[0][0]))

    def release(self) -> None:
        """Give back the memory of a pass, 1 to 2 GB for organs; the network stays loaded."""
        self._request = None
        if self._compiled is not None:
            self._compiled.release_memory()

    def _kept(self, key: str) -> ConvertedNetwork | None:
        converted = read_converted(key)
        if converted is not None:
            try:
                self._read(converted)
            except RuntimeError as error:
                log.warning("the converted network cannot be read (%s) and is made again", error)
                return None
        return converted

    def _read(self, converted: ConvertedNetwork) -> None:
        import openvino

        self._weights = np.frombuffer(converted.weights, np.uint8)
        self._model = self._core.read_model(converted.xml, openvino.Tensor(self._weights, shared_memory=False))

    def _made(self, network: nn.Module, spec: VolumeSpec) -> ConvertedNetwork:
        log.info("converting the network for OpenVINO, once")
        try:
            converted = _converted(network, len(spec.channels))
            self._read(converted)
            agreement = self._agreement(network, spec)
        except RuntimeError as error:
            raise EngineError(f"OpenVINO cannot convert the network: {first_line(error)}") from error
        return ConvertedNetwork(converted.xml, converted.weights, agreement)

    def _agreement(self, network: nn.Module, spec: VolumeSpec) -> float:
        """Dice of this engine's label map of a crude chest with torch's in single precision."""
        window = _checked_window(spec)
        with torch.inference_mode():
            expected = network(torch.from_numpy(window))[0].argmax(0)
        return label_dice(self(window).argmax(0).numpy(), expected.numpy())

    def _compile(self, size: tuple[int, ...]) -> None:
        import openvino

        self._compiled = self._request = None
        self._model.reshape({self._model.inputs[0]: openvino.PartialShape(list(size))})
        hint = {"bfloat16": "bf16", "float16": "f16"}.get(self.precision, "f32")
        options = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": torch.get_num_threads()}
        self._compiled = self._core.compile_model(self._model, "CPU", options)
        self._size = size


def softmax_in_place(logits: Tensor) -> Tensor:
    """Probabilities ``[class, z, y, x]`` in the memory of their logits."""
    logits -= logits.amax(0)
    logits.exp_()
    logits /= logits.sum(0)
    return logits


def label_dice(one: np.ndarray, other: np.ndarray) -> float:
    """Dice of two label maps over all labels together, background (0) left out; 1 where both are empty."""
    size = int((one > 0).sum()) + int((other > 0).sum())
    return 2 * int(((one == other) & (one > 0)).sum()) / size if size else 1.0


def _torch_precision(device: str) -> Precision:
    if device == "cpu":
        return cpu_precision()
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    return "float32"


def _checked_window(spec: VolumeSpec) -> FloatArray:
    """The crude chest as the network sees it; organ channels hold a ball each."""
    hu, ball = crude_chest(_CHECKED_SIZE, spec.spacing_mm)
    channels = [HU_CHANNELS[name].scaled(hu) if name in HU_CHANNELS else ball for name in spec.channels]
    return np.stack(channels)[None].astype(np.float32)


def _converted(network: nn.Module, in_channels: int) -> ConvertedNetwork:
    """A network of any window size as OpenVINO's files; agreement is not known yet."""
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = torch.zeros(1, in_channels, *_EXAMPLE_SIZE)
    with torch.inference_mode(), warnings.catch_warnings():
        # Tracing warns that sizes become constants. None does: strides divide the example, as they do all windows.
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(network, example, check_trace=False)
        # OpenVINO does not keep the decoder alive.
        decoder = TorchScriptPythonDecoder(traced, example_input=(example,))
        front_end = FrontEndManager().load_by_framework("pytorch")
        model = front_end.convert(front_end.load(decoder))
    model.reshape({model.inputs[0]: openvino.PartialShape([1, in_channels, -1, -1, -1])})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        openvino.save_model(model, path, compress_to_fp16=True)
        return ConvertedNetwork(path.read_bytes(), path.with_suffix(".bin").read_bytes(), float("nan"))
