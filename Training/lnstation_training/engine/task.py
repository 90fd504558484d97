"""What the engine must know of a task, and nothing of what is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.cohorts.tables import CohortPatient, Need
from LNStationLib.models.package import CohortSummary, Manifest, Metric, TaskSection
from LNStationLib.support.progress import Progress

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lnstation_training.engine.data_module import FoldDataModule
    from lnstation_training.engine.experiment_files import Rows
    from lnstation_training.engine.module import NetworkModule
    from lnstation_training.engine.results import FoldResult
    from lnstation_training.engine.runs import Run

Part = Literal["train", "validation", "test"]
Device = Literal["cpu", "cuda"]
FileType = Literal["png", "svg"]


@dataclass(frozen=True)
class Monitor:
    """The validation metric that chooses the best epoch.

    Attributes:
        metric: As the module logs it.
        mode: Whether more or less of it is better.
        title: For people.
    """

    metric: str
    mode: Literal["min", "max"]
    title: str


class Sample(Protocol):
    """One sample of prepared data, as folds and the sampler need it."""

    @property
    def patient(self) -> str:
        """Identifier of the patient; a patient's samples are never in two parts of a fold."""

    @property
    def label(self) -> int | None:
        """Class, 0 or 1, that folds are stratified and batches balanced by; ``None`` where it is unknown."""


class Evaluation(BaseModel):
    """A run, evaluated: what holds for every task. A task adds its own figures.

    Attributes:
        cohort: Title of the cohort.
        synthetic: True where its patients are synthetic.
        fold: Number of the fold.
        seed: Of the training.
        part: Which part was evaluated.
        network: Registered name.
        parameters: Number of trained parameters.
        epochs: Epochs asked for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cohort: str
    synthetic: bool
    fold: int
    seed: int
    part: Part
    network: str
    parameters: int
    epochs: int

    def headline(self) -> str:
        """The most important figure, for a line of progress."""
        raise NotImplementedError


@dataclass(frozen=True)
class Report:
    """A table and a few figures for the console.

    Attributes:
        columns: Titles of the table's columns.
        rows: Its cells.
        lines: Sentences below it.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    lines: Sequence[str] = ()


@dataclass(frozen=True)
class PackageContent:
    """What a task puts into a model package.

    Attributes:
        section: The task's own part of the manifest: channels, geometry, labels, operating points, calibration. It
            has the role of one network.
        metrics: Figures of the test part.
        cohort: What the network was trained on.
        references: Papers.
    """

    section: TaskSection
    metrics: list[Metric]
    cohort: CohortSummary
    references: list[str] = field(default_factory=list)


class Task(Protocol):
    """A task: a unit, a label and an output; what prepares, trains, evaluates and packages its networks."""

    @property
    def name(self) -> str:
        """Name in settings and runs."""

    @property
    def title(self) -> str:
        """One line for lists."""

    @property
    def unit(self) -> str:
        """What one sample is, as a singular noun."""

    @property
    def needs(self) -> tuple[Need, ...]:
        """What every patient of a cohort must have."""

    @property
    def monitor(self) -> Monitor:
        """What chooses the best epoch."""

    @property
    def geometry(self) -> type[BaseModel]:
        """Settings of ``prepare``: size, spacing and scaling of a sample. All have defaults."""

    @property
    def module(self) -> type[NetworkModule]:
        """The Lightning module; its arguments are the settings ``model`` of a run."""

    @property
    def data(self) -> type[FoldDataModule]:
        """The data module; its arguments are the settings ``data`` of a run."""

    @property
    def evaluation(self) -> type[Evaluation]:
        """What ``evaluate`` returns, and how it is read back."""

    @property
    def example_config(self) -> str:
        """Settings to start with, as a path in the project; empty where there are none."""

    def prepare(
        self,
        cohort: Sequence[CohortPatient],
        folder: Path,
        info: CohortInfo,
        geometry: Any,
        progress: Progress,
        workers: int,
    ) -> Sequence[Sample]:
        """Turn a cohort into samples on disk, once; an interrupted call is completed.

        Raises:
            CohortError: Images of patients cannot be used; all are listed, and the others are done.
            InputError: ``folder`` holds samples of another geometry.
            OutputError: The folder cannot be written.
        """

    def prepared_report(self, samples: Sequence[Any]) -> Report:
        """What ``prepare`` made, for the console."""

    def check_settings(self, module: Any, data: Any) -> None:
        """Refuse settings of module and data that do not go together.

        Raises:
            InputError: They do not.
        """

    def predict(self, module: Any, data: Any, part: Part, device: str) -> list[Any]:
        """The network's answer for every labeled sample of a part of the fold, in order."""

    def evaluate(self, run: Run, part: Part, device: str, n_resamples: int) -> Evaluation:
        """Evaluate a run; whatever is fitted is fitted on the validation part alone."""

    def report(self, evaluation: Any) -> Report:
        """An evaluation for the console."""

    def draw(self, folder: Path, evaluation: Any, file_type: FileType) -> list[Path]:
        """Draw the figures of an evaluation; return the files written."""

    def result_tables(self, rows: Rows, results: Mapping[str, Sequence[FoldResult]]) -> str:
        """The tables of an experiment as Markdown."""

    def package(self, run: Run, device: str, progress: Progress) -> PackageContent:
        """What a model package of a run must say.

        Raises:
            InputError: The validation part does not allow a calibration or an operating point.
        """

    def probe(self, network: nn.Module, manifest: Manifest[Any]) -> Tensor:
        """What a network answers for a fixed random input, to compare a package with the run that it was made of."""
