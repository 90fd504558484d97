"""A model package's card as the worker describes it (docs/worker.md, method ``models``)."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class OperatingPoint(TypedDict):
    """A threshold with a name; the fields that the module reads."""

    name: str
    threshold: float


class CardRow(TypedDict):
    """A row of the card as the library words it."""

    title: str
    lines: list[str]


class ModelCard(TypedDict):
    """A package that can be used; the fields that the module reads, whatever the package's task."""

    id: str
    version: str
    title: str
    path: str
    source: Literal["shipped", "user", "folder"]
    task: str
    trained_on: Literal["synthetic", "clinical"]
    operating_points: NotRequired[list[OperatingPoint]]
    rows: list[CardRow]
    sha256: str


class ModelProblem(TypedDict):
    """A package that cannot be used, and why in one sentence."""

    path: str
    message: str
