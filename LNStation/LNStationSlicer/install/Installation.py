"""An installation as a list of steps, each one command: what to do, apart from how it is run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from LNStationSlicer.install.PipOutput import PipProgress
from LNStationSlicer.support.Command import Command


class DependencyError(Exception):
    """The worker's packages cannot be used or installed; the message is one sentence for the user."""


def _nothing() -> None:
    """Before and after an installation that needs no preparation."""


def _mustSucceed(code: int, lines: Sequence[str]) -> None:
    """After a step whose exit code says everything."""
    if code != 0:
        raise DependencyError("\n".join(lines[-3:]) or f"exit code {code}")


@dataclass(frozen=True)
class Step:
    """One step of an installation.

    Attributes:
        title: What is done, for the user.
        share: Part of the whole time, in [0, 1].
        command: What to run.
        finish: Called with the exit code and the lines printed; raises ``DependencyError`` where the step failed.
        progress: Takes the printed lines; ``None`` where they say nothing.
    """

    title: str
    share: float
    command: Command
    finish: Callable[[int, Sequence[str]], None] = _mustSucceed
    progress: PipProgress | None = None


@dataclass(frozen=True)
class Installation:
    """Steps in their order.

    Attributes:
        steps: To be run one after another, up to the first that raises.
        begin: Called first; may raise ``DependencyError``.
        end: Called last, whether the steps succeeded, failed or were cancelled.
    """

    steps: tuple[Step, ...]
    begin: Callable[[], None] = field(default=_nothing)
    end: Callable[[], None] = field(default=_nothing)
