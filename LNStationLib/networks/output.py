"""What networks return, and how an engine carries it as plain tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class StationOutput:
    """Answer of a station classifier for a batch of B regions of interest.

    Attributes:
        logits: Logit of metastasis, shape ``[B]``.
        attention: Aggregated attention, shape ``[B, 1, d, h, w]``, at least 0, summing to 1 over the volume of every
            sample, on a coarser grid than the input; ``None`` where not asked for or where the network has none.
        router_logits: One tensor ``[B, tokens, experts]`` for every layer with a router; empty without experts.
        balance_loss: Scalar that keeps experts evenly used (V-MoE only); ``None`` elsewhere.
    """

    logits: Tensor
    attention: Tensor | None = None
    router_logits: list[Tensor] = field(default_factory=list)
    balance_loss: Tensor | None = None

    def tensors(self) -> tuple[Tensor, ...]:
        """What inference uses, the logits first."""
        return (self.logits,) if self.attention is None else (self.logits, self.attention)

    @classmethod
    def of_tensors(cls, tensors: Sequence[Tensor]) -> StationOutput:
        """Undo ``tensors``."""
        logits, *maps = tensors
        return cls(logits, maps[0] if maps else None)


@dataclass(frozen=True)
class NodeOutput:
    """Answer of a node classifier for a batch of B patches.

    Attributes:
        logits: Logit of metastasis, shape ``[B]``.
        side_logits: Of every stream alone, by the name of its channel; empty with one stream.
        features: What the logits are made of, ``[B, features]``; ``None`` where a network does not give it.
    """

    logits: Tensor
    side_logits: Mapping[str, Tensor] = field(default_factory=dict)
    features: Tensor | None = None

    def tensors(self) -> tuple[Tensor, ...]:
        """What inference uses."""
        return (self.logits,)

    @classmethod
    def of_tensors(cls, tensors: Sequence[Tensor]) -> NodeOutput:
        """Undo ``tensors``."""
        return cls(tensors[0])


@dataclass(frozen=True)
class StageOutput:
    """Answer of a network that stages B patients by their L stations.

    Attributes:
        logits: Of N0 to N3, shape ``[B, 4]``.
        station_logits: Of metastasis by station, shape ``[B, L]``.
    """

    logits: Tensor
    station_logits: Tensor

    def tensors(self) -> tuple[Tensor, ...]:
        """What inference uses."""
        return (self.logits, self.station_logits)

    @classmethod
    def of_tensors(cls, tensors: Sequence[Tensor]) -> StageOutput:
        """Undo ``tensors``."""
        return cls(*tensors)


NetworkOutput = Tensor | StationOutput | NodeOutput | StageOutput
"""A segmentation network returns its logits ``[B, class, z, y, x]`` alone."""


def tensors_of(output: NetworkOutput) -> tuple[Tensor, ...]:
    """An output as plain tensors, the logits first."""
    return (output,) if isinstance(output, Tensor) else output.tensors()
