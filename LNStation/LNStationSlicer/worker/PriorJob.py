"""An earlier study of the patient, registered to the case by the worker."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from LNStationLib.support.errors import InputError
from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.exchange import VolumeExchange
from LNStationSlicer.support.Translation import _
from LNStationSlicer.worker.Jobs import Job, Pieces
from LNStationSlicer.worker.WorkerClient import WorkerClient


class PriorJob(Job):
    """Finds how the CT of another case lies on the case's own.

    Args:
        case: The case under review.
        prior: The earlier one.

    Attributes:
        prior: The earlier case.
        toCase: 4x4, world RAS of the earlier CT to that of the case; None until it is known.
    """

    method = "register_prior"
    needsReview = False

    def __init__(self, case: CaseScene, prior: CaseScene) -> None:
        super().__init__(case)
        self.prior = prior
        self.toCase: np.ndarray | None = None

    def build(self, folder: Path) -> Pieces:
        """The earlier CT, in slabs: to write it at once takes longer than the panel may pause."""
        ctNode = self.prior.ctNode()
        if ctNode is None:
            raise InputError(_("The CT of the earlier study is no longer in the scene."))
        slabs = VolumeExchange.exportVolumeSlabs(ctNode, folder, "prior")
        while "prior" not in self.params:
            yield partial(self._write, slabs)

    def _write(self, slabs: Generator[None, None, dict[str, Any]]) -> None:
        try:
            next(slabs)
        except StopIteration as end:
            self.params["prior"] = end.value

    def inputs(self) -> Sequence[dict[str, Any]]:
        """The earlier CT."""
        return [self.params["prior"]] if "prior" in self.params else []

    def receive(self, result: dict[str, Any], client: WorkerClient) -> Pieces:
        """Remember where it lies."""
        yield lambda: self._take(np.array(result["to_case"]))

    def _take(self, toCaseLps: np.ndarray) -> None:
        flip = VolumeExchange.FLIP
        self.toCase = flip @ toCaseLps @ flip
        self.case.setPrior(self.prior, self.toCase)
