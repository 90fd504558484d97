"""What the tables of the report are made of: headings and cells, and the cells that several tables share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from LNStationLib import anatomy
from LNStationLib.export.columns import Column, with_unit
from LNStationLib.export.wording import clean
from LNStationLib.state.assessment import Call, Provenance
from LNStationLib.support.language import marked, say

Kind = Literal["text", "positive", "negative", "unknown", "station", "name", "probability"]
Align = Literal["left", "right", "center"]


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: What it says.
        kind: Decides its look.
        color: ``#rrggbb`` of the chip before a station's name.
        bar: Length of a bar in [0, 1] below the text.
        mark: Where a mark crosses the bar.
    """

    text: str
    kind: Kind = "text"
    color: str | None = None
    bar: float | None = None
    mark: float | None = None


@dataclass(frozen=True)
class Heading:
    """Head of a column; ``share`` is its part of the page's width, in no particular unit."""

    title: str
    share: float
    align: Align = "left"


@dataclass(frozen=True)
class Table:
    """A table; ``empty`` is said in its place when it has no row."""

    columns: tuple[Heading, ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str = ""
    note: str = ""


def heading(column: Column, share: float, align: Align | None = None) -> Heading:
    """Head of a defined column; numbers stand to the right unless ``align`` says otherwise."""
    return Heading(
        with_unit(say(column.title), column.unit), share, align or ("left" if column.digits is None else "right")
    )


def station_color(name: str) -> str:
    """The station's color of the anatomy table as ``#rrggbb``; gray for a name that the table does not have."""
    known = {row.name: row.color for row in anatomy.stations()}
    return "#{:02x}{:02x}{:02x}".format(*known.get(name, (150, 150, 150)))


def station_cell(name: str) -> Cell:
    """A station's name with the chip of its color."""
    return Cell(clean(name), "station", station_color(name))


def call_cell(call: Call | None, fit_for_staging: bool = True) -> Cell:
    """A call as text with its mark; one that rests on unconfirmed candidates only has a question mark."""
    if call is None:
        return Cell(f"? {say('not assessed')}", "unknown")
    if not fit_for_staging:
        return Cell(f"? {say('{call}, unconfirmed', call=say(call))}", "unknown")
    if call == "positive":
        return Cell(f"+ {say('positive')}", "positive")
    return Cell(f"\N{EN DASH} {say('negative')}", "negative")


def model_words(step: Provenance) -> str:
    """Model package of a step with version, hash and training data; "none" without one."""
    if step.model_package is None:
        return say("none")
    version = f" {step.model_version}" if step.model_version else ""
    digest = f" (SHA-256 {step.model_sha256[:12]})" if step.model_sha256 else ""
    return clean(f"{step.model_package}{version}{digest}{_training(step)}")


def _training(step: Provenance) -> str:
    said = {"synthetic": marked(", trained on synthetic data"), "clinical": marked(", trained on clinical data")}
    return say(said[step.trained_on]) if step.trained_on else ""


_STEPS = (
    marked("Input"), marked("Organs"), marked("Stations"), marked("Nodes"), marked("Metastasis"), marked("Staging"),
)  # fmt: skip
"""For the catalogs."""


def step_title(step: str) -> str:
    """A step of the computation for people."""
    return say(step.capitalize())
