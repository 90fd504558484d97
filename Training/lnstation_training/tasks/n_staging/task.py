"""N-staging on PET/CT as a task of the engine: training strategies 2 and 3."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.cohorts.tables import CohortPatient
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import Monitor, PackageContent, Part, Report
from lnstation_training.tasks.n_staging.data_module import PatientData, PatientSample
from lnstation_training.tasks.n_staging.lightning_module import StagingModule
from lnstation_training.tasks.n_staging.prediction import predict, predict_patients
from lnstation_training.tasks.station_patches.evaluation import StagingEvaluation, evaluate
from lnstation_training.tasks.station_patches.package import content_of, section_fields
from lnstation_training.tasks.station_patches.prediction import PatientPrediction
from lnstation_training.tasks.station_patches.preparation import prepare
from lnstation_training.tasks.station_patches.samples import PatchGeometry
from lnstation_training.tasks.station_patches.task import PetCtTask, records_report
from LNStationLib.models.package import Manifest, NStagingSection
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress


class NStagingTask(PetCtTask):
    """The N category of a patient from patches of all stations and the tumor's side; see ``engine.task.Task``."""

    name = "n_staging"
    title = "N category of lung cancer on PET/CT, from patients with stations, N category, or both"
    unit = "patient"
    monitor = Monitor("val_balanced_accuracy", "max", "validation balanced accuracy of stations and N category")
    module = StagingModule
    data = PatientData
    example_config = "Training/configs/n_staging_cpu.yaml"

    def prepare(
        self,
        cohort: Sequence[CohortPatient],
        folder: Path,
        info: CohortInfo,
        geometry: PatchGeometry,
        progress: Progress,
        workers: int,
    ) -> list[PatientSample]:
        """Put every patient on the grid of the patches."""
        records = prepare(cohort, folder, self.name, info, geometry, progress, workers)
        return [PatientSample(record) for record in records]

    def prepared_report(self, samples: Sequence[PatientSample]) -> Report:
        """Patients by N category, with their stations."""
        return records_report([sample.record for sample in samples])

    def check_settings(self, module: StagingModule, data: PatientData) -> None:
        """Stations lie in groups by the rules that staged the patients.

        Raises:
            InputError: They are not.
        """
        data.setup()
        if module.rules != data.geometry.rules:
            raise InputError(
                f"model.rules is {module.rules} and the patients were staged by {data.geometry.rules}: set it alike."
            )

    def predict(self, module: StagingModule, data: PatientData, part: Part, device: str) -> list[PatientPrediction]:
        """N category and stations of every patient of whom something is known."""
        return predict(module, data, part, device)

    def evaluate(self, run: Run, part: Part, device: str, n_resamples: int) -> StagingEvaluation:
        """N categories and stations, beside SUVmax and lesion overlap."""
        return evaluate(run, part, device, predict_patients)

    def package(self, run: Run, device: str, progress: Progress) -> PackageContent:
        """Patch, stations, calibration and operating points of stations, figures of the test part."""
        run.data.setup()
        progress("predicting the validation part", 0.0)
        validation = predict_patients(run.module, run.data, "validation", device)
        section = NStagingSection(rules=run.data.geometry.rules, **section_fields(run.data, validation))
        return content_of(run, device, progress, section, predict_patients)

    def probe(self, network: nn.Module, manifest: Manifest[NStagingSection]) -> Tensor:
        """Logits of N category and stations for two fixed random patients."""
        generator = torch.Generator().manual_seed(0)
        section = manifest.section
        count = len(section.stations)
        patches = torch.rand(2, count, len(section.channels), *section.patch.size, generator=generator)
        told = torch.ones(2, 1 + count, dtype=torch.long)
        told[1, :2] = 0
        output = network(patches, groups=told)
        return torch.cat([output.logits, output.station_logits], dim=1)
