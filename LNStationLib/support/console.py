"""The terminal: a console on it, and the progress of a long computation.

Progress goes to standard error, so that output can be kept in a file. Colors follow the terminal and ``NO_COLOR``;
without a terminal, progress is one plain line a step.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from LNStationLib.support.progress import Progress

_PLAIN_WIDTH_COLUMNS = 120
"""As wide as a line of code; a terminal has a width of its own."""


def make_console(*, stderr: bool = False) -> Console:
    """A console on the current standard stream; wide enough for whole sentences if it is not a terminal."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else _PLAIN_WIDTH_COLUMNS)


def survive_narrow_encodings() -> None:
    """Print a question mark, rather than fail, where the terminal's encoding lacks a character."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


@contextlib.contextmanager
def shown_progress() -> Iterator[Progress]:
    """Show a long computation: a bar with the running step on a terminal, else one line a step."""
    console = make_console(stderr=True)
    if not console.is_terminal:
        yield _step_lines(console)
        return
    # Imported here because only a terminal needs it.
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    # The words come last, so that their changing length does not make the bar jump.
    columns = (BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Bar(*columns, console=console) as bar:
        task = bar.add_task("starting", total=1.0)

        def report(step: str, fraction: float) -> None:
            bar.update(task, description=step, completed=fraction)

        yield report


def _step_lines(console: Console) -> Progress:
    last = ""

    def report(step: str, fraction: float) -> None:
        nonlocal last
        if step != last:
            last = step
            console.print(Text(f"[{fraction:4.0%}] {step}"), soft_wrap=True)

    return report
