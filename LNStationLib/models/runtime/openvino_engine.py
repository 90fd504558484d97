"""A network compiled by OpenVINO: the same answers on a CPU in a fraction of the time, once it is compiled."""

from __future__ import annotations

import importlib.util
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from LNStationLib.networks.output import StationOutput

TOLERANCE = 1e-4
"""Largest difference of a probability, and of an attention map as part of its highest value, from plain torch's."""
_SEED = 0


class EngineError(RuntimeError):
    """The network cannot be compiled, or the compiled one answers otherwise."""


def is_installed() -> bool:
    """Whether OpenVINO can be imported, asked without importing it."""
    return importlib.util.find_spec("openvino") is not None


class CompiledNetwork:
    """Called as the network that it was made of, for batches of any size on the CPU; knows no station groups.

    Args:
        network: In evaluation mode, on the CPU.
        region: Voxels of a region along z, y, x.
        in_channels: Channels of a region.
        threads: Of one pass.

    Raises:
        EngineError: OpenVINO does not know one of the network's operations, or its answer for a random region differs
            from torch's by more than ``TOLERANCE``.
    """

    def __init__(self, network: nn.Module, region: tuple[int, int, int], in_channels: int, threads: int) -> None:
        example = torch.rand(2, in_channels, *region, generator=torch.Generator().manual_seed(_SEED)) * 2 - 1
        try:
            self._compiled = _compiled(network, example, threads)
        except RuntimeError as error:
            raise EngineError(f"OpenVINO cannot compile the network: {error}") from error
        difference = self._difference(network, example)
        if not difference <= TOLERANCE:
            raise EngineError(f"OpenVINO's answer differs from torch's by {difference:.1e}")

    def __call__(self, batch: Tensor, with_attention: bool = True, groups: Tensor | None = None) -> StationOutput:
        """Classify regions ``[B, in_channels, z, y, x]``; ``groups`` are not used."""
        answer = [torch.from_numpy(value.copy()) for value in self._compiled(batch.numpy()).to_tuple()]
        return StationOutput(answer[0], answer[1] if with_attention and len(answer) > 1 else None)

    def _difference(self, network: nn.Module, batch: Tensor) -> float:
        with torch.inference_mode():
            expected = network(batch, with_attention=True)
        found = self(batch)
        differences = [(found.logits.sigmoid() - expected.logits.sigmoid()).abs().max()]
        if expected.attention is not None and found.attention is not None:
            highest = expected.attention.amax()
            differences.append((found.attention - expected.attention).abs().max() / highest)
        return float(torch.stack(differences).max())


def _compiled(network: nn.Module, example: Tensor, threads: int) -> Any:
    """Convert and compile. OpenVINO's ``convert_model`` would do so in twice the time, and with its telemetry."""
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    with torch.inference_mode(), warnings.catch_warnings():
        # Tracing warns that sizes of regions become constants, which they are.
        warnings.simplefilter("ignore")
        # Tracing checks itself by two more passes; the comparison with torch does so on what is really run.
        traced = torch.jit.trace(_Plain(network).eval(), example[:1], check_trace=False)
        # OpenVINO does not keep the decoder alive.
        decoder = TorchScriptPythonDecoder(traced, example_input=(example[:1],))
        front_end = FrontEndManager().load_by_framework("pytorch")
        model = front_end.convert(front_end.load(decoder))
    model.reshape({model.inputs[0]: openvino.PartialShape([-1, *example.shape[1:]])})
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    return openvino.compile_model(model, "CPU", options)


class _Plain(nn.Module):
    """Tensors instead of a ``StationOutput``, which OpenVINO does not know."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        output: StationOutput = self.network(x, with_attention=True)
        return (output.logits,) if output.attention is None else (output.logits, output.attention)
