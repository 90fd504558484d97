"""Station classification as a task of the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.cohorts.tables import CohortPatient, Need
from lnstation_training.engine.experiment_files import Rows
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import FileType, FoldResult, Monitor, PackageContent, Part, Report
from lnstation_training.evaluation.discrimination import METRICS
from lnstation_training.tasks.station_classification.data_module import StationDataModule
from lnstation_training.tasks.station_classification.evaluation import RunEvaluation, evaluate
from lnstation_training.tasks.station_classification.lightning_module import StationModule
from lnstation_training.tasks.station_classification.package import package_content, probe
from lnstation_training.tasks.station_classification.plots import draw_all
from lnstation_training.tasks.station_classification.prediction import Prediction, predict
from lnstation_training.tasks.station_classification.preparation import TASK_NAME, prepare
from lnstation_training.tasks.station_classification.result_tables import (
    METRIC_TITLES,
    estimate_text,
    tables_markdown,
)
from lnstation_training.tasks.station_classification.samples import StationSample
from LNStationLib.anatomy.station_groups import group_titles, station_groups
from LNStationLib.models.package import Manifest, StationClassification
from LNStationLib.sampling.station_region import RegionSpec
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress


class StationClassificationTask:
    """A dissected station, metastatic or not, from a region of CT and node mask; see ``engine.task.Task``."""

    name = TASK_NAME
    title = "Lymph node stations, metastatic or not, on CT with node masks"
    unit = "station"
    needs: tuple[Need, ...] = ("stations", "pathology")
    monitor = Monitor("val_auc", "max", "validation AUC")
    geometry = RegionSpec
    module = StationModule
    data = StationDataModule
    evaluation = RunEvaluation
    example_config = "Training/configs/sa_moe.yaml"

    def prepare(
        self,
        cohort: Sequence[CohortPatient],
        folder: Path,
        info: CohortInfo,
        geometry: RegionSpec,
        progress: Progress,
        workers: int,
    ) -> list[StationSample]:
        """Cut out a region of every station of every patient."""
        return prepare(cohort, folder, info, geometry, progress=progress, workers=workers)

    def prepared_report(self, samples: Sequence[StationSample]) -> Report:
        """Labeled, positive and unlabeled stations by group."""
        groups, rows = station_groups(3), []
        for number, title in enumerate(group_titles(3)):
            of_group = [sample for sample in samples if groups[sample.station] == number]
            labeled = [sample for sample in of_group if sample.label is not None]
            positive, with_node = sum(s.label == 1 for s in labeled), sum(s.has_node for s in labeled)
            counts = (len(labeled), positive, with_node, len(of_group) - len(labeled))
            rows.append([title, *map(str, counts)])
        return Report(("stations", "labeled", "positive", "with a node", "unlabeled"), rows)

    def check_settings(self, module: StationModule, data: StationDataModule) -> None:
        """A station-aware router must have as many experts as there are station groups.

        Raises:
            InputError: It has not.
        """
        if module.hparams["network"] == "mobilevitv2_sa_moe":
            experts = (module.hparams["network_arguments"] or {}).get("n_experts", 3)
            if experts != data.n_groups:
                raise InputError(
                    f"network_arguments has n_experts {experts} and data.n_groups is {data.n_groups}: a "
                    "station-aware network has one expert for each group, so set both alike."
                )

    def predict(self, module: StationModule, data: StationDataModule, part: Part, device: str) -> list[Prediction]:
        """Logit, attention and routing of every labeled station."""
        return predict(module, data, part, device)

    def evaluate(self, run: Run, part: Part, device: str, n_resamples: int) -> RunEvaluation:
        """Discrimination by station group, calibration, routing, attention inside nodes."""
        return evaluate(run, part, device, n_resamples)

    def report(self, evaluation: RunEvaluation) -> Report:
        """Metrics by station group, and what they are to be held against."""
        summary, rows = evaluation.summary, []
        for group in dict.fromkeys(each.group for each in summary.metrics):
            estimates = [summary.metric(name, group) for name in METRICS]
            counts = (str(estimates[0].n_samples), str(estimates[0].n_positive))
            rows.append([group, *(estimate_text(each) for each in estimates), *counts])
        criterion = summary.size_criterion
        figures = (
            ("AUC of the largest short axis alone", summary.size_auc),
            ("AUC of a short axis of at least 10 mm, yes or no", criterion and criterion.auc),
            ("Expected calibration error", summary.expected_calibration_error),
            ("Fraction of the attention inside nodes", summary.attention_inside),
            ("Stations routed to their group's expert", evaluation.routing and evaluation.routing.stations),
            ("Fraction that could lie inside them on this network's grids", evaluation.attention_ceiling),
        )
        lines = [f"{title}: {value:.3f}" for title, value in figures if value is not None]
        columns = ("stations", *(METRIC_TITLES[name] for name in METRICS), "n", "positive")
        return Report(columns, rows, lines)

    def draw(self, folder: Path, evaluation: RunEvaluation, file_type: FileType) -> list[Path]:
        """ROC and calibration curves, routing, attention."""
        return draw_all(folder, evaluation.samples, evaluation.summary, evaluation.n_groups, file_type)

    def result_tables(self, rows: Rows, results: Mapping[str, Sequence[FoldResult]]) -> str:
        """The tables of a paper as Markdown."""
        return tables_markdown(rows, results)

    def package(self, run: Run, device: str, progress: Progress) -> PackageContent:
        """Stations, calibration and operating points, figures of the test part."""
        return package_content(run, device, progress)

    def probe(self, network: nn.Module, manifest: Manifest[StationClassification]) -> Tensor:
        """Logits for two fixed random regions."""
        return probe(network, manifest)
