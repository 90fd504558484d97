"""A network's latest answers to windows, so that what an edit does not touch is not asked again."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from LNStationLib.support.types import FloatArray

if TYPE_CHECKING:
    import torch

Ask = Callable[[FloatArray], "torch.Tensor"]
_MOST_VALUES = 60_000_000
"""Kept in half precision, 120 MB: three classes of six views of a chest."""


class RememberedAnswers:
    """Answers by the content of the window, the latest ones; the same window always gets the same answer."""

    def __init__(self, most_values: int = _MOST_VALUES) -> None:
        self._most_values = most_values
        self._answers: OrderedDict[bytes, torch.Tensor] = OrderedDict()

    def asking(self, network: str, ask: Ask) -> Ask:
        """A function that asks a network where the answer is not known.

        Args:
            network: Tells networks apart.
            ask: As :func:`LNStationLib.models.runtime.sliding_window.predict_volume` takes it.
        """

        def answer(window: FloatArray) -> torch.Tensor:
            key = _key(network, window)
            if key not in self._answers:
                self._keep(key, ask(window).half())
            self._answers.move_to_end(key)
            return self._answers[key].float()

        return answer

    def _keep(self, key: bytes, answer: torch.Tensor) -> None:
        self._answers[key] = answer
        while len(self._answers) > 1 and sum(one.numel() for one in self._answers.values()) > self._most_values:
            self._answers.popitem(last=False)


def _key(network: str, window: FloatArray) -> bytes:
    digest = hashlib.blake2b(network.encode(), digest_size=16)
    digest.update(str(window.shape).encode())
    digest.update(window.tobytes())
    return digest.digest()
