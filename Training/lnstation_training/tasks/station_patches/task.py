"""Stations on PET/CT from weighted patches as a task of the engine: training strategy 1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.cohorts.tables import CohortPatient, Need
from lnstation_training.engine.experiment_files import Rows
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import FileType, FoldResult, Monitor, PackageContent, Part, Report
from lnstation_training.tasks.station_patches.data_module import StationPatchData
from lnstation_training.tasks.station_patches.evaluation import Figures, StagingEvaluation, evaluate
from lnstation_training.tasks.station_patches.lightning_module import StationPatchModule
from lnstation_training.tasks.station_patches.package import package_content, probe
from lnstation_training.tasks.station_patches.plots import draw_all
from lnstation_training.tasks.station_patches.prediction import StationPrediction, predict, predict_patients
from lnstation_training.tasks.station_patches.preparation import prepare
from lnstation_training.tasks.station_patches.result_tables import tables_markdown
from lnstation_training.tasks.station_patches.samples import (
    TARGETS,
    PatchGeometry,
    PatientRecord,
    StationSample,
    Target,
    station_samples,
)
from LNStationLib.models.package import Manifest, StationPatches
from LNStationLib.support.progress import Progress

NEEDS: tuple[Need, ...] = ("pet", "stations", "tumor_side")
"""Labels may be of stations, of the N category, or of both, so that neither is needed of every patient."""


class PetCtTask:
    """What the tasks of single stations and of whole patients have alike."""

    needs: tuple[Need, ...] = NEEDS
    geometry = PatchGeometry
    evaluation = StagingEvaluation

    def report(self, evaluation: StagingEvaluation) -> Report:
        """Figures of the network and of the baselines."""
        return evaluation_report(evaluation)

    def draw(self, folder: Path, evaluation: StagingEvaluation, file_type: FileType) -> list[Path]:
        """Confusion matrices."""
        return draw_all(folder, evaluation, file_type)

    def result_tables(self, rows: Rows, results: Mapping[str, Sequence[FoldResult]]) -> str:
        """The tables of a paper as Markdown."""
        return tables_markdown(rows, results)


class StationPatchTask(PetCtTask):
    """A station, metastatic or not, from a patch of PET/CT; see ``engine.task.Task``."""

    name = "station_patches"
    title = "Lymph node stations, metastatic or not, on PET/CT without node masks"
    unit = "station"
    monitor = Monitor("val_balanced_accuracy", "max", "validation balanced accuracy")
    module = StationPatchModule
    data = StationPatchData
    example_config = "Training/configs/station_patches_cpu.yaml"

    def prepare(
        self,
        cohort: Sequence[CohortPatient],
        folder: Path,
        info: CohortInfo,
        geometry: PatchGeometry,
        progress: Progress,
        workers: int,
    ) -> list[StationSample]:
        """Put every patient on the grid of the patches."""
        return station_samples(prepare(cohort, folder, self.name, info, geometry, progress, workers))

    def prepared_report(self, samples: Sequence[StationSample]) -> Report:
        """Patients by N category, with their stations."""
        return records_report(list({sample.patient: sample.of for sample in samples}.values()))

    def check_settings(self, module: StationPatchModule, data: StationPatchData) -> None:
        """All go together."""

    def predict(
        self, module: StationPatchModule, data: StationPatchData, part: Part, device: str
    ) -> list[StationPrediction]:
        """Logit of every labeled station."""
        return predict(module, data, part, device)

    def evaluate(self, run: Run, part: Part, device: str, n_resamples: int) -> StagingEvaluation:
        """Stations and, by the rules, N categories, beside SUVmax and lesion overlap."""
        return evaluate(run, part, device, predict_patients)

    def package(self, run: Run, device: str, progress: Progress) -> PackageContent:
        """Patch, stations, calibration and operating points, figures of the test part."""
        return package_content(run, device, progress)

    def probe(self, network: nn.Module, manifest: Manifest[StationPatches]) -> Tensor:
        """Logits for two fixed random patches."""
        return probe(network, manifest)


def records_report(records: Sequence[PatientRecord]) -> Report:
    """Patients by N category: how many, of how many the stations are known, and how many stations are positive."""
    rows = []
    for stage in (0, 1, 2, 3, None):
        of_stage = [record for record in records if record.stage == stage]
        known = [record for record in of_stage if record.stations_known]
        counts = (len(of_stage), len(known), sum(record.n_positive for record in known))
        rows.append(["not known" if stage is None else f"N{stage}", *map(str, counts)])
    missing = Counter(name for record in records for name in record.left_out)
    lines = [f"Left out where PET does not cover it: {name} in {count} patients" for name, count in missing.items()]
    lines += [_by_truth(target, records) for target in TARGETS if all(target in each.stages for each in records)]
    return Report(("N category", "patients", "with stations known", "positive stations"), rows, lines)


def _by_truth(target: Target, records: Sequence[PatientRecord]) -> str:
    """What one truth says of all patients, so that it shows whether it can be learned."""
    aimed = [record.aimed_at(target) for record in records]
    stages = Counter(record.stage for record in aimed if record.stage is not None)
    known = sum(each.label is not None for record in aimed for each in record.stations)
    counts = ", ".join(f"N{stage} {stages[stage]}" for stage in sorted(stages)) or "no N category"
    positive = sum(record.n_positive for record in aimed)
    return f"By {TARGETS[target]}: {counts}; {positive} of {known} stations of known status positive"


def evaluation_report(evaluation: StagingEvaluation) -> Report:
    """Figures of every way to call stations."""
    titles = ("Acc.", "Bal. acc.", "Sens.", "Spec.")
    columns = ("", *(f"station {each}" for each in titles), "N acc.", "N sens.", "N spec.")
    rows = [
        [way, *_station_cells(stations), *_stage_cells(evaluation.stage_figures[way])]
        for way, stations in evaluation.station_figures.items()
    ]
    lines = [
        f"Truth: {TARGETS[evaluation.target]}",
        f"SUV threshold chosen on the training part: {evaluation.suv_threshold:g}",
    ]
    return Report(columns, rows, lines)


def _station_cells(found: Figures) -> list[str]:
    values = (found.accuracy, found.balanced_accuracy, found.sensitivity, found.specificity)
    return [_cell(value) for value in values]


def _stage_cells(found: Figures) -> list[str]:
    return [_cell(value) for value in (found.accuracy, found.sensitivity, found.specificity)]


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
