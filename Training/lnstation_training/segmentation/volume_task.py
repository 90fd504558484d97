"""What the tasks on whole volumes share: one way to prepare patients, in one folder format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.cohorts.tables import CohortPatient
from lnstation_training.engine.values import Report
from lnstation_training.segmentation.folder import VolumeGeometry, VolumeSample
from lnstation_training.segmentation.preparation import prepare_volumes
from LNStationLib.support.progress import Progress


class VolumeTask:
    """Part of ``engine.task.Task`` for a task that reads volumes on a network's grid.

    Attributes:
        name: Of the task.
    """

    name: str
    geometry = VolumeGeometry

    def prepare(
        self,
        cohort: Sequence[CohortPatient],
        folder: Path,
        info: CohortInfo,
        geometry: VolumeGeometry,
        progress: Progress,
        workers: int,
    ) -> list[VolumeSample]:
        """Resample CT, masks and whatever else a patient has onto the network's grid."""
        return prepare_volumes(self.name, cohort, folder, info, geometry, progress, workers)

    def prepared_report(self, samples: Sequence[VolumeSample]) -> Report:
        """How many patients."""
        return Report(("patients",), [[str(len(samples))]])
