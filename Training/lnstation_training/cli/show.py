"""What the commands print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from LNStationLib.support import console

if TYPE_CHECKING:
    from lnstation_training.engine.values import Report


def say(text: str) -> None:
    """Print a line as it is, without wrapping."""
    console.make_console().print(Text(text), soft_wrap=True)


def show_report(report: Report) -> None:
    """Print a table and the lines below it."""
    table = Table(*report.columns)
    for row in report.rows:
        table.add_row(*row)
    console.make_console().print(table)
    for line in report.lines:
        say(line)
