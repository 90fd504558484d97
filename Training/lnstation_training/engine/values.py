"""What the engine and its tasks hand to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, SerializeAsAny
from torch import nn

from LNStationLib.models.package import CohortSummary, Metric, TaskSection

Part = Literal["train", "validation", "test"]
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
class CompanionNetwork:
    """A network that a package holds beside the run's own, as DeepStationing's anchors beside the non-anchors.

    Attributes:
        role: In the package.
        name: Registered name.
        arguments: Further arguments of the network.
        network: With its weights.
    """

    role: str
    name: str
    arguments: Mapping[str, Any]
    network: nn.Module


@dataclass(frozen=True)
class PackageContent:
    """What a task puts into a model package.

    Attributes:
        section: The task's own part of the manifest: channels, geometry, labels, operating points, calibration.
        metrics: Figures of the test part.
        cohort: What the network was trained on.
        references: Papers.
        role: Of the run's network; ``None`` where the section has one role.
        companions: Further networks of the package.
    """

    section: TaskSection
    metrics: list[Metric]
    cohort: CohortSummary
    references: list[str] = field(default_factory=list)
    role: str | None = None
    companions: list[CompanionNetwork] = field(default_factory=list)


class FoldResult(BaseModel):
    """One row on one fold.

    Attributes:
        row: Name of the row.
        fold: Number of the fold.
        seed: Of the training.
        setting: Title of the setting.
        config: Everything that decided the training, without paths; ``start_from`` names a row.
        seconds: Wall time of training and evaluation.
        threads: Threads of one process; ``None`` where torch chose.
        evaluation: Figures and predictions on the test part.
        history: What was logged after every epoch, by name; empty in results of older versions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    row: str
    fold: int
    seed: int
    setting: str
    config: dict[str, Any]
    seconds: float
    threads: int | None
    evaluation: SerializeAsAny[Evaluation]
    history: list[dict[str, float]] = []
