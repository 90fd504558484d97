"""Node classification as a task of the engine."""

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
from lnstation_training.tasks.node_classification.data_module import NodeDataModule
from lnstation_training.tasks.node_classification.evaluation import NodeEvaluation, evaluate
from lnstation_training.tasks.node_classification.lightning_module import NodeModule
from lnstation_training.tasks.node_classification.package import package_content, probe
from lnstation_training.tasks.node_classification.plots import draw_all
from lnstation_training.tasks.node_classification.prediction import NodePrediction, predict
from lnstation_training.tasks.node_classification.preparation import TASK_NAME, prepare
from lnstation_training.tasks.node_classification.result_tables import METRIC_TITLES, figure_text, tables_markdown
from lnstation_training.tasks.node_classification.samples import EXCLUSIONS, NodeGeometry, NodeSample
from LNStationLib.models.package import Manifest, NodeClassification
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress


class NodeClassificationTask:
    """A node, metastatic or not, from a patch of CT; unlabeled ones beside them. See ``engine.task.Task``."""

    name = TASK_NAME
    title = "Lymph nodes, metastatic or not, on CT, with or without unlabeled nodes"
    unit = "node"
    needs: tuple[Need, ...] = ("node_pathology",)
    monitor = Monitor("val_auc", "max", "validation AUC")
    geometry = NodeGeometry
    module = NodeModule
    data = NodeDataModule
    evaluation = NodeEvaluation
    example_config = "Training/configs/pgls_cpu.yaml"

    def prepare(
        self,
        cohort: Sequence[CohortPatient],
        folder: Path,
        info: CohortInfo,
        geometry: NodeGeometry,
        progress: Progress,
        workers: int,
    ) -> list[NodeSample]:
        """Cut out a patch of every node of every patient."""
        return prepare(cohort, folder, info, geometry, progress, workers)

    def prepared_report(self, samples: Sequence[NodeSample]) -> Report:
        """Labeled and unlabeled nodes by pathology of their station, and how many were left out and why."""
        rows = []
        for title, positive in (("metastatic", 1), ("not metastatic", 0), ("not known", None)):
            of_kind = [each for each in samples if each.station_positive == positive and not each.excluded]
            labeled = [each for each in of_kind if each.label is not None]
            counts = (len(labeled), sum(each.label == 1 for each in labeled), len(of_kind) - len(labeled))
            rows.append([title, *map(str, counts)])
        left_out = Counter(each.excluded for each in samples)
        lines = [f"Left out, {words}: {left_out[code]}" for code, words in EXCLUSIONS.items() if left_out[code]]
        return Report(("station by pathology", "labeled nodes", "metastatic", "unlabeled nodes"), rows, lines)

    def check_settings(self, module: NodeModule, data: NodeDataModule) -> None:
        """Unlabeled nodes and what learns from them go together.

        Raises:
            InputError: One is set without the other.
        """
        if module.method is not None and not data.unlabeled_batch_size:
            raise InputError(
                f"model.method is {module.method_name}, which learns from unlabeled nodes: set "
                "data.unlabeled_batch_size above 0."
            )
        if data.unlabeled_batch_size and module.method is None:
            raise InputError("data.unlabeled_batch_size is above 0 and model.method is supervised: choose a method.")
        if module.sharpening_weight and module.method is None:
            raise InputError("model.sharpening_weight needs unlabeled nodes: choose a model.method.")

    def predict(self, module: NodeModule, data: NodeDataModule, part: Part, device: str) -> list[NodePrediction]:
        """Logit of every labeled node."""
        return predict(module, data, part, device)

    def evaluate(self, run: Run, part: Part, device: str, n_resamples: int) -> NodeEvaluation:
        """Discrimination of nodes and of stations from their nodes, calibration."""
        return evaluate(run, part, device, n_resamples)

    def report(self, evaluation: NodeEvaluation) -> Report:
        """PGLS's measures, and what they are to be held against."""
        rows = [[METRIC_TITLES[each.metric], figure_text(each)] for each in evaluation.figures]
        rows += [
            [f"AUROC of stations, {rule}", figure_text(each)] for rule, each in evaluation.station_figures.items()
        ]
        lines = [f"Rule for stations, chosen on validation data: {evaluation.station_rule}"]
        figures = (
            ("AUC of the short axis alone", evaluation.size_auc),
            ("Expected calibration error", evaluation.expected_calibration_error),
        )
        lines += [f"{title}: {value:.3f}" for title, value in figures if value is not None]
        return Report(("measure", "percent"), rows, lines)

    def draw(self, folder: Path, evaluation: NodeEvaluation, file_type: FileType) -> list[Path]:
        """ROC and calibration curves."""
        return draw_all(folder, evaluation, file_type)

    def result_tables(self, rows: Rows, results: Mapping[str, Sequence[FoldResult]]) -> str:
        """The tables of a paper as Markdown."""
        return tables_markdown(rows, results)

    def package(self, run: Run, device: str, progress: Progress) -> PackageContent:
        """Patch, calibration and operating points of nodes and stations, figures of the test part."""
        return package_content(run, device, progress)

    def probe(self, network: nn.Module, manifest: Manifest[NodeClassification]) -> Tensor:
        """Logits for two fixed random patches."""
        return probe(network, manifest)
