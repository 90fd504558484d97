"""A model package's card as the worker describes it (docs/worker.md, method ``models``)."""

from __future__ import annotations

from typing import Literal, TypedDict


class OperatingPoint(TypedDict):
    """A threshold with a name."""

    name: str
    threshold: float
    description: str
    sensitivity: float | None
    specificity: float | None


class Metric(TypedDict):
    """A measured figure with its interval."""

    name: str
    value: float
    low: float | None
    high: float | None
    cohort: str
    n_patients: int | None
    n_stations: int | None


class Cohort(TypedDict):
    """Whom the network was trained on."""

    title: str
    n_patients: int
    n_stations: int
    n_positive: int
    description: str


class ModelCard(TypedDict):
    """A package that can be used; the fields that the module reads."""

    id: str
    version: str
    title: str
    summary: str
    path: str
    source: Literal["shipped", "user", "folder"]
    network: str
    trained_on: Literal["synthetic", "clinical"]
    licence: str
    intended_use: str
    stations: list[str]
    inputs: list[str]
    calibrated: bool
    operating_points: list[OperatingPoint]
    metrics: list[Metric]
    cohort: Cohort
    references: list[str]
    created: str
    sha256: str


class ModelProblem(TypedDict):
    """A package that cannot be used, and why in one sentence."""

    path: str
    message: str
