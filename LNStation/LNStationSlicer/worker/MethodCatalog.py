"""Which methods and options there are: those that came with the module, then those that the worker tells."""

from __future__ import annotations

from typing import Any

from LNStationSlicer.exchange.MethodDefinitions import shippedSteps
from LNStationSlicer.support.Signal import Signal
from LNStationSlicer.worker.WorkerClient import WorkerClient
from LNStationSlicer.worker.WorkerErrors import WorkerError


class MethodCatalog:
    """The steps with their methods.

    Attributes:
        changed: Emitted when the worker told of others than were known.
        steps: What is known.
    """

    def __init__(self, client: WorkerClient) -> None:
        self.changed = Signal()
        self.steps = shippedSteps()
        self._client = client
        client.started.connect(self._ask)

    def _ask(self) -> None:
        """Every worker, when it starts; what is known serves until it answers, and where it does not."""
        self._client.request("methods", {}, self._onMethods, self._onError)

    def _onMethods(self, answer: dict[str, Any]) -> None:
        if answer["steps"] != self.steps:
            self.steps = answer["steps"]
            self.changed.emit()

    def _onError(self, error: WorkerError) -> None:
        """Whoever started the worker hears of it by a request of their own."""
