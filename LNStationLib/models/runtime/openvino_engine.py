"""A network compiled by OpenVINO: the same answers on a CPU in a fraction of the time, once it is compiled."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from LNStationLib.networks.output import NetworkOutput, tensors_of
from LNStationLib.support.sentences import first_line

TOLERANCE = 1e-4
"""Largest difference of a probability, and of a map as part of its highest value, from plain torch's: the last digit
that a result shows of a probability."""
_SEED = 0
_EXAMPLES = 2
"""Of the comparison: more than one, so that a batch is compared too."""


class EngineError(RuntimeError):
    """The network cannot be compiled, or the compiled one answers otherwise."""


def is_installed() -> bool:
    """Whether OpenVINO can be imported, asked without importing it."""
    return importlib.util.find_spec("openvino") is not None


class CompiledNetwork:
    """Called as the network that it was made of, for batches of any size on the CPU.

    Args:
        network: In evaluation mode, on the CPU.
        size: Voxels of an input along z, y, x.
        in_channels: Channels of an input.
        threads: Of one pass.
        arguments: Given to the network in every pass.

    Raises:
        EngineError: OpenVINO does not know one of the network's operations, or its answer for random inputs differs
            from torch's by more than ``TOLERANCE``.
    """

    def __init__(
        self,
        network: nn.Module,
        size: Sequence[int],
        in_channels: int,
        threads: int,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        plain = _Plain(network, arguments or {}).eval()
        draw = torch.Generator().manual_seed(_SEED)
        example = torch.rand(_EXAMPLES, in_channels, *size, generator=draw) * 2 - 1
        with torch.inference_mode():
            self._kind = type(network(example, **plain.arguments))
        try:
            self._compiled = _compiled(plain, example, threads)
        except RuntimeError as error:
            raise EngineError(f"OpenVINO cannot compile the network: {first_line(error)}") from error
        difference = self._difference(plain, example)
        if not difference <= TOLERANCE:
            raise EngineError(f"OpenVINO's answer differs from torch's by {difference:.1e}")

    def __call__(self, batch: Tensor) -> NetworkOutput:
        """Run ``[B, in_channels, z, y, x]``."""
        answer = self._answer(batch)
        return answer[0] if issubclass(self._kind, Tensor) else self._kind.of_tensors(answer)

    def _answer(self, batch: Tensor) -> list[Tensor]:
        return [torch.from_numpy(value.copy()) for value in self._compiled(batch.numpy()).to_tuple()]

    def _difference(self, plain: nn.Module, batch: Tensor) -> float:
        """Largest difference: of logits as probabilities, of what follows them as part of its highest value."""
        with torch.inference_mode():
            expected = plain(batch)
        found = self._answer(batch)
        differences = [(found[0].sigmoid() - expected[0].sigmoid()).abs().max()]
        differences += [
            (one - other).abs().max() / other.abs().max() for one, other in zip(found[1:], expected[1:], strict=True)
        ]
        return float(torch.stack(differences).max())


def _compiled(plain: nn.Module, example: Tensor, threads: int) -> Any:
    """Convert and compile. OpenVINO's ``convert_model`` would do so in twice the time, and with its telemetry."""
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    with torch.inference_mode(), warnings.catch_warnings():
        # Tracing warns that sizes of inputs become constants, which they are.
        warnings.simplefilter("ignore")
        # Tracing checks itself by two more passes; the comparison with torch does so on what is really run.
        traced = torch.jit.trace(plain, example[:1], check_trace=False)
        # OpenVINO does not keep the decoder alive.
        decoder = TorchScriptPythonDecoder(traced, example_input=(example[:1],))
        front_end = FrontEndManager().load_by_framework("pytorch")
        model = front_end.convert(front_end.load(decoder))
    model.reshape({model.inputs[0]: openvino.PartialShape([-1, *example.shape[1:]])})
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    return openvino.compile_model(model, "CPU", options)


class _Plain(nn.Module):
    """Tensors instead of a network's own output, which OpenVINO does not know."""

    def __init__(self, network: nn.Module, arguments: Mapping[str, Any]) -> None:
        super().__init__()
        self.network = network
        self.arguments = dict(arguments)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tensors_of(self.network(x, **self.arguments))
