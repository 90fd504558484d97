"""A model package's card as the worker describes it (docs/worker.md, method ``models``), and as a page to read."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Literal, NotRequired, TypedDict

from LNStationSlicer.Translation import _


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


def cardTitle(card: ModelCard) -> str:
    """A line for a list."""
    title = f"{card['title']} {card['version']}"
    return _("{title} (synthetic training)").format(title=title) if card["trained_on"] == "synthetic" else title


def cardHtml(card: ModelCard) -> str:
    """The whole card. Packages come from anywhere: nothing of theirs is taken as markup."""
    rows = [*card["rows"], CardRow(title=_("Package"), lines=[f"{card['id']} {card['version']}"])]
    cells = "".join(
        f"<tr><td><b>{escape(row['title'])}</b>&nbsp;</td><td>{_lines(row['lines'])}</td></tr>" for row in rows
    )
    return f"<b>{escape(card['title'])}</b><table cellspacing='3'>{cells}</table>"


def _lines(texts: Iterable[str]) -> str:
    return "<br>".join(map(escape, texts))
