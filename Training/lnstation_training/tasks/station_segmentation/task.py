"""Station parsing as a task of the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from lnstation_training.cohorts.tables import Need
from lnstation_training.engine.experiment_files import Rows
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import FileType, FoldResult, Monitor, PackageContent, Part, Report
from lnstation_training.segmentation.volume_task import VolumeTask
from lnstation_training.tasks.station_segmentation.data_module import StationVolumes
from lnstation_training.tasks.station_segmentation.evaluation import evaluate, predict_scores
from lnstation_training.tasks.station_segmentation.lightning_module import StationSegmentationModule
from lnstation_training.tasks.station_segmentation.organ_sets import ORGANS, chosen_organs
from lnstation_training.tasks.station_segmentation.package import package_content, probe
from lnstation_training.tasks.station_segmentation.plots import draw_dice
from lnstation_training.tasks.station_segmentation.result_tables import tables_markdown, with_interval, with_sd
from lnstation_training.tasks.station_segmentation.scores import (
    PatientScores,
    StationEvaluation,
    missed_and_invented,
    of_station,
    over_patients,
    zone_accuracy,
)
from LNStationLib.models.package import Manifest, StationSegmentation
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress


class StationSegmentationTask(VolumeTask):
    """Stations of a chest CT, voxel by voxel, from CT and organs; see ``engine.task.Task``."""

    name = "station_segmentation"
    title = "Lymph node stations on CT and organs (DeepStationing)"
    unit = "patient"
    needs: tuple[Need, ...] = ("stations", "organs")
    monitor = Monitor("val_dice", "max", "validation Dice")
    module = StationSegmentationModule
    data = StationVolumes
    evaluation = StationEvaluation
    example_config = "Training/configs/stations.yaml"

    def check_settings(self, module: StationSegmentationModule, data: StationVolumes) -> None:
        """Module and data must have the same stations and as many organs; a search needs patients for its logits.

        Raises:
            InputError: They have not.
        """
        drawn = module.hparams["stations"]
        if drawn != data.stations:
            raise InputError(f"model.stations is {drawn} and data.stations is {data.stations}: set both alike.")
        n_organs = _n_organs(data)
        if module.n_organs != n_organs:
            raise InputError(f"model.n_organs is {module.n_organs} and data gives {n_organs} organs: set both alike.")
        if module.search and data.held_out <= 0:
            raise InputError("a search needs patients for its logits: set data.held_out to 0.2.")

    def predict(
        self, module: StationSegmentationModule, data: StationVolumes, part: Part, device: str
    ) -> list[PatientScores]:
        """Scores of every station in every patient of the part."""
        return predict_scores(module, data, part, device)

    def evaluate(self, run: Run, part: Part, device: str, n_resamples: int) -> StationEvaluation:
        """Dice and distances by station, nodes in their zone; intervals are drawn when tables are."""
        return evaluate(run, part, device)

    def report(self, evaluation: StationEvaluation) -> Report:
        """Dice and distances by station."""
        patients, rows = evaluation.patients, []
        for name in evaluation.stations:
            distances = [with_sd(of_station(patients, name, each, 0)) for each in ("hd_mm", "hd95_mm", "asd_mm")]
            rows.append([name, with_interval(of_station(patients, name, "dice"), 100), *distances])
        missed, invented = missed_and_invented(patients)
        lines = [
            f"Mean over stations: Dice {with_interval(over_patients(patients, 'dice'), 100)} %.",
            f"Stations missed: {missed}; found where the truth has none: {invented}; patients: {len(patients)}.",
        ]
        zones = zone_accuracy(patients)
        if zones.value is not None:
            lines.append(f"Nodes in the right zone: {with_interval(zones, 100)} %.")
        return Report(("station", "Dice, %", "HD, mm", "HD95, mm", "ASD, mm"), rows, lines)

    def draw(self, folder: Path, evaluation: StationEvaluation, file_type: FileType) -> list[Path]:
        """Dice of every station as a chart."""
        return [draw_dice(folder / f"dice.{file_type}", evaluation)]

    def result_tables(self, rows: Rows, results: Mapping[str, Sequence[FoldResult]]) -> str:
        """The paper's tables as Markdown."""
        return tables_markdown(rows, results)

    def package(self, run: Run, device: str, progress: Progress) -> PackageContent:
        """Grid, channels and stations, figures of the test part."""
        return package_content(run, device, progress)

    def probe(self, network: nn.Module, manifest: Manifest[StationSegmentation]) -> Tensor:
        """Logits for a fixed random volume."""
        return probe(network, manifest)


def _n_organs(data: StationVolumes) -> int:
    """Organs that the data module will give, known before a search has chosen which."""
    if data.n_organs is not None:
        return data.n_organs
    return len(ORGANS) if data.choice in ("searched", "best_segmented") else len(chosen_organs(data.choice))
